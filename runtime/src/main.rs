//! The `weir` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use weir::cli::{compile, demo, run, validate};

/// Kafka pipelines with WebAssembly interceptors: runs Flume's configurations, loses nothing.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 110)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the pipelines of a configuration until SIGTERM.
    #[command(visible_alias = "agent")]
    Run(Box<run::Args>),
    /// See it work: the seed's configuration on a stream of transactions, with a broker in this process.
    Demo(demo::Args),
    /// Say everything that is wrong with a configuration, without running it.
    Validate(Box<validate::Args>),
    /// Turn a core module into a component.
    Componentize(compile::Componentize),
    /// The compiler's own process.
    #[command(hide = true)]
    CompilePlugin(compile::CompilePlugin),
}

fn main() -> ExitCode {
    match Command::parse().task {
        Task::Run(args) => run::main(*args),
        Task::Demo(args) => demo::main(args),
        Task::Validate(args) => validate::main(*args),
        Task::Componentize(task) => report(task.run()),
        Task::CompilePlugin(task) => report(task.run()),
    }
}

fn report(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir: {error:#}");
            ExitCode::FAILURE
        }
    }
}
