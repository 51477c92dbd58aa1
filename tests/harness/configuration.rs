//! Flume configurations: the seed's, with other host names, and small ones for what the seed's does not show.

use std::fs;
use std::path::PathBuf;

use super::cache;
use super::topics::Topic;

/// The seed's agent name.
pub const SEED: &str = "flume1";
/// The Java class that the seed's configuration names as its interceptor.
pub const FRAUD_CLASS: &str = "cloudera.se.fraud.demo.flume.interceptor.FraudEventInterceptor$Builder";

/// The component that scores transactions.
pub fn fraud_score() -> PathBuf {
    cache::repository().join("plugins/fraud-score/fraud-score.wasm")
}

/// The component that changes nothing.
pub fn passthrough() -> PathBuf {
    cache::repository().join("plugins/passthrough/passthrough.wasm")
}

/// `conf/flume1.properties` with its two host names replaced, and nothing else.
pub fn seed(zookeeper: &str, bootstrap: &str) -> String {
    let text = fs::read_to_string(cache::repository().join("conf/flume1.properties")).unwrap();
    let text = replaced(&text, "kafka1.ent.cloudera.com:2181/kafka", zookeeper);
    replaced(&text, "kafka1.ent.cloudera.com:9092", bootstrap)
}

/// `conf/kafka-to-hdfs.properties`, the seed's second, with its two host names replaced, and nothing else.
pub fn channel_seed(zookeeper: &str, bootstrap: &str) -> String {
    let text = fs::read_to_string(cache::repository().join("conf/kafka-to-hdfs.properties")).unwrap();
    let text = replaced(&text, "kafka1.ent.cloudera.com:2181/kafka", zookeeper);
    replaced(&text, "kafka1.ent.cloudera.com:9092", bootstrap)
}

/// The seed's pipeline on a cluster without ZooKeeper: its brokers named, other topics, a group of its own, and a session short enough for a test that
/// kills members.
pub fn seed_without_zookeeper(bootstrap: &str, input: &Topic, output: &Topic, group: &str) -> String {
    let text = seed("", bootstrap);
    let source = "flume1.sources.kafka-source-1";
    let text = replaced(&text, &format!("{source}.zookeeperConnect = "), &format!("{source}.kafka.bootstrap.servers = {bootstrap}"));
    let text = replaced(&text, &format!("{source}.topic = flume.txn"), &format!("{source}.kafka.topics = {}", input.name));
    let text = replaced(&text, "topic = flume.auths", &format!("topic = {}", output.name));
    format!(
        "{text}\n{source}.kafka.consumer.group.id = {group}\n{source}.kafka.consumer.auto.offset.reset = earliest\n\
         {source}.kafka.consumer.session.timeout.ms = 6000\n{source}.kafka.consumer.heartbeat.interval.ms = 1000\n"
    )
}

/// A Kafka-to-Kafka pipeline in the keys of Flume 1.7 and later.
#[derive(Debug)]
pub struct Pipeline<'a> {
    /// Agent name.
    pub name: &'a str,
    /// What it reads.
    pub input: &'a Topic,
    /// Where it writes; also a name of a topic that is not there.
    pub output: &'a str,
    /// Consumer group.
    pub group: &'a str,
    /// Components in the path, in order.
    pub plugins: Vec<PathBuf>,
    /// `batchSize` of the source and `flumeBatchSize` of the sink.
    pub batch_size: usize,
    /// `session.timeout.ms` of the group's members: how long a killed one is missed.
    pub session: u32,
    /// More lines; `SOURCE`, `CHANNEL` and `SINK` stand for the components' prefixes.
    pub more: &'a str,
}

impl<'a> Pipeline<'a> {
    /// Without plugins, in batches of 500.
    pub fn new(name: &'a str, input: &'a Topic, output: &'a str, group: &'a str) -> Pipeline<'a> {
        Pipeline { name, input, output, group, plugins: Vec::new(), batch_size: 500, session: 6000, more: "" }
    }

    /// The properties file.
    pub fn properties(&self) -> String {
        let Pipeline { name, input, output, group, plugins, batch_size, session, more } = self;
        let heartbeat = session / 4;
        let bootstrap = input.bootstrap();
        let interceptors: Vec<_> = (0..plugins.len()).map(|index| format!("i{index}")).collect();
        let mut text = format!(
            "{name}.sources = in\n{name}.channels = memory\n{name}.sinks = out\n\
             SOURCE.type = org.apache.flume.source.kafka.KafkaSource\n\
             SOURCE.channels = memory\n\
             SOURCE.kafka.bootstrap.servers = {bootstrap}\n\
             SOURCE.kafka.topics = {}\n\
             SOURCE.kafka.consumer.group.id = {group}\n\
             SOURCE.kafka.consumer.auto.offset.reset = earliest\n\
             SOURCE.kafka.consumer.session.timeout.ms = {session}\n\
             SOURCE.kafka.consumer.heartbeat.interval.ms = {heartbeat}\n\
             SOURCE.batchSize = {batch_size}\n\
             SOURCE.batchDurationMillis = 200\n\
             SOURCE.interceptors = {}\n\
             CHANNEL.type = memory\n\
             CHANNEL.capacity = 10000\n\
             CHANNEL.transactionCapacity = 1000\n\
             SINK.type = org.apache.flume.sink.kafka.KafkaSink\n\
             SINK.channel = memory\n\
             SINK.kafka.bootstrap.servers = {bootstrap}\n\
             SINK.kafka.topic = {output}\n\
             SINK.allowTopicOverride = false\n\
             SINK.flumeBatchSize = {batch_size}\n",
            input.name,
            interceptors.join(" "),
        );
        for (interceptor, plugin) in interceptors.iter().zip(plugins) {
            let prefix = format!("SOURCE.interceptors.{interceptor}");
            text.push_str(&format!("{prefix}.type = wasm\n{prefix}.plugin = {}\n", plugin.display()));
        }
        text.push_str(more);
        text.push('\n');
        [("SOURCE.", "sources.in."), ("CHANNEL.", "channels.memory."), ("SINK.", "sinks.out.")]
            .into_iter()
            .fold(text, |text, (stand_in, path)| text.replace(stand_in, &format!("{name}.{path}")))
    }
}

#[track_caller]
fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the seed's configuration no longer says {old:?}");
    text.replace(old, new)
}
