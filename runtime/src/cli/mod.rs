//! Arguments in, exit code out: one file a subcommand.

pub mod compile;
pub mod demo;
pub mod run;
pub mod validate;
