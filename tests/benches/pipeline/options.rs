//! What the benchmark is asked for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use weir_tests::harness::{agent, cache};

/// Weir against the least a program can do and against Flume, on one broker, in turns.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench -p weir-tests --bench pipeline --")]
pub struct Options {
    /// Events that are moved in a round
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    pub events: u64,
    /// Rounds; in each all take their turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Lengths of a body, bytes [default: 250,1024, and with --latency 250]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(250..))]
    sizes: Vec<u32>,
    /// Batches of Weir and of Flume [default: 5,100,1000, and with --latency 100]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    batches: Vec<u32>,
    /// Who takes part [default: all]; ratios need the tuned loop, those of scorers the one that scores, those of delays the one with Weir's settings
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Kind>,
    /// Rounds that Flume takes part in
    #[arg(long, default_value_t = 1)]
    pub flume_rounds: u32,
    /// Seconds after which a slow run ends, whatever it has moved
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// An agent of another build and, where they are not this checkout's, its plugins; several compete
    #[arg(long, value_name = "NAME=BINARY[:PLUGINS]", value_parser = build)]
    agent: Vec<Build>,
    /// Measures delays at so many events a second instead of speed
    #[arg(long, value_name = "RATE", num_args = 0..=1, default_missing_value = "2000", value_parser = clap::value_parser!(u64).range(1..))]
    pub latency: Option<u64>,
    /// Seconds that delays are measured for, a run
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
    /// Has `perf` watch every agent of Weir, and says where its time goes
    #[arg(long, conflicts_with = "latency")]
    pub profile: bool,
    /// A table for the README
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// What cargo tells every benchmark
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

/// Who moves the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A plain loop on librdkafka, tuned
    Raw,
    /// The same again: what differs is noise
    RawAgain,
    /// The loop with librdkafka's defaults
    RawDefaults,
    /// The loop with the client settings of Weir
    RawAsWeir,
    /// The same again, where delays are measured
    RawAsWeirAgain,
    /// The tuned loop with the rules of fraud-score compiled in
    RawScore,
    /// Nobody: the feed's own topic is read
    Nobody,
    /// Weir without an interceptor
    Weir,
    /// Weir with a plugin that touches nothing
    WeirPassthrough,
    /// Weir with fraud-score
    WeirFraudScore,
    /// Flume 1.11 with the same rules in Java
    Flume,
}

/// An agent to measure.
#[derive(Debug, Clone)]
pub struct Build {
    /// How it is called, where several compete.
    pub name: String,
    /// The program.
    pub binary: PathBuf,
    /// The folder `plugins` that belongs to it.
    pub plugins: PathBuf,
}

impl Options {
    /// Lengths of bodies, bytes.
    pub fn sizes(&self) -> &[u32] {
        match (self.sizes.is_empty(), self.latency) {
            (false, _) => &self.sizes,
            (true, None) => &[250, 1024],
            (true, Some(_)) => &[250],
        }
    }

    /// Sizes of batches, in events.
    pub fn batches(&self) -> &[u32] {
        match (self.batches.is_empty(), self.latency) {
            (false, _) => &self.batches,
            (true, None) => &[5, 100, 1000],
            (true, Some(_)) => &[100],
        }
    }

    /// The agents that compete, the first of which the others are compared with; by default this checkout's own.
    pub fn builds(&self) -> Vec<Build> {
        match self.agent.is_empty() {
            false => self.agent.clone(),
            true => vec![Build { name: "this".to_owned(), binary: agent::binary().to_owned(), plugins: plugins() }],
        }
    }
}

fn build(text: &str) -> Result<Build, String> {
    let (name, rest) = text.split_once('=').ok_or("no name before a `=`")?;
    let (binary, plugins) = match rest.split_once(':') {
        Some((binary, plugins)) => (binary, plugins.into()),
        None => (rest, plugins()),
    };
    // Agents run in directories of their own.
    let absolute = |path: PathBuf| path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
    Ok(Build { name: name.to_owned(), binary: absolute(binary.into())?, plugins: absolute(plugins)? })
}

fn plugins() -> PathBuf {
    cache::repository().join("plugins")
}
