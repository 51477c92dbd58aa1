//! The Kafka source.

mod spec;
pub mod zookeeper;

pub use spec::*;
