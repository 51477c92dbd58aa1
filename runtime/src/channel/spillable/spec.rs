//! Settings of the spillable memory channel: `org.apache.flume.channel.SpillableMemoryChannel`.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::channel::file;
use crate::config::difference::differing;
use crate::config::keys::Keys;
use crate::config::problem::Problem;
use crate::config::size;

const MEMORY_CAPACITY: usize = 10_000;
const OVERFLOW_CAPACITY: usize = 100_000_000;
const OVERFLOW_TIMEOUT: Duration = Duration::from_secs(3);
const DEACTIVATION_THRESHOLD: u8 = 5;
const BYTE_CAPACITY: u64 = 64 << 20;
const BUFFER_PERCENTAGE: u8 = 20;
/// Flume's `avgEventSize`, in which it accounts memory.
const AVERAGE_EVENT: u64 = 500;

/// A spillable memory channel. Defaults are those of Flume 1.11 but for `byte_capacity`, which there is 80 % of the Java heap.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Most events in memory; 0: all go to disk. With a disk more than 10,000 events or 8 MiB overflow all the same: the source waits for
    /// their delivery, and has no more open. Default: 10,000.
    pub memory_capacity: usize,
    /// Most events on disk; 0: none go there. Default: 100,000,000.
    pub overflow_capacity: usize,
    /// How long a put waits for memory before all goes to disk. Default: 3 s.
    #[serde(with = "humantime_serde")]
    pub overflow_timeout: Duration,
    /// Percentage of `memory_capacity`: with so many events waiting on disk, puts go to memory again. Default: 5.
    pub overflow_deactivation_threshold: u8,
    /// Most bytes of events in memory; 0 is no limit. Default: 64 MiB.
    #[serde(deserialize_with = "size::deserialize", serialize_with = "size::serialize")]
    pub byte_capacity: u64,
    /// Percentage of `byte_capacity` set aside for headers. Default: 20.
    pub byte_capacity_buffer_percentage: u8,
    /// The disk's files. Its capacity is `overflow_capacity`.
    pub file: file::Spec,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            memory_capacity: MEMORY_CAPACITY,
            overflow_capacity: OVERFLOW_CAPACITY,
            overflow_timeout: OVERFLOW_TIMEOUT,
            overflow_deactivation_threshold: DEACTIVATION_THRESHOLD,
            byte_capacity: BYTE_CAPACITY,
            byte_capacity_buffer_percentage: BUFFER_PERCENTAGE,
            file: file::Spec::default(),
        }
    }
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the channel, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let mut memory_capacity = capacity(keys, "memoryCapacity", MEMORY_CAPACITY);
        let overflow_capacity = capacity(keys, "overflowCapacity", OVERFLOW_CAPACITY);
        if memory_capacity == 0 && overflow_capacity == 0 {
            let message = format!("neither memory nor disk is to hold events: `memoryCapacity` is taken for {MEMORY_CAPACITY}");
            keys.report(Problem::lenient(message).key(keys.full("memoryCapacity")).at(keys.place("memoryCapacity")));
            memory_capacity = MEMORY_CAPACITY;
        }
        let timeout = keys.number::<u32>("overflowTimeout", 3, "a number of seconds");
        let threshold = keys.number("overflowDeactivationThreshold", DEACTIVATION_THRESHOLD, "a percentage");
        let average = keys.number("avgEventSize", AVERAGE_EVENT, "a number of bytes");
        let byte_capacity = keys.number("byteCapacity", BYTE_CAPACITY, "a number of bytes");
        let percentage = keys.number("byteCapacityBufferPercentage", BUFFER_PERCENTAGE, "a percentage");
        // Flume sets the file channel's own: a put waits for memory, and not again for the disk.
        keys.ignore(&["keep-alive", "capacity", "transactionCapacity"]);
        let spec = Spec {
            memory_capacity,
            overflow_capacity,
            overflow_timeout: Duration::from_secs(timeout.into()),
            overflow_deactivation_threshold: threshold.min(100),
            // Flume counts in events of the average size, at least one.
            byte_capacity: if byte_capacity == 0 { 0 } else { byte_capacity.max(average) },
            byte_capacity_buffer_percentage: percentage.min(100),
            file: file::Spec::disk_from_flume(keys),
        };
        (!keys.is_refused()).then_some(spec)
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        let mut names = differing!(
            self,
            other,
            Spec {
                memory_capacity,
                overflow_capacity,
                overflow_timeout,
                overflow_deactivation_threshold,
                byte_capacity,
                byte_capacity_buffer_percentage,
                file
            }
        );
        if names.pop_if(|name| name == "file").is_some() {
            names.extend(self.file.differing(&other.file).into_iter().map(|name| format!("file.{name}")));
        }
        names
    }

    /// The disk; `None`: memory only.
    pub(super) fn overflow(&self) -> Option<file::Spec> {
        let capacity = NonZeroUsize::new(self.overflow_capacity)?;
        Some(file::Spec { capacity, ..self.file.clone() })
    }

    /// Most bytes of events in memory.
    pub(super) fn bytes(&self) -> u64 {
        match self.byte_capacity {
            0 => u64::MAX,
            bytes => (bytes / 100).saturating_mul(100 - u64::from(self.byte_capacity_buffer_percentage.min(99))),
        }
    }
}

/// A number of events; less than 0 is warned about and the default taken, as Flume does.
fn capacity(keys: &mut Keys, key: &str, default: usize) -> usize {
    let written = keys.number::<i32>(key, i32::try_from(default).unwrap_or(i32::MAX), "a number of events");
    usize::try_from(written).unwrap_or_else(|_| {
        let message = format!("`{key}` is {written}; the default {default} is taken");
        keys.report(Problem::lenient(message).key(keys.full(key)).at(keys.place(key)));
        default
    })
}
