//! The seed's second configuration, only its host names replaced: a Kafka channel drained into HDFS, by Weir and by a real Flume 1.11 from the same topic.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::harness::checker::{Checker, Report};
use crate::harness::flume::Options;
use crate::harness::hdfs::Hdfs;
use crate::harness::side::{Run, Side};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::{Transactions, planned};
use crate::harness::zookeeper::Ensemble;
use crate::harness::{configuration, load, turn};

/// The topic that the file names, and what its events say they come from.
const TOPIC: &str = "flume.auths";
const PARTITIONS: i32 = 4;
/// `hdfs.rollCount` of the file.
const ROLL: usize = 100;
/// `hdfs.rollInterval`, which it does not name: a file that is open for longer is closed with fewer events, s.
const INTERVAL: u64 = 30;

/// What is below a directory.
#[derive(Debug)]
struct Landed {
    report: Report,
    /// Directories.
    directories: Vec<String>,
    /// Lines of a file -> files of so many lines.
    shapes: BTreeMap<usize, usize>,
}

#[test]
fn the_seeds_second_pipeline_lands_in_hdfs_as_flume_lands_it() {
    let _turn = turn::alone();
    let events = planned(50_000);
    let (ensemble, hdfs) = (Ensemble::shared(), Hdfs::shared());
    let bootstrap = ensemble.broker.bootstrap();
    let topic = Topic::named(bootstrap, TOPIC, PARTITIONS, &[]);
    let transactions = Transactions::new(PARTITIONS);
    load::fill_channel(&topic, &transactions, events, None, &[("topic", TOPIC)]);
    let hadoop = hdfs.configuration();
    let options = Options { hadoop: Some(&hadoop), ..Options::default() };
    let seed = configuration::channel_seed(ensemble.connect(), bootstrap);
    // Flume reads the same topic in a group of its own and writes to a path of its own.
    let second =
        format!("{seed}\nflume1.channels.kafka-channel-1.kafka.consumer.group.id = second\n").replace("/tmp/kafka/", "/tmp/second/");

    let [by_weir, by_flume] = [(Side::Weir, "flume", "/tmp/kafka", &seed), (Side::Flume, "second", "/tmp/second", &second)].map(
        |(side, group, path, properties)| {
            let group = Group::new(group, &topic);
            group.begin();
            let start = Instant::now();
            let running = side.start(Run { label: "channel-seed", properties, agent: configuration::SEED, options });
            group.wait_until_settled();
            let (took, usage) = (start.elapsed(), running.usage());
            running.stop();
            let landed = landed(hdfs, path, &transactions, events);
            println!("seed's second, {side:?}: {}; {:?}", landed.report, landed.shapes);
            println!("  {took:.1?} from start, {:.1} CPU s, {} MiB at most", usage.cpu, usage.peak >> 20);
            landed.report.assert_exact();
            // Each directory ends with a file that is not full, and so does each interval.
            let short: usize = landed.shapes.iter().filter(|(lines, _)| **lines < ROLL).map(|(_, files)| files).sum();
            let most = landed.directories.len() + (took.as_secs() / INTERVAL) as usize + 1;
            assert!(short <= most, "{short} files of less than {ROLL} lines, at most {most} are explained");
            assert!(landed.shapes.keys().all(|lines| *lines <= ROLL), "{:?}", landed.shapes);
            landed
        },
    );
    // Midnight may lie between the two.
    let day = |directory: &String| directory.rsplit('/').next().map(str::len);
    assert_eq!(by_weir.directories.iter().map(day).next(), by_flume.directories.iter().map(day).next());
}

/// Reads everything below a directory with Hadoop's own client.
fn landed(hdfs: &Hdfs, path: &str, transactions: &Transactions, events: u64) -> Landed {
    let mut checker = Checker::new(transactions, events);
    let (mut directories, mut shapes, mut number) = (Vec::new(), BTreeMap::new(), 0);
    hdfs.read(path, |contents| {
        let file = &contents.file;
        assert!(file.closed && contents.damage.is_none(), "{file:?}: {:?}", contents.damage);
        let (directory, name) = file.path.rsplit_once('/').unwrap();
        assert!(is_name(name), "{}", file.path);
        assert!(is_directory(directory, path), "{}", file.path);
        if directories.last().is_none_or(|last| last != directory) {
            directories.push(directory.to_owned());
        }
        *shapes.entry(contents.records.len()).or_default() += 1;
        for record in &contents.records {
            // Order is a file's own: files are read by name.
            checker.arrived(number, &record.value);
        }
        number += 1;
    });
    Landed { report: checker.report(), directories, shapes }
}

/// `test-events.<epoch milliseconds>`
fn is_name(name: &str) -> bool {
    name.strip_prefix("test-events.").is_some_and(|counter| counter.len() == 13 && counter.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `<path>/<topic>/yy-mm-dd`
fn is_directory(directory: &str, path: &str) -> bool {
    let day = directory.strip_prefix(path).and_then(|rest| rest.strip_prefix(&format!("/{TOPIC}/")));
    day.is_some_and(|day| day.len() == 8 && day.split('-').all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())))
}
