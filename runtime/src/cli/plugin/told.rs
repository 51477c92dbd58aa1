//! How the commands that run a plugin end: a message on standard error and an exit code.

use std::io;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::EXIT_USAGE;
use crate::cli::failure::Failure;
use crate::printable::escaped;
use crate::{interceptor, plugin};

/// What was printed, or why it was not.
pub(super) fn printed(done: Result<(), Failure>) -> anyhow::Result<()> {
    match done {
        Ok(()) => Ok(()),
        Err(Failure::Output(error)) => Err(error).context("write to standard output"),
        Err(failure) => anyhow::bail!("write to standard output: {failure:?}"),
    }
}

/// The exit code of what was done: 1 where the plugin is what is wrong, 64 where it is what was given with it.
pub(super) fn ended(done: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match done {
        Ok(code) => return code,
        Err(error) => error,
    };
    // The reader has had enough, as of `weir plugin try ... | head`.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    eprintln!("weir: {}", escaped(&format!("{error:#}")));
    let is_the_plugin = match error.downcast_ref::<plugin::Error>() {
        Some(error) => !matches!(error, plugin::Error::Read { .. }),
        None => error.is::<interceptor::Error>(),
    };
    if is_the_plugin { ExitCode::FAILURE } else { ExitCode::from(EXIT_USAGE) }
}
