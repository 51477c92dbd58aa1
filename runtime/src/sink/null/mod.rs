//! Drops all events: `org.apache.flume.sink.NullSink`.

mod spec;

pub use spec::Spec;
