//! Pipelines with a Kafka channel over librdkafka's mock broker: what is in the topic, what comes out behind it, and what is committed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::{Controls, DrainSwitch, Error, Pipeline, Services, parts};
use crate::config::{self, Load};
use crate::interceptor::TapDirectory;
use crate::plugin;
use crate::telemetry::status::pipeline_numbers;
use crate::telemetry::{Health, Metrics};

const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for what must not come.
const A_WHILE: Duration = Duration::from_secs(2);

/// The source of `in`, where there is one.
const SOURCE: &str = r#"
[pipelines.p.sources.in]
channels = ["ch"]
kafka = { brokers = "BROKER", topics = ["in"], group = "reads", client = { "session.timeout.ms" = 6000, "heartbeat.interval.ms" = 200 } }
"#;
const CHANNEL: &str = r#"
[pipelines.p.channels.ch.kafka]
brokers = "BROKER"
topic = "ch"
group = "drains"
partition_header = "part"
consumer = { "session.timeout.ms" = 6000, "heartbeat.interval.ms" = 200 }
"#;
/// Two sinks on one channel.
const SINKS: &str = r#"
[pipelines.p.sinks.one]
channel = "ch"
kafka = { brokers = "BROKER", topic = "out" }
[pipelines.p.sinks.two]
channel = "ch"
kafka = { brokers = "BROKER", topic = "out" }
"#;

struct Scene {
    broker: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
    services: Services,
    folder: tempfile::TempDir,
}

struct Running {
    controls: Controls,
    switch: DrainSwitch,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    async fn drain(self) {
        self.switch.request();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it drains").expect("no panic").expect("in order");
    }
}

/// Key, body and headers of a record.
type Seen = (Option<Vec<u8>>, Vec<u8>, BTreeMap<String, String>);

impl Scene {
    fn new() -> Scene {
        let broker = MockCluster::new(1).expect("a broker");
        for topic in ["in", "ch", "out"] {
            broker.create_topic(topic, 2, 1).expect("a topic");
        }
        let producer = ClientConfig::new().set("bootstrap.servers", broker.bootstrap_servers()).create().expect("a producer");
        let plugins = plugin::Host::new(plugin::Options::default()).expect("an engine");
        let services =
            Services { metrics: Metrics::new(), health: Health::new(), plugins, state: None, spans: None, taps: TapDirectory::default() };
        Scene { broker, producer, services, folder: tempfile::tempdir().expect("folder") }
    }

    fn letters(&self) -> PathBuf {
        self.folder.path().join("letters.jsonl")
    }

    async fn start(&self, configuration: &[&str]) -> Running {
        let letters = format!("[pipelines.p]\ndead_letters = {{ file = {:?} }}\n", self.letters());
        let text = configuration.concat().replace("BROKER", &self.broker.bootstrap_servers());
        let file = self.folder.path().join("weir.toml");
        std::fs::write(&file, letters + &text).expect("write");
        let loaded = config::load(&Load { conf_file: vec![file], ..Load::default() });
        let spec = loaded.map_err(|error| format!("{:?}", error.problems)).expect("a good configuration").spec.pipelines.remove(0);
        for part in parts(&spec).iter().filter(|part| part.reads) {
            self.services.health.starting(&part.check);
        }
        let pipeline = Pipeline::build(&spec, &self.services).await.expect("built");
        let (switch, drain) = DrainSwitch::new();
        Running { controls: pipeline.controls(), switch, task: tokio::spawn(pipeline.run(drain)) }
    }

