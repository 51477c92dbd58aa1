//! Time between two tries of something that keeps failing.

use std::time::Duration;

/// Doubles up to its bound, and starts over after a long good run.
#[derive(Debug)]
pub(crate) struct BackOff {
    next: Duration,
}

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

impl BackOff {
    pub(crate) fn new() -> BackOff {
        BackOff { next: FIRST }
    }

    /// How long to wait now, after a run of this length.
    pub(crate) fn after(&mut self, ran: Duration) -> Duration {
        if ran > 2 * LONGEST {
            self.next = FIRST;
        }
        let now = self.next;
        self.next = (2 * now).min(LONGEST);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_to_its_bound_and_starts_over_after_a_good_run() {
        let mut back_off = BackOff::new();
        let waits: Vec<_> = (0..8).map(|_| back_off.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(back_off.after(Duration::from_secs(60)), FIRST);
    }
}
