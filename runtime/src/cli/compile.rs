//! `weir compile-plugin` (hidden): the compiler's own process.

use std::io;
use std::process::ExitCode;

use clap::Args;

use crate::plugin::compile;

/// Compiles the component on standard input to machine code on standard output, under resource limits.
#[derive(Debug, Args)]
pub struct CompilePlugin {}

/// Runs in the process it was started in, whose limits it lowers for good.
#[must_use]
pub fn main(_: CompilePlugin) -> ExitCode {
    match compile::serve(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("weir: {reason}");
            ExitCode::FAILURE
        }
    }
}
