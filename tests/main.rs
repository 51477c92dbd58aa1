//! Weir's tests: one binary, real servers. `harness` starts what a test needs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod flow;
mod harness;
mod kafka;
mod plugin;
