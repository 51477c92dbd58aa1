//! The seed's configuration, only its host names replaced: a million transactions through a cluster that is found in ZooKeeper.

use std::time::Instant;

use crate::harness::agent::Site;
use crate::harness::checker::Checker;
use crate::harness::configuration::{self, FRAUD_CLASS, SEED};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::{Kind, Transactions, planned};
use crate::harness::zookeeper::Ensemble;
use crate::harness::{load, raw, reader, turn};

use rdkafka::message::Message;

#[test]
fn the_seeds_pipeline_scores_a_million_transactions() {
    let _turn = turn::alone();
    let events = planned(1_000_000);
    let ensemble = Ensemble::shared();
    let bootstrap = ensemble.broker.bootstrap();
    let input = Topic::named(bootstrap, "flume.txn", 4, &[]);
    let output = Topic::named(bootstrap, "flume.auths", 4, &[]);
    let transactions = Transactions { malformed_one_in: Some(1000), ..Transactions::new(4) };
    // The file names no group and says nothing about where a new one begins.
    let group = Group::new("flume", &input);
    group.begin();
    load::fill(&input, &transactions, events, None);

    let properties = configuration::seed(ensemble.connect(), bootstrap);
    let site = Site::new("seed", &properties, &[SEED]).with_plugin(FRAUD_CLASS, &configuration::fraud_score());
    let start = Instant::now();
    let agent = site.start();
    group.wait_until_settled();
    let (took, usage) = (start.elapsed(), agent.usage());
    assert_eq!(agent.terminate(), 0);

    let mut checker = Checker::new(&transactions, events);
    let mut unscored = 0;
    reader::read(&output, |message| {
        checker.arrived(message.partition(), message.payload().unwrap_or_default());
        let headers = raw::headers(message);
        let has =
            |name: &[u8]| headers.iter().any(|(header, value)| header == name && value.as_ref().is_some_and(|value| !value.is_empty()));
        unscored += u64::from(!has(b"fraud.score") || !has(b"fraud.verdict"));
    });
    let (letters, torn) = site.dead_letters();
    for letter in &letters {
        checker.parked(transactions.id_at(letter.partition, letter.offset));
    }
    let report = checker.report();
    println!("seed: {report}, unscored {unscored}; {took:.1?} from start, {:.1} CPU s, {} MiB at most", usage.cpu, usage.peak >> 20);
    report.assert_exact();
    assert_eq!((unscored, torn), (0, 0));
    assert_eq!(report.dead_lettered, transactions.count(Kind::Malformed, events));
    assert!(letters.iter().all(|letter| transactions.kind(transactions.id_at(letter.partition, letter.offset)) == Kind::Malformed));
}
