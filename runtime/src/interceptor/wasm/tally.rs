//! What one version has judged, counted once a batch, and what is read off the counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::plugin::Judgement;

/// Counts of one version since it began to judge.
#[derive(Debug, Default)]
pub(super) struct Tally {
    batches: AtomicU64,
    events: AtomicU64,
    cpu_nanos: AtomicU64,
    discarded: AtomicU64,
    rejected: AtomicU64,
    memory_peak: AtomicU64,
}

/// The counts at one moment, or of the time between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) batches: u64,
    pub(super) events: u64,
    pub(super) cpu_nanos: u64,
    pub(super) discarded: u64,
    pub(super) rejected: u64,
    /// The most linear memory of an instance ever, also in a difference.
    pub(super) memory_peak: u64,
}

impl Tally {
    pub(super) fn judged(&self, judgement: &Judgement) {
        let add = |counter: &AtomicU64, value: usize| counter.fetch_add(value as u64, Ordering::Relaxed);
        add(&self.events, judgement.events);
        add(&self.discarded, judgement.discarded);
        add(&self.rejected, judgement.rejected);
        self.cpu_nanos.fetch_add(u64::try_from(judgement.cpu.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        // Last, so that whoever sees the batch sees what was in it.
        add(&self.batches, 1);
    }

    /// An instance has so much linear memory.
    pub(super) fn memory(&self, bytes: usize) {
        self.memory_peak.fetch_max(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            batches: read(&self.batches),
            events: read(&self.events),
            cpu_nanos: read(&self.cpu_nanos),
            discarded: read(&self.discarded),
            rejected: read(&self.rejected),
            memory_peak: read(&self.memory_peak),
        }
    }
}

impl Counts {
    /// What came since an earlier look.
    pub(super) fn since(self, earlier: Counts) -> Counts {
        Counts {
            batches: self.batches - earlier.batches,
            events: self.events - earlier.events,
            cpu_nanos: self.cpu_nanos - earlier.cpu_nanos,
            discarded: self.discarded - earlier.discarded,
            rejected: self.rejected - earlier.rejected,
            memory_peak: self.memory_peak,
        }
    }

    /// Microseconds of CPU an event takes; 0 where there was none.
    pub(super) fn micros_per_event(&self) -> f64 {
        ratio(self.cpu_nanos, self.events) / 1000.0
    }

    /// Share of events that do not go on.
    pub(super) fn share_lost(&self) -> f64 {
        ratio(self.discarded + self.rejected, self.events)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts for a comparison of ratios")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
