//! Settings of the Kafka sink: `org.apache.flume.sink.kafka.KafkaSink`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use crate::config::Brokers;

/// A Kafka sink. Defaults are those of Flume 1.11, but for `acks`, which is `all` with an idempotent producer unless set.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Where the cluster is.
    pub brokers: Brokers,
    /// Topic of events that name none; escapes (`%{header}`, `%Y`) are expanded only with a topic override. Default: `default-flume-topic`.
    pub topic: String,
    /// Most events taken from the channel at once. Default: 100.
    pub batch_size: NonZeroUsize,
    /// Write an Avro `AvroFlumeEvent` with the headers in it, not the bare body. Default: false.
    pub flume_event_format: bool,
    /// Event header that names the topic; `None` (`allowTopicOverride = false`) always takes `topic`. Default: `topic`.
    pub topic_header: Option<String>,
    /// An event whose topic header is only the one its source implies goes to `topic`; one set by an interceptor still routes.
    pub ignore_source_topic: bool,
    /// Event header that holds the partition's number; goes before `default_partition`.
    pub partition_header: Option<String>,
    /// Partition of every event without a partition header.
    pub default_partition: Option<i32>,
    /// Event header that holds the record's timestamp, milliseconds since the epoch.
    pub timestamp_header: Option<String>,
    /// (event header, Kafka record header) pairs to write.
    pub header_mappings: Vec<(String, String)>,
    /// Whether Kafka record headers that came with the event, and headers set by plugins, are written to the record. Default: true.
    pub record_headers: bool,
    /// librdkafka producer properties, already translated from Java's names.
    pub client: BTreeMap<String, String>,
}
