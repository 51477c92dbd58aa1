//! The left half of the flow: poll -> track -> intercept -> put, and settle -> commit.
//!
//! Between poll and track is the pipeline's gate: while it is shut, what was read is held here, in order, and everything else goes on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use tokio::sync::{MutexGuard, mpsc};
use tokio::time::{timeout, timeout_at};
use tracing::{debug, info, warn};

use super::dead_letter::DeadLetters;
use super::drain::Drain;
use super::gate::Gate;
use super::hurry::Hurry;
use super::injector::Injected;
use super::ledger::{self, Abandoned, Checkpoint, Ledger};
use super::selector::Selector;
use crate::batch::{Batch, Judged, Rejected};
use crate::delivery::{Ack, Delivery};
use crate::interceptor::{self, Chain};
use crate::source::{self, Polled, PolledBatch, Revocation, Source};
use crate::telemetry::{BatchSpan, SourceMetrics, SourceSpans};

/// A put that has waited so long is held up by more than a sink that is behind.
const FULL_FOR: Duration = Duration::from_secs(5);
/// Batches that may be in the chain at once.
const IN_CHAIN: usize = 256;
/// Watermarks are stored this often, not at each of their moves: the client commits them once a second anyway.
const STORE_EVERY: Duration = Duration::from_millis(100);

/// While a source drains, sinks are asked this often for what they hold.
const HURRY_EVERY: Duration = Duration::from_secs(1);

/// What a source feeds; outlives the source itself, which is made anew after a failure.
pub(crate) struct Route {
    /// The source's name, as its dead letters keep it.
    pub(crate) name: String,
    /// `source NAME`, as dead letters say it.
    pub(crate) stage: String,
    pub(crate) gate: Gate,
    pub(crate) injected: Injected,
    /// Most events that an interceptor gets at a time.
    pub(crate) batch_size: usize,
    /// Events that the source hands over at once, where so many are there.
    pub(crate) at_once: usize,
    pub(crate) chain: Chain,
    pub(crate) selector: Selector,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) metrics: SourceMetrics,
    pub(crate) spans: Option<SourceSpans>,
    pub(crate) limit: ledger::Limit,
    pub(crate) hurry: Hurry,
}

impl Route {
    /// Into the channels. One that stays full may be full of what a sink has written and holds: it is asked for that.
    async fn put(&self, delivery: Delivery) {
        let mut putting = pin!(self.selector.put(delivery));
        while timeout(FULL_FOR, putting.as_mut()).await.is_err() {
            self.hurry.raise();
        }
    }
}

/// Why a source's loop ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Source(#[from] source::Error),
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
    #[error(transparent)]
    Interceptor(#[from] interceptor::Error),
}

/// A batch on its way through the chain.
type InChain = BoxFuture<'static, Result<(Judged, Ack), interceptor::Error>>;

struct SourceLoop<'a> {
    source: &'a mut dyn Source,
    route: &'a Route,
    ledger: Ledger,
    /// Read and not tracked: held by the gate.
    in_hand: VecDeque<PolledBatch>,
    /// Whether the source was told to rest.
    resting: bool,
    /// Whether the source has nothing more.
    ended: bool,
    injected: MutexGuard<'a, mpsc::Receiver<Delivery>>,
    chain: FuturesOrdered<InChain>,
    /// Settled and not stored yet.
    moved: Checkpoint,
}

/// Runs one source from its last commit until the drain or its end, or until the drain is cut short; then it leaves in order.
pub(crate) async fn run(mut source: Box<dyn Source>, route: &Route, drain: &Drain) -> Result<(), Error> {
    let running = SourceLoop {
        source: source.as_mut(),
        route,
        ledger: Ledger::new(route.limit),
        in_hand: VecDeque::new(),
        resting: false,
        ended: false,
        // Free: a source has one loop at a time.
        injected: route.injected.lock().await,
        chain: FuturesOrdered::new(),
        moved: Checkpoint::new(),
    };
    tokio::select! {
        ended = running.run(drain) => ended?,
        // What was open is gone with the loop, uncommitted.
        () = drain.abandoned() => warn!("source stops before all is settled: events will come again"),
    }
    source.close().await?;
    Ok(())
}

