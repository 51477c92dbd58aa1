//! Memory that overflows to disk: `org.apache.flume.channel.SpillableMemoryChannel`, but nothing of it is lost, since the ack of what is in memory
//! travels with the events.
//!
//! Once memory has been full for a while, all that waits there moves to the file channel, so that it is acknowledged and the source goes on; what is
//! put meanwhile follows it. When little is left on disk, puts go to memory again. The order of all puts is kept: what is in memory knows
//! which event of the file channel comes after it.

mod spec;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
pub use spec::Spec;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, info};

use super::file::{self, File};
use super::memory::Waiting;
use super::{Channel, Opening, PutBack, Taken};
use crate::delivery::Delivery;
use crate::telemetry::ChannelMetrics;

/// More than this in memory never overflows: a source stops when it has so much open, half of [`crate::pipeline::ledger::Limit`].
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: u64 = 8 << 20;

/// A spillable memory channel; clones are the same channel.
#[derive(Clone)]
pub struct Spillable {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    limits: Limits,
    /// `None`: memory only.
    file: Option<File>,
    state: Mutex<State>,
    /// Who has it puts to disk: so puts there keep their order.
    turn: tokio::sync::Mutex<()>,
    room: Notify,
    filled: Arc<Notify>,
    metrics: ChannelMetrics,
}

struct Limits {
    events: usize,
    bytes: u64,
    overflow_timeout: std::time::Duration,
    /// With so many events waiting on disk, puts go to memory again.
    deactivation: u64,
}

#[derive(Default)]
struct State {
    /// Taken from memory and returned; each with the event on disk that comes after it.
    returned: BTreeMap<Turn, (u64, Waiting)>,
    memory: Waiting,
    /// The event on disk that comes after all that is in memory.
    memory_before: u64,
    takes: u64,
    overflowing: bool,
    closed: bool,
}

/// When events were taken from memory for the first time: with which take, and how many of that are before them.
type Turn = (u64, usize);

/// Where the oldest waiting event is.
enum Oldest {
    Returned(Turn),
    Memory,
    /// On disk, where those before this number are older than what is in memory.
    Disk(u64),
    Nowhere,
}

impl Spillable {
    /// Opens the channel, with what was left on its disk.
    ///
    /// # Errors
    /// As [`File::open`].
    pub async fn open(spec: &Spec, opening: Opening<'_>) -> Result<Spillable, file::Error> {
        let filled = Arc::new(Notify::new());
        let (name, metrics) = (opening.name.to_owned(), opening.metrics.clone());
        let file = match spec.overflow() {
            None => None,
            Some(overflow) => {
                // What is put and taken is counted here.
                let (put_events, take_events, put_waits) = Default::default();
                let metrics = ChannelMetrics { put_events, take_events, put_waits, ..opening.metrics };
                Some(File::sharing(&overflow, Opening { metrics, ..opening }, filled.clone()).await?)
            }
        };
        let events = spec.memory_capacity;
        let limits = Limits {
            events: if file.is_some() { events.min(MOST_EVENTS) } else { events },
            bytes: if file.is_some() { spec.bytes().min(MOST_BYTES) } else { spec.bytes() },
            overflow_timeout: spec.overflow_timeout,
            deactivation: events as u64 * u64::from(spec.overflow_deactivation_threshold) / 100,
        };
        // What was left on disk goes first.
        let overflowing = file.as_ref().is_some_and(|file| file.front().is_some());
        let state = Mutex::new(State { overflowing, ..State::default() });
        let shared = Shared { name, limits, file, state, turn: tokio::sync::Mutex::default(), room: Notify::new(), filled, metrics };
        Ok(Spillable { shared: Arc::new(shared) })
    }
}

