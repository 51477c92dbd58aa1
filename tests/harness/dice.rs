//! Chance that can be had again: `$WEIR_SEED`, or the clock's, which is printed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Runs that [`run_beside`] has under way at once.
const AT_ONCE: usize = 3;

/// Random numbers that are the same for the same seed.
#[derive(Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Seeded for one run of many of the test `label`.
    pub fn new(label: &str, run: u64) -> Dice {
        let seed = match std::env::var("WEIR_SEED") {
            Ok(text) => text.parse().unwrap_or_else(|error| panic!("WEIR_SEED = {text:?}: {error}")),
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64,
        };
        println!("{label}, run {run}: WEIR_SEED={seed}");
        Dice { state: seed ^ run.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Between two times.
    pub fn between(&mut self, from: Duration, to: Duration) -> Duration {
        from + Duration::from_micros(self.below((to - from).as_micros() as u64))
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
}

/// How often randomised scenarios are run: `usual`, or what `$WEIR_RUNS` says.
pub fn runs(usual: u64) -> u64 {
    match std::env::var("WEIR_RUNS") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("WEIR_RUNS = {text:?}: {error}")),
        Err(_) => usual,
    }
}

/// Runs a randomised scenario as often as [`runs`] says, a few at once: for one that mostly waits, and breaks nothing but what is its own.
pub fn run_beside(label: &str, usual: u64, scenario: impl Fn(&mut Dice) + Sync) {
    let runs: Vec<u64> = (0..runs(usual)).collect();
    for at_once in runs.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            for run in at_once {
                scope.spawn(|| scenario(&mut Dice::new(label, *run)));
            }
        });
    }
}
