//! The benchmark as a test: all that is measured is moved once, few events of it, and counted whole by ids and headers. No time is looked at.

use std::time::Duration;

use clap::Parser;
use rdkafka::message::{Headers, Message};
use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::topics::Topic;
use weir_tests::harness::transactions::Transactions;
use weir_tests::harness::{checker, load, reader};

use crate::PARTITIONS;
use crate::contestant::Contestant;
use crate::delay::{self, Window};
use crate::measure::{Goal, Used, measure};
use crate::options::{Kind, Options};

const EVENTS: u64 = 20_000;
/// Events a second, and for how long.
const WINDOW: Window = Window { rate: 500, begin: Duration::from_secs(1), length: Duration::from_secs(2) };

/// Loops and Weir move the same events, and pass on a stream. Flume, which takes its time, is left out.
///
/// # Panics
/// When something is lost, invented or not scored.
pub fn run() {
    let broker = Broker::start(Machine::Quick);
    let transactions = Transactions { size: 1024, ..Transactions::new(PARTITIONS) };
    let input = Topic::create(broker.bootstrap(), "smoke-in", PARTITIONS);
    load::fill(&input, &transactions, EVENTS, None);
    let kinds = "raw,raw-as-weir,raw-score,weir,weir-passthrough,weir-fraud-score";
    for contestant in Contestant::all(&Options::parse_from(["smoke", "--batches", "100", "--only", kinds])) {
        let output = Topic::create(input.bootstrap(), "smoke-out", PARTITIONS);
        let running = contestant.start(&input, &output.name);
        let goal = Goal { events: EVENTS, limit: Duration::MAX };
        let measured = measure(&output, goal, || Used { process: running.usage(), broker: broker.usage().cpu });
        assert!(measured.rate > 0.0 && measured.peak > 0, "{}: {measured}", contestant.name);
        checker::check(&transactions, EVENTS, &output, &[]).assert_exact();
        let mut scored = 0;
        reader::read(&output, |message| {
            let headers = message.headers().into_iter().flat_map(Headers::iter);
            let names: Vec<_> = headers.map(|header| header.key).collect();
            scored += u64::from(names.contains(&"fraud.score") && names.contains(&"fraud.verdict"));
        });
        let scores = matches!(contestant.kind, Kind::RawScore | Kind::WeirFraudScore);
        assert_eq!(scored, if scores { EVENTS } else { 0 }, "events that {} scored", contestant.name);
    }
    for contestant in Contestant::all(&Options::parse_from(["smoke", "--latency", "--only", "raw-as-weir,weir-fraud-score"])) {
        delay::measure(&contestant, &broker, &transactions, WINDOW);
    }
}
