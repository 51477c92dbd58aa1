//! The thread that has the log: it writes what is put, in groups that share a sync, reads what is to be taken, and stores how far events are settled.
//!
//! Events are acknowledged, and can be taken, once they are durable. What fails is tried again, for as long as it takes: puts wait meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::Shared;
use super::damage::Damage;
use super::error::Error;
use super::log::Log;
use super::position::Position;
use super::queue::{Incoming, Queue};
use super::reader::Cursor;
use crate::error_chain;

/// A group of so many bytes is written at once, a smaller one `GROUP_EVERY` after the one before it; so one that comes alone is written at once.
pub(super) const GROUP: u64 = 256 << 10;
const GROUP_EVERY: Duration = Duration::from_millis(5);
/// Most bytes of a group.
const LARGEST_GROUP: u64 = 4 << 20;
/// Bytes read at once.
const READ: u64 = 1 << 20;
/// Between two tries.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How often things are made durable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    /// Whether each group is, before it is acknowledged; else this often.
    pub(super) sync_groups: bool,
    pub(super) sync_every: Duration,
    /// How far events are settled is stored this often.
    pub(super) store_every: Duration,
}

/// The thread's state.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    pub(super) log: Log,
    pace: Pace,
    cursor: Cursor,
    /// Taken from the queue and not in the log yet.
    group: VecDeque<Incoming>,
    grouped: Instant,
    synced: Instant,
    stored: Instant,
    writing: Patience,
    reading: Patience,
    storing: Patience,
}

