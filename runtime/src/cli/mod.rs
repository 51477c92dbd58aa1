//! Arguments in, exit code out: one file a subcommand. Those on a running agent share [`crate::client`], `session`, `failure` and `show`.

pub mod compile;
pub mod convert;
pub mod demo;
pub mod dlq;
mod failure;
pub mod graph;
pub mod history;
pub mod logs;
pub mod pause;
pub mod plugin;
pub mod reload;
pub mod run;
mod session;
mod show;
pub mod status;
pub mod swap;
pub mod tap;
#[cfg(feature = "top")]
pub mod top;
pub mod validate;

pub use failure::EXIT_USAGE;
