//! Fills a topic with transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::topics::{Topic, client};
use super::transactions::Transactions;

/// Sends transactions `0..events` to their partitions and returns once the broker has acknowledged every one.
///
/// With a `pace`, in events a second, it takes its time. It outlives a broker's restart: an idempotent producer tries on without doubling or reordering,
/// so that the id at an offset stays what [`Transactions::id_at`] says.
pub fn fill(topic: &Topic, transactions: &Transactions, events: u64, pace: Option<u64>) {
    let tally = Tally::default();
    let producer: ThreadedProducer<Tally> = client(topic.bootstrap())
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "0")
        .set("linger.ms", "20")
        .set("batch.size", "500000")
        .set("queue.buffering.max.messages", "200000")
        .create_with_context(tally.clone())
        .unwrap();
    let start = Instant::now();
    let mut body = Vec::new();
    for id in 0..events {
        if let Some(pace) = pace
            && id.is_multiple_of(pace.div_ceil(100))
        {
            let due = Duration::from_secs_f64(id as f64 / pace as f64);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        transactions.write(id, &mut body);
        let key = transactions.key(id);
        let mut record = BaseRecord::<str, [u8]>::to(&topic.name).partition(transactions.partition(id)).key(&key).payload(&body);
        while let Err((error, refused)) = producer.send(record) {
            assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "send: {error}");
            record = refused;
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
    assert_eq!(tally.failed.load(Ordering::Relaxed), 0, "events the broker did not take");
    assert_eq!(tally.acknowledged.load(Ordering::Relaxed), events);
}

#[derive(Debug, Clone, Default)]
struct Tally {
    acknowledged: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl ClientContext for Tally {
    fn error(&self, _: KafkaError, _: &str) {
        // Connections break when a test restarts the broker; what matters is counted by delivery.
    }
}

impl ProducerContext for Tally {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
