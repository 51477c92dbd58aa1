//! The file channel: `org.apache.flume.channel.file.FileChannel`, as a log of checksummed segments.
//!
//! A put is acknowledged once its events are durable, together with those of other puts that came about the same time. A take is settled by its own
//! ack; how far all is settled is stored apart from the events, so that neither delivering nor deleting takes space. Events that nobody took are
//! there after a restart, and after a crash; those that were delivered in the last second before a crash come again.
//!
//! - `codec`, `record`, `segment`, `position`: the bytes.
//! - `log`, `recovery`, `reader`, `damage`: writing, opening and reading them, on a `disk`.
//! - `queue`: what waits, by number; `keeper`: the thread that has the log. This file is the channel over both.

mod codec;
mod damage;
mod disk;
mod error;
mod keeper;
mod log;
#[cfg(test)]
mod model_tests;
mod position;
mod queue;
mod ranges;
mod reader;
mod record;
mod recovery;
mod reserve;
mod segment;
#[cfg(test)]
mod simulated_disk;
mod spec;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use error::Error;
use futures_util::future::BoxFuture;
pub use spec::Spec;
use tokio::sync::{Notify, mpsc};
use tracing::{error, info};

use super::{Channel, Opening, PutBack, Taken};
use crate::delivery::{Ack, Delivery, Settled, Ticket};
use crate::telemetry::{ChannelMetrics, NamedCheck};
use damage::Damage;
use disk::{Disk, Machine};
use keeper::{GROUP, Keeper};
use log::{Layout, Log};
use queue::Queue;
use record::Encoded;
use recovery::Recovered;

/// So long it is waited for the lock: a pipeline that was just replaced may still be letting go of it.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A file channel; clones are the same channel.
#[derive(Clone)]
pub struct File {
    handle: Arc<Handle>,
}

/// Dropped with the last clone: then no more is put or taken.
struct Handle {
    shared: Arc<Shared>,
    told: mpsc::UnboundedSender<Settled>,
}

/// What the channel, its thread and what was taken of it have in common.
struct Shared {
    name: String,
    queue: Mutex<Queue>,
    /// There is work for the thread.
    work: Condvar,
    room: Notify,
    filled: Arc<Notify>,
    rested: Notify,
    metrics: ChannelMetrics,
    health: NamedCheck,
    /// Damage that was reported.
    #[cfg(test)]
    reported: Mutex<Vec<Damage>>,
}

impl File {
    /// Opens the channel with what is left in its files; makes them where there are none.
    ///
    /// # Errors
    /// The directory is in use, is a Flume channel's, has files of a later version, or cannot be read or written.
    pub async fn open(spec: &Spec, opening: Opening<'_>) -> Result<File, Error> {
        File::over(Arc::new(Machine), spec, opening, Arc::new(Notify::new())).await
    }

    /// As [`File::open`]; `filled` is told when something can be taken.
    pub(super) async fn sharing(spec: &Spec, opening: Opening<'_>, filled: Arc<Notify>) -> Result<File, Error> {
        File::over(Arc::new(Machine), spec, opening, filled).await
    }

    async fn over(disk: Arc<dyn Disk>, spec: &Spec, opening: Opening<'_>, filled: Arc<Notify>) -> Result<File, Error> {
        let (layout, begun) = (spec.layout(opening.directory), Instant::now());
        let (recovered, damage) = recover(disk, layout).await;
        let Recovered { log, settled } = match recovered {
            Ok(recovered) => recovered,
            Err(error) => {
                damage.iter().for_each(|part| part.tell(opening.name));
                return Err(error);
            }
        };
        let (first, next) = (settled.below(), log.next);
        let queue = Queue::new(spec.capacity.get(), next, settled);
        let stored = queue.stored();
        opening.metrics.size_bytes.set(log.bytes() as i64);
        let shared = Arc::new(Shared::new(queue, &opening, filled));
        shared.report(&damage);
        info!(channel = opening.name, events = stored, took = ?begun.elapsed(), "file channel opened");
        let keeper = Keeper::new(shared.clone(), log, first, spec.pace());
        let watched = shared.clone();
        let thread = std::thread::Builder::new().name("file-channel".to_owned()).spawn(move || watched.keep(keeper));
        thread.map_err(|source| Error::Disk { action: "start a thread for", path: opening.directory.to_owned(), source })?;
        let (told, heard) = mpsc::unbounded_channel();
        tokio::spawn(settle(heard, End(shared.clone())));
        Ok(File { handle: Arc::new(Handle { shared, told }) })
    }

