//! What the present version did of late: what a new one is compared with.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::tally::Counts;

/// Time between two samples.
const APART: Duration = Duration::from_secs(1);
/// How far "of late" reaches back.
const LATE: usize = 60;

/// Counts of one version, taken once a second.
#[derive(Debug, Default)]
pub(super) struct Samples {
    id: u64,
    taken: VecDeque<(Instant, Counts)>,
}

impl Samples {
    /// Takes a sample, when it is time for one; another version begins anew.
    pub(super) fn take(&mut self, id: u64, counts: Counts) {
        if self.id != id {
            *self = Samples { id, taken: VecDeque::from([(Instant::now(), Counts::default())]) };
        }
        if self.taken.back().is_some_and(|(taken, _)| taken.elapsed() < APART) {
            return;
        }
        self.taken.push_back((Instant::now(), counts));
        if self.taken.len() > LATE {
            self.taken.pop_front();
        }
    }

    /// What version `id`, whose counts are these now, did since the oldest sample.
    pub(super) fn of_late(&self, id: u64, counts: Counts) -> Counts {
        match self.taken.front() {
            Some((_, oldest)) if self.id == id => counts.since(*oldest),
            _ => counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_begins_anew() {
        let counts = |batches| Counts { batches, ..Counts::default() };
        let mut samples = Samples::default();
        samples.take(1, counts(10));
        assert_eq!(samples.of_late(1, counts(15)), counts(15));
        samples.taken.push_back((Instant::now(), counts(12)));
        samples.taken.pop_front();
        assert_eq!(samples.of_late(1, counts(15)), counts(3));
        assert_eq!(samples.of_late(2, counts(4)), counts(4));
        samples.take(2, counts(4));
        assert_eq!(samples.of_late(2, counts(5)), counts(5));
    }
}
