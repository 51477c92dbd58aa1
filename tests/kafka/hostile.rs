//! A pipeline with a hostile component beside one with a good one, in one agent: the good one must not notice.

use std::path::PathBuf;

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::checker;
use crate::harness::configuration::{self, Pipeline};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{guests, load, topics, turn};

/// Events for the hostile component: every tenth is poisoned, and the others are none of its business.
const HOSTILE_EVENTS: u64 = 200;
const GOOD_EVENTS: u64 = 50_000;
/// Resident memory an agent with two pipelines may reach: its own, one instance's cap, and what one call may hand over.
const MEMORY: u64 = 400 << 20;

fn run(name: &str, plugin: PathBuf) {
    let _turn = turn::alone();
    let bootstrap = Broker::shared().bootstrap();
    let [hostile_in, hostile_out, good_in, good_out] =
        ["hostile-in", "hostile-out", "good-in", "good-out"].map(|label| Topic::create(bootstrap, label, 2));
    let poisoned = Transactions { poisoned_one_in: Some(10), ..Transactions::new(2) };
    let good = Transactions::new(2);
    load::fill(&hostile_in, &poisoned, HOSTILE_EVENTS, None);
    let (hostile_group, good_group) = (topics::unique("hostile"), topics::unique("good"));
    let hostile_pipeline =
        Pipeline { plugins: vec![plugin], batch_size: 20, ..Pipeline::new("hostile", &hostile_in, &hostile_out.name, &hostile_group) };
    let good_pipeline =
        Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("good", &good_in, &good_out.name, &good_group) };
    let properties = format!("{}{}", hostile_pipeline.properties(), good_pipeline.properties());
    let site = Site::new("hostile", &properties, &["hostile", "good"]);

    let mut agent = site.start();
    load::fill(&good_in, &good, GOOD_EVENTS, Some(10_000));
    Group::new(&good_group, &good_in).wait_until_settled();
    Group::new(&hostile_group, &hostile_in).wait_until_settled();
    assert!(agent.is_running());
    assert_eq!(agent.get("/livez").0, 200);
    let peak = agent.usage().peak;
    assert_eq!(agent.terminate(), 0);

    let (letters, _) = site.dead_letters();
    let beside = checker::check(&good, GOOD_EVENTS, &good_out, &[]);
    let report = checker::check(&poisoned, HOSTILE_EVENTS, &hostile_out, &letters);
    println!("hostile {name}: {report}; beside it {beside}; {} MiB at most", peak >> 20);
    beside.assert_exact();
    report.assert_exact();
    assert!(peak < MEMORY, "{} MiB", peak >> 20);
}

#[test]
fn a_component_that_never_returns() {
    run("spins", guests::path("spins"));
}

#[test]
fn a_component_that_eats_memory() {
    run("hogs-memory", guests::path("hogs-memory"));
}

#[test]
fn a_component_that_recurses_without_end() {
    run("recurses", guests::path("recurses"));
}

#[test]
fn a_component_that_traps() {
    run("traps", guests::path("traps"));
}

#[test]
fn a_component_whose_answer_does_not_fit_the_batch() {
    run("miscounts", guests::path("miscounts"));
}

#[test]
fn a_component_that_returns_a_gigabyte() {
    run("returns-a-gigabyte", guests::path("returns-a-gigabyte"));
}

#[test]
fn a_component_that_prints_without_end() {
    run("prints", guests::path("prints"));
}