/// What is to be done now.
#[derive(Default)]
struct Due {
    write: bool,
    sync: bool,
    store: bool,
    read: bool,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, log: Log, first: u64, pace: Pace) -> Keeper {
        let now = Instant::now();
        let before = now.checked_sub(GROUP_EVERY).unwrap_or(now);
        let cursor = log.cursor(first);
        let [writing, reading, storing] = ["write to the log", "read the log", "store what is settled"].map(Patience::new);
        Keeper { shared, log, pace, cursor, group: VecDeque::new(), grouped: before, synced: now, stored: now, writing, reading, storing }
    }

    /// Runs until the channel is dropped.
    pub(super) fn run(mut self) {
        while let Some(due) = self.wait() {
            if due.write {
                self.write();
            }
            if due.sync {
                self.sync();
            }
            if due.store {
                self.store();
            }
            if due.read {
                self.read();
            }
        }
        // Who waits for the acks of what is in the group, or came after it, is gone.
        if !self.pace.sync_groups {
            self.sync();
        }
        if self.shared.lock().has_unstored() {
            self.store();
        }
    }

    /// Waits for something to do; `None`: the channel is gone.
    fn wait(&self) -> Option<Due> {
        let mut queue = self.shared.lock();
        loop {
            if queue.ended {
                return None;
            }
            let now = Instant::now();
            let mut next: Option<Instant> = None;
            let mut is_due = |wanted: bool, at: Instant| {
                if wanted && at > now {
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
                wanted && at <= now
            };
            let incoming = queue.incoming_bytes();
            let group_at = if incoming >= GROUP || !self.group.is_empty() { now } else { self.grouped + GROUP_EVERY };
            let store_at = if queue.finishing { now } else { self.stored + self.pace.store_every };
            let due = Due {
                write: is_due(incoming > 0 || !self.group.is_empty(), group_at.max(self.writing.until)),
                sync: is_due(self.log.has_unsynced(), self.synced + self.pace.sync_every),
                store: is_due(queue.has_unstored(), store_at.max(self.storing.until)),
                read: is_due(queue.wants_events(), self.reading.until),
            };
            if due.write || due.sync || due.store || due.read {
                return Some(due);
            }
            queue = match next {
                Some(at) => self.shared.work.wait_timeout(queue, at - now).unwrap_or_else(PoisonError::into_inner).0,
                None => self.shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Writes a group. Its deliveries are acknowledged when it is durable; else they are kept, and written again.
    pub(super) fn write(&mut self) {
        if self.group.is_empty() {
            self.group = self.shared.lock().group(LARGEST_GROUP);
            self.grouped = Instant::now();
        }
        let records = self.group.iter().flat_map(|incoming| &incoming.records);
        if let Err(error) = self.log.commit(records, self.pace.sync_groups) {
            return self.shared.failed(&mut self.writing, &error);
        }
        self.shared.succeeded(&mut self.writing);
        if self.shared.lock().committed(self.log.next, &mut self.group) {
            self.cursor = self.log.end_cursor();
        }
        self.shared.metrics.size_bytes.set(self.log.bytes() as i64);
        self.group.drain(..).for_each(|incoming| incoming.delivery.ack.delivered());
        self.shared.filled.notify_one();
        // Memory is free again.
        self.shared.room.notify_one();
        self.shared.rested.notify_waiters();
    }

    fn sync(&mut self) {
        self.synced = Instant::now();
        if let Err(error) = self.log.sync() {
            // What is lost by it was acknowledged: this is what `fsync` off means.
            error!(channel = %self.shared.name, error = %error_chain(&error), "events that were acknowledged may not be on disk");
            self.shared.metrics.storing.write_failed.inc();
        }
    }

    pub(super) fn store(&mut self) {
        let settled = self.shared.lock().begin_storing();
        self.stored = Instant::now();
        let stored = self.log.settle(&Position { settled, end: self.log.durable });
        self.shared.lock().end_storing(stored.is_ok());
        match stored {
            Ok(()) => self.shared.succeeded(&mut self.storing),
            Err(error) => self.shared.failed(&mut self.storing, &error),
        }
        self.shared.metrics.size_bytes.set(self.log.bytes() as i64);
        self.shared.rested.notify_waiters();
    }

    pub(super) fn read(&mut self) {
        if let Some(event) = self.shared.lock().rewound() {
            self.cursor = self.log.cursor(event);
        }
        let chunk = match self.log.read(&mut self.cursor, READ) {
            Ok(chunk) => chunk,
            Err(error) => return self.shared.failed(&mut self.reading, &error),
        };
        self.shared.succeeded(&mut self.reading);
        self.shared.report(&chunk.damage);
        let loaded = self.cursor.event;
        let lost = self.shared.change(|queue: &mut Queue| queue.load(chunk, loaded));
        self.shared.metrics.storing.damaged_events.inc_by(lost);
        self.shared.filled.notify_one();
    }
}

/// When something that failed is tried again.
pub(super) struct Patience {
    what: &'static str,
    until: Instant,
    wait: Duration,
}

impl Patience {
    fn new(what: &'static str) -> Patience {
        Patience { what, until: Instant::now(), wait: Duration::ZERO }
    }
}

impl Shared {
    /// Something failed: it is said once, and again when it has lasted.
    fn failed(&self, patience: &mut Patience, failure: &Error) {
        let (name, what, error) = (&self.name, patience.what, error_chain(failure));
        let is_first = patience.wait.is_zero();
        patience.wait = (2 * patience.wait).clamp(FIRST_WAIT, LONGEST_WAIT);
        patience.until = Instant::now() + patience.wait;
        if failure.is_no_space() {
            self.metrics.storing.no_space.inc();
            if is_first {
                warn!(channel = %name, error, "cannot {what}: no space, puts wait until there is some");
            }
        } else {
            self.metrics.storing.write_failed.inc();
            if is_first || patience.wait == LONGEST_WAIT {
                error!(channel = %name, error, wait = ?patience.wait, "cannot {what}, trying again");
            }
        }
        self.health.set(false, format!("cannot {what}: {error}"));
    }

    fn succeeded(&self, patience: &mut Patience) {
        if !patience.wait.is_zero() {
            patience.wait = Duration::ZERO;
            info!(channel = %self.name, "can {} again", patience.what);
            self.health.set(true, "the disk is written and read");
        }
    }

    /// Says what was found damaged.
    pub(super) fn report(&self, damage: &[Damage]) {
        #[cfg(test)]
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(damage);
        damage.iter().for_each(|part| part.tell(&self.name));
    }
}