impl Channel for Spillable {
    fn put(&self, delivery: Delivery) -> BoxFuture<'_, ()> {
        Box::pin(self.shared.put(delivery))
    }

    fn offer(&self, delivery: Delivery) -> Result<(), Delivery> {
        self.shared.offer(delivery)
    }

    fn take(&self, max_events: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(self.take_next(max_events))
    }

    fn close(&self) {
        self.shared.lock().closed = true;
        if let Some(file) = &self.shared.file {
            file.close();
        }
        self.shared.filled.notify_waiters();
        self.shared.filled.notify_one();
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(file) = &self.shared.file {
                file.finish().await;
            }
        })
    }
}

impl Spillable {
    async fn take_next(&self, most: usize) -> Option<Taken> {
        loop {
            let filled = self.shared.filled.notified();
            if let Some(taken) = self.try_take(most) {
                self.shared.metrics.take_events.inc_by(taken.batch().len() as u64);
                // There may be more, for another taker, and there is room.
                self.shared.filled.notify_one();
                self.shared.room.notify_one();
                return Some(taken);
            }
            if self.shared.is_over() {
                self.shared.filled.notify_one();
                return None;
            }
            filled.await;
        }
    }

    fn try_take(&self, most: usize) -> Option<Taken> {
        let file = self.shared.file.as_ref();
        self.shared.change(|state| {
            let (turn, before, delivery) = match state.oldest(file) {
                Oldest::Nowhere => return None,
                Oldest::Disk(limit) => return file?.try_take(most, limit),
                Oldest::Memory => {
                    let delivery = state.memory.take(most)?;
                    state.takes += 1;
                    ((state.takes, 0), state.memory_before, delivery)
                }
                Oldest::Returned(turn) => {
                    let (before, mut waiting) = state.returned.remove(&turn)?;
                    let delivery = waiting.take(most)?;
                    if !waiting.is_empty() {
                        state.returned.insert((turn.0, turn.1 + delivery.batch.len()), (before, waiting));
                    }
                    (turn, before, delivery)
                }
            };
            Some(Taken::new(delivery, Arc::new(Home { shared: self.shared.clone(), turn, before })))
        })
    }
}

impl Shared {
    async fn put(&self, delivery: Delivery) {
        let events = delivery.batch.len();
        if let Some(delivery) = self.to_memory(delivery).await {
            self.to_disk(delivery).await;
        }
        self.metrics.put_events.inc_by(events as u64);
        self.filled.notify_one();
    }

    /// To memory, else to disk; neither is waited for.
    fn offer(&self, delivery: Delivery) -> Result<(), Delivery> {
        let events = delivery.batch.len();
        if let Some(refused) = self.try_memory(delivery) {
            let Some(file) = &self.file else { return Err(refused) };
            let Ok(_turn) = self.turn.try_lock() else { return Err(refused) };
            self.overflow(file);
            file.offer(refused)?;
        }
        self.metrics.put_events.inc_by(events as u64);
        self.filled.notify_one();
        Ok(())
    }

    /// Gives the delivery back when it is for the disk: memory was full for too long, or overflows already.
    async fn to_memory(&self, delivery: Delivery) -> Option<Delivery> {
        let deadline = Instant::now() + self.limits.overflow_timeout;
        let mut waiting = Some(delivery);
        let mut waited = false;
        while let Some(delivery) = waiting.take() {
            let room = self.room.notified();
            let refused = self.try_memory(delivery)?;
            if self.lock().overflowing {
                return Some(refused);
            }
            if !std::mem::replace(&mut waited, true) {
                self.metrics.put_waits.inc();
            }
            if self.file.is_none() {
                room.await;
            } else if self.limits.events == 0 || timeout_at(deadline, room).await.is_err() {
                return Some(refused);
            }
            waiting = Some(refused);
        }
        None
    }

