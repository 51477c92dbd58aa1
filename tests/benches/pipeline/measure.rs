//! Speed and cost of a process that fills a topic, over the middle of its work: without start-up and without the slow last batches.

use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use weir_tests::harness::process::Usage;
use weir_tests::harness::topics::{Topic, client};

/// How long nothing may arrive.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks, each of which costs the broker some requests.
const PAUSE: Duration = Duration::from_millis(50);
/// Looks at the middle that make a good figure.
const ENOUGH: usize = 10;
/// The middle, as parts of all that arrives. What comes before is for a Java machine to get warm, too.
const FROM: f64 = 0.2;
const TO: f64 = 0.9;

/// What is to be moved.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// Events.
    pub events: u64,
    /// How long after the first arrival it is over, whatever has been moved by then.
    pub limit: Duration,
}

/// What has been used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// By the process.
    pub process: Usage,
    /// By the broker it talks to, seconds of user and system time.
    pub broker: f64,
}

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Events a second.
    pub rate: f64,
    /// User and system seconds of the process for a million events.
    pub cpu: f64,
    /// The same of the broker.
    pub broker: f64,
    /// Most resident memory of the process, bytes.
    pub peak: u64,
    /// How often the middle was looked at: of few looks the first and last are far from its ends.
    looks: usize,
}

struct Look {
    at: Instant,
    arrived: u64,
    used: Used,
}

/// Watches a process move events to `output`.
///
/// # Panics
/// When it stops doing so.
pub fn measure(output: &Topic, goal: Goal, used: impl Fn() -> Used) -> Measured {
    let watcher: BaseConsumer = client(output.bootstrap()).create().unwrap();
    measure_by(goal, || output.ends_by(&watcher).iter().sum::<i64>().cast_unsigned(), used)
}

/// Watches a process move events, of which `progress` says how many are moved.
///
/// # Panics
/// When it stops doing so.
pub fn measure_by(goal: Goal, mut progress: impl FnMut() -> u64, used: impl Fn() -> Used) -> Measured {
    let mut looks = vec![Look { at: Instant::now(), arrived: 0, used: used() }];
    let mut first = None;
    let mut moved = Instant::now();
    loop {
        let last = looks.last().expect("there is a first look").arrived;
        let look = Look { at: Instant::now(), arrived: progress(), used: used() };
        let (now, arrived) = (look.at, look.arrived);
        if arrived > last {
            moved = now;
            first.get_or_insert(now);
        }
        looks.push(look);
        if arrived >= goal.events || first.is_some_and(|first| now - first > goal.limit) {
            return middle(&looks, arrived);
        }
        assert!(moved.elapsed() < PATIENCE, "stuck at {arrived} of {}", goal.events);
        std::thread::sleep(PAUSE);
    }
}

/// The last look before the middle begins and the first at its end.
fn middle(looks: &[Look], arrived: u64) -> Measured {
    let reached =
        |part: f64| looks.iter().position(|look| look.arrived as f64 >= part * arrived as f64).expect("the last look has all of it");
    let (begin, end) = (reached(FROM).saturating_sub(1), reached(TO));
    let count = end - begin;
    let (begin, end, peak) = (&looks[begin], &looks[end], looks.last().map_or(0, |look| look.used.process.peak));
    let events = (end.arrived - begin.arrived) as f64;
    let per_million = |used: fn(&Used) -> f64| (used(&end.used) - used(&begin.used)) / events * 1e6;
    Measured {
        rate: events / (end.at - begin.at).as_secs_f64(),
        cpu: per_million(|used| used.process.cpu),
        broker: per_million(|used| used.broker),
        peak,
        looks: count,
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { rate, cpu, broker, peak, looks } = self;
        write!(f, "{rate:.0} events/s, CPU s per million: {cpu:.2}, broker {broker:.2}; {} MiB", peak >> 20)?;
        if *looks < ENOUGH { write!(f, "; looked at {looks} times only, move more events") } else { Ok(()) }
    }
}
