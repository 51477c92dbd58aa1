//! The HDFS sink with its agent killed again and again: what was committed is in whole files, and with names made of offsets it is there once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::dice::Dice;
use crate::harness::hdfs::Hdfs;
use crate::harness::load::{Feed, Supply};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::{Transactions, id_in};
use crate::harness::{turn, wait};

/// Longer than the lease of a dead writer lives, and some looks.
const RECOVERY: Duration = Duration::from_secs(150);

#[test]
fn an_agent_that_is_killed_loses_nothing_and_leaves_no_file_in_use() {
    let _turn = turn::shared();
    let ids = killed("counter");
    assert!(ids.values().all(|copies| *copies >= 1));
}

#[test]
fn an_agent_that_is_killed_writes_nothing_twice_under_names_of_offsets() {
    let _turn = turn::shared();
    let ids = killed("offsets");
    let twice: Vec<_> = ids.iter().filter(|(_, copies)| **copies != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// Runs an agent that is killed three times, and gives back how often each transaction is on HDFS; each is there.
fn killed(names: &str) -> BTreeMap<u64, usize> {
    let mut dice = Dice::new(&format!("hdfs-{names}"), 0);
    let (broker, hdfs) = (Broker::shared(), Hdfs::shared());
    let topic = Arc::new(Topic::create(broker.bootstrap(), &format!("hdfs-{names}"), 2));
    let transactions = Transactions::new(2);
    let group = topics::unique("hdfs");
    let site = Site::new(
        "hdfs",
        &format!(
            "a.sources = r\na.channels = c\na.sinks = k\n\
             a.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
             a.sources.r.channels = c\n\
             a.sources.r.kafka.bootstrap.servers = {}\n\
             a.sources.r.kafka.topics = {}\n\
             a.sources.r.kafka.consumer.group.id = {group}\n\
             a.sources.r.kafka.consumer.auto.offset.reset = earliest\n\
             a.sources.r.kafka.consumer.session.timeout.ms = 6000\n\
             a.sources.r.batchSize = 500\n\
             a.channels.c.type = memory\n\
             a.channels.c.capacity = 5000\n\
             a.channels.c.transactionCapacity = 500\n\
             a.sinks.k.type = hdfs\n\
             a.sinks.k.channel = c\n\
             a.sinks.k.weir.names = {names}\n\
             a.sinks.k.hdfs.path = {}/{}/%{{partition}}\n\
             a.sinks.k.hdfs.fileSuffix = .log\n\
             a.sinks.k.hdfs.fileType = DataStream\n\
             a.sinks.k.hdfs.batchSize = 500\n\
             a.sinks.k.hdfs.rollCount = 4000\n\
             a.sinks.k.hdfs.rollSize = 0\n\
             a.sinks.k.hdfs.rollInterval = 5\n\
             a.sinks.k.hdfs.retryInterval = 2\n",
            broker.bootstrap(),
            topic.name,
            hdfs.uri(),
            topic.name
        ),
        &["a"],
    );
    let feed = Feed::start(&topic, &transactions, Supply::Pace(3000));
    for _ in 0..3 {
        let agent: Agent = site.start();
        sleep(dice.between(Duration::from_secs(6), Duration::from_secs(12)));
        agent.kill();
    }
    let agent = site.start();
    let fed = feed.stop();
    Group::new(&group, &topic).wait_until_settled();
    let root = format!("/{}", topic.name);
    wait::until(&format!("no file is in use below {root}"), RECOVERY, || {
        hdfs.list(&root).iter().all(|file| file.closed && !file.path.ends_with(".tmp"))
    });
    assert_eq!(agent.terminate(), 0);

    let mut ids = BTreeMap::new();
    hdfs.read(&root, |contents| {
        assert_eq!(contents.damage, None, "{}", contents.file.path);
        for record in contents.records {
            *ids.entry(id_in(&record.value).expect("a transaction")).or_default() += 1;
        }
    });
    println!("{names}: {fed} fed, {} there, {} copies more", ids.len(), ids.values().sum::<usize>() - ids.len());
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), (0..fed).collect::<Vec<_>>());
    ids
}
