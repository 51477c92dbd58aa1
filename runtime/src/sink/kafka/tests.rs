//! The sink's settings, and what it writes read back from librdkafka's mock broker by the source.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::mocking::MockCluster;

use super::*;
use crate::event::{Event, Scope};
use crate::source::{self, Polled, Source};
use crate::telemetry::Metrics;

#[test]
fn what_a_user_sets_by_another_name_goes_before_the_default() {
    let text = "brokers = 'b:9092'\ntopic = 't'\nclient = { 'delivery.timeout.ms' = '2000', 'queue.buffering.max.ms' = '50' }";
    let spec: Spec = toml::from_str(text).expect("a sink");
    // In no order, so that once would be luck.
    for _ in 0..20 {
        let made = client(&spec, "b:9092").create_native_config().expect("settings that librdkafka takes");
        let value = |key| made.get(key).expect("a known key");
        for (key, wanted) in [("message.timeout.ms", "2000"), ("delivery.timeout.ms", "2000"), ("linger.ms", "50")] {
            assert_eq!(value(key).trim_end_matches('\0'), wanted, "{key}");
        }
    }
}

/// Reads until so many events are there.
async fn read(bootstrap: &str, count: usize) -> Vec<Event> {
    let text = format!("brokers = {bootstrap:?}\ntopics = ['t', 'u']\ngroup = 'g'\nclient = {{ 'auto.offset.reset' = 'earliest' }}");
    let spec: source::kafka::Spec = toml::from_str(&text).expect("a source");
    let metrics = Metrics::new().source("p", "s", "kafka");
    let mut source = source::kafka::Kafka::connect("s", &spec, 500, metrics, Box::new(|_| {})).await.expect("connected");
    let mut events = Vec::new();
    while events.len() < count {
        let polled = tokio::time::timeout(Duration::from_secs(60), source.poll()).await.expect("something comes").expect("polled");
        if let Polled::Batch(batch) = polled {
            events.extend(batch.batch.events);
        }
    }
    Box::new(source).close().await.expect("closed");
    events
}

/// Number `n` of the test, each seventh of another shape.
fn event(number: usize) -> Event {
    let mut event = Event { key: Some(number.to_string().into()), ..Event::new(format!("body {number}")) };
    match number % 7 {
        1 => event.set_header("x", number.to_string(), Scope::Both),
        2 => event.body = None,
        3 => event.body = Some(Default::default()),
        4 => event.key = Some(Default::default()),
        5 => event.set_header("topic", "u", Scope::Event),
        6 => event.set_header("p", "0", Scope::Event),
        _ => {}
    }
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_in_bulk_through_a_small_queue_is_read_as_it_was() {
    const EVENTS: usize = 700;
    let broker = MockCluster::new(1).expect("a broker");
    broker.create_topic("t", 1, 1).expect("a topic");
    broker.create_topic("u", 1, 1).expect("a topic");
    let bootstrap = broker.bootstrap_servers();
    // Room for a few records: all others wait for it.
    let client = "client = { 'queue.buffering.max.messages' = '20', 'linger.ms' = '0' }";
    let spec: Spec = toml::from_str(&format!("brokers = {bootstrap:?}\ntopic = 't'\npartition_header = 'p'\n{client}")).expect("a sink");
    let mut sink = Kafka::connect(&spec).await.expect("a producer");
    let batch = Arc::new(Batch::from((0..EVENTS).map(event).collect::<Vec<_>>()));
    let written = sink.write(&batch).await.expect("queued").await.expect("written");
    assert!(written.refused.is_empty() && written.failed.is_empty(), "{written:?}");
    let read = read(&bootstrap, EVENTS).await;
    for topic in ["t", "u"] {
        let seen = |event: &&Event| event.origin.as_ref().is_some_and(|origin| *origin.topic == *topic);
        let of_it = |number: &usize| (number % 7 == 5) == (topic == "u");
        let seen: Vec<_> = read.iter().filter(seen).map(|event| (event.key.clone(), event.body.clone(), event.any_header("x"))).collect();
        let sent: Vec<_> = (0..EVENTS).filter(of_it).map(event).collect();
        let sent: Vec<_> = sent.iter().map(|event| (event.key.clone(), event.body.clone(), event.any_header("x"))).collect();
        assert_eq!(seen, sent, "{topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_written_is_refused_and_its_neighbours_are_written() {
    let broker = MockCluster::new(1).expect("a broker");
    broker.create_topic("t", 1, 1).expect("a topic");
    let bootstrap = broker.bootstrap_servers();
    let spec = format!("brokers = {bootstrap:?}\ntopic = 't'\npartition_header = 'p'\nclient = {{ 'message.max.bytes' = '1000' }}");
    let mut sink = Kafka::connect(&toml::from_str(&spec).expect("a sink")).await.expect("a producer");
    // The topic is known before, so that a partition it has not is, too.
    sink.write(&Arc::new(Batch::from(vec![Event::new("0")]))).await.expect("queued").await.expect("written");
    let mut batch = Batch::from(["1", "2", "3", "4"].map(Event::new).to_vec());
    batch.events[1].body = Some(vec![b'x'; 2000].into());
    batch.events[2].set_header("p", "9", Scope::Event);
    let written = sink.write(&Arc::new(batch)).await.expect("queued").await.expect("written");
    let refused: Vec<_> = written.refused.iter().map(|refused| (refused.event, refused.certain)).collect();
    assert_eq!((refused, written.failed), (vec![(1, true), (2, true)], vec![]));
    let read: Vec<_> = read(&bootstrap, 3).await.into_iter().filter_map(|event| event.body).collect();
    assert_eq!(read, ["0", "1", "4"]);
}
