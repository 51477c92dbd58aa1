//! How the commands that run a plugin end: a message on standard error and an exit code.

use std::io;
use std::process::ExitCode;

use crate::cli::EXIT_USAGE;
use crate::printable::escaped;
use crate::{interceptor, plugin};

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
