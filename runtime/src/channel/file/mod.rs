//! The file channel: `org.apache.flume.channel.file.FileChannel`.

mod spec;

pub use spec::Spec;
