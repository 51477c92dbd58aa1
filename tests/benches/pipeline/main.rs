//! The whole pipeline against the least a program can do: `cargo bench -p weir-tests --bench pipeline -- [--events N] [--rounds N] [--json]`.
//!
//! One broker, one filled topic. In every round each contestant, in a process of its own, moves all of it to a new topic: a plain
//! consumer-to-producer loop on librdkafka, the same loop once more (what differs between the two is noise), the loop with a scorer compiled in, and
//! the agent without a component, with one that changes nothing and with `fraud-score`, in batches of 5 and of 1000. A machine's own speed drifts, so
//! ratios are taken within a round and their median is shown.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod copy;
mod measure;
mod report;
#[path = "../../../plugins/fraud-score/src/rules.rs"]
mod rules;
mod score;
mod transaction;

use std::process::Command;

use measure::{Measured, measure};
use weir_tests::harness::agent::{self, Site};
use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::configuration::{self, Pipeline};
use weir_tests::harness::process::Process;
use weir_tests::harness::topics::{self, Topic};
use weir_tests::harness::transactions::Transactions;
use weir_tests::harness::{cache, load};

const PARTITIONS: i32 = 4;
const USAGE: &str = "usage: pipeline [--events N] [--rounds N] [--json]";

/// Who moves the events.
#[derive(Debug, Clone, Copy)]
enum Contestant {
    /// The plain loop.
    Copy,
    /// The plain loop again.
    Control,
    /// The plain loop, scoring.
    Native,
    /// The agent, with this component, in batches of this size.
    Agent(Component, usize),
}

#[derive(Debug, Clone, Copy)]
enum Component {
    None,
    Passthrough,
    FraudScore,
}

impl Contestant {
    /// The one that ratios refer to comes first.
    fn all() -> Vec<Contestant> {
        let mut all = vec![Contestant::Copy, Contestant::Control, Contestant::Native];
        for batch_size in [5, 1000] {
            all.extend(
                [Component::None, Component::Passthrough, Component::FraudScore].map(|component| Contestant::Agent(component, batch_size)),
            );
        }
        all
    }

    fn name(self) -> String {
        match self {
            Contestant::Copy => "plain loop".to_owned(),
            Contestant::Control => "plain loop again".to_owned(),
            Contestant::Native => "plain loop, native score".to_owned(),
            Contestant::Agent(Component::None, batch_size) => format!("weir, batches of {batch_size}"),
            Contestant::Agent(Component::Passthrough, batch_size) => format!("weir, passthrough, batches of {batch_size}"),
            Contestant::Agent(Component::FraudScore, batch_size) => format!("weir, fraud-score, batches of {batch_size}"),
        }
    }

    fn run(self, input: &Topic, events: u64) -> Measured {
        let output = Topic::create(input.bootstrap(), "bench-out", PARTITIONS);
        let group = topics::unique("bench");
        let Contestant::Agent(component, batch_size) = self else {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([copy::ARGUMENT, input.bootstrap(), &input.name, &output.name, &group]);
            if matches!(self, Contestant::Native) {
                command.arg(copy::SCORE);
            }
            let process = Process::start(command);
            return measure(&output, events, || process.usage());
        };
        let plugins = match component {
            Component::None => vec![],
            Component::Passthrough => vec![configuration::passthrough()],
            Component::FraudScore => vec![configuration::fraud_score()],
        };
        let pipeline = Pipeline { plugins, batch_size, ..Pipeline::new("bench", input, &output.name, &group) };
        let agent = Site::new("bench", &pipeline.properties(), &["bench"]).launch(0);
        measure(&output, events, || agent.usage())
    }
}

struct Options {
    events: u64,
    rounds: usize,
    json: bool,
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { events: 1_000_000, rounds: 5, json: false };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .and_then(|text| text.parse::<u64>().ok())
                .filter(|number| *number > 0)
                .ok_or(format!("{argument} needs a number"))
        };
        match argument.as_str() {
            "--events" => options.events = number()?,
            "--rounds" => options.rounds = number()? as usize,
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
    if arguments.first().is_some_and(|first| first == copy::ARGUMENT) {
        return copy::run(&arguments[1..]);
    }
    let Options { events, rounds, json } = match options(&arguments) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            std::process::exit(64);
        }
    };
    eprintln!("agent {}, scratch files in {}", agent::binary().display(), cache::kept().display());
    let broker = Broker::start(Machine::Fast);
    let input = Topic::create(broker.bootstrap(), "bench-in", PARTITIONS);
    load::fill(&input, &Transactions::new(PARTITIONS), events, None);
    let contestants = Contestant::all();
    let mut results = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            // Another one begins each round, so that none always follows the same.
            let index = (turn + round) % contestants.len();
            let measured = contestants[index].run(&input, events);
            eprintln!("round {} of {rounds}, {}: {measured}", round + 1, contestants[index].name());
            results[index].push(measured);
        }
    }
    let rows = report::rows(contestants.iter().map(|contestant| contestant.name()).zip(results).collect());
    println!("{}", if json { report::json(&rows, events, rounds) } else { report::table(&rows) });
}
