//! What Weir's tests and its pipeline benchmark share: `harness` starts real servers and agents, makes data and checks it.
//! The tests themselves are in `main.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod harness;
