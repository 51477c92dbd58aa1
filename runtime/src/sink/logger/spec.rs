//! Settings of a logger sink: `org.apache.flume.sink.LoggerSink`.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::config::difference::differing;
use crate::config::keys::Keys;
use crate::config::problem::Problem;

const MAX_BYTES: usize = 16;
const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");

/// A logger sink.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Most events taken at once; Flume takes one. Default: 100.
    pub batch_size: NonZeroUsize,
    /// Most bytes of a body that are shown. Default: 16.
    pub max_bytes_to_log: usize,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec { batch_size: BATCH_SIZE, max_bytes_to_log: MAX_BYTES }
    }
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        if let Some(value) = keys.get("maxBytesToLog") {
            let message = format!("Flume never reads `maxBytesToLog`: {MAX_BYTES} bytes of a body are logged, there as here");
            let problem = Problem::note(message).help("`max_bytes_to_log` of the native form is heeded");
            keys.report(problem.key(value.key.clone()).at(value.key_place()));
        }
        (!keys.is_refused()).then(Spec::default)
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(self, other, Spec { batch_size, max_bytes_to_log })
    }
}
