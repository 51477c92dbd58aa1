//! Settings of the Kafka sink: `org.apache.flume.sink.kafka.KafkaSink`.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::config::keys::Keys;
use crate::config::problem::Problem;
use crate::config::secret::Masked;
use crate::config::{Brokers, kafka_properties, native};
use crate::source::kafka::Topics;

const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");

/// Flume's topic when none is named.
pub const DEFAULT_TOPIC: &str = "default-flume-topic";

/// A Kafka sink. Defaults are those of Flume 1.11, but for `acks`, which is `all` with an idempotent producer unless set.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Where the cluster is.
    pub brokers: Brokers,
    /// Topic of events that name none; escapes (`%{header}`, `%Y`) are expanded only with a topic override. Default: `default-flume-topic`.
    #[serde(default = "default_topic")]
    pub topic: String,
    /// Events of a batch, which is what counts as complete; more are taken at once all the same, since each is written by itself. Default: 100.
    #[serde(default = "default_batch_size")]
    pub batch_size: NonZeroUsize,
    /// Write an Avro `AvroFlumeEvent` with the headers in it, not the bare body. Default: false.
    #[serde(default)]
    pub flume_event_format: bool,
    /// Event header that names the topic; `None` (`allowTopicOverride = false`, `false` in the native form) always takes `topic`.
    /// Default: `topic`.
    #[serde(
        default = "native::default_topic_header",
        deserialize_with = "native::name_or_false",
        serialize_with = "native::write_name_or_false"
    )]
    pub topic_header: Option<String>,
    /// An event whose topic header is merely the one its source set goes to `topic`; one that an interceptor has set routes. Default: true.
    /// In a Flume file it is true unless the sink mirrors: it names no topic, and writes to another cluster than is
    /// read. Flume has no such thing: there an event goes back to the topic it was read from.
    #[serde(default = "native::yes")]
    pub ignore_source_topic: bool,
    /// Topics that the topic header does not lead back to: those that are read before a Kafka channel, behind which the header of the source
    /// looks like one that an interceptor has set. No setting: it follows from the pipeline.
    #[serde(skip)]
    pub not_back_to: Vec<Topics>,
    /// Event header that holds the partition's number; goes before `default_partition`.
    #[serde(default)]
    pub partition_header: Option<String>,
    /// Partition of every event without a partition header.
    #[serde(default, deserialize_with = "native::partition")]
    pub default_partition: Option<i32>,
    /// Event header that holds the record's timestamp, milliseconds since the epoch.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// (event header, Kafka record header) pairs to write.
    #[serde(default, deserialize_with = "native::pairs", serialize_with = "native::write_pairs")]
    pub header_mappings: Vec<(String, String)>,
    /// Whether Kafka record headers that came with the event, and headers set by plugins, are written to the record. Default: true.
    #[serde(default = "native::yes")]
    pub record_headers: bool,
    /// librdkafka producer properties, already translated from Java's names. `partitioner` is always among them, by default Java's
    /// (`murmur2_random`), so that a key stays in its partition when a Java producer is replaced.
    #[serde(default = "kafka_properties::producer_defaults", deserialize_with = "kafka_properties::producer")]
    pub client: BTreeMap<String, String>,
}

fn default_topic() -> String {
    DEFAULT_TOPIC.to_owned()
}

fn default_batch_size() -> NonZeroUsize {
    BATCH_SIZE
}

impl Spec {
    /// Reads Flume's keys, those of 1.7 and later and those of 1.6. `None` when Flume would drop the sink; `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let mut producer = keys.take("kafka.producer.");
        if let Some(acks) = keys.get_renamed("kafka.producer.acks", "requiredAcks") {
            producer.insert("acks".to_owned(), acks);
        }
        kafka_properties::adopt_old(kafka_properties::Role::Producer, keys, &mut producer);
        for serializer in ["serializer.class", "key.serializer.class"] {
            if let Some(value) = keys.get(serializer) {
                let problem = Problem::warning(format!("`{serializer}` is of Flume 1.6, ignored: records carry the bytes as they are"));
                keys.report(problem.key(value.key.clone()).at(value.key_place()));
            }
        }
        let brokers = match keys.get_renamed("kafka.bootstrap.servers", "brokerList") {
            Some(value) => crate::config::flume_brokers(keys, &value),
            None => {
                let help = format!("set `{}`", keys.full("kafka.bootstrap.servers"));
                keys.refuse(Problem::lenient("bootstrap servers must be specified").help(help).at(keys.declared()));
                None
            }
        };
        let topic_header = keys.text("topicHeader", "topic");
        let header_mappings = keys.take("header.").into_iter().map(|(header, value)| (header, value.text)).collect();
        let batch_size = keys.get_renamed("flumeBatchSize", "batchSize");
        let spec = Spec {
            topic: keys.get_renamed("kafka.topic", "topic").map_or_else(default_topic, |value| value.text),
            batch_size: batch_size.and_then(|value| keys.parsed(&value, "a number of events above 0")).unwrap_or(BATCH_SIZE),
            flume_event_format: keys.boolean("useFlumeEventFormat", false),
            topic_header: keys.boolean("allowTopicOverride", true).then_some(topic_header),
            ignore_source_topic: true,
            not_back_to: Vec::new(),
            partition_header: keys.get("partitionIdHeader").map(|value| value.text),
            default_partition: default_partition(keys),
            timestamp_header: keys.get("timestampHeader").map(|value| value.text),
            header_mappings,
            record_headers: true,
            client: kafka_properties::translate(kafka_properties::Role::Producer, &producer, keys),
            brokers: brokers?,
        };
        (!keys.is_refused()).then_some(spec)
    }
}

/// `defaultPartitionId`, of the sink and of the Kafka channel.
pub(crate) fn default_partition(keys: &mut Keys) -> Option<i32> {
    let value = keys.get("defaultPartitionId")?;
    let number = value.text.parse().ok().filter(|number| *number >= 0);
    if number.is_none() {
        let problem = Problem::lenient(format!("{} is not a partition's number", value.shown()));
        keys.refuse(problem.key(value.key.clone()).at(value.place()));
    }
    number
}

// The client properties may hold a password.
impl fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Spec");
        out.field("brokers", &self.brokers).field("topic", &self.topic).field("batch_size", &self.batch_size);
        out.field("flume_event_format", &self.flume_event_format).field("topic_header", &self.topic_header);
        out.field("ignore_source_topic", &self.ignore_source_topic);
        if !self.not_back_to.is_empty() {
            out.field("not_back_to", &self.not_back_to);
        }
        out.field("partition_header", &self.partition_header);
        out.field("default_partition", &self.default_partition).field("timestamp_header", &self.timestamp_header);
        out.field("header_mappings", &self.header_mappings).field("record_headers", &self.record_headers);
        out.field("client", &Masked(&self.client)).finish()
    }
}
