//! Settings of a Kafka channel, and the sink and the source that it is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::config::difference::{differing, replaced};
use crate::config::kafka_properties::{self, Role};
use crate::config::keys::{Keys, Value};
use crate::config::problem::{Problem, quoted};
use crate::config::secret::Masked;
use crate::config::{Brokers, native};
use crate::{sink, source};

/// Most events that are written as one batch.
const WRITTEN: NonZeroUsize = NonZeroUsize::new(500).expect("500 is not 0");
/// Most events of one batch that is read, and the longest time to fill it; an empty poll ends it earlier.
const READ: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not 0");
const READ_DURATION: Duration = Duration::from_secs(1);

/// A Kafka channel. Defaults are those of Flume 1.11.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Where the cluster is.
    pub brokers: Brokers,
    /// The topic that holds the events. Default: `flume-channel`.
    #[serde(default = "default_topic", deserialize_with = "topic")]
    pub topic: String,
    /// Consumer group of those who take from the channel: agents of one group share the events. Default: `flume`.
    #[serde(default = "default_group")]
    pub group: String,
    /// The topic holds Avro `AvroFlumeEvent`s, with the events' headers; else bare bodies, and of the headers only `key` is kept, as the record's
    /// key. A record that cannot be read goes to the dead letters. Default: true.
    #[serde(default = "native::yes")]
    pub parse_as_flume_event: bool,
    /// Event header that holds the number of the partition to write to; goes before `default_partition`.
    #[serde(default)]
    pub partition_header: Option<String>,
    /// Partition of every event without a partition header.
    #[serde(default, deserialize_with = "native::partition")]
    pub default_partition: Option<i32>,
    /// Where an agent of Flume 1.6 kept the group's offsets: taken over when the group has none in Kafka.
    /// The ZooKeeper connect string (`host:port,...[/chroot]`); `None` takes nothing over.
    #[serde(default, deserialize_with = "native::zookeeper_connect")]
    pub migrate_offsets_from: Option<String>,
    /// librdkafka consumer properties, already translated from Java's names. `auto.offset.reset` is always among them, by default `earliest`.
    #[serde(default = "kafka_properties::consumer_defaults", deserialize_with = "kafka_properties::consumer")]
    pub consumer: BTreeMap<String, String>,
    /// librdkafka producer properties, as those of the Kafka sink: `acks` is `all` with an idempotent producer unless set.
    #[serde(default = "kafka_properties::producer_defaults", deserialize_with = "kafka_properties::producer")]
    pub producer: BTreeMap<String, String>,
}

fn default_topic() -> String {
    "flume-channel".to_owned()
}

fn default_group() -> String {
    "flume".to_owned()
}

fn topic<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let topic = String::deserialize(deserializer)?;
    match sink::kafka::is_topic_name(&topic) {
        true => Ok(topic),
        false => Err(de::Error::custom(format!("{} is no topic's name", quoted(&topic)))),
    }
}

