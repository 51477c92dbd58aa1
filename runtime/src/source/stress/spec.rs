//! Settings of a stress source: `org.apache.flume.source.StressSource`.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::{Deserialize, Serialize};

use crate::config::difference::differing;
use crate::config::keys::Keys;
use crate::config::problem::Problem;

const SIZE: usize = 500;
/// Largest body, bytes: what a Kafka broker may be made to take, and more than any other sink likes.
const LARGEST: usize = 64 << 20;

/// A stress source. Defaults are those of Flume 1.11.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Bytes of a body. Default: 500.
    pub size: usize,
    /// Most events in one batch. Default: 1.
    pub batch_size: NonZeroUsize,
    /// Most events handed out, those that come again counted again. Default: no limit.
    pub max_total_events: Option<u64>,
    /// Most events that are settled. Default: no limit.
    pub max_successful_events: Option<u64>,
    /// Most events a second. Default: no limit.
    pub max_events_per_second: Option<NonZeroU32>,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec { size: SIZE, batch_size: NonZeroUsize::MIN, max_total_events: None, max_successful_events: None, max_events_per_second: None }
    }
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        keys.ignore(&["backoffSleepIncrement", "maxBackoffSleep"]);
        let size = keys.number("size", SIZE, "a number of bytes");
        if size > LARGEST {
            let problem = Problem::error(format!("a body of {size} bytes is too large; the most is {LARGEST}"));
            keys.refuse(problem.key(keys.full("size")).at(keys.place("size")));
        }
        let batch_size = keys.number("batchSize", NonZeroUsize::MIN, "a number of events above 0");
        // A limit below 0 is none.
        let mut limit = |key| u64::try_from(keys.number::<i64>(key, -1, "a number of events")).ok();
        let (max_total_events, max_successful_events) = (limit("maxTotalEvents"), limit("maxSuccessfulEvents"));
        let rate = keys.number::<i32>("maxEventsPerSecond", 0, "a number of events");
        let max_events_per_second = u32::try_from(rate).ok().and_then(NonZeroU32::new);
        let spec = Spec { size, batch_size, max_total_events, max_successful_events, max_events_per_second };
        (!keys.is_refused()).then_some(spec)
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(self, other, Spec { size, batch_size, max_total_events, max_successful_events, max_events_per_second })
    }
}
