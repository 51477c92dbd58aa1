//! What is on disk or in HDFS before it counts, Weir against a real Flume 1.11:
//! `cargo bench -p weir-tests --bench durable -- --help`.
//!
//! Both run the same properties file, in turns, on one machine and the same servers, in batches of 100 (Flume's own default) and of 1000. Rate and cost
//! are those of the middle of a run; ratios are taken within a round, and their median is shown.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod flow;
#[path = "../pipeline/measure.rs"]
mod measure;
#[path = "../pipeline/report.rs"]
mod report;

use clap::Parser;
use flow::{Flow, Servers};
use measure::Measured;
use report::{Column, Report, Row, hundredths, mebibytes, thousands};
use weir_tests::harness::side::Side;
use weir_tests::harness::{agent, cache, smoke};

/// Events of a run, as a test.
const SMOKE_EVENTS: u64 = 20_000;
const BATCHES: [usize; 2] = [100, 1000];

/// Weir against Flume, through what is durable
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench -p weir-tests --bench durable --")]
struct Options {
    /// Events that are moved in a round
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1000..))]
    events: u64,
    /// Rounds; in each both take their turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// What they go through [default: all]
    #[arg(long)]
    flow: Option<Flow>,
    /// A table for the README
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// For programs
    #[arg(long)]
    json: bool,
    /// What cargo tells every benchmark
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

const COLUMNS: [Column<Measured>; 4] = [
    Column { title: "events/s", key: "events_per_second", value: |run| Some(run.rate), show: thousands, ratio: true },
    Column { title: "CPU s/M", key: "cpu_seconds_per_million", value: |run| Some(run.cpu), show: hundredths, ratio: true },
    Column {
        title: "broker CPU s/M",
        key: "broker_cpu_seconds_per_million",
        value: |run| Some(run.broker),
        show: hundredths,
        ratio: false,
    },
    Column { title: "peak MiB", key: "peak_bytes", value: |run| Some(run.peak as f64), show: mebibytes, ratio: false },
];

fn main() {
    if smoke::is_meant() {
        smoke::run("the_durable_benchmark_moves_every_event", || {
            // What needs a broker at most: of HDFS and Flume the tests make enough.
            for flow in [Flow::Channel, Flow::Kafka] {
                Servers::start(flow, SMOKE_EVENTS).run(Side::Weir, BATCHES[0]);
            }
        });
    }
    let Options { events, rounds, flow, markdown, json, .. } = Options::parse();
    eprintln!("agent {}, scratch files in {}", agent::binary().display(), cache::kept().display());
    for flow in flow.map_or(Flow::ALL.to_vec(), |flow| vec![flow]) {
        let servers = Servers::start(flow, events);
        for batch in BATCHES {
            let mut rows = Side::BOTH.map(|side| Row { name: side.name().to_owned(), base: Some(0), rounds: Vec::new() });
            for round in 0..rounds as usize {
                for turn in 0..Side::BOTH.len() {
                    // The other one begins each round, so that neither always finds what the first left in the caches.
                    let index = (turn + round) % Side::BOTH.len();
                    let side = Side::BOTH[index];
                    let measured = servers.run(side, batch);
                    eprintln!("{}, batches of {batch}, round {} of {rounds}, {side:?}: {measured}", flow.title(), round + 1);
                    rows[index].rounds.push(Some(measured));
                }
            }
            let report = Report::new(&COLUMNS, &rows);
            let title = format!("{}, batches of {batch}", flow.title());
            if json {
                println!("{}", serde_json::json!({ "title": title, "contestants": report.json() }));
            } else {
                println!("{title}\n\n{}", if markdown { report.markdown() } else { report.plain() });
            }
        }
    }
}
