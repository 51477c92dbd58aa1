//! Files on HDFS or a local directory: `org.apache.flume.sink.hdfs.HDFSEventSink`.

mod spec;

pub use spec::Spec;
