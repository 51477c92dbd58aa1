//! The source on librdkafka's mock broker: a pause keeps its place, also when partitions come and go.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tokio::time::timeout;

use super::{Kafka, Spec, Topics};
use crate::config::Brokers;
use crate::source::{Polled, Source};
use crate::telemetry::Metrics;

/// For records to come, and long enough for those that must not.
const A_WHILE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);

fn spec(bootstrap: String) -> Spec {
    // The mock broker rebalances by these.
    let client = [("auto.offset.reset", "earliest"), ("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "200")];
    Spec {
        brokers: Brokers::List(bootstrap),
        topics: Topics::Names(vec!["t".into()]),
        group: "g".into(),
        batch_size: NonZeroUsize::new(10).expect("not zero"),
        batch_duration: Duration::from_millis(100),
        flume_event_format: false,
        topic_header: None,
        header_mappings: Vec::new(),
        of_channel: false,
        migrate_offsets_from: None,
        client: BTreeMap::from(client.map(|(key, value)| (key.to_owned(), value.to_owned()))),
    }
}

fn produce(producer: &ThreadedProducer<DefaultProducerContext>, partition: i32, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let body = number.to_string();
        producer.send(BaseRecord::<(), str>::to("t").partition(partition).payload(&body)).map_err(|(error, _)| error).expect("sent");
    }
    producer.flush(PATIENCE).expect("written");
}

/// Appends the offsets that come within this time; false when none do.
async fn read(source: &mut Kafka, within: Duration, seen: &mut Vec<i64>) -> bool {
    match timeout(within, source.poll()).await {
        Ok(Ok(Polled::Batch(batch))) => {
            seen.extend(batch.batch.events.into_iter().map(|event| event.origin.expect("an origin").offset));
            true
        }
        // Dropped, it is handled.
        Ok(Ok(Polled::Revoked(_))) => true,
        Ok(other) => panic!("{other:?}"),
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_source_reads_nothing_and_goes_on_behind_what_it_read() {
    let broker = MockCluster::new(1).expect("a broker");
    broker.create_topic("t", 1, 1).expect("a topic");
    let producer = ClientConfig::new().set("bootstrap.servers", broker.bootstrap_servers()).create().expect("a producer");
    produce(&producer, 0, 0..3000);
    let metrics = Metrics::new().source("p", "s", "kafka");
    let mut source = Kafka::connect("s", &spec(broker.bootstrap_servers()), 100, metrics, Box::new(|_| {})).await.expect("connected");
    let mut seen = Vec::new();
    for round in 1..=3 {
        assert!(read(&mut source, PATIENCE, &mut seen).await, "round {round}: something is there");
        source.pause();
        // What was read before comes still.
        while read(&mut source, A_WHILE, &mut seen).await {}
        let held = seen.len();
        produce(&producer, 0, 0..1000);
        assert!(!read(&mut source, A_WHILE, &mut seen).await, "round {round}: nothing is read");
        assert_eq!(seen.len(), held);
        assert!(held < 2000 + 1000 * round, "there is more to read");
        source.resume();
    }
    while seen.len() < 6000 {
        assert!(read(&mut source, PATIENCE, &mut seen).await, "all comes");
    }
    assert_eq!(seen, (0..6000).collect::<Vec<_>>());
    Box::new(source).close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_come_back_during_a_pause_are_paused_too() {
    let broker = MockCluster::new(1).expect("a broker");
    broker.create_topic("t", 2, 1).expect("a topic");
    let producer = ClientConfig::new().set("bootstrap.servers", broker.bootstrap_servers()).create().expect("a producer");
    let connect = async |assigned: &Arc<AtomicUsize>| {
        let (metrics, assigned) = (Metrics::new().source("p", "s", "kafka"), assigned.clone());
        let assigned = Box::new(move |partitions| assigned.store(partitions, Ordering::Release));
        Kafka::connect("s", &spec(broker.bootstrap_servers()), 100, metrics, assigned).await.expect("connected")
    };
    let (first_has, second_has) = (Arc::default(), Arc::default());
    let mut first = connect(&first_has).await;
    let mut seen = Vec::new();
    let has = |assigned: &Arc<AtomicUsize>| assigned.load(Ordering::Acquire);
    while has(&first_has) < 2 {
        read(&mut first, A_WHILE, &mut seen).await;
    }
    first.pause();
    let second = connect(&second_has).await;
    while (has(&first_has), has(&second_has)) != (1, 1) {
        read(&mut first, A_WHILE, &mut seen).await;
    }
    let leaving = tokio::spawn(Box::new(second).close());
    while has(&first_has) < 2 {
        read(&mut first, A_WHILE, &mut seen).await;
    }
    leaving.await.expect("task").expect("closed");
    (0..2).for_each(|partition| produce(&producer, partition, 0..1000));
    while read(&mut first, A_WHILE, &mut seen).await {}
    assert!(seen.is_empty(), "it is still paused: {} records", seen.len());
    first.resume();
    while seen.len() < 2000 {
        assert!(read(&mut first, PATIENCE, &mut seen).await, "all comes");
    }
    Box::new(first).close().await.expect("closed");
}
