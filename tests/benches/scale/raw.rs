//! The yardstick: for each of some topics one consumer, one producer and one thread that moves what the one has to the other, as librdkafka's own
//! examples do. It stores offsets as it reads: a model of speed and not of delivery.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir_tests::harness::topics::client;

/// First argument of a process that is this; then bootstrap servers, group, output and the topics to read.
pub const ARGUMENT: &str = "raw";

/// Events between two looks at delivery reports.
const SERVE_EVERY: u64 = 64;

/// Runs until it is killed.
pub fn run(arguments: &[String]) {
    let [bootstrap, group, output, topics @ ..] = arguments else { panic!("{arguments:?}") };
    std::thread::scope(|scope| {
        for topic in topics {
            scope.spawn(move || follow(bootstrap, &format!("{group}-{topic}"), output, topic));
        }
    });
}

/// With the queues and waits that the agent gives its clients.
fn follow(bootstrap: &str, group: &str, output: &str, topic: &str) {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("auto.commit.interval.ms", "1000")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.max.messages.kbytes", "16384")
        .create()
        .unwrap();
    let producer: BaseProducer = client(bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "200000")
        .set("queue.buffering.max.kbytes", "65536")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let mut sent = 0;
    loop {
        // Sooner where reports are due.
        let wait = if producer.in_flight_count() > 0 { Duration::from_millis(1) } else { Duration::from_millis(100) };
        if let Some(message) = consumer.poll(wait) {
            let message = message.unwrap();
            let mut record = BaseRecord::<[u8], [u8]>::to(output);
            record.key = message.key();
            record.payload = message.payload();
            while let Err((error, refused)) = producer.send(record) {
                assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{error}");
                record = refused;
                producer.poll(Duration::from_millis(5));
            }
            sent += 1;
            if sent % SERVE_EVERY != 0 {
                continue;
            }
        }
        producer.poll(Duration::ZERO);
    }
}
