//! The whole pipeline against the least a program can do and against Flume: `cargo bench -p weir-tests --bench pipeline -- --help`.
//!
//! One broker, one filled topic. In every round each contestant, in a process of its own, moves all of it to a new topic: plain consumer-to-producer
//! loops on librdkafka, the same loop once more (what differs between the two is noise), one with a scorer compiled in, the agent without a component,
//! with one that changes nothing and with `fraud-score`, and a Flume with the same rules in Java. A machine's own speed drifts, so ratios are taken
//! within a round and their median is shown. What counts is what has arrived at the sink's topic; CPU time is the kernel's count for the process, and
//! for the broker's apart. With `--latency` they pass on a steady stream instead, and delays are measured. With `--profile` Linux'
//! `perf` says where an agent's time goes. Flume's part needs a JDK.
//!
//! As a test it is [`smoke`].

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod contestant;
mod copy;
mod delay;
mod flume;
mod measure;
mod options;
mod profile;
mod report;
mod rounds;
#[path = "../../../plugins/fraud-score/src/rules.rs"]
#[allow(unused_imports, reason = "a benchmark without the test harness has not the tests in it, only what they use")]
mod rules;
mod score;
mod smoke;
mod speed;
mod transaction;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use contestant::Contestant;
use options::Options;
use weir_tests::harness::cache;

/// Of every topic.
const PARTITIONS: i32 = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == copy::ARGUMENT) {
        return copy::run(&arguments[1..]);
    }
    if weir_tests::harness::smoke::is_meant() {
        weir_tests::harness::smoke::run("the_pipeline_benchmark_moves_every_event", smoke::run);
    }
    let options = Options::parse();
    eprintln!("scratch files in {}", cache::kept().display());
    let contestants = Contestant::all(&options);
    if contestants.is_empty() {
        Options::command().error(ErrorKind::ValueValidation, "nobody of --only takes part in this").exit();
    }
    let reports = match options.latency {
        None => speed::run(&options, &contestants),
        Some(rate) => delay::run(&options, &contestants, rate),
    };
    for (title, report) in reports {
        if options.json {
            println!("{}", serde_json::json!({ "title": title, "contestants": report.json() }));
        } else {
            println!("{title}\n\n{}", if options.markdown { report.markdown() } else { report.plain() });
        }
    }
}
