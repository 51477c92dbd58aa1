//! `weir demo`, as a newcomer runs it: the receipt must add up, on the mock broker and on a real one.

use std::process::Command;

use serde_json::Value;

use crate::harness::agent::binary;
use crate::harness::broker::Broker;
use crate::harness::turn;

const EVENTS: u64 = 30_000;
/// The feed cuts every 500th transaction short.
const MALFORMED: u64 = EVENTS / 500;

fn receipt(arguments: &[&str]) -> Value {
    let run = Command::new(binary()).args(["demo", "--json", "--events", &EVENTS.to_string()]).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{}: {told}", run.status);
    let out = String::from_utf8(run.stdout).unwrap();
    assert_eq!(out.lines().count(), 1, "more than one line: {out}");
    println!("demo {arguments:?}: {}", out.trim());
    serde_json::from_str(&out).unwrap()
}

fn adds_up(receipt: &Value) {
    let count = |name: &str| receipt[name].as_u64().unwrap();
    assert_eq!(count("in"), EVENTS);
    assert_eq!(count("lost"), 0);
    assert_eq!(count("dead_lettered"), MALFORMED);
    assert_eq!(count("out") + count("discarded") + count("dead_lettered"), EVENTS);
    assert_eq!(count("duplicated"), 0);
}

#[test]
fn the_demo_on_its_own_broker_loses_nothing() {
    let _turn = turn::shared();
    adds_up(&receipt(&[]));
}

#[test]
fn the_demo_on_a_real_broker_loses_nothing() {
    let _turn = turn::shared();
    adds_up(&receipt(&["--brokers", Broker::shared().bootstrap()]));
}
