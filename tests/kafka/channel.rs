//! The Kafka channel: between source and sink, without either, shared by agents, and with its agent killed.

use std::thread::sleep;
use std::time::Duration;

use rdkafka::message::Message;

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::checker::{self, Report};
use crate::harness::raw::{self, Record};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::{Transactions, planned};
use crate::harness::{dice, flume_events, load, reader, turn, wait};

const NAME: &str = "channel";
/// Short, so that a killed member is not missed for long.
const SESSION: &str = "session.timeout.ms = 6000";

/// Three topics, of which a test uses what it needs, and the groups of those who read the first two.
struct Scene {
    transactions: Transactions,
    input: Topic,
    between: Topic,
    output: Topic,
    reads: String,
    drains: String,
}

impl Scene {
    fn new(label: &str) -> Scene {
        let topic = |kind: &str| Topic::create(Broker::shared().bootstrap(), &format!("channel-{label}-{kind}"), 4);
        Scene {
            transactions: Transactions::new(4),
            input: topic("in"),
            between: topic("between"),
            output: topic("out"),
            reads: topics::unique(&format!("channel-{label}-reads")),
            drains: topics::unique(&format!("channel-{label}-drains")),
        }
    }

    fn source(&self) -> String {
        format!(
            "channel.sources = r\n\
             channel.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
             channel.sources.r.channels = c\n\
             channel.sources.r.kafka.bootstrap.servers = {}\n\
             channel.sources.r.kafka.topics = {}\n\
             channel.sources.r.kafka.consumer.group.id = {}\n\
             channel.sources.r.kafka.consumer.auto.offset.reset = earliest\n\
             channel.sources.r.kafka.consumer.{SESSION}\n",
            self.input.bootstrap(),
            self.input.name,
            self.reads
        )
    }

    fn channel(&self) -> String {
        format!(
            "channel.channels = c\n\
             channel.channels.c.type = org.apache.flume.channel.kafka.KafkaChannel\n\
             channel.channels.c.kafka.bootstrap.servers = {}\n\
             channel.channels.c.kafka.topic = {}\n\
             channel.channels.c.kafka.consumer.group.id = {}\n\
             channel.channels.c.kafka.consumer.{SESSION}\n",
            self.between.bootstrap(),
            self.between.name,
            self.drains
        )
    }

    fn sink(&self) -> String {
        format!(
            "channel.sinks = k\n\
             channel.sinks.k.type = org.apache.flume.sink.kafka.KafkaSink\n\
             channel.sinks.k.channel = c\n\
             channel.sinks.k.kafka.bootstrap.servers = {}\n\
             channel.sinks.k.kafka.topic = {}\n\
             channel.sinks.k.flumeBatchSize = 500\n",
            self.output.bootstrap(),
            self.output.name
        )
    }

    fn site(&self, label: &str, parts: &[&str]) -> Site {
        Site::new(&format!("channel-{label}"), &parts.concat(), &[NAME])
    }

    /// Until both groups have settled all there is.
    fn wait_until_settled(&self) {
        Group::new(&self.reads, &self.input).wait_until_settled();
        Group::new(&self.drains, &self.between).wait_until_settled();
    }

    fn check(&self, events: u64, output: &Topic, site: &Site) -> Report {
        let (letters, torn) = site.dead_letters();
        assert_eq!((letters.len(), torn), (0, 0), "{letters:?}");
        checker::check(&self.transactions, events, output, &[])
    }
}

#[test]
fn every_event_passes_a_channel_once_and_in_order_though_its_agent_stops_and_starts() {
    let _turn = turn::alone();
    let (scene, events) = (Scene::new("pass"), planned(200_000));
    let site = scene.site("pass", &[&scene.source(), &scene.channel(), &scene.sink()]);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&scene.input, &scene.transactions, events, Some(events / 15)));
        for _ in 0..2 {
            let before = scene.output.len();
            let agent = site.start();
            wait::until("events come out", Duration::from_secs(60), || scene.output.len() > before);
            assert_eq!(agent.terminate(), 0);
            assert!(!loading.is_finished(), "it was stopped under load");
        }
        let agent = site.start();
        loading.join().unwrap();
        scene.wait_until_settled();
        assert_eq!(agent.terminate(), 0);
    });
    let report = scene.check(events, &scene.output, &site);
    println!("Kafka channel: {report}; {} records in its topic", scene.between.len());
    report.assert_exact();
    assert_eq!(scene.between.len(), events);
    // Its form is Flume's, with the headers of Flume's source.
    reader::read(&scene.between, |message| {
        let (headers, body) = flume_events::decode(message.payload().unwrap());
        let header = |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
        let id = scene.transactions.id_at(header("partition").unwrap().parse().unwrap(), header("offset").unwrap().parse().unwrap());
        let key = scene.transactions.key(id);
        assert_eq!((header("topic"), header("key"), message.key()), (Some(&*scene.input.name), Some(&*key), Some(key.as_bytes())));
        assert_eq!(body, scene.transactions.body(id));
    });
}

fn read(agent: &Agent) -> f64 {
    agent.metric("weir_component_received_events_total", "half=\"outlet\"")
}

