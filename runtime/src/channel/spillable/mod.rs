//! Memory that overflows to disk: `org.apache.flume.channel.SpillableMemoryChannel`.

mod spec;

pub use spec::Spec;
