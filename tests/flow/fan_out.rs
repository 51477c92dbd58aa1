//! From Kafka to two channels: one drained by a group whose first sink fails and comes back. The offsets move when both have their events.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rdkafka::message::Message;

use super::files::lines;
use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{load, reader, turn, wait};

const EVENTS: u64 = 50_000;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn both_channels_get_every_event_though_one_sink_of_a_group_is_away() {
    let _turn = turn::shared();
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "fan-out", 2);
    let transactions = Transactions::new(2);
    let group = topics::unique("fan-out");
    let properties = format!(
        "a.sources = r\na.channels = c1 c2\na.sinks = k1 k2 k3\na.sinkgroups = g\n\
         a.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
         a.sources.r.kafka.bootstrap.servers = {bootstrap}\n\
         a.sources.r.kafka.topics = {}\n\
         a.sources.r.kafka.consumer.group.id = {group}\n\
         a.sources.r.kafka.consumer.auto.offset.reset = earliest\n\
         a.sources.r.batchSize = 100\n\
         a.sources.r.channels = c1 c2\n\
         a.channels.c1.type = memory\n\
         a.channels.c2.type = memory\n\
         a.sinkgroups.g.sinks = k1 k2\n\
         a.sinkgroups.g.processor.type = failover\n\
         a.sinkgroups.g.processor.priority.k1 = 10\n\
         a.sinkgroups.g.processor.priority.k2 = 5\n\
         a.sinkgroups.g.processor.maxpenalty = 1000\n\
         a.sinks.k1.type = file_roll\na.sinks.k1.channel = c1\na.sinks.k1.sink.directory = first\n\
         a.sinks.k2.type = file_roll\na.sinks.k2.channel = c1\na.sinks.k2.sink.directory = second\n\
         a.sinks.k3.type = file_roll\na.sinks.k3.channel = c2\na.sinks.k3.sink.directory = third\n",
        input.name
    );
    let site = Site::new("fan-out", &properties, &["a"]);
    let directory = |name: &str| site.directory().join(name);
    fs::create_dir(directory("second")).unwrap();
    fs::create_dir(directory("third")).unwrap();
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&input, &transactions, EVENTS, Some(5_000)));
        let agent = site.start();
        wait::until("the second sink steps in", PATIENCE, || lines(&directory("second")).len() > 5_000);
        let (_, checks) = agent.get("/readyz?verbose");
        assert!(checks.contains("a/sink k1"), "{checks}");
        fs::create_dir(directory("first")).unwrap();
        wait::until("the first sink is back", PATIENCE, || !lines(&directory("first")).is_empty());
        loading.join().unwrap();
        let settled = Group::new(&group, &input);
        settled.wait_until_settled();
        assert_eq!(settled.total(), EVENTS);
        assert!(agent.metric("weir_component_sent_events_total", "component=\"k1\"") > 0.0);
        assert_eq!(agent.terminate(), 0);
    });
    let mut wanted = BTreeSet::new();
    reader::read(&input, |message| {
        wanted.insert(String::from_utf8_lossy(message.payload().unwrap()).into_owned());
    });
    assert_eq!(wanted.len() as u64, EVENTS);
    let (first, second, third) = (lines(&directory("first")), lines(&directory("second")), lines(&directory("third")));
    println!("fan-out: {} by the first, {} by the second, {} by the other channel", first.len(), second.len(), third.len());
    let grouped: BTreeSet<String> = first.iter().chain(&second).cloned().collect();
    assert!(grouped == wanted && first.len() + second.len() == wanted.len(), "the group's channel");
    assert!(third.iter().cloned().collect::<BTreeSet<_>>() == wanted && third.len() == wanted.len(), "the other channel");
}
