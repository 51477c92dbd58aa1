//! The Kafka sink.

mod spec;

pub use spec::*;
