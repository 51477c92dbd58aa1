//! Settings of a sink group's processor.

use serde::{Deserialize, Serialize};

use crate::config::keys::Keys;

/// Which sink of a group writes a batch.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Processor {
    /// The only one: `org.apache.flume.sink.DefaultSinkProcessor`.
    Default {},
}

impl Processor {
    /// Reads Flume's keys `processor.*`; `None` when Flume would drop the group, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys, _sinks: &[String]) -> Option<Processor> {
        (!keys.is_refused()).then_some(Processor::Default {})
    }
}
