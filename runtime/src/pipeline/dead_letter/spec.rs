//! Where refused events are parked: a file or a topic.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::secret::Masked;
use crate::config::{Brokers, kafka_properties};

/// Where refused events are parked.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// JSON lines in this file, synced to disk before the event counts as settled. Pipelines and agents may share it.
    File(PathBuf),
    /// A Kafka topic, the event's own bytes with the reason in its headers. Pipelines may share it.
    Topic(Topic),
}

/// A dead-letter topic.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Where the cluster is; `None` is the cluster of the pipeline's first Kafka sink, else of its first Kafka source.
    #[serde(default)]
    pub brokers: Option<Brokers>,
    /// Topic name.
    pub topic: String,
    /// Names of the headers that say what befell the event. Both are read back. Default: `weir`.
    #[serde(default)]
    pub header_style: HeaderStyle,
    /// librdkafka producer properties.
    #[serde(default = "kafka_properties::producer_defaults", deserialize_with = "kafka_properties::producer")]
    pub client: BTreeMap<String, String>,
}

/// Names of a dead letter's headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderStyle {
    /// `weir.error.*`, `weir.source.*`, `weir.pipeline`.
    #[default]
    Weir,
    /// `__connect.errors.*`, as Kafka Connect has them (KIP-298), for tools that know those.
    Connect,
}

// The client properties may hold a password.
impl fmt::Debug for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Topic");
        out.field("brokers", &self.brokers).field("topic", &self.topic).field("header_style", &self.header_style);
        out.field("client", &Masked(&self.client)).finish()
    }
}