impl SourceLoop<'_> {
    async fn run(mut self, drain: &Drain) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(STORE_EVERY);
        while !self.ended || !self.in_hand.is_empty() {
            tokio::select! {
                biased; // poll last: a busy source must starve no other arm
                _ = ticks.tick() => self.tick()?,
                () = self.route.gate.turned(self.resting) => self.follow_gate().await,
                checkpoint = self.ledger.settled() => self.note(checkpoint?)?,
                Some(judged) = self.chain.next() => self.pass_on(judged?).await,
                Some(delivery) = self.injected.recv(), if self.chain.len() < IN_CHAIN => self.judge(delivery.batch, Vec::new(), delivery.ack).await,
                () = drain.requested() => break,
                polled = self.source.poll(), if !self.ended && self.has_room() => match polled? {
                    Polled::Batch(batch) => {
                        self.in_hand.push_back(batch);
                        self.take_in().await;
                    }
                    Polled::Revoked(revocation) => self.give_up(revocation).await?,
                    Polled::End => self.ended = true,
                },
            }
        }
        self.finish().await
    }

    /// Stores watermarks; where nothing more may be opened, sinks are asked for what they hold.
    fn tick(&mut self) -> Result<(), source::Error> {
        if !self.ledger.has_room() {
            self.route.hurry.raise();
        }
        self.commit()
    }

    /// Watermarks moved: stored with the next tick, unless somebody waits for it.
    fn note(&mut self, mut checkpoint: Checkpoint) -> Result<(), source::Error> {
        self.moved.append(&mut checkpoint);
        if self.source.is_waited_for() { self.commit() } else { Ok(()) }
    }

    fn has_room(&self) -> bool {
        self.ledger.has_room() && self.chain.len() < IN_CHAIN
    }

    /// The gate was shut or opened since the source was last told.
    async fn follow_gate(&mut self) {
        self.resting = !self.resting;
        info!(source = %self.route.name, paused = self.resting, open = self.ledger.open_batches(), held = self.in_hand.len(), "source follows its gate");
        match self.resting {
            true => {
                self.source.pause();
                self.route.hurry.raise();
            }
            false => self.source.resume(),
        }
        self.take_in().await;
    }

    /// Tracks what is in hand, and sends it into the chain, as far as the gate lets it.
    async fn take_in(&mut self) {
        while let Some(mut next) = self.in_hand.pop_front() {
            let bytes = next.batch.size();
            let (gate, ledger) = (&self.route.gate, &mut self.ledger);
            let Some(ack) = gate.pass(|| ledger.track(next.batch.len(), bytes, std::mem::take(&mut next.reached))) else {
                self.in_hand.push_front(next);
                return;
            };
            for one in &mut next.rejected {
                one.rejection.stage.clone_from(&self.route.stage);
            }
            self.route.metrics.received_events.inc_by((next.batch.len() + next.rejected.len()) as u64);
            self.route.metrics.received_bytes.inc_by(bytes as u64);
            self.judge(next.batch, next.rejected, ack).await;
        }
        self.route.metrics.open_batches.set(self.ledger.open_batches() as i64);
    }

    /// Into the chain; `rejected` joins what it refuses.
    async fn judge(&mut self, batch: Batch, rejected: Vec<Rejected>, ack: Ack) {
        let span = BatchSpan::begin(self.route.spans.as_ref(), &batch, &rejected);
        if self.route.chain.is_empty() && self.chain.is_empty() {
            let Ok(judged) = span.end(Ok::<_, Infallible>(Judged { batch, rejected, discarded: 0 }));
            return self.pass_on((judged, ack)).await;
        }
        let chain = self.route.chain.pin(self.route.batch_size);
        self.chain.push_back(Box::pin(async move {
            let judged = chain.judge(batch, &span).await;
            let mut judged = span.end(judged)?;
            judged.rejected.extend(rejected);
            Ok((judged, ack))
        }));
    }

    /// Out of the chain, in source order: to the channels, and what was refused to the dead letters.
    async fn pass_on(&mut self, (mut judged, ack): (Judged, Ack)) {
        if !judged.rejected.is_empty() {
            for one in &mut judged.rejected {
                one.rejection.source = Some(self.route.name.clone());
            }
            self.route.dead_letters.put(judged.rejected, ack.share()).await;
        }
        if judged.batch.is_empty() {
            return ack.delivered();
        }
        self.route.metrics.accepted_events.inc_by(judged.batch.len() as u64);
        self.route.put(Delivery { batch: judged.batch, ack }).await;
    }

    /// Stores how far the watermarks have come.
    fn commit(&mut self) -> Result<(), source::Error> {
        if self.moved.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.source.commit(&std::mem::take(&mut self.moved))?;
        self.route.metrics.commits.inc();
        self.route.metrics.commit_seconds.inc_by(started.elapsed().as_secs_f64());
        self.route.metrics.open_batches.set(self.ledger.open_batches() as i64);
        Ok(())
    }

    /// Partitions go to another consumer: settle what is open of them while there is time, commit, forget them.
    async fn give_up(&mut self, revocation: Revocation) -> Result<(), Error> {
        self.route.metrics.revocations.inc();
        self.in_hand.retain_mut(|held| held.forget(&revocation.partitions));
        if !revocation.lost && !self.settle(&revocation).await? {
            warn!(partitions = revocation.partitions.len(), "revoked partitions were not settled in time: events will come again");
        }
        self.commit()?;
        self.ledger.release(&revocation.partitions);
        debug!(partitions = ?revocation.partitions, lost = revocation.lost, "partitions given up");
        Ok(())
    }

    /// Moves the chain's batches on until nothing of these partitions is open; false when the deadline comes first. It cuts off waits that hold
    /// nothing only: a put that is cut off would abandon its batch.
    async fn settle(&mut self, revocation: &Revocation) -> Result<bool, Error> {
        while let Ok(Some(judged)) = timeout_at(revocation.deadline, self.chain.next()).await {
            self.pass_on(judged?).await;
        }
        let mut ticks = tokio::time::interval(HURRY_EVERY);
        while self.ledger.is_open(&revocation.partitions) {
            tokio::select! {
                checkpoint = self.ledger.settled() => self.moved.append(&mut checkpoint?),
                _ = ticks.tick() => self.route.hurry.raise(),
                () = tokio::time::sleep_until(revocation.deadline) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Settles what is open. Nothing more is read, but a revocation must not wait: the group would wait with it.
    async fn finish(mut self) -> Result<(), Error> {
        info!(open = self.ledger.open_batches(), "source drains");
        self.source.pause();
        // Not tracked: it comes again. Whoever injects hears at once that it is too late.
        self.in_hand.clear();
        self.injected.close();
        while self.injected.try_recv().is_ok() {}
        let mut ticks = tokio::time::interval(HURRY_EVERY);
        while !self.chain.is_empty() || self.ledger.is_open(&[]) {
            tokio::select! {
                biased;
                // More than once: batches are still on their way to the sinks.
                _ = ticks.tick() => self.route.hurry.raise(),
                checkpoint = self.ledger.settled() => self.moved.append(&mut checkpoint?),
                Some(judged) = self.chain.next() => self.pass_on(judged?).await,
                // Batches that were on their way are not tracked: they come again.
                polled = self.source.poll(), if !self.ended => self.ended = matches!(polled?, Polled::End),
            }
            self.commit()?;
        }
        Ok(self.commit()?)
    }
}
