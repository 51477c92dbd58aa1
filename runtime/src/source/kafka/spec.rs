//! Settings of the Kafka source: `org.apache.flume.source.kafka.KafkaSource`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::config::Brokers;

/// A Kafka source. Defaults are those of Flume 1.11.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Where the cluster is.
    pub brokers: Brokers,
    /// What to read.
    pub topics: Topics,
    /// Consumer group. Default: `flume`.
    pub group: String,
    /// Most events in one batch. Default: 1000.
    pub batch_size: NonZeroUsize,
    /// Longest time to fill a batch; an empty poll ends it earlier. Default: 1 s.
    pub batch_duration: Duration,
    /// The record's value is an Avro `AvroFlumeEvent`, not the bare body. Default: false.
    pub flume_event_format: bool,
    /// Event header that gets the topic's name; `None` sets none. Default: `topic`.
    pub topic_header: Option<String>,
    /// (event header, Kafka record header) pairs to copy; of several record headers the last counts.
    pub header_mappings: Vec<(String, String)>,
    /// Where an agent of Flume 1.6 kept the group's offsets: taken over when the group has none in Kafka.
    /// The ZooKeeper connect string (`host:port,...[/chroot]`); `None` takes nothing over.
    pub migrate_offsets_from: Option<String>,
    /// librdkafka consumer properties, already translated from Java's names.
    pub client: BTreeMap<String, String>,
}

/// Topics by name or by pattern.
#[derive(Debug, Clone, PartialEq)]
pub enum Topics {
    /// Names, at least one.
    Names(Vec<String>),
    /// A regular expression over whole topic names, without librdkafka's leading `^`.
    Pattern(String),
}
