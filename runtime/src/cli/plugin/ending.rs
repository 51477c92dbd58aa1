//! What a command on a plugin ends with when it does not end well: one message, what to do next, and an exit code as of the other commands.

use std::process::ExitCode;

use crate::cli::failure::{EXIT_FINDINGS, EXIT_OUTPUT, EXIT_UNAVAILABLE, EXIT_USAGE};
use crate::printable::escaped;
use crate::{error_chain, plugin, project};

/// Says it on standard error.
pub(super) fn failed(error: &project::Error) -> ExitCode {
    eprintln!("weir: {}", escaped(&error_chain(error)));
    if let project::Error::Missing { install, .. } = error {
        eprintln!("  what brings it:");
        for line in install {
            eprintln!("    {line}");
        }
        eprintln!("  weir doctor looks at all tools");
    }
    ExitCode::from(code(error))
}

fn code(error: &project::Error) -> u8 {
    match error {
        project::Error::Usage(_) => EXIT_USAGE,
        project::Error::Missing { .. } => EXIT_UNAVAILABLE,
        project::Error::File { .. } | project::Error::Plugin(plugin::Error::Read { .. }) => EXIT_OUTPUT,
        project::Error::Manifest { .. } | project::Error::Tool { .. } | project::Error::Component(_) | project::Error::Plugin(_) => {
            EXIT_FINDINGS
        }
    }
}
