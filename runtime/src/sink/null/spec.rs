//! Settings of a null sink: `org.apache.flume.sink.NullSink`.

use std::num::{NonZeroU64, NonZeroUsize};

use serde::{Deserialize, Serialize};

use crate::config::difference::differing;
use crate::config::keys::Keys;

const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");
const LOG_EVERY: NonZeroU64 = NonZeroU64::new(10_000).expect("10000 is not 0");

/// A null sink. Defaults are those of Flume 1.11.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Most events taken at once. Default: 100.
    pub batch_size: NonZeroUsize,
    /// Events between two lines in the log. Default: 10000.
    pub log_every_events: NonZeroU64,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec { batch_size: BATCH_SIZE, log_every_events: LOG_EVERY }
    }
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let spec = Spec {
            batch_size: keys.number("batchSize", BATCH_SIZE, "a number of events above 0"),
            log_every_events: keys.number("logEveryNEvents", LOG_EVERY, "a number of events above 0"),
        };
        (!keys.is_refused()).then_some(spec)
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(self, other, Spec { batch_size, log_every_events })
    }
}
