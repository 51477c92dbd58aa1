//! Settings of a sequence source: `org.apache.flume.source.SequenceGeneratorSource`.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::config::difference::differing;
use crate::config::keys::Keys;

/// Most events: Java's `Long.MAX_VALUE`.
const TOTAL_EVENTS: u64 = i64::MAX as u64;

/// A sequence source. Defaults are those of Flume 1.11.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Most events in one batch. Default: 1.
    pub batch_size: NonZeroUsize,
    /// Where it stops; then it idles. Default: never.
    pub total_events: u64,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec { batch_size: NonZeroUsize::MIN, total_events: TOTAL_EVENTS }
    }
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        // Back-off once there is nothing to send: here the source rests.
        keys.ignore(&["backoffSleepIncrement", "maxBackoffSleep"]);
        let spec = Spec {
            batch_size: keys.number("batchSize", NonZeroUsize::MIN, "a number of events above 0"),
            // Java's number may be below 0, which is none.
            total_events: u64::try_from(keys.number("totalEvents", i64::MAX, "a number of events")).unwrap_or_default(),
        };
        (!keys.is_refused()).then_some(spec)
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(self, other, Spec { batch_size, total_events })
    }
}
