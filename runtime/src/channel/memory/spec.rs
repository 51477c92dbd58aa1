//! Settings of the memory channel: `org.apache.flume.channel.MemoryChannel`.

use std::num::NonZeroUsize;
use std::time::Duration;

/// A memory channel. Defaults are those of Flume 1.11 but for `byte_capacity`, which there is 80 % of the Java heap.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Most events waiting. Default: 100.
    pub capacity: NonZeroUsize,
    /// Most events put or taken at once; raised to the batch size of the sources and sinks around it, with a warning. Default: 100.
    pub transaction_capacity: NonZeroUsize,
    /// Flume's wait for room before it fails a put; here a put waits as long as it takes. Default: 3 s.
    pub keep_alive: Duration,
    /// Most bytes of bodies waiting; 0 is no limit. Default: 64 MiB.
    pub byte_capacity: u64,
    /// Percentage of `byte_capacity` set aside for headers. Default: 20.
    pub byte_capacity_buffer_percentage: u8,
}