    /// Number of the event that is put next. Whatever is put later has a higher one.
    pub(super) fn next(&self) -> u64 {
        self.handle.shared.lock().next()
    }

    /// Number of the first event that waits, whether or not it can be taken already.
    pub(super) fn front(&self) -> Option<u64> {
        self.handle.shared.lock().front()
    }

    /// Events that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.handle.shared.lock().waiting()
    }

    /// Puts a delivery if there is room now, else gives it back.
    pub(super) fn offer(&self, delivery: Delivery) -> Result<(), Delivery> {
        let Some(records) = Encoded::batch(&delivery.batch) else { return Err(delivery) };
        match self.handle.shared.try_put(delivery, records) {
            None => Ok(()),
            Some((delivery, _)) => Err(delivery),
        }
    }

    /// Takes events before the one of this number, if any can be taken now.
    pub(super) fn try_take(&self, most: usize, limit: u64) -> Option<Taken> {
        let shared = &self.handle.shared;
        let (taken, wants_events) = shared.change(|queue| (queue.take(most, limit), queue.wants_events()));
        if wants_events {
            shared.work.notify_one();
        }
        let (ticket, batch) = taken?;
        shared.metrics.take_events.inc_by(batch.len() as u64);
        let ack = Ack::open(ticket, self.handle.told.clone());
        Some(Taken::new(Delivery { batch, ack }, Arc::new(Home { shared: shared.clone(), ticket })))
    }

    async fn take_next(&self, most: usize) -> Option<Taken> {
        let shared = &self.handle.shared;
        loop {
            let filled = shared.filled.notified();
            if let Some(taken) = self.try_take(most, u64::MAX) {
                // There may be more, for another taker.
                shared.filled.notify_one();
                return Some(taken);
            }
            if shared.lock().is_over() {
                // Wake the next taker: it must learn of the end too.
                shared.filled.notify_one();
                return None;
            }
            filled.await;
        }
    }
}

/// Opens the log; with what was found damaged, however that ends.
async fn recover(disk: Arc<dyn Disk>, layout: Layout) -> (Result<Recovered, Error>, Vec<Damage>) {
    let begun = Instant::now();
    loop {
        let (disk, layout) = (disk.clone(), layout.clone());
        let path = layout.checkpoint.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let mut damage = Vec::new();
            (Log::open(disk, layout, &mut damage), damage)
        });
        match opened.await {
            Err(panic) => return (Err(Error::Disk { action: "open", path, source: std::io::Error::other(panic) }), Vec::new()),
            Ok((Err(Error::InUse(_)), _)) if begun.elapsed() < LOCK_WAIT => tokio::time::sleep(Duration::from_millis(50)).await,
            Ok(opened) => return opened,
        }
    }
}

impl Channel for File {
    /// Returns once the events are queued for the disk; they are durable when the ack is delivered.
    fn put(&self, delivery: Delivery) -> BoxFuture<'_, ()> {
        Box::pin(self.handle.shared.put(delivery))
    }

    fn offer(&self, delivery: Delivery) -> Result<(), Delivery> {
        let events = delivery.batch.len();
        File::offer(self, delivery)?;
        self.handle.shared.metrics.put_events.inc_by(events as u64);
        Ok(())
    }

    fn take(&self, max_events: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(self.take_next(max_events))
    }

    /// What nobody takes stays on disk, for the next start.
    fn close(&self) {
        self.handle.shared.lock().close();
        self.handle.shared.filled.notify_waiters();
        self.handle.shared.filled.notify_one();
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.handle.shared.finish())
    }
}