    fn send(&self, topic: &str, partition: i32, key: Option<&[u8]>, body: &[u8], headers: &[(&str, &str)]) {
        let mut owned = OwnedHeaders::new();
        for (key, value) in headers {
            owned = owned.insert(Header { key, value: Some(*value) });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(body).headers(owned);
        record.key = key;
        self.producer.send(record).map_err(|(error, _)| error).expect("sent");
        self.producer.flush(PATIENCE).expect("written");
    }

    /// The first so many records of a topic, by partition; panics when they do not come.
    async fn read(&self, topic: &'static str, records: usize) -> Vec<(i32, Seen)> {
        let client = self.client("looks");
        let reading = tokio::task::spawn_blocking(move || read(&client, topic, records));
        reading.await.expect("no panic")
    }

    fn client(&self, group: &str) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.broker.bootstrap_servers()).set("group.id", group).set("enable.auto.commit", "false");
        client
    }

    /// The committed offsets of a group in both partitions, 0 where there is none.
    async fn committed(&self, group: &str, topic: &'static str) -> Vec<i64> {
        let client = self.client(group);
        let asking = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = client.create().expect("a consumer");
            let mut list = TopicPartitionList::new();
            (0..2).for_each(|partition| {
                list.add_partition(topic, partition);
            });
            let committed = consumer.committed_offsets(list, PATIENCE).expect("offsets");
            let offset = |offset: Offset| if let Offset::Offset(offset) = offset { offset } else { 0 };
            committed.elements().iter().map(|element| offset(element.offset())).collect::<Vec<_>>()
        });
        asking.await.expect("no panic")
    }
}

fn read(client: &ClientConfig, topic: &str, records: usize) -> Vec<(i32, Seen)> {
    let consumer: BaseConsumer = client.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..2 {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
    }
    consumer.assign(&list).expect("assigned");
    let (mut found, begun) = (Vec::new(), Instant::now());
    while found.len() < records {
        assert!(begun.elapsed() < PATIENCE, "{} of {records} records of {topic}: {found:?}", found.len());
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            found.push((message.partition(), seen(&message)));
        }
    }
    // More than that would be wrong too.
    while let Some(Ok(message)) = consumer.poll(Duration::from_millis(300)) {
        found.push((message.partition(), seen(&message)));
    }
    assert_eq!(found.len(), records, "{found:?}");
    found
}

fn seen(message: &BorrowedMessage<'_>) -> Seen {
    let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    let headers = message.headers().map(|headers| headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect());
    (message.key().map(<[u8]>::to_vec), message.payload().unwrap_or_default().to_vec(), headers.unwrap_or_default())
}

