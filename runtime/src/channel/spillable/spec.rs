//! Settings of a spillable memory channel.

use serde::{Deserialize, Serialize};

use crate::config::difference::differing;
use crate::config::keys::Keys;

/// A spillable memory channel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        (!keys.is_refused()).then_some(Spec {})
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(self, other, Spec {})
    }
}
