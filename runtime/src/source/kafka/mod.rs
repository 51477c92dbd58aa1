//! The Kafka source.

mod spec;

pub use spec::*;
