//! Arguments in, exit code out: one file a subcommand.

pub mod validate;
