//! One event in a thousand makes the guest trap: exactly those are parked, with what a person needs to find out why.

use std::collections::BTreeSet;

use rdkafka::message::Message;

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::checker::{self, Checker};
use crate::harness::configuration::Pipeline;
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::{Kind, Transactions, planned};
use crate::harness::{guests, load, raw, reader, topics, turn};

fn poisoned(events: u64, transactions: &Transactions) -> BTreeSet<u64> {
    (0..events).filter(|id| transactions.kind(*id) == Kind::Poisoned).collect()
}

#[test]
fn exactly_the_poisoned_events_are_parked_with_offset_reason_and_backtrace() {
    let _turn = turn::alone();
    let events = planned(200_000);
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "poison-in", 4);
    let output = Topic::create(bootstrap, "poison-out", 4);
    let transactions = Transactions { poisoned_one_in: Some(1000), ..Transactions::new(4) };
    load::fill(&input, &transactions, events, None);
    let group = topics::unique("poison");
    let pipeline = Pipeline { plugins: vec![guests::path("traps")], ..Pipeline::new("poison", &input, &output.name, &group) };
    let site = Site::new("poison", &pipeline.properties(), &["poison"]);
    let agent = site.start();
    Group::new(&group, &input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);

    let (letters, torn) = site.dead_letters();
    let report = checker::check(&transactions, events, &output, &letters);
    println!("poison: {report}");
    report.assert_exact();
    let expected = poisoned(events, &transactions);
    assert!(!expected.is_empty());
    let parked: BTreeSet<u64> = letters.iter().map(|letter| transactions.id_at(letter.partition, letter.offset)).collect();
    assert_eq!((parked, torn), (expected, 0));
    for letter in &letters {
        assert_eq!(letter.topic, input.name);
        assert!(letter.stage.contains("i0"), "{letter:?}");
        assert!(!letter.reason.is_empty(), "{letter:?}");
        assert!(letter.backtrace.as_ref().is_some_and(|trace| trace.contains("intercept")), "names the guest's functions: {letter:?}");
        assert!(letter.plugin.as_ref().is_some_and(|digest| digest.len() == 64), "{letter:?}");
        let body = transactions.body(transactions.id_at(letter.partition, letter.offset));
        assert_eq!(letter.text().map(str::as_bytes), Some(&body[..]));
    }
}

#[test]
fn a_dead_letter_topic_gets_the_event_as_it_was_and_the_reason_in_its_headers() {
    let _turn = turn::shared();
    let events = 10_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "parked-in", 2);
    let output = Topic::create(bootstrap, "parked-out", 2);
    let parked = Topic::create(bootstrap, "parked", 1);
    let transactions = Transactions { poisoned_one_in: Some(500), ..Transactions::new(2) };
    load::fill(&input, &transactions, events, None);
    let group = topics::unique("parked");
    let pipeline = Pipeline { plugins: vec![guests::path("traps")], ..Pipeline::new("parked", &input, &output.name, &group) };
    let site = Site::new("parked", &pipeline.properties(), &["parked"]).with_dead_letter_topic(&parked.name);
    let agent = site.start();
    Group::new(&group, &input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);

    let mut checker = Checker::new(&transactions, events);
    reader::read(&output, |message| checker.arrived(message.partition(), message.payload().unwrap_or_default()));
    let mut ids = BTreeSet::new();
    reader::read(&parked, |message| {
        let headers = raw::headers(message);
        let text = |name: &str| -> String {
            let value = headers.iter().find(|(header, _)| header == name.as_bytes()).and_then(|(_, value)| value.clone());
            String::from_utf8(value.unwrap_or_else(|| panic!("no {name} in {headers:?}"))).unwrap()
        };
        let id = transactions.id_at(text("weir.source.partition").parse().unwrap(), text("weir.source.offset").parse().unwrap());
        assert_eq!(text("weir.source.topic"), input.name);
        assert_eq!(text("weir.plugin.digest").len(), 64);
        assert!(text("weir.error.stage").contains("i0"));
        assert!(!text("weir.error.message").is_empty());
        assert!(text("weir.error.backtrace").contains("intercept"));
        assert_eq!(message.key(), Some(transactions.key(id).as_bytes()));
        assert_eq!(message.payload(), Some(&transactions.body(id)[..]));
        checker.parked(id);
        ids.insert(id);
    });
    println!("poison, parked in a topic: {}", checker.report());
    checker.report().assert_exact();
    assert_eq!(ids, poisoned(events, &transactions));
}
