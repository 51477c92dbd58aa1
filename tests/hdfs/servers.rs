//! HDFS and Flume themselves, without Weir: what the scenarios build on.

use std::fs;

use crate::harness::broker::Broker;
use crate::harness::flume::{Flume, Options};
use crate::harness::hdfs::Hdfs;
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::{Transactions, id_in};
use crate::harness::{cache, load, turn};

#[test]
fn hadoops_client_reads_back_what_it_wrote_after_every_server_was_killed() {
    let _turn = turn::alone();
    let hdfs = Hdfs::shared();
    let local = cache::scratch("servers").join("lines");
    fs::write(&local, "one\ntwo\nthree").unwrap();
    hdfs.dfs(&["-mkdir", "-p", "/servers/sub"]);
    hdfs.dfs(&["-put", &format!("file://{}", local.display()), "/servers/sub/lines"]);
    for datanode in 0..hdfs.datanodes() {
        hdfs.kill_datanode(datanode);
        hdfs.start_datanode(datanode);
    }
    hdfs.kill_namenode();
    hdfs.start_namenode();

    let mut found = Vec::new();
    hdfs.read("/servers", |contents| found.push(contents));
    let [contents] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&*contents.file.path, contents.file.length, contents.file.closed), ("/servers/sub/lines", 13, true));
    let lines: Vec<_> = contents.records.iter().map(|record| &record.value[..]).collect();
    assert_eq!(lines, [&b"one"[..], b"two"]);
    assert!(contents.damage.as_ref().is_some_and(|damage| damage.contains("5 bytes")), "{contents:?}");
    assert_eq!(hdfs.list("/servers").len(), 1);
    assert_eq!(hdfs.list("/nowhere"), []);
    assert!(hdfs.dfs(&["-ls", "-R", "/servers"]).contains("/servers/sub/lines"));
    assert!(hdfs.fsck(&["/servers"]).contains("HEALTHY"));
}

#[test]
fn a_real_flume_moves_a_kafka_channel_to_hdfs() {
    let _turn = turn::shared();
    let (broker, hdfs) = (Broker::shared(), Hdfs::shared());
    let topic = Topic::create(broker.bootstrap(), "flume-channel", 2);
    let transactions = Transactions::new(2);
    load::fill_channel(&topic, &transactions, 1000, None, &[("topic", "from-the-header")]);
    let group = topics::unique("flume");
    let properties = format!(
        "a.channels = c\na.sinks = k\n\
         a.channels.c.type = org.apache.flume.channel.kafka.KafkaChannel\n\
         a.channels.c.kafka.bootstrap.servers = {}\n\
         a.channels.c.kafka.topic = {}\n\
         a.channels.c.kafka.consumer.group.id = {group}\n\
         a.sinks.k.type = hdfs\n\
         a.sinks.k.channel = c\n\
         a.sinks.k.hdfs.path = {}/{}/%{{topic}}\n\
         a.sinks.k.hdfs.fileType = SequenceFile\n\
         a.sinks.k.hdfs.writeFormat = Text\n\
         a.sinks.k.hdfs.codeC = gzip\n\
         a.sinks.k.hdfs.rollCount = 300\n\
         a.sinks.k.hdfs.rollSize = 0\n\
         a.sinks.k.hdfs.rollInterval = 0\n\
         a.sinks.k.hdfs.minBlockReplicas = 1\n",
        broker.bootstrap(),
        topic.name,
        hdfs.uri(),
        topic.name,
    );
    let flume = Flume::start(&properties, "a", Options::default());
    Group::new(&group, &topic).wait_until_settled();
    // Java's own answer to SIGTERM, after all shutdown hooks have run.
    assert_eq!(flume.stop(), 143);

    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    hdfs.read(&format!("/{}", topic.name), |contents| {
        assert_eq!(contents.damage, None, "{}", contents.file.path);
        assert!(contents.file.path.contains("/from-the-header/FlumeData."), "{}", contents.file.path);
        assert!(contents.file.path.ends_with(".gz"), "{}", contents.file.path);
        sizes.push(contents.records.len());
        ids.extend(contents.records.iter().map(|record| id_in(&record.value).unwrap()));
    });
    ids.sort_unstable();
    assert_eq!(ids, (0..1000).collect::<Vec<_>>());
    assert_eq!(sizes, [300, 300, 300, 100]);
}
