//! A pipeline with a hostile component beside one with a good one, in one agent: the good one must not notice.

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::checker;
use crate::harness::configuration::{self, Pipeline};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::{Kind, Transactions};
use crate::harness::{guests, load, topics, turn};

/// Events for the hostile component: about every tenth is poisoned, and only those wake it.
const HOSTILE_EVENTS: u64 = 200;
const GOOD_EVENTS: u64 = 50_000;
/// Resident memory an agent with two pipelines may reach: its own, one instance's cap, and what one call may hand over.
const MEMORY: u64 = 400 << 20;
/// How much an agent may log, whatever its plugins print.
const LOG: usize = 64 << 20;

/// What becomes of the poisoned events.
#[derive(PartialEq)]
enum Poisoned {
    Parked,
    Pass,
}

fn run(name: &str, settings: &str, poisoned: Poisoned) {
    let _turn = turn::alone();
    let bootstrap = Broker::shared().bootstrap();
    let [hostile_in, hostile_out, good_in, good_out] =
        ["hostile-in", "hostile-out", "good-in", "good-out"].map(|label| Topic::create(bootstrap, label, 2));
    let sent = Transactions { poisoned_one_in: Some(10), ..Transactions::new(2) };
    let good = Transactions::new(2);
    load::fill(&hostile_in, &sent, HOSTILE_EVENTS, None);
    let (hostile_group, good_group) = (topics::unique("hostile"), topics::unique("good"));
    let hostile_pipeline = Pipeline {
        plugins: vec![guests::path(name)],
        batch_size: 20,
        more: settings,
        ..Pipeline::new("hostile", &hostile_in, &hostile_out.name, &hostile_group)
    };
    let good_pipeline =
        Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("good", &good_in, &good_out.name, &good_group) };
    let properties = format!("{}{}", hostile_pipeline.properties(), good_pipeline.properties());
    let site = Site::new(name, &properties, &["hostile", "good"]);

    let mut agent = site.start();
    load::fill(&good_in, &good, GOOD_EVENTS, Some(10_000));
    Group::new(&good_group, &good_in).wait_until_settled();
    Group::new(&hostile_group, &hostile_in).wait_until_settled();
    assert!(agent.is_running());
    assert_eq!(agent.get("/livez").0, 200);
    let (peak, logged) = (agent.usage().peak, agent.log().len());
    assert_eq!(agent.terminate(), 0);

    let (letters, _) = site.dead_letters();
    let beside = checker::check(&good, GOOD_EVENTS, &good_out, &[]);
    let report = checker::check(&sent, HOSTILE_EVENTS, &hostile_out, &letters);
    println!("hostile {name}: {report}; beside it {beside}; {} MiB at most, {} KiB logged", peak >> 20, logged >> 10);
    beside.assert_exact();
    report.assert_exact();
    let parked = if poisoned == Poisoned::Parked { sent.count(Kind::Poisoned, HOSTILE_EVENTS) } else { 0 };
    assert_eq!(report.dead_lettered, parked);
    assert!(letters.iter().all(|letter| sent.kind(sent.id_at(letter.partition, letter.offset)) == Kind::Poisoned));
    assert!(peak < MEMORY, "{} MiB", peak >> 20);
    assert!(logged < LOG, "{logged} bytes");
}

#[test]
fn a_component_that_never_returns() {
    run("spins", "", Poisoned::Parked);
}

#[test]
fn a_component_that_eats_memory() {
    run("hogs-memory", "", Poisoned::Parked);
}

#[test]
fn a_component_that_recurses_without_end() {
    run("recurses", "", Poisoned::Parked);
}

#[test]
fn a_component_that_traps() {
    run("traps", "", Poisoned::Parked);
}

#[test]
fn a_component_whose_answer_does_not_fit_the_batch() {
    run("miscounts", "SOURCE.interceptors.i0.kind = past-the-end", Poisoned::Parked);
}

#[test]
fn a_component_that_returns_a_gigabyte() {
    run("returns-gigabyte", "", Poisoned::Parked);
}

#[test]
fn a_component_that_prints_without_end() {
    run("prints", "", Poisoned::Pass);
}
