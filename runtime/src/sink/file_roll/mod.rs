//! Files in a local directory: `org.apache.flume.sink.RollingFileSink`.

mod spec;

pub use spec::Spec;
