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
use crate::rounds::take_turns;

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
        value: |run| Some(run.measured.broker),
        show: hundredths,
        ratio: false,
    },
    Column { title: "peak MiB", key: "peak_bytes", value: |run| Some(run.measured.peak as f64), show: mebibytes, ratio: false },
    Column { title: "above queues", key: "bytes_above_queues", value: |run| run.above, show: mebibytes, ratio: false },
];

/// Lets everybody move everything, round by round, and reports of each size of body.
pub fn run(options: &Options, contestants: &[Contestant]) -> Vec<(String, Report)> {
    let broker = Broker::start(Machine::Fast);
    let mut reports = Vec::new();
    for size in options.sizes() {
        let input = Topic::create(broker.bootstrap(), "bench-in", PARTITIONS);
        let transactions = Transactions { size: *size as usize, ..Transactions::new(PARTITIONS) };
        load::fill(&input, &transactions, options.events, None);
        let rows = take_turns(options, contestants, |contestant| measured(contestant, options, &broker, &input));
        let title = format!("{} events of {size} B, {} rounds, {PARTITIONS} partitions", options.events, options.rounds);
        reports.push((title, Report::new(&COLUMNS, &beside_queues(contestants, rows))));
    }
    reports
}

/// Adds to Weir's rows what the loop with the same queues had in the same round.
fn beside_queues(contestants: &[Contestant], rows: Vec<Row<Measured>>) -> Vec<Row<Run>> {
    let queues = contestants.iter().position(|one| one.kind == Kind::RawAsWeir).map(|index| rows[index].rounds.clone());
    let beside = |weir: bool, round: usize, measured: Measured| {
        let queues = queues.as_ref().filter(|_| weir).and_then(|queues| queues[round]);
        Run { measured, above: queues.map(|queues| measured.peak as f64 - queues.peak as f64) }
    };
    let row = |(one, row): (&Contestant, Row<Measured>)| {
        let rounds = row.rounds.into_iter().enumerate();
        let rounds = rounds.map(|(round, measured)| Some(beside(one.kind.is_weir(), round, measured?))).collect();
        Row { name: row.name, base: row.base, rounds }
    };
    contestants.iter().zip(rows).map(row).collect()
}

fn measured(contestant: &Contestant, options: &Options, broker: &Broker, input: &Topic) -> Measured {
    let output = Topic::create(input.bootstrap(), "bench-out", PARTITIONS);
    let running = contestant.start(input, &output.name);
    let profile = Profile::begin(options, &contestant.name, &running, &output);
    let goal = Goal { events: options.events, limit: Duration::from_secs(options.limit) };
    let measured = measure(&output, goal, || Used { process: running.usage(), broker: broker.usage().cpu });
    if let Some(profile) = profile {
        profile.end();
    }
    measured
}
