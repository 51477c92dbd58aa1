//! A real Flume 1.11 and Weir hand events to each other through a Kafka channel, each in both roles: what arrives must not tell who wrote and who read.

use std::collections::BTreeMap;

use rdkafka::message::Message;

use crate::harness::broker::Broker;
use crate::harness::flume::Options;
use crate::harness::side::{Run, Running, Side};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::{Transactions, id_in};
use crate::harness::{flume_events, load, reader, turn};

const EVENTS: u64 = 5000;
const PARTITIONS: i32 = 2;

/// An event as it lies in a topic.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    key: Option<Vec<u8>>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

#[test]
fn flume_and_weir_hand_events_to_each_other_through_a_kafka_channel() {
    let _turn = turn::alone();
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "exchange-in", PARTITIONS);
    let transactions = Transactions::new(PARTITIONS);
    load::fill(&input, &transactions, EVENTS, None);

    let channels = Side::BOTH.map(|writer| {
        let channel = Topic::create(bootstrap, &format!("exchange-{}", writer.name()), PARTITIONS);
        let group = topics::unique("exchange-write");
        let running = start(writer, &writing(&input, &channel, &group));
        Group::new(&group, &input).wait_until_settled();
        running.stop();
        (writer, channel)
    });
    let [by_flume, by_weir] = channels.each_ref().map(|(_, channel)| stored(channel));
    assert_eq!(by_flume.len() as u64, EVENTS);
    for (id, event) in &by_flume {
        assert_eq!(event.body, transactions.body(*id));
        assert_eq!(event.key, Some(transactions.key(*id).into_bytes()));
        assert_eq!(event.headers.get("origin").map(|origin| &**origin), Some("the exchange"));
    }
    assert_equal(&by_weir, &by_flume, "what Weir has written to the channel, and what Flume has");

    for (writer, channel) in &channels {
        for reader in Side::BOTH {
            let output = Topic::create(bootstrap, "exchange-out", PARTITIONS);
            let group = topics::unique("exchange-read");
            let running = start(reader, &reading(channel, &output, &group));
            Group::new(&group, channel).wait_until_settled();
            running.stop();
            let label = format!("{writer:?} to {reader:?}");
            assert_equal(&stored(&output), &by_flume, &label);
            println!("{label}: {} events, headers, keys and bodies equal", by_flume.len());
        }
    }
}

fn start(side: Side, properties: &str) -> Running {
    side.start(Run { label: "exchange", properties, agent: "a", options: Options::default() })
}

/// Kafka source, an interceptor, Kafka channel; nothing drains it.
fn writing(input: &Topic, channel: &Topic, group: &str) -> String {
    format!(
        "a.sources = r\na.channels = c\n\
         a.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
         a.sources.r.channels = c\n\
         a.sources.r.kafka.bootstrap.servers = {bootstrap}\n\
         a.sources.r.kafka.topics = {input}\n\
         a.sources.r.kafka.consumer.group.id = {group}\n\
         a.sources.r.kafka.consumer.auto.offset.reset = earliest\n\
         a.sources.r.interceptors = i\n\
         a.sources.r.interceptors.i.type = static\n\
         a.sources.r.interceptors.i.key = origin\n\
         a.sources.r.interceptors.i.value = the exchange\n\
         a.channels.c.type = org.apache.flume.channel.kafka.KafkaChannel\n\
         a.channels.c.kafka.bootstrap.servers = {bootstrap}\n\
         a.channels.c.kafka.topic = {channel}\n\
         a.channels.c.kafka.consumer.group.id = {group}-channel\n",
        bootstrap = input.bootstrap(),
        input = input.name,
        channel = channel.name,
    )
}

/// Kafka channel, nothing fills it, and a Kafka sink that writes everything it knows of an event.
fn reading(channel: &Topic, output: &Topic, group: &str) -> String {
    format!(
        "a.channels = c\na.sinks = k\n\
         a.channels.c.type = org.apache.flume.channel.kafka.KafkaChannel\n\
         a.channels.c.kafka.bootstrap.servers = {bootstrap}\n\
         a.channels.c.kafka.topic = {channel}\n\
         a.channels.c.kafka.consumer.group.id = {group}\n\
         a.sinks.k.type = org.apache.flume.sink.kafka.KafkaSink\n\
         a.sinks.k.channel = c\n\
         a.sinks.k.kafka.bootstrap.servers = {bootstrap}\n\
         a.sinks.k.kafka.topic = {output}\n\
         a.sinks.k.kafka.producer.acks = all\n\
         a.sinks.k.allowTopicOverride = false\n\
         a.sinks.k.useFlumeEventFormat = true\n",
        bootstrap = channel.bootstrap(),
        channel = channel.name,
        output = output.name,
    )
}

/// Every event of a topic by the id in its body; each once.
fn stored(topic: &Topic) -> BTreeMap<u64, Stored> {
    let mut found = BTreeMap::new();
    reader::read(topic, |message| {
        let (headers, body) = flume_events::decode(message.payload().unwrap());
        let count = headers.len();
        let headers: BTreeMap<_, _> = headers.into_iter().collect();
        assert_eq!(headers.len(), count, "a name is there twice");
        let id = id_in(&body).unwrap();
        let twice = found.insert(id, Stored { key: message.key().map(<[u8]>::to_vec), headers, body });
        assert_eq!(twice, None, "{id} is there twice");
    });
    found
}

/// As `assert_eq`, of which the message would be megabytes.
#[track_caller]
fn assert_equal(found: &BTreeMap<u64, Stored>, expected: &BTreeMap<u64, Stored>, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (id, event) in expected {
        assert_eq!(found.get(id), Some(event), "{what}: event {id}");
    }
}
