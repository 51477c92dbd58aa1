//! Counts: `org.apache.flume.source.SequenceGeneratorSource`.

mod spec;

pub use spec::Spec;
