//! `weir plugin`: the tools of a plugin's author, one file a command.

mod build;
mod compile;
mod inspect;
mod new;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be done with a plugin before an agent runs it.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Begin a plugin: a project with a test, sample events and a README.
    New(new::Args),
    /// Make the component of a project, whatever its language, or of a core module.
    Build(build::Args),
    /// Show what a plugin's file says of itself, and whether an agent would take it.
    Inspect(inspect::Args),
    /// Compile plugins ahead of time, so that no start and no swap has to.
    Compile(compile::Args),
}

/// Does it.
#[must_use]
pub fn main(task: Task) -> ExitCode {
    match task {
        Task::New(args) => new::main(args),
        Task::Build(args) => build::main(args),
        Task::Inspect(args) => inspect::main(args),
        Task::Compile(args) => compile::main(args),
    }
}
