//! The yardstick: consume, produce, commit, one thread, nothing else. It commits by counting acknowledgements without following them by partition,
//! so it is a model of speed and not of delivery.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use weir_tests::harness::topics::client;

use crate::score::Scorer;

/// First argument of a process that is this loop; then [`Settings`], bootstrap servers, input, output, group and maybe [`SCORE`].
pub const ARGUMENT: &str = "copy";
/// Last argument of one that scores.
pub const SCORE: &str = "score";

/// How its clients are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// As librdkafka comes: a consumer whose queue was full fetches nothing for a second.
    Defaults,
    /// What makes a loop fast.
    Tuned,
    /// What Weir sets where a file says nothing, and what the benchmark's says: the queues are as long, the producer is as careful.
    Weirs,
}

impl Settings {
    const ALL: [Settings; 3] = [Settings::Defaults, Settings::Tuned, Settings::Weirs];

    /// As an argument.
    pub fn name(self) -> &'static str {
        match self {
            Settings::Defaults => "defaults",
            Settings::Tuned => "tuned",
            Settings::Weirs => "weirs",
        }
    }

    fn consumer(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Settings::Defaults => &[],
            Settings::Tuned => &[("fetch.queue.backoff.ms", "10")],
            Settings::Weirs => &[
                ("fetch.queue.backoff.ms", "10"),
                ("queued.max.messages.kbytes", "16384"),
                ("check.crcs", "true"),
                ("isolation.level", "read_committed"),
                ("partition.assignment.strategy", "cooperative-sticky"),
                ("session.timeout.ms", "6000"),
                ("heartbeat.interval.ms", "1500"),
            ],
        }
    }

    fn producer(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Settings::Defaults => &[],
            Settings::Tuned => &[("linger.ms", "5"), ("batch.size", "1000000"), ("queue.buffering.max.messages", "200000")],
            Settings::Weirs => &[
                ("linger.ms", "5"),
                ("enable.idempotence", "true"),
                ("message.timeout.ms", "0"),
                ("partitioner", "murmur2_random"),
                ("queue.buffering.max.messages", "200000"),
                ("queue.buffering.max.kbytes", "65536"),
            ],
        }
    }
}

/// Events between two commits.
const COMMIT_EVERY: u64 = 1000;
/// Events between two looks at delivery reports.
const SERVE_EVERY: u64 = 64;

#[derive(Clone, Default)]
struct Acknowledged(Arc<AtomicU64>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "an event was not taken");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs until it is killed.
pub fn run(arguments: &[String]) {
    let [settings, bootstrap, input, output, group, rest @ ..] = arguments else { panic!("{arguments:?}") };
    let settings = Settings::ALL.into_iter().find(|one| one.name() == settings).expect("settings by name");
    let mut scorer = rest.contains(&SCORE.to_owned()).then(Scorer::new);
    let consumer: BaseConsumer = with(client(bootstrap), settings.consumer())
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    let acknowledged = Acknowledged::default();
    let producer: BaseProducer<Acknowledged> =
        with(client(bootstrap), settings.producer()).set("acks", "all").create_with_context(acknowledged.clone()).unwrap();
    consumer.subscribe(&[input]).unwrap();

    let mut sent = 0;
    let mut next = HashMap::new();
    // What to commit once this many events are acknowledged.
    let mut waiting: Option<(u64, TopicPartitionList)> = None;
    loop {
        if waiting.as_ref().is_some_and(|(mark, _)| acknowledged.0.load(Ordering::Relaxed) >= *mark)
            && let Some((_, offsets)) = waiting.take()
        {
            consumer.commit(&offsets, CommitMode::Async).unwrap();
        }
        if let Some(message) = consumer.poll(Duration::from_millis(1)) {
            let message = message.unwrap();
            send(&producer, output, &message, scorer.as_mut());
            sent += 1;
            next.insert(message.partition(), message.offset() + 1);
            if waiting.is_none() && sent % COMMIT_EVERY == 0 {
                waiting = Some((sent, offsets(input, &next)));
            }
            if sent % SERVE_EVERY != 0 {
                continue;
            }
        }
        producer.poll(Duration::ZERO);
    }
}

fn with(mut client: ClientConfig, settings: &[(&str, &str)]) -> ClientConfig {
    for (key, value) in settings {
        client.set(*key, *value);
    }
    client
}

fn send(producer: &BaseProducer<Acknowledged>, output: &str, message: &BorrowedMessage<'_>, scorer: Option<&mut Scorer>) {
    let mut record = BaseRecord::<[u8], [u8]>::to(output);
    if let Some(key) = message.key() {
        record = record.key(key);
    }
    if let Some(body) = message.payload() {
        record = record.payload(body);
    }
    if let Some(scored) = scorer.and_then(|scorer| scorer.score(message.payload()?)) {
        let headers = OwnedHeaders::new_with_capacity(2)
            .insert(Header { key: "fraud.score", value: Some(scored.score.as_ref()) })
            .insert(Header { key: "fraud.verdict", value: Some(scored.verdict) });
        record = record.headers(headers);
    }
    while let Err((error, refused)) = producer.send(record) {
        assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{error}");
        record = refused;
        producer.poll(Duration::from_millis(5));
    }
}

fn offsets(topic: &str, next: &HashMap<i32, i64>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in next {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset)).unwrap();
    }
    list
}
