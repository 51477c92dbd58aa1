//! The servers themselves, without an agent: what the scenarios build on.

use rdkafka::message::Message;

use crate::harness::broker::Broker;
use crate::harness::checker::{self, Checker};
use crate::harness::raw::{self, Record};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::zookeeper::Ensemble;
use crate::harness::{load, reader, turn};

const EVENTS: u64 = 20_000;

#[test]
fn a_killed_broker_comes_back_with_every_acknowledged_event() {
    let _turn = turn::alone();
    let broker = Broker::shared();
    let topic = Topic::create(broker.bootstrap(), "servers", 4);
    let transactions = Transactions::new(4);
    load::fill(&topic, &transactions, EVENTS, None);
    Group::new("servers", &topic).begin();
    broker.kill();
    broker.boot();
    let report = checker::check(&transactions, EVENTS, &topic, &[]);
    println!("broker killed: {report}");
    report.assert_exact();
    assert_eq!(Group::new("servers", &topic).total(), 0);
}

#[test]
fn a_producer_outlives_the_broker_and_keeps_its_order() {
    let _turn = turn::alone();
    let broker = Broker::shared();
    let topic = Topic::create(broker.bootstrap(), "servers", 2);
    let transactions = Transactions::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| load::fill(&topic, &transactions, EVENTS, Some(4000)));
        std::thread::sleep(std::time::Duration::from_secs(2));
        broker.kill();
        broker.boot();
    });
    let mut checker = Checker::new(&transactions, EVENTS);
    reader::read(&topic, |message| {
        assert_eq!(transactions.body(transactions.id_at(message.partition(), message.offset())), message.payload().unwrap());
        checker.arrived(message.partition(), message.payload().unwrap());
    });
    println!("broker killed under a producer: {}", checker.report());
    checker.report().assert_exact();
}

#[test]
fn a_broker_in_zookeeper_mode_takes_and_gives_back_what_the_wrapper_cannot_say() {
    let _turn = turn::shared();
    let topic = Topic::create(Ensemble::shared().broker.bootstrap(), "servers", 1);
    let records = [
        Record { key: None, body: None, headers: vec![(vec![0xff, 0xfe], Some(vec![0x80])), (b"null".to_vec(), None)] },
        Record { key: Some(vec![]), body: Some(vec![]), headers: vec![] },
    ];
    raw::send(&topic, &records);
    let mut found = Vec::new();
    reader::read(&topic, |message| {
        found.push((message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec), raw::headers(message)));
    });
    let sent: Vec<_> = records.into_iter().map(|record| (record.key, record.body, record.headers)).collect();
    assert_eq!(found, sent);
}