#[test]
fn agents_without_a_source_share_a_channel_and_neither_lose_nor_double() {
    let _turn = turn::alone();
    let (scene, events) = (Scene::new("share"), planned(200_000));
    let site = scene.site("share", &[&scene.channel(), &scene.sink(), "channel.sinks.k.allowTopicOverride = false\n"]);
    std::thread::scope(|scope| {
        let headers = &[("topic", "somewhere"), ("timestamp", "1")];
        let loading = scope.spawn(|| load::fill_channel(&scene.between, &scene.transactions, events, Some(events / 30), headers));
        let mut first = site.launch(0);
        first.wait_until_ready();
        wait::until("the first agent works", Duration::from_secs(60), || read(&first) > 0.0);
        let mut second = site.launch(1);
        second.wait_until_ready();
        wait::until("the second agent gets its share", Duration::from_secs(60), || read(&second) > 0.0);
        assert!(!loading.is_finished(), "the group changed under load");
        assert_eq!(first.terminate(), 0);
        loading.join().unwrap();
        Group::new(&scene.drains, &scene.between).wait_until_settled();
        assert_eq!(second.terminate(), 0);
    });
    let report = scene.check(events, &scene.output, &site);
    println!("shared Kafka channel: {report}");
    report.assert_exact();
}

#[test]
fn a_channel_without_a_sink_keeps_bare_bodies_where_it_is_told_to() {
    let _turn = turn::shared();
    let (scene, events) = (Scene::new("keep"), 20_000);
    load::fill(&scene.input, &scene.transactions, events, None);
    let more = "channel.channels.c.parseAsFlumeEvent = false\n";
    let site = scene.site("keep", &[&scene.source(), &scene.channel(), more]);
    let agent = site.start();
    Group::new(&scene.reads, &scene.input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);
    let report = scene.check(events, &scene.between, &site);
    println!("Kafka channel without a sink: {report}");
    report.assert_exact();
}

#[test]
fn agents_killed_at_random_moments_lose_nothing_on_either_side_of_the_topic() {
    let _turn = turn::alone();
    let events = 40_000;
    dice::run_beside("killed agents with a Kafka channel", 3, |dice| {
        let scene = Scene::new("kill");
        let site = scene.site("kill", &[&scene.source(), &scene.channel(), &scene.sink()]);
        let mut killed = 0;
        std::thread::scope(|scope| {
            let loading = scope.spawn(|| load::fill(&scene.input, &scene.transactions, events, Some(events / 25)));
            let mut agent = site.launch(0);
            for _ in 0..2 {
                agent.wait_until_ready();
                let before = scene.output.len();
                wait::until("events come out", Duration::from_secs(60), || scene.output.len() > before);
                sleep(dice.between(Duration::ZERO, Duration::from_millis(1500)));
                killed += u32::from(!loading.is_finished());
                agent.kill();
                agent = site.launch(0);
            }
            loading.join().unwrap();
            scene.wait_until_settled();
            assert_eq!(agent.terminate(), 0);
        });
        let report = scene.check(events, &scene.output, &site);
        println!("killed agents with a Kafka channel: {report}; {killed} of 2 kills under load, {} records between", scene.between.len());
        report.assert_nothing_lost();
    });
}

#[test]
fn what_is_no_flume_event_is_parked_with_its_place_and_the_rest_goes_on() {
    let _turn = turn::shared();
    let scene = Scene::new("parse");
    let record = |body: &[u8]| Record { body: Some(body.to_vec()), ..Record::default() };
    let event = |id: u64| {
        let mut datum = Vec::new();
        flume_events::encode(&[("a", "1")], &scene.transactions.body(id), &mut datum);
        record(&datum)
    };
    let records = [event(0), record(b"{}"), event(1), Record::default(), event(2), record(b""), event(3)];
    raw::send(&scene.between, &records);
    let site = scene.site("parse", &[&scene.channel(), &scene.sink()]);
    let agent = site.start();
    Group::new(&scene.drains, &scene.between).wait_until_settled();
    let status = agent.api().status();
    assert_eq!(status.pipelines[0].dead_letters, 3, "{status:?}");
    assert_eq!(agent.terminate(), 0);
    let (letters, torn) = site.dead_letters();
    let mut parked: Vec<_> = letters.iter().map(|letter| (letter.stage.as_str(), letter.partition, letter.offset)).collect();
    parked.sort_unstable();
    assert_eq!(parked, [1, 3, 5].map(|offset| ("channel c outlet", 0, offset)));
    assert!(torn == 0 && letters.iter().all(|letter| letter.topic == scene.between.name), "{letters:?}");
    let report = checker::check(&scene.transactions, 4, &scene.output, &[]);
    assert_eq!((report.delivered, report.lost, report.duplicated, report.fabricated, report.corrupted), (4, 0, 0, 0, 0), "{report}");
}

#[test]
fn the_partition_header_chooses_and_a_partition_that_is_not_there_is_the_events_fault() {
    let _turn = turn::shared();
    let (scene, events) = (Scene::new("place"), 40);
    load::fill(&scene.input, &scene.transactions, events, None);
    // Transactions in euros go to the partition of their merchant's class, which is not there; the others to the default one.
    let more = "channel.channels.c.partitionIdHeader = place\n\
                channel.channels.c.defaultPartitionId = 1\n\
                channel.sources.r.interceptors = i\n\
                channel.sources.r.interceptors.i.type = regex_extractor\n\
                channel.sources.r.interceptors.i.regex = \"currency\":\"EUR\",\"mcc\":\"(\\\\d+)\"\n\
                channel.sources.r.interceptors.i.serializers = s\n\
                channel.sources.r.interceptors.i.serializers.s.name = place\n";
    let site = scene.site("place", &[&scene.source(), &scene.channel(), more]);
    let agent = site.start();
    Group::new(&scene.reads, &scene.input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);
    let (letters, _) = site.dead_letters();
    let mut placed = 0;
    reader::read(&scene.between, |message| {
        assert_eq!(message.partition(), 1);
        placed += 1;
    });
    println!("partition header: {placed} placed, {} parked", letters.len());
    assert_eq!(placed + letters.len() as u64, events);
    assert!(placed > 0 && !letters.is_empty());
    assert!(letters.iter().all(|letter| letter.stage == "channel c inlet" && letter.topic == scene.input.name), "{letters:?}");
}
