//! How far a source came whose events come from nowhere: kept from one start of it to the next, and gone with the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::pipeline::ledger::{Checkpoint, Partition};

/// Counts of one source; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Events settled, from the first on without a gap.
    settled: AtomicU64,
    /// Events handed out, those that were handed out again counted again.
    given: AtomicU64,
}

impl Progress {
    /// Number of the first event that is not settled.
    pub(super) fn settled(&self) -> u64 {
        self.0.settled.load(Ordering::Relaxed)
    }

    /// Events handed out so far.
    pub(super) fn given(&self) -> u64 {
        self.0.given.load(Ordering::Relaxed)
    }

    /// So many more are handed out.
    pub(super) fn give(&self, events: u64) {
        self.0.given.fetch_add(events, Ordering::Relaxed);
    }

    /// Takes a commit over.
    pub(super) fn settle(&self, checkpoint: &Checkpoint, partition: &Partition) {
        if let Some(next) = checkpoint.get(partition).and_then(|next| u64::try_from(*next).ok()) {
            self.0.settled.store(next, Ordering::Relaxed);
        }
    }
}

/// The one partition of a source that numbers its events itself.
pub(super) fn partition(source: &str) -> Partition {
    Partition { topic: source.into(), number: 0 }
}

/// An offset of this number; no process gets near its end.
pub(super) fn offset(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
