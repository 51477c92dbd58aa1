//! Settings of the Kafka source: `org.apache.flume.source.kafka.KafkaSource`.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::config::keys::Keys;
use crate::config::problem::Problem;
use crate::config::secret::Masked;
use crate::config::{Brokers, java_regex, kafka_properties, native};

const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not 0");

/// A Kafka source. Defaults are those of Flume 1.11.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Where the cluster is.
    pub brokers: Brokers,
    /// What to read.
    pub topics: Topics,
    /// Consumer group. Default: `flume`.
    #[serde(default = "default_group")]
    pub group: String,
    /// Most events in one batch. Default: 1000.
    #[serde(default = "default_batch_size")]
    pub batch_size: NonZeroUsize,
    /// Longest time to fill a batch; an empty poll ends it earlier. Default: 1 s.
    #[serde(default = "default_batch_duration", with = "humantime_serde")]
    pub batch_duration: Duration,
    /// The record's value is an Avro `AvroFlumeEvent`, not the bare body. Default: false.
    #[serde(default)]
    pub flume_event_format: bool,
    /// Event header that gets the topic's name; `None` (`false` in the native form) sets none. Default: `topic`.
    #[serde(
        default = "native::default_topic_header",
        deserialize_with = "native::name_or_false",
        serialize_with = "native::write_name_or_false"
    )]
    pub topic_header: Option<String>,
    /// (event header, Kafka record header) pairs to copy; of several record headers the last counts.
    #[serde(default, deserialize_with = "native::pairs", serialize_with = "native::write_pairs")]
    pub header_mappings: Vec<(String, String)>,
    /// The source is that of a Kafka channel, whose events have none of the headers a source sets but `key`: the others can only be asked for by
    /// name. No setting of a source: there it is false.
    #[serde(skip)]
    pub of_channel: bool,
    /// Where an agent of Flume 1.6 kept the group's offsets: taken over when the group has none in Kafka.
    /// The ZooKeeper connect string (`host:port,...[/chroot]`); `None` takes nothing over.
    #[serde(default, deserialize_with = "native::zookeeper_connect")]
    pub migrate_offsets_from: Option<String>,
    /// librdkafka consumer properties, already translated from Java's names. `auto.offset.reset` is always among them: `latest` by
    /// default in a Flume file, as in Flume, and `earliest` in the native form.
    #[serde(default = "kafka_properties::consumer_defaults", deserialize_with = "kafka_properties::consumer")]
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

impl Topics {
    /// Whether a topic of this name is read.
    #[must_use]
    pub fn contains(&self, topic: &str) -> bool {
        self.matcher()(topic)
    }

    /// As [`Topics::contains`], for those who ask again and again.
    pub(crate) fn matcher(&self) -> Box<dyn Fn(&str) -> bool + Send + Sync> {
        match self.clone() {
            Topics::Names(names) => Box::new(move |topic| names.iter().any(|name| name == topic)),
            Topics::Pattern(pattern) => {
                let regex = regex::Regex::new(&format!("^(?:{pattern})$"));
                Box::new(move |topic| regex.as_ref().is_ok_and(|regex| regex.is_match(topic)))
            }
        }
    }

    fn pattern(text: &str) -> Result<Topics, regex::Error> {
        let text = text.strip_prefix('^').unwrap_or(text);
        regex::Regex::new(&format!("^(?:{text})$"))?;
        Ok(Topics::Pattern(text.to_owned()))
    }
}

fn default_group() -> String {
    "flume".to_owned()
}

fn default_batch_size() -> NonZeroUsize {
    BATCH_SIZE
}

fn default_batch_duration() -> Duration {
    Duration::from_secs(1)
}

impl Spec {
    /// Reads Flume's keys, those of 1.7 and later and those of 1.6. `None` when Flume would drop the source; `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let mut consumer = keys.take("kafka.consumer.");
        kafka_properties::adopt_old(kafka_properties::Role::Consumer, keys, &mut consumer);
        let group = keys.get_renamed("kafka.consumer.group.id", "groupId").map_or_else(default_group, |value| value.text);
        consumer.remove("group.id");
        let topics = topics(keys);
        let (brokers, zookeeper) = brokers(keys);
        let migrate = keys.boolean("migrateZookeeperOffsets", true);
        let topic_header = keys.text("topicHeader", "topic");
        let header_mappings = keys.take("header.").into_iter().map(|(header, value)| (header, value.text)).collect();
        // Back-off between empty polls: here a poll waits.
        keys.ignore(&["backoffSleepIncrement", "maxBackoffSleep"]);
        let spec = Spec {
            group,
            batch_size: keys.number("batchSize", BATCH_SIZE, "a number of events above 0"),
            batch_duration: Duration::from_millis(keys.number::<u32>("batchDurationMillis", 1000, "a number of milliseconds").into()),
            flume_event_format: keys.boolean("useFlumeEventFormat", false),
            topic_header: keys.boolean("setTopicHeader", true).then_some(topic_header),
            header_mappings,
            of_channel: false,
            migrate_offsets_from: zookeeper.filter(|_| migrate),
            client: kafka_properties::translate(kafka_properties::Role::Consumer, &consumer, keys),
            // Last, so that every other key is read and checked, too.
            brokers: brokers?,
            topics: topics?,
        };
        (!keys.is_refused()).then_some(spec)
    }
}