    /// Gives the delivery back when there is no room for it.
    fn try_memory(&self, delivery: Delivery) -> Option<Delivery> {
        self.change(|state| {
            if let Some(file) = &self.file {
                if state.overflowing && state.memory.is_empty() && self.limits.events > 0 && file.waiting() <= self.limits.deactivation {
                    debug!(channel = %self.name, "puts go to memory again");
                    state.overflowing = false;
                }
                if state.overflowing {
                    return Some(delivery);
                }
                // As long as puts go to memory, no other event is put to disk.
                state.memory_before = file.next();
            }
            let events = state.memory.events() + delivery.batch.len();
            let bytes = state.memory.bytes().saturating_add(delivery.batch.size()) as u64;
            let fits = events <= self.limits.events && bytes <= self.limits.bytes;
            // Without a disk, one that is larger than the memory passes when it is empty.
            if !fits && (self.file.is_some() || !state.memory.is_empty()) {
                return Some(delivery);
            }
            state.memory.push_back(delivery);
            None
        })
    }

    /// Puts to disk, behind all that waits in memory, which moves there.
    async fn to_disk(&self, delivery: Delivery) {
        let Some(file) = &self.file else { return };
        let _turn = self.turn.lock().await;
        self.overflow(file);
        file.put(delivery).await;
    }

    /// From here on puts go to disk, behind what waits in memory, as much of which moves there as has room. Its caller has the turn.
    fn overflow(&self, file: &File) {
        if !std::mem::replace(&mut self.lock().overflowing, true) {
            info!(channel = %self.name, "memory overflows to disk");
        }
        while self.move_one(file) {}
    }

    /// Moves the oldest delivery in memory to disk. False where there is none, or no room on disk: then it stays, and goes before what is put there.
    fn move_one(&self, file: &File) -> bool {
        self.change(|state| {
            if state.memory_before != file.next() {
                return false;
            }
            let Some(delivery) = state.memory.pop_front() else { return false };
            match file.offer(delivery) {
                Ok(()) => {
                    state.memory_before = file.next();
                    true
                }
                Err(delivery) => {
                    state.memory.push_front(delivery);
                    false
                }
            }
        })
    }

    fn is_over(&self) -> bool {
        let state = self.lock();
        state.closed && matches!(state.oldest(self.file.as_ref()), Oldest::Nowhere)
    }

    /// Changes the state, and shows how much is in memory; the file channel adds what is on disk.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = state.events();
        let changed = change(&mut state);
        self.metrics.size_events.inc_by(state.events() as i64 - before as i64);
        if self.file.is_none() {
            self.metrics.size_bytes.set(state.memory.bytes() as i64);
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics between two changes of the state, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn events(&self) -> usize {
        self.memory.events() + self.returned.values().map(|(_, waiting)| waiting.events()).sum::<usize>()
    }

    fn oldest(&self, file: Option<&File>) -> Oldest {
        let on_disk = file.and_then(File::front);
        let in_memory = match self.returned.first_key_value() {
            Some((turn, (before, _))) => Some((Oldest::Returned(*turn), *before)),
            None => (!self.memory.is_empty()).then_some((Oldest::Memory, self.memory_before)),
        };
        match (in_memory, on_disk) {
            (Some((_, before)), Some(front)) if front < before => Oldest::Disk(before),
            (Some((oldest, _)), _) => oldest,
            (None, Some(_)) => Oldest::Disk(u64::MAX),
            (None, None) => Oldest::Nowhere,
        }
    }
}

/// Where events taken from memory go home to.
struct Home {
    shared: Arc<Shared>,
    turn: Turn,
    before: u64,
}

impl PutBack for Home {
    fn put_back(&self, delivery: Delivery) {
        self.shared.change(|state| {
            let (_, waiting) = state.returned.entry(self.turn).or_insert_with(|| (self.before, Waiting::default()));
            waiting.push_back(delivery);
        });
        self.shared.filled.notify_one();
    }
}

impl Drop for Shared {
    /// What a pipeline that was given up leaves behind is no backlog.
    fn drop(&mut self) {
        let events = self.lock().events();
        self.metrics.size_events.dec_by(events as i64);
    }
}