impl Shared {
    fn new(queue: Queue, opening: &Opening<'_>, filled: Arc<Notify>) -> Shared {
        // Counted up and down, not set: a channel may be two, and one that is replaced may end late.
        opening.metrics.size_events.inc_by(queue.stored() as i64);
        Shared {
            name: opening.name.to_owned(),
            queue: Mutex::new(queue),
            work: Condvar::new(),
            room: Notify::new(),
            filled,
            rested: Notify::new(),
            metrics: opening.metrics.clone(),
            health: opening.health.clone(),
            #[cfg(test)]
            reported: Mutex::default(),
        }
    }

    async fn put(&self, delivery: Delivery) {
        let events = delivery.batch.len();
        if events == 0 {
            return delivery.ack.delivered();
        }
        let Some(records) = Encoded::batch(&delivery.batch) else {
            error!(channel = %self.name, "an event is too large for the log, its batch is not acknowledged");
            return;
        };
        let mut waiting = Some((delivery, records));
        let mut waited = false;
        while let Some((delivery, records)) = waiting.take() {
            let room = self.room.notified();
            waiting = self.try_put(delivery, records);
            if waiting.is_some() {
                if !std::mem::replace(&mut waited, true) {
                    self.metrics.put_waits.inc();
                }
                room.await;
            }
        }
        self.metrics.put_events.inc_by(events as u64);
        if waited {
            // There may be room for the next that waits, too.
            self.room.notify_one();
        }
    }

    fn try_put(&self, delivery: Delivery, records: Vec<Encoded>) -> Option<(Delivery, Vec<Encoded>)> {
        let (back, before, after) = self.change(|queue| {
            let before = queue.incoming_bytes();
            let back = queue.put(delivery, records);
            (back, before, queue.incoming_bytes())
        });
        // In between, the thread knows when to look.
        if back.is_none() && (before == 0 || (before < GROUP && after >= GROUP)) {
            self.work.notify_one();
        }
        back
    }

    /// Applies what became of taken events.
    fn settle(&self, settled: &mut Vec<Settled>) {
        self.change(|queue| {
            for settled in settled.drain(..) {
                match settled {
                    Settled::Delivered(ticket) => queue.deliver(ticket),
                    Settled::Abandoned(ticket) => queue.abandon(ticket),
                }
            }
        });
        self.work.notify_one();
        self.room.notify_one();
        self.rested.notify_waiters();
    }

    /// Runs the thread. Should it panic, nothing is acknowledged any more, and somebody must know.
    fn keep(&self, keeper: Keeper) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| keeper.run())).is_err() {
            error!(channel = %self.name, "the channel's thread panicked: restart the agent, nothing acknowledged is lost");
            self.health.set(false, "the channel's thread panicked");
        }
    }

    /// Waits until all is in the files that a restart needs to know.
    async fn finish(&self) {
        self.lock().finishing = true;
        self.work.notify_one();
        loop {
            let rested = self.rested.notified();
            if self.lock().is_at_rest() {
                return;
            }
            rested.await;
        }
    }

    /// Changes the queue, and shows its size.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.lock();
        let before = queue.stored();
        let changed = change(&mut queue);
        self.metrics.size_events.inc_by(queue.stored() as i64 - before as i64);
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code panics between two changes of the queue, so a poisoned one is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    /// What is left on disk is no backlog of this agent, until it is opened again.
    fn drop(&mut self) {
        let stored = self.lock().stored();
        self.metrics.size_events.dec_by(stored as i64);
    }
}

/// Where a taken batch goes home to.
struct Home {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl PutBack for Home {
    fn put_back(&self, delivery: Delivery) {
        self.shared.change(|queue| queue.put_back(self.ticket, delivery.batch));
        // Its ticket is void: this says nothing any more.
        delivery.ack.delivered();
        self.shared.filled.notify_one();
    }
}

/// Hears what became of taken events, until the channel and all that was taken of it are gone.
async fn settle(mut heard: mpsc::UnboundedReceiver<Settled>, end: End) {
    let mut settled = Vec::new();
    while heard.recv_many(&mut settled, 1024).await > 0 {
        end.0.settle(&mut settled);
    }
}

/// Ends the thread when it is dropped.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.work.notify_one();
    }
}