/// `kafka.topics.regex` goes before `kafka.topics`, and that before 1.6's `topic`.
fn topics(keys: &mut Keys) -> Option<Topics> {
    let names = keys.get_renamed("kafka.topics", "topic");
    if let Some(regex) = keys.get("kafka.topics.regex") {
        let translated = java_regex::translate(&regex.text).map_err(|error| (error.message, regex.place_of(error.span)));
        let pattern = translated.and_then(|text| Topics::pattern(&text).map_err(|error| (error.to_string(), regex.place())));
        return pattern
            .map_err(|(message, place)| {
                keys.refuse(Problem::error(format!("the pattern cannot be used: {message}")).key(regex.key.clone()).at(place))
            })
            .ok();
    }
    let listed = |text: &str| text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    let names = names.map(|value| listed(&value.text)).unwrap_or_default();
    if names.is_empty() {
        let problem = Problem::lenient("at least one Kafka topic must be specified").help(format!("set `{}`", keys.full("kafka.topics")));
        keys.refuse(problem.at(keys.declared()));
        return None;
    }
    Some(Topics::Names(names))
}

/// The cluster, and the ZooKeeper that is named.
fn brokers(keys: &mut Keys) -> (Option<Brokers>, Option<String>) {
    let bootstrap = keys.get("kafka.bootstrap.servers");
    let connect = keys.get("zookeeperConnect");
    let mut zookeeper = None;
    if let Some(value) = &connect {
        match crate::config::zookeeper_connect(&value.text) {
            Ok(text) => zookeeper = Some(text),
            Err(error) => keys.refuse(Problem::error(format!("`zookeeperConnect`: {error}")).key(value.key.clone()).at(value.place())),
        }
    }
    let Some(bootstrap) = bootstrap else {
        match &connect {
            Some(value) => keys.report(
                Problem::warning("`zookeeperConnect` is of Flume 1.6: the brokers are looked up in ZooKeeper, which Kafka 4 no longer has")
                    .help(format!("set `{}`", keys.full("kafka.bootstrap.servers")))
                    .key(value.key.clone())
                    .at(value.key_place()),
            ),
            None => {
                let problem = Problem::lenient("bootstrap servers must be specified");
                keys.refuse(problem.help(format!("set `{}`", keys.full("kafka.bootstrap.servers"))).at(keys.declared()));
            }
        }
        return (zookeeper.clone().map(Brokers::ZooKeeper), zookeeper);
    };
    (crate::config::flume_brokers(keys, &bootstrap), zookeeper)
}

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Topics, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Names(Vec<String>),
            Pattern { pattern: String },
        }
        let expected = || de::Error::custom("expected topic names, [\"a\", \"b\"], or { pattern = \"...\" }");
        match Written::deserialize(deserializer).map_err(|_| expected())? {
            Written::Names(names) if names.is_empty() => Err(de::Error::custom("at least one topic is needed")),
            Written::Names(names) => Ok(Topics::Names(names)),
            Written::Pattern { pattern } => Topics::pattern(&pattern).map_err(de::Error::custom),
        }
    }
}

impl Serialize for Topics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Topics::Names(names) => serializer.collect_seq(names),
            Topics::Pattern(pattern) => serializer.collect_map([("pattern", pattern)]),
        }
    }
}

// The client properties may hold a password.
impl fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Spec");
        out.field("brokers", &self.brokers).field("topics", &self.topics).field("group", &self.group);
        out.field("batch_size", &self.batch_size).field("batch_duration", &self.batch_duration);
        out.field("flume_event_format", &self.flume_event_format).field("topic_header", &self.topic_header);
        out.field("header_mappings", &self.header_mappings).field("migrate_offsets_from", &self.migrate_offsets_from);
        out.field("client", &Masked(&self.client)).finish()
    }
}
