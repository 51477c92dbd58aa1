//! The ways in which Flume's versions say the same, each moving data.

use rdkafka::message::Message;

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::checker;
use crate::harness::configuration::Pipeline;
use crate::harness::raw::{self, Record};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::zookeeper::Ensemble;
use crate::harness::{flume_events, load, reader, turn};

const EVENTS: u64 = 10_000;

/// Runs an agent until a group has settled all of a topic, and lets it drain.
fn settle(site: &Site, waits: &[(&str, &Topic)]) {
    let agent = site.start();
    for (group, topic) in waits {
        Group::new(group, topic).wait_until_settled();
    }
    assert_eq!(agent.terminate(), 0);
}

#[test]
fn the_keys_of_flume_1_6_find_the_broker_in_zookeeper() {
    let _turn = turn::shared();
    let ensemble = Ensemble::shared();
    let bootstrap = ensemble.broker.bootstrap();
    let input = Topic::create(bootstrap, "old-in", 2);
    let output = Topic::create(bootstrap, "old-out", 2);
    let transactions = Transactions::new(2);
    load::fill(&input, &transactions, EVENTS, None);
    let group = topics::unique("old");
    let properties = format!(
        "a.sources = r\na.channels = c\na.sinks = k\n\
         a.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
         a.sources.r.channels = c\n\
         a.sources.r.zookeeperConnect = {}\n\
         a.sources.r.topic = {}\n\
         a.sources.r.groupId = {group}\n\
         a.sources.r.batchSize = 100\n\
         a.sources.r.kafka.auto.offset.reset = smallest\n\
         a.channels.c.type = memory\n\
         a.sinks.k.type = org.apache.flume.sink.kafka.KafkaSink\n\
         a.sinks.k.channel = c\n\
         a.sinks.k.brokerList = {bootstrap}\n\
         a.sinks.k.topic = {}\n\
         a.sinks.k.requiredAcks = -1\n\
         a.sinks.k.batchSize = 100\n",
        ensemble.connect(),
        input.name,
        output.name,
    );
    settle(&Site::new("old", &properties, &["a"]), &[(&group, &input)]);
    let report = checker::check(&transactions, EVENTS, &output, &[]);
    println!("1.6 keys: {report}");
    report.assert_exact();
}

#[test]
fn a_pattern_of_topics_goes_before_a_list() {
    let _turn = turn::shared();
    let bootstrap = Broker::shared().bootstrap();
    let unread = Topic::create(bootstrap, "pattern-not", 1);
    let label = topics::unique("pattern-yes");
    let inputs = [0, 1].map(|index| Topic::named(bootstrap, &format!("{label}.{index}"), 1, &[]));
    let output = Topic::create(bootstrap, "pattern-out", 1);
    // Even ids to one topic and odd ones to the other: together they are all.
    let transactions = Transactions::new(1);
    for (index, input) in (0..).zip(&inputs) {
        let records: Vec<_> = (0..1000)
            .filter(|id| id % 2 == index)
            .map(|id| Record { key: Some(transactions.key(id).into_bytes()), body: Some(transactions.body(id)), headers: Vec::new() })
            .collect();
        raw::send(input, &records);
    }
    load::fill(&unread, &transactions, 10, None);
    let group = topics::unique("pattern");
    let more = format!("SOURCE.kafka.topics.regex = {}\\\\.[0-9]+", label);
    let properties = Pipeline { more: &more, ..Pipeline::new("pattern", &unread, &output.name, &group) }.properties();
    settle(&Site::new("pattern", &properties, &["pattern"]), &[(&group, &inputs[0]), (&group, &inputs[1])]);
    let report = checker::check(&transactions, 1000, &output, &[]);
    println!("topics by pattern: {report}");
    // Two topics have no order between them; the checker's only partition sees the whole.
    assert_eq!((report.delivered, report.lost, report.duplicated, report.fabricated, report.corrupted), (1000, 0, 0, 0, 0));
}

#[test]
fn mapped_headers_change_their_names_on_the_way() {
    let _turn = turn::shared();
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "mapped-in", 1);
    let output = Topic::create(bootstrap, "mapped-out", 1);
    let header = |name: &str, value: &str| (name.as_bytes().to_vec(), Some(value.as_bytes().to_vec()));
    let headers = vec![header("x-trace", "first"), header("x-trace", "last"), header("x-other", "kept")];
    raw::send(&input, &[Record { key: None, body: Some(b"body".to_vec()), headers }]);
    let group = topics::unique("mapped");
    let more = "SOURCE.header.trace = x-trace\nSINK.header.trace = trace-id\nSINK.header.partition = from-partition";
    let properties = Pipeline { more, ..Pipeline::new("mapped", &input, &output.name, &group) }.properties();
    settle(&Site::new("mapped", &properties, &["mapped"]), &[(&group, &input)]);
    let mut found = Vec::new();
    reader::read(&output, |message| found.extend(raw::headers(message)));
    for wanted in [header("trace-id", "last"), header("from-partition", "0"), header("x-other", "kept")] {
        assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
    }
}

#[test]
fn flumes_event_format_is_written_and_read_back() {
    let _turn = turn::shared();
    let bootstrap = Broker::shared().bootstrap();
    let [input, avro, output] = ["avro-in", "avro", "avro-out"].map(|label| Topic::create(bootstrap, label, 2));
    let transactions = Transactions::new(2);
    load::fill(&input, &transactions, EVENTS, None);
    let (write_group, read_group) = (topics::unique("write"), topics::unique("read"));
    let write = Pipeline { more: "SINK.useFlumeEventFormat = true", ..Pipeline::new("write", &input, &avro.name, &write_group) };
    let read = Pipeline { more: "SOURCE.useFlumeEventFormat = true", ..Pipeline::new("read", &avro, &output.name, &read_group) };
    settle(&Site::new("write", &write.properties(), &["write"]), &[(&write_group, &input)]);
    settle(&Site::new("read", &read.properties(), &["read"]), &[(&read_group, &avro)]);

    let mut checked = 0;
    reader::read(&avro, |message| {
        let (headers, body) = flume_events::decode(message.payload().unwrap());
        let header = |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
        let (partition, offset) = (header("partition").unwrap().parse().unwrap(), header("offset").unwrap().parse().unwrap());
        assert_eq!(header("topic"), Some(&*input.name));
        let id = transactions.id_at(partition, offset);
        assert_eq!(header("key"), Some(&*transactions.key(id)));
        assert_eq!(body, transactions.body(id));
        checked += 1;
    });
    assert_eq!(checked, EVENTS);
    let report = checker::check(&transactions, EVENTS, &output, &[]);
    println!("Flume's event format: {report}");
    report.assert_exact();
}
