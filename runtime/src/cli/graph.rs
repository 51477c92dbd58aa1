//! `weir graph`: draws what a configuration runs.

use std::io::Write;
use std::process::ExitCode;

use super::validate::{EXIT_CONFIG, write_report};
use crate::config::{self, Load};
use crate::graph::{Graph, dot, json, mermaid};

/// Arguments of `weir graph`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Which configuration.
    #[command(flatten)]
    pub load: Load,
    /// Language of the picture.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Languages of pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Mermaid's flowchart, as GitHub shows it.
    #[default]
    Mermaid,
    /// Graphviz's DOT.
    Dot,
    /// Nodes and edges as JSON.
    Json,
}

/// Prints the picture. Exit code 78: the configuration cannot run, and the report says why.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let loaded = match config::load(&args.load) {
        Ok(loaded) => loaded,
        Err(error) => {
            // A standard error that is closed has nobody to tell.
            let _ = write_report(&error.problems, true);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let graph = Graph::of(&loaded.spec);
    let text = match args.format {
        Format::Mermaid => mermaid::render(&graph),
        Format::Dot => dot::render(&graph),
        Format::Json => format!("{:#}\n", json::render(&graph)),
    };
    // Nobody reads a pipe that is closed.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
