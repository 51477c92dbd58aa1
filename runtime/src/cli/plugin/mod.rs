//! `weir plugin`: the tools of a plugin's author, one file a command.

mod alone;
mod attempt;
mod bench;
mod build;
mod compile;
mod dev;
mod difference;
mod ending;
mod inspect;
mod log;
mod new;
mod report;
mod run;
mod test;
mod told;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be done with a plugin before an agent runs it.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Begin a plugin: a project with a test, sample events and a README.
    New(new::Args),
    /// Make the component of a project, whatever its language, or of a core module.
    Build(build::Args),
    /// Judge the events of a file, and compare what becomes of them with what should.
    Test(Box<test::Args>),
    /// Judge events as they come on standard input.
    Try(Box<attempt::Args>),
    /// Measure what a plugin costs an event, by batch size.
    Bench(Box<bench::Args>),
    /// Build a project again at each save, and show what the plugin makes of the sample then.
    Dev(Box<dev::Args>),
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
        Task::Test(args) => test::main(*args),
        Task::Try(args) => attempt::main(*args),
        Task::Bench(args) => bench::main(*args),
        Task::Dev(args) => dev::main(*args),
        Task::Inspect(args) => inspect::main(args),
        Task::Compile(args) => compile::main(args),
    }
}
