//! Arguments in, exit code out: one file a subcommand.

pub mod demo_view;