fn bodies(records: &[(i32, Seen)]) -> Vec<String> {
    let mut bodies: Vec<_> = records.iter().map(|(_, (_, body, _))| String::from_utf8_lossy(body).into_owned()).collect();
    bodies.sort();
    bodies
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_pass_a_channel_in_flumes_form_and_both_groups_commit() {
    let scene = Scene::new();
    for number in 0..20 {
        scene.send("in", number % 2, Some(b"k"), format!("event {number:02}").as_bytes(), &[("traceparent", "t")]);
    }
    let running = scene.start(&[SOURCE, CHANNEL, SINKS]).await;
    let out = scene.read("out", 20).await;
    assert_eq!(bodies(&out), (0..20).map(|number| format!("event {number:02}")).collect::<Vec<_>>());
    for (_, (key, _, headers)) in &out {
        assert_eq!(key.as_deref(), Some(&b"k"[..]));
        // Kafka's own headers go through; Flume's, in the Avro form, are not made Kafka's.
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["traceparent"]);
    }
    running.drain().await;
    assert_eq!(scene.committed("reads", "in").await, [10, 10]);
    assert_eq!(scene.committed("drains", "ch").await.iter().sum::<i64>(), 20);
    let numbers = pipeline_numbers(&scene.services.metrics, "p");
    assert_eq!((numbers.sources.len(), numbers.channels.len(), numbers.sinks.len()), (1, 1, 2));
    assert_eq!((numbers.channels[0].kind.as_str(), numbers.channels[0].read_events, numbers.channels[0].events), ("kafka", 20, 0));
    // What a Kafka source of Flume sets is in the datum.
    let (_, (_, datum, _)) = scene.read("ch", 20).await.remove(0);
    let decoded = crate::flume_event::decode(&datum.into()).expect("an AvroFlumeEvent");
    let names: Vec<_> = decoded.headers.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
    assert_eq!(names, ["key", "offset", "partition", "timestamp", "topic"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_without_a_source_is_drained_and_what_cannot_be_read_is_parked() {
    let scene = Scene::new();
    // The vectors that Flume 1.11 writes.
    scene.send("ch", 0, None, &[0x02, 0x02, 0x61, 0x02, 0x31, 0x00, 0x04, 0x68, 0x69], &[]);
    scene.send("ch", 0, Some(b"key"), b"{\"no\":\"avro\"}", &[]);
    scene.send("ch", 0, Some(b"key"), &[0x00, 0x04, 0x68, 0x6f], &[]);
    let running = scene.start(&[CHANNEL, SINKS]).await;
    assert_eq!(bodies(&scene.read("out", 2).await), ["hi", "ho"]);
    until("all is committed", async || scene.committed("drains", "ch").await == [3, 0]).await;
    let (ready, checks) = scene.services.health.readiness();
    assert!(ready && checks.contains_key("p/channel ch outlet"), "{checks:?}");
    running.drain().await;
    let letters = std::fs::read_to_string(scene.letters()).expect("letters");
    let letter: serde_json::Value = serde_json::from_str(&letters).expect("one letter");
    assert_eq!((&letter["stage"], &letter["source"]), (&"channel ch outlet".into(), &"channel ch outlet".into()));
    assert_eq!((&letter["topic"], &letter["offset"], &letter["key"]), (&"ch".into(), &1.into(), &"key".into()));
    assert_eq!(letter["body"], "{\"no\":\"avro\"}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_without_a_sink_holds_what_sources_put_in_by_partition_and_key() {
    let scene = Scene::new();
    scene.send("in", 0, Some(b"card"), b"one", &[("part", "unseen")]);
    scene.send("in", 0, None, b"two", &[]);
    let source = SOURCE.replace("[\"ch\"]\n", "[\"ch\"]\ninterceptors = [{ name = \"i\", static = { key = \"part\", value = \"1\" } }]\n");
    let channel = CHANNEL.replace("topic = \"ch\"", "topic = \"ch\"\nparse_as_flume_event = false");
    let running = scene.start(&[&source, &channel]).await;
    let held = scene.read("ch", 2).await;
    let held: Vec<_> = held.into_iter().map(|(partition, (key, body, _))| (partition, key, body)).collect();
    assert_eq!(held, [(1, Some(b"card".to_vec()), b"one".to_vec()), (1, None, b"two".to_vec())]);
    running.drain().await;
    assert_eq!(scene.committed("reads", "in").await, [2, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_pipeline_takes_nothing_from_its_channel() {
    let scene = Scene::new();
    let running = scene.start(&[CHANNEL, SINKS]).await;
    running.controls.gate.pause("somebody");
    scene.send("ch", 0, None, &[0x00, 0x04, 0x68, 0x69], &[]);
    let services = scene.services.clone();
    until("partitions are assigned", async || services.health.readiness().0).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(scene.read("out", 0).await.is_empty());
    assert_eq!(scene.committed("drains", "ch").await, [0, 0]);
    running.controls.gate.resume();
    assert_eq!(bodies(&scene.read("out", 1).await), ["hi"]);
    running.drain().await;
    assert_eq!(scene.committed("drains", "ch").await, [1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_the_source_leads_no_event_back_to_where_it_was_read() {
    let scene = Scene::new();
    scene.send("in", 0, None, b"one", &[]);
    let running = scene.start(&[SOURCE, CHANNEL, SINKS]).await;
    assert_eq!(bodies(&scene.read("out", 1).await), ["one"]);
    running.drain().await;
    assert_eq!(scene.read("in", 1).await.len(), 1);
}
