//! How fast events are moved, and at what cost.

use std::time::Duration;

use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::load;
use weir_tests::harness::topics::Topic;
use weir_tests::harness::transactions::Transactions;

use crate::PARTITIONS;
use crate::contestant::Contestant;
use crate::measure::{Goal, Measured, Used, measure};
use crate::options::{Kind, Options};
use crate::profile::Profile;
use crate::report::{Column, Report, Row, hundredths, mebibytes, thousands};

/// One run, beside that of the loop with the same queues in the same round.
struct Run {
    measured: Measured,
    /// Bytes of resident memory that the loop has not.
    above: Option<f64>,
}

const COLUMNS: [Column<Run>; 5] = [
    Column { title: "events/s", key: "events_per_second", value: |run| Some(run.measured.rate), show: thousands, ratio: true },
    Column { title: "CPU s/M", key: "cpu_seconds_per_million", value: |run| Some(run.measured.cpu), show: hundredths, ratio: true },
    Column {
        title: "broker CPU s/M",
        key: "broker_cpu_seconds_per_million",
        value: |run| Some(run.measured.servers),
        show: hundredths,
        ratio: false,
    },
    Column { title: "peak MiB", key: "peak_bytes", value: |run| Some(run.measured.peak as f64), show: mebibytes, ratio: false },
    Column { title: "above queues", key: "bytes_above_queues", value: |run| run.above, show: mebibytes, ratio: false },
];

/// Lets everybody move everything, round by round, and reports of each size of body.
pub fn run(options: &Options) -> Vec<(String, Report)> {
    let contestants = Contestant::all(options);
    let broker = Broker::start(Machine::Fast);
    let mut reports = Vec::new();
    for size in options.sizes() {
        let input = Topic::create(broker.bootstrap(), "bench-in", PARTITIONS);
        let transactions = Transactions { size: *size as usize, ..Transactions::new(PARTITIONS) };
        load::fill(&input, &transactions, options.events, None);
        let mut rows: Vec<Row<Run>> =
            contestants.iter().map(|one| Row { name: one.name.clone(), base: one.base, rounds: Vec::new() }).collect();
        // The broker's machine compiles as it goes: whoever came first would pay for all.
        run_one(&contestants[0], options, &broker, &input);
        for round in 0..options.rounds {
            let measured = round_of(&contestants, round, options, &broker, &input);
            let queues = contestants.iter().position(|one| one.kind == Kind::RawAsWeir).and_then(|index| measured[index]);
            for ((row, one), measured) in rows.iter_mut().zip(&contestants).zip(measured) {
                let above = |measured: &Measured| one.is_weir().then_some(measured.peak as f64 - queues?.peak as f64);
                row.rounds.push(measured.map(|measured| Run { above: above(&measured), measured }));
            }
        }
        let title = format!("{} events of {size} B, {} rounds, {PARTITIONS} partitions", options.events, options.rounds);
        reports.push((title, Report::new(&COLUMNS, &rows)));
    }
    reports
}

/// What each showed, in the contestants' order; another one begins each round, so that none always follows the same.
fn round_of(contestants: &[Contestant], round: u32, options: &Options, broker: &Broker, input: &Topic) -> Vec<Option<Measured>> {
    let mut results = vec![None; contestants.len()];
    for turn in 0..contestants.len() {
        let index = (turn + round as usize) % contestants.len();
        let contestant = &contestants[index];
        if contestant.kind == Kind::Flume && round >= options.flume_rounds {
            continue;
        }
        let measured = run_one(contestant, options, broker, input);
        eprintln!("round {} of {}, {}: {measured}", round + 1, options.rounds, contestant.name);
        results[index] = Some(measured);
    }
    results
}

fn run_one(contestant: &Contestant, options: &Options, broker: &Broker, input: &Topic) -> Measured {
    let output = Topic::create(input.bootstrap(), "bench-out", PARTITIONS);
    let running = contestant.start(input, &output.name);
    let profile = Profile::begin(options, &contestant.name, &running, &output);
    let goal = Goal { events: options.events, limit: Duration::from_secs(options.limit) };
    let measured = measure(&output, goal, || Used { process: running.usage(), servers: broker.usage().cpu });
    if let Some(profile) = profile {
        profile.end();
    }
    measured
}
