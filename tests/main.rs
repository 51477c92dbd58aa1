//! Weir's tests: one binary, real servers. `harness` starts what a test needs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authors;
mod config;
mod conformance;
mod file_channel;
mod flow;
mod hdfs;
mod kafka;
mod plugin;
mod swap;

use weir_tests::harness;
