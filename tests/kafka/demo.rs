//! `weir demo`, as a newcomer runs it: the receipt must add up, on the mock broker and on a real one.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::agent::binary;
use crate::harness::broker::Broker;
use crate::harness::{cache, turn};

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
    assert_eq!((count("landed"), count("not_landed"), count("repeated")), (count("out"), 0, 0));
    assert!(count("files") > 0);
}

/// The ids in the files, which lie as they would on HDFS: `TOPIC/yy-mm-dd/test-events.COUNTER`.
fn landed(directory: &Path) -> HashSet<u64> {
    let names = |directory: &Path| fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut ids = HashSet::new();
    let [topic] = names(directory).try_into().expect("one topic");
    for day in names(&topic) {
        let name = day.file_name().unwrap().to_str().unwrap();
        assert!(name.split('-').all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())), "{name}");
        for file in names(&day) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let counter = name.strip_prefix("test-events.").unwrap_or_else(|| panic!("{name}"));
            assert!(counter.len() == 13 && counter.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
            for line in fs::read_to_string(&file).unwrap().lines() {
                let transaction: Value = serde_json::from_str(line).unwrap();
                assert!(ids.insert(transaction["id"].as_u64().unwrap()), "twice: {line}");
            }
        }
    }
    ids
}

#[test]
fn the_demo_on_its_own_broker_loses_nothing() {
    let _turn = turn::shared();
    adds_up(&receipt(&[]));
}

#[test]
fn the_demo_on_a_real_broker_loses_nothing() {
    let _turn = turn::shared();
    let kept = cache::scratch("demo").join("landed 100%");
    let receipt = receipt(&["--brokers", Broker::shared().bootstrap(), "--keep", kept.to_str().unwrap()]);
    adds_up(&receipt);
    let ids = landed(&kept);
    assert_eq!(ids.len() as u64, receipt["landed"].as_u64().unwrap());
    assert!(ids.iter().all(|id| *id < EVENTS));
}
