//! Refused events: parked with reason, stage and origin, never lost.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use crate::config::secret::Masked;
use crate::config::{Brokers, kafka_properties};

/// Where refused events are parked.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// JSON lines in this file, synced to disk before the event counts as settled.
    File(PathBuf),
    /// A Kafka topic, the event's own bytes with the reason in its headers.
    Topic {
        /// Where the cluster is; `None` is the cluster of the pipeline's first Kafka sink, else of its first Kafka source.
        #[serde(default)]
        brokers: Option<Brokers>,
        /// Topic name.
        topic: String,
        /// librdkafka producer properties.
        #[serde(default = "kafka_properties::producer_defaults", deserialize_with = "kafka_properties::producer")]
        client: BTreeMap<String, String>,
    },
}

// The client properties may hold a password.
impl fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spec::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Spec::Topic { brokers, topic, client } => {
                let mut out = formatter.debug_struct("Topic");
                out.field("brokers", brokers).field("topic", topic).field("client", &Masked(client)).finish()
            }
        }
    }
}
