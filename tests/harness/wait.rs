//! Waiting for something that another process does.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within `limit`, naming `what` was awaited.
pub fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Waits until `measure` reaches `goal`, as long as it takes while it still moves.
///
/// # Panics
/// When the measure has not changed for `patience`.
pub fn while_moving(what: &str, goal: u64, patience: Duration, mut measure: impl FnMut() -> u64) {
    let mut last = measure();
    let mut moved = Instant::now();
    while last < goal {
        std::thread::sleep(PAUSE);
        let now = measure();
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        assert!(moved.elapsed() < patience, "{what}: stuck at {last} of {goal} for {patience:?}");
    }
}
