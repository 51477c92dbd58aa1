//! What is on disk or in HDFS before it counts, Weir against a real Flume 1.11:
//! `cargo bench -p weir-tests --bench durable -- [--events N] [--rounds N] [--flow NAME] [--json]`.
//!
//! Both run the same properties file, in turns, on one machine and the same servers, in batches of 100 (Flume's own default) and of 1000. Rate and cost
//! are those of the middle of a run; ratios are taken within a round, and their median is shown.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod flow;
#[path = "../pipeline/measure.rs"]
mod measure;
#[path = "../pipeline/report.rs"]
mod report;

use flow::{Flow, Servers};
use measure::Measured;
use weir_tests::harness::side::Side;
use weir_tests::harness::{agent, cache};

const USAGE: &str = "usage: durable [--events N] [--rounds N] [--flow channel|kafka|hdfs] [--json]";
const BATCHES: [usize; 2] = [100, 1000];

struct Options {
    events: u64,
    rounds: usize,
    flows: Vec<Flow>,
    json: bool,
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { events: 500_000, rounds: 3, flows: Flow::ALL.to_vec(), json: false };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let number = |text: &String| text.parse::<u64>().ok().filter(|number| *number > 0).ok_or(format!("{argument} needs a number"));
        match argument.as_str() {
            "--events" => options.events = number(value()?)?,
            "--rounds" => options.rounds = number(value()?)? as usize,
            "--flow" => {
                let name = value()?;
                options.flows = vec![Flow::ALL.into_iter().find(|flow| flow.name() == name).ok_or(format!("no flow {name:?}"))?];
            }
            "--json" => options.json = true,
            // What cargo tells every benchmark.
            "--bench" => {}
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(options)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Options { events, rounds, flows, json } = match options(&arguments) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            std::process::exit(64);
        }
    };
    eprintln!("agent {}, scratch files in {}", agent::binary().display(), cache::kept().display());
    for flow in flows {
        let servers = Servers::start(flow, events);
        for batch in BATCHES {
            let mut results: [Vec<Measured>; 2] = Default::default();
            for round in 0..rounds {
                for turn in 0..Side::BOTH.len() {
                    // The other one begins each round, so that neither always finds what the first left in the caches.
                    let index = (turn + round) % Side::BOTH.len();
                    let side = Side::BOTH[index];
                    let measured = servers.run(side, batch);
                    eprintln!("{}, batches of {batch}, round {} of {rounds}, {side:?}: {measured}", flow.title(), round + 1);
                    results[index].push(measured);
                }
            }
            let rows = report::rows(Side::BOTH.map(|side| side.name().to_owned()).into_iter().zip(results).collect());
            let title = format!("{}, batches of {batch}", flow.title());
            if json {
                println!("{{\"flow\":{title:?},\"result\":{}}}", report::json(&rows, events, rounds));
            } else {
                println!("{title}\n{}", report::table(&rows));
            }
        }
    }
}
