//! The memory channel: `org.apache.flume.channel.MemoryChannel`, but nothing is lost with it, since the ack travels with the events.

mod spec;

pub use spec::Spec;
