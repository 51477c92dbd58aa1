//! Events in the log: `org.apache.flume.sink.LoggerSink`.

mod spec;

pub use spec::Spec;
