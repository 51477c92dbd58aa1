//! The yardstick: consume, produce, commit, one thread, nothing else. It commits by counting acknowledgements without following them by partition,
//! so it is a model of speed and not of delivery.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use weir_tests::harness::topics::client;

use crate::score::Scorer;

/// First argument of a process that is this loop; then bootstrap servers, input, output, group and maybe [`SCORE`].
pub const ARGUMENT: &str = "copy";
/// Last argument of one that scores.
pub const SCORE: &str = "score";

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
    let [bootstrap, input, output, group, rest @ ..] = arguments else { panic!("{arguments:?}") };
    let mut scorer = rest.contains(&SCORE.to_owned()).then(Scorer::new);
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.queue.backoff.ms", "10")
        .create()
        .unwrap();
    let acknowledged = Acknowledged::default();
    let producer: BaseProducer<Acknowledged> = client(bootstrap)
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.messages", "200000")
        .create_with_context(acknowledged.clone())
        .unwrap();
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
