//! One run of a contestant that has long joined its groups: speed and cost from the moment it may begin until the last event is out. With many clients
//! there is no middle: all of the work may be in their queues before a tenth of it has arrived.

use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use weir_tests::harness::broker::Broker;
use weir_tests::harness::load;
use weir_tests::harness::topics::{self, Group, Topic, client};
use weir_tests::harness::transactions::Transactions;
use weir_tests::harness::wait;

use crate::contestant::{Contestant, group};
use crate::table::{Cell, median};

/// Partitions of the topic that is written to.
const OUTPUT_PARTITIONS: i32 = 16;
/// How long nothing may arrive.
const PATIENCE: Duration = Duration::from_secs(120);
/// Topics that are filled at once.
const AT_ONCE: usize = 8;
/// How long a contestant is watched that has nothing to do.
const IDLE: Duration = Duration::from_secs(3);

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Events a second.
    pub rate: f64,
    /// User and system seconds of the process for a million events.
    pub cpu: f64,
    /// The same of the broker.
    pub broker: f64,
    /// Cores that the process keeps busy with nothing to do.
    pub idle: f64,
    /// Most resident memory, bytes.
    pub peak: u64,
}

/// The cells that [`Measured::cells`] makes.
pub const COLUMNS: [&str; 5] = ["events/s", "CPU s/M", "broker CPU s/M", "idle, % of a core", "peak MiB"];

impl Measured {
    /// The medians.
    pub fn cells(rounds: &[Measured]) -> Vec<Cell> {
        let of = |figure: fn(&Measured) -> f64| median(rounds.iter().map(figure));
        vec![
            Cell::Number(of(|one| one.rate), 0),
            Cell::Number(of(|one| one.cpu), 2),
            Cell::Number(of(|one| one.broker), 2),
            Cell::Number(of(|one| one.idle) * 100.0, 1),
            Cell::mebibytes(rounds.iter().map(|one| one.peak).max().unwrap_or(0)),
        ]
    }
}

/// Has a contestant move `events` events of these topics, evenly spread.
///
/// # Panics
/// When one of them does not arrive.
pub fn run(contestant: Contestant, broker: &Broker, inputs: &[Topic], events: u64) -> Measured {
    let output = Topic::create(broker.bootstrap(), "scale-out", OUTPUT_PARTITIONS);
    let events = events / inputs.len() as u64 * inputs.len() as u64;
    let watcher: BaseConsumer = client(broker.bootstrap()).create().unwrap();
    let arrived = || output.ends_by(&watcher).iter().sum::<i64>().cast_unsigned();
    let groups = topics::unique("scale");
    // What earlier runs left is not read again.
    each(inputs, |input| Group::new(&group(&groups, input), input).begin_at_end());
    // One event in each partition: whoever gets them all has joined everywhere.
    each(inputs, |input| fill(input, input.partitions.cast_unsigned().into()));
    let warm = inputs.iter().map(|input| u64::from(input.partitions.cast_unsigned())).sum::<u64>();
    let running = contestant.start(inputs, &groups, &output);
    wait::while_moving("events of the warm-up arrive", warm, PATIENCE, arrived);
    let idle = idle(|| running.usage().cpu);
    running.stand_still();
    each(inputs, |input| fill(input, events / inputs.len() as u64));
    let (begun, cpu, brokers) = (Instant::now(), running.usage().cpu, broker.usage().cpu);
    running.go_on();
    wait::while_moving("events arrive", warm + events, PATIENCE, arrived);
    let (took, used, millions) = (begun.elapsed().as_secs_f64(), running.usage(), events as f64 / 1e6);
    Measured {
        rate: events as f64 / took,
        cpu: (used.cpu - cpu) / millions,
        broker: (broker.usage().cpu - brokers) / millions,
        idle,
        peak: used.peak,
    }
}

/// Rounds of some cases, each run by both contestants in turn: for each case what the one and the other showed.
pub fn rounds(broker: &Broker, cases: &[(String, Vec<Topic>)], events: u64, rounds: usize) -> Vec<[Vec<Measured>; 2]> {
    let mut results: Vec<[Vec<Measured>; 2]> = cases.iter().map(|_| Default::default()).collect();
    for round in 0..rounds {
        for (case, (name, inputs)) in cases.iter().enumerate() {
            for turn in 0..Contestant::BOTH.len() {
                // The other one begins each round.
                let index = (turn + round) % Contestant::BOTH.len();
                let contestant = Contestant::BOTH[index];
                let measured = run(contestant, broker, inputs, events);
                eprintln!("round {} of {rounds}, {name}, {}: {measured:?}", round + 1, contestant.name());
                results[case][index].push(measured);
            }
        }
    }
    results
}

/// For every topic, some at a time.
fn each(inputs: &[Topic], work: impl Fn(&Topic) + Sync) {
    for some in inputs.chunks(AT_ONCE) {
        std::thread::scope(|scope| some.iter().for_each(|input| drop(scope.spawn(|| work(input)))));
    }
}

fn fill(input: &Topic, events: u64) {
    load::fill(input, &Transactions::new(input.partitions), events, None);
}

fn idle(cpu: impl Fn() -> f64) -> f64 {
    // The last of the warm-up is committed and reported by then.
    std::thread::sleep(Duration::from_secs(1));
    let (begun, before) = (Instant::now(), cpu());
    std::thread::sleep(IDLE);
    (cpu() - before) / begun.elapsed().as_secs_f64()
}
