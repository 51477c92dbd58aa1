//! Where events wait between a source and its sinks.

/// Which channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// `org.apache.flume.channel.MemoryChannel`
    Memory(memory::Spec),
}

pub mod memory;
