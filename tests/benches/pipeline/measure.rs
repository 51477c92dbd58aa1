//! Speed and cost of a process that fills a topic, over the middle of its work: without start-up and without the slow last batches.

use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use weir_tests::harness::process::Usage;
use weir_tests::harness::topics::{Topic, client};

/// How long nothing may arrive.
const PATIENCE: Duration = Duration::from_secs(90);

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Events a second.
    pub rate: f64,
    /// User and system seconds of the process for a million events.
    pub cpu: f64,
    /// Most resident memory, bytes.
    pub peak: u64,
}

/// Watches a process move `events` events to `output`.
///
/// # Panics
/// When it stops doing so.
pub fn measure(output: &Topic, events: u64, usage: impl Fn() -> Usage) -> Measured {
    let watcher: BaseConsumer = client(output.bootstrap()).create().unwrap();
    measure_by(events, || output.ends_by(&watcher).iter().sum::<i64>().cast_unsigned(), usage)
}

/// Watches a process move `events` events, of which `progress` says how many are moved.
///
/// # Panics
/// When it stops doing so.
pub fn measure_by(events: u64, mut progress: impl FnMut() -> u64, usage: impl Fn() -> Usage) -> Measured {
    let mut moved = (Instant::now(), 0);
    let mut first = None;
    let mut last = None;
    let mut peak = 0;
    while moved.1 < events {
        let arrived = progress();
        let (now, used) = (Instant::now(), usage());
        peak = peak.max(used.peak);
        if arrived != moved.1 {
            moved = (now, arrived);
        }
        assert!(moved.0.elapsed() < PATIENCE, "stuck at {arrived} of {events}");
        if arrived >= events / 10 && first.is_none() {
            first = Some((now, arrived, used.cpu));
        }
        if arrived >= events / 10 * 9 && last.is_none() {
            last = Some((now, arrived, used.cpu));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let (first, last) = first.zip(last).expect("all events passed both marks");
    let millions = (last.1 - first.1) as f64 / 1e6;
    assert!(millions > 0.0, "too few events to measure");
    Measured { rate: millions * 1e6 / (last.0 - first.0).as_secs_f64(), cpu: (last.2 - first.2) / millions, peak }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} events/s, {:.2} CPU s per million, {} MiB", self.rate, self.cpu, self.peak >> 20)
    }
}
