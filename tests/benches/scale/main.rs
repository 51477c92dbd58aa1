//! What becomes of cost, speed and memory when there is more of something:
//! `cargo bench -p weir-tests --bench scale -- [--part NAME]... [--events N] [--rounds N] [--json|--markdown]`.
//!
//! - `partitions`: one pipeline reads a topic of 1 to 256 partitions;
//! - `pipelines`: one agent runs 1 to 100 pipelines, which share one load;
//! - `agents`: 1 to 4 agents of one group share a topic;
//! - `start`: from the start of the process to the first event out, with and without compiled code in the cache;
//! - `memory`: what a pipeline takes under load, with a sink that hangs, and with more pipelines beside it.
//!
//! The first two have a plain librdkafka loop beside the agent, with as many clients: what grows there grows with librdkafka. CPU is that of the
//! process and of the broker apart. Everything has joined its group and seen an event before anything is measured; then it stands still while the
//! topics are filled. Medians over the rounds are shown. Without cargo's `--bench` it runs small, only to show that it works.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod agents;
mod contestant;
mod memory;
mod options;
mod partitions;
mod pipelines;
mod raw;
mod start;
mod steady;
mod table;

use options::{Form, Options, Part};
use table::Table;
use weir_tests::harness::{agent, cache};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == raw::ARGUMENT) {
        return raw::run(&arguments[1..]);
    }
    let options = match Options::read(&arguments) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{}", options::USAGE);
            std::process::exit(64);
        }
    };
    eprintln!("agent {}, scratch files in {}", agent::binary().display(), cache::kept().display());
    for part in &options.parts {
        let tables: Vec<Table> = match part {
            Part::Partitions => vec![partitions::run(&options)],
            Part::Pipelines => vec![pipelines::run(&options)],
            Part::Agents => vec![agents::run(&options)],
            Part::Start => vec![start::run(&options)],
            Part::Memory => memory::run(&options),
        };
        for table in tables {
            match options.form {
                Form::Text => println!("{}", table.text()),
                Form::Markdown => println!("{}", table.markdown()),
                Form::Json => println!("{}", table.json(part.name())),
            }
        }
    }
}
