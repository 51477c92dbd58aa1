//! Settings of the memory channel: `org.apache.flume.channel.MemoryChannel`.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::keys::Keys;
use crate::config::problem::Problem;
use crate::config::size;

const CAPACITY: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");
const KEEP_ALIVE: Duration = Duration::from_secs(3);
const BYTE_CAPACITY: u64 = 64 << 20;
const BUFFER_PERCENTAGE: u8 = 20;

/// A memory channel. Defaults are those of Flume 1.11 but for `byte_capacity`, which there is 80 % of the Java heap.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Most events waiting. Default: 100.
    pub capacity: NonZeroUsize,
    /// Most events put or taken at once; raised to the batch size of the sources and sinks around it, with a warning. Default: 100.
    pub transaction_capacity: NonZeroUsize,
    /// Flume's wait for room before it fails a put; here a put waits as long as it takes. Default: 3 s.
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
    /// Most bytes of bodies waiting; 0 is no limit. Default: 64 MiB.
    #[serde(deserialize_with = "size::deserialize", serialize_with = "size::serialize")]
    pub byte_capacity: u64,
    /// Percentage of `byte_capacity` set aside for headers. Default: 20.
    pub byte_capacity_buffer_percentage: u8,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            capacity: CAPACITY,
            transaction_capacity: CAPACITY,
            keep_alive: KEEP_ALIVE,
            byte_capacity: BYTE_CAPACITY,
            byte_capacity_buffer_percentage: BUFFER_PERCENTAGE,
        }
    }
}

impl Spec {
    /// Reads Flume's keys. A number that is wrong is warned about and its default taken, as Flume does: this channel is never dropped.
    pub fn from_flume(keys: &mut Keys) -> Spec {
        let percentage = number(keys, "byteCapacityBufferPercentage", BUFFER_PERCENTAGE);
        keys.differs("keep-alive", "a put that finds no room waits as long as it takes, and fails nothing");
        let keep_alive = number(keys, "keep-alive", u32::try_from(KEEP_ALIVE.as_secs()).unwrap_or(u32::MAX));
        Spec {
            capacity: number(keys, "capacity", CAPACITY),
            transaction_capacity: number(keys, "transactionCapacity", CAPACITY),
            keep_alive: Duration::from_secs(keep_alive.into()),
            byte_capacity: number(keys, "byteCapacity", BYTE_CAPACITY),
            byte_capacity_buffer_percentage: percentage.min(100),
        }
    }
}

fn number<N: FromStr + Copy + ToString>(keys: &mut Keys, key: &str, default: N) -> N {
    let Some(value) = keys.get(key) else { return default };
    value.text.parse().unwrap_or_else(|_| {
        let message = format!("{} is not a number that fits; the default {} is taken", value.shown(), default.to_string());
        keys.report(Problem::lenient(message).same().key(value.key.clone()).at(value.place()));
        default
    })
}
