//! Load for tests: `org.apache.flume.source.StressSource`.

mod spec;

pub use spec::Spec;
