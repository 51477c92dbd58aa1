//! Refused events: parked with reason, stage and origin, never lost.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::Brokers;

/// Where refused events are parked.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// JSON lines in this file, synced to disk before the event counts as settled.
    File(PathBuf),
    /// A Kafka topic, the event's own bytes with the reason in its headers.
    Topic {
        /// Where the cluster is; `None` is the cluster of the pipeline's first Kafka sink, else of its first Kafka source.
        brokers: Option<Brokers>,
        /// Topic name.
        topic: String,
        /// librdkafka producer properties.
        client: BTreeMap<String, String>,
    },
}
