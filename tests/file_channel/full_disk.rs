//! The channel's disk gets full under it: its source waits, nothing is lost, and it goes on by itself once there is space.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use crate::harness::agent::{Site, may_mount};
use crate::harness::broker::Broker;
use crate::harness::checker;
use crate::harness::configuration::Pipeline;
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{load, topics, turn, wait};

use super::with_file_channel;

const EVENTS: u64 = 60_000;
const DISK: u64 = 32 << 20;

#[test]
fn a_full_disk_stops_the_source_and_nothing_is_lost_when_space_returns() {
    if !may_mount() {
        println!("skipped: this user may not mount a tmpfs in a namespace of its own");
        return;
    }
    let _turn = turn::alone();
    let broker = Broker::shared();
    let input = Topic::create(broker.bootstrap(), "full-in", 2);
    let output = Topic::create(broker.bootstrap(), "full-out", 2);
    let transactions = Transactions::new(2);
    let group_name = topics::unique("full");
    let pipeline = Pipeline { batch_size: 100, ..Pipeline::new("full", &input, &output.name, &group_name) };
    let site = Site::new("full", "", &["full"]).with_small_disk(DISK);
    let disk = site.directory().join("disk");
    site.rewrite(&with_file_channel(&pipeline, &disk, &["maxFileSize = 1000000".to_owned(), "minimumRequiredSpace = 1048576".to_owned()]));
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&input, &transactions, EVENTS, Some(4_000)));
        let group = Group::new(&group_name, &input);
        let agent = site.start();
        wait::until("events flow", Duration::from_secs(60), || output.len() > 1_000);
        let filler = agent.on_disk(&disk.join("filler"));
        let mut file = OpenOptions::new().create(true).append(true).open(&filler).unwrap();
        // Until nothing more fits, whatever the channel deletes meanwhile.
        let mut stands = 0;
        wait::until("the source stands still", Duration::from_secs(120), || {
            while file.write_all(&[0; 4096]).is_ok() {}
            let before = group.total();
            std::thread::sleep(Duration::from_millis(500));
            stands = if group.total() == before { stands + 1 } else { 0 };
            stands >= 4
        });
        assert!(agent.metric("weir_component_errors_total", "error_type=\"no_space\"") > 0.0, "it says why");
        assert!(group.total() < EVENTS, "it stopped for the disk, and not at the end");
        drop(file);
        fs::remove_file(&filler).unwrap();
        loading.join().unwrap();
        group.wait_until_settled();
        assert_eq!(agent.terminate(), 0);
    });
    let report = checker::check(&transactions, EVENTS, &output, &[]);
    println!("full disk: {report}");
    report.assert_exact();
}