impl Spec {
    /// Reads Flume's keys, those of 1.7 and later and those of 1.6. `None` when Flume would drop the channel; `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let mut consumer = keys.take("kafka.consumer.");
        kafka_properties::adopt_old(Role::Consumer, keys, &mut consumer);
        let group = keys.get_renamed("kafka.consumer.group.id", "groupId").map_or_else(default_group, |value| value.text);
        consumer.remove("group.id");
        let reset = offset_reset(keys, &consumer);
        let mut producer = keys.take("kafka.producer.");
        kafka_properties::adopt_old(Role::Producer, keys, &mut producer);
        let (topic, brokers, zookeeper) = (topic_key(keys), brokers(keys), zookeeper(keys));
        let migrate = keys.boolean("migrateZookeeperOffsets", true);
        keys.number::<u64>("kafka.pollTimeout", 500, "a number of milliseconds");
        keys.differs("kafka.pollTimeout", "a take waits for as long as it takes");
        // Its name in 1.6, which later versions do not read.
        keys.ignore(&["timeout"]);
        let mut consumer_client = kafka_properties::translate(Role::Consumer, &consumer, keys);
        if !consumer.contains_key("auto.offset.reset") {
            consumer_client.insert("auto.offset.reset".to_owned(), reset.to_owned());
        }
        let spec = Spec {
            group,
            parse_as_flume_event: keys.boolean("parseAsFlumeEvent", true),
            partition_header: keys.get("partitionIdHeader").map(|value| value.text),
            default_partition: sink::kafka::default_partition(keys),
            migrate_offsets_from: zookeeper.filter(|_| migrate),
            consumer: consumer_client,
            producer: kafka_properties::translate(Role::Producer, &producer, keys),
            // Last, so that every other key is read and checked, too.
            topic: topic?,
            brokers: brokers?,
        };
        (!keys.is_refused()).then_some(spec)
    }

    /// The sink that writes what sources put into the channel. No header leads to another topic.
    #[must_use]
    pub fn writer(&self) -> sink::kafka::Spec {
        sink::kafka::Spec {
            brokers: self.brokers.clone(),
            topic: self.topic.clone(),
            batch_size: WRITTEN,
            flume_event_format: self.parse_as_flume_event,
            topic_header: None,
            ignore_source_topic: true,
            not_back_to: Vec::new(),
            partition_header: self.partition_header.clone(),
            default_partition: self.default_partition,
            timestamp_header: None,
            header_mappings: Vec::new(),
            // Flume has none; who reads Flume's form does not look at them, and a trace's context outlives the channel.
            record_headers: true,
            client: self.producer.clone(),
        }
    }

    /// The source that reads what sinks take from the channel.
    #[must_use]
    pub fn reader(&self) -> source::kafka::Spec {
        source::kafka::Spec {
            brokers: self.brokers.clone(),
            topics: source::kafka::Topics::Names(vec![self.topic.clone()]),
            group: self.group.clone(),
            batch_size: READ,
            batch_duration: READ_DURATION,
            flume_event_format: self.parse_as_flume_event,
            topic_header: native::default_topic_header(),
            header_mappings: Vec::new(),
            of_channel: true,
            migrate_offsets_from: self.migrate_offsets_from.clone(),
            client: self.consumer.clone(),
        }
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        let names = differing!(
            self,
            other,
            Spec {
                brokers,
                topic,
                group,
                parse_as_flume_event,
                partition_header,
                default_partition,
                migrate_offsets_from,
                consumer,
                producer
            }
        );
        let names = replaced(names, "consumer", &self.consumer, &other.consumer);
        replaced(names, "producer", &self.producer, &other.producer)
    }
}

/// Where a group begins that has no offset yet: `readSmallestOffset` of 1.6, unless the consumer's own property says so.
fn offset_reset(keys: &mut Keys, consumer: &BTreeMap<String, Value>) -> &'static str {
    let Some(value) = keys.get("readSmallestOffset") else { return "earliest" };
    let reset = if keys.boolean("readSmallestOffset", false) { "earliest" } else { "latest" };
    let set = consumer.contains_key("auto.offset.reset");
    let problem = match set {
        true => Problem::warning("`readSmallestOffset` is ignored, since `kafka.consumer.auto.offset.reset` is set"),
        false => Problem::warning(format!("`readSmallestOffset` is of Flume 1.6: taken for `kafka.consumer.auto.offset.reset = {reset}`"))
            .help(format!("use `{}`", keys.full("kafka.consumer.auto.offset.reset")))
            .same(),
    };
    keys.report(problem.key(value.key.clone()).at(value.key_place()));
    reset
}

/// The ZooKeeper that is named; of use for the offsets in it only.
fn zookeeper(keys: &mut Keys) -> Option<String> {
    let value = keys.get("zookeeperConnect")?;
    match crate::config::zookeeper_connect(&value.text) {
        Ok(connect) => Some(connect),
        Err(error) => {
            keys.refuse(Problem::error(format!("`zookeeperConnect`: {error}")).key(value.key.clone()).at(value.place()));
            None
        }
    }
}

fn topic_key(keys: &mut Keys) -> Option<String> {
    let Some(value) = keys.get_renamed("kafka.topic", "topic") else { return Some(default_topic()) };
    if !sink::kafka::is_topic_name(&value.text) {
        keys.refuse(Problem::error(format!("{} is no topic's name", value.shown())).key(value.key.clone()).at(value.place()));
        return None;
    }
    Some(value.text)
}

fn brokers(keys: &mut Keys) -> Option<Brokers> {
    let Some(value) = keys.get_renamed("kafka.bootstrap.servers", "brokerList") else {
        let help = format!("set `{}`", keys.full("kafka.bootstrap.servers"));
        keys.refuse(Problem::lenient("bootstrap servers must be specified").help(help).at(keys.declared()));
        return None;
    };
    crate::config::flume_brokers(keys, &value)
}

// The client properties may hold a password.
impl fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Spec");
        out.field("brokers", &self.brokers).field("topic", &self.topic).field("group", &self.group);
        out.field("parse_as_flume_event", &self.parse_as_flume_event).field("partition_header", &self.partition_header);
        out.field("default_partition", &self.default_partition).field("migrate_offsets_from", &self.migrate_offsets_from);
        out.field("consumer", &Masked(&self.consumer)).field("producer", &Masked(&self.producer)).finish()
    }
}
