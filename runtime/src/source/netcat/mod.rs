//! Lines over TCP: `org.apache.flume.source.NetcatSource`. A line is an event.
//!
//! Flume answers `OK` once its channel has the event. Here the answer says that the event is settled: a channel on disk has it on disk, and
//! from a memory channel a sink has written it. So a client with its `OK` loses nothing when the agent dies, and a client without one sends the
//! line again. A source that starts again closes its connections, unanswered lines with them.

mod client;
mod lines;
mod spec;

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use client::{Client, Line, Phase, Settled};
use futures_util::future::BoxFuture;
pub use spec::{Encoding, Spec};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::progress::{offset, partition};
use super::{Error, Polled, PolledBatch, Source};
use crate::event::Event;
use crate::pipeline::Task;
use crate::pipeline::ledger::{Checkpoint, Partition};

/// Most lines of one batch.
pub const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");
/// Lines of all clients that wait to be polled.
const QUEUED: usize = 256;
/// Most clients at once; more wait until one leaves.
const MOST_CLIENTS: usize = 1000;
/// Wait after a connection that cannot be accepted, for want of file descriptors mostly.
const ACCEPT_WAIT: Duration = Duration::from_millis(100);
/// How long clients may take to get their last answers.
const CLOSING: Duration = Duration::from_secs(5);

/// The source.
pub struct Netcat {
    address: SocketAddr,
    partition: Partition,
    queue: mpsc::Receiver<Line>,
    /// Who waits for which line, from the first that is not settled on.
    waiting: VecDeque<Settled>,
    settled: u64,
    next: u64,
    phase: watch::Sender<Phase>,
    accepting: Task<()>,
    answers: bool,
}

impl Netcat {
    /// Listens.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn bind(name: &str, spec: &Spec) -> Result<Netcat, Error> {
        let failed = |source| Error::Listen { address: format!("{}:{}", spec.bind, spec.port), source };
        let listener = TcpListener::bind((spec.bind.as_str(), spec.port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        info!(source = name, %address, "netcat source listens");
        let (lines, queue) = mpsc::channel(QUEUED);
        let (phase, followed) = watch::channel(Phase::Open);
        Ok(Netcat {
            address,
            partition: partition(name),
            queue,
            waiting: VecDeque::new(),
            settled: 0,
            next: 0,
            phase,
            accepting: Task::spawn(accept(listener, Arc::new(spec.clone()), lines, followed)),
            answers: spec.ack_every_event,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn batch(&mut self, first: Line) -> PolledBatch {
        let mut events = Vec::new();
        let mut line = Some(first);
        while let Some(Line { body, client }) = line {
            events.push(Event::new(body));
            self.waiting.push_back(client);
            line = if events.len() < BATCH_SIZE.get() { self.queue.try_recv().ok() } else { None };
        }
        self.next += events.len() as u64;
        PolledBatch { batch: events.into(), reached: [(self.partition.clone(), offset(self.next))].into(), ..PolledBatch::default() }
    }
}

impl Source for Netcat {
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, Error>> {
        Box::pin(async {
            if *self.phase.borrow() != Phase::Open {
                return pending().await;
            }
            match self.queue.recv().await {
                Some(first) => Ok(Polled::Batch(self.batch(first))),
                // The task that accepts is gone, and with it every client.
                None => Err(Error::Listen { address: self.address.to_string(), source: io::ErrorKind::BrokenPipe.into() }),
            }
        })
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let settled = checkpoint.get(&self.partition).and_then(|next| u64::try_from(*next).ok()).unwrap_or(self.settled);
        while self.settled < settled {
            self.settled += 1;
            if let Some(Some(client)) = self.waiting.pop_front() {
                client.send_modify(|lines| *lines += 1);
            }
        }
        Ok(())
    }

    fn is_waited_for(&self) -> bool {
        self.answers
    }

    fn pause(&mut self) {
        self.phase.send_replace(Phase::Paused);
    }

    fn resume(&mut self) {
        self.phase.send_replace(Phase::Open);
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move {
            self.phase.send_replace(Phase::Closing);
            self.queue.close();
            if timeout(CLOSING, &mut self.accepting).await.is_err() {
                warn!(address = %self.address, "clients that do not read their answers are cut off");
            }
            Ok(())
        })
    }
}

/// Accepts clients until the source closes, then waits for those that are there.
async fn accept(listener: TcpListener, spec: Arc<Spec>, lines: mpsc::Sender<Line>, mut phase: watch::Receiver<Phase>) {
    let mut clients: JoinSet<()> = JoinSet::new();
    let mut is_full = false;
    loop {
        let was_full = std::mem::replace(&mut is_full, clients.len() >= MOST_CLIENTS);
        if is_full && !was_full {
            warn!(clients = MOST_CLIENTS, "more clients wait until one leaves");
        }
        tokio::select! {
            () = closes(&mut phase) => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept(), if !is_full => match accepted {
                Ok((stream, from)) => {
                    let client = Client::new(stream, &spec, lines.clone(), phase.clone());
                    clients.spawn(serve(client, from));
                }
                Err(error) => {
                    warn!(%error, "a connection cannot be accepted");
                    sleep(ACCEPT_WAIT).await;
                }
            },
        }
    }
    drop((listener, lines));
    while clients.join_next().await.is_some() {}
}

/// Resolves once the source closes, or is gone; cancel safe.
async fn closes(phase: &mut watch::Receiver<Phase>) {
    let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
}

async fn serve(client: Client, from: SocketAddr) {
    match client.run().await {
        Ok(()) => debug!(%from, "client left"),
        // Its lines are on their way all the same; it did not hear of it.
        Err(error) => debug!(%from, %error, "client lost"),
    }
}

#[cfg(test)]
mod tests;
