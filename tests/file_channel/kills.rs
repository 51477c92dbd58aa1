//! Agents killed with SIGKILL at random moments, while events go from Kafka through a file channel to Kafka.
//!
//! The source commits its offsets once the channel has synced the events, often long before they are delivered: what the channel then loses is lost.

use std::time::Duration;

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::checker;
use crate::harness::configuration::Pipeline;
use crate::harness::dice::{Dice, runs};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{cache, load, topics, turn, wait};

use super::with_file_channel;

const KILLS: u32 = 5;
const EVENTS: u64 = 60_000;

#[test]
fn agents_killed_at_any_moment_lose_nothing_that_is_in_the_file_channel() {
    let _turn = turn::alone();
    let broker = Broker::shared();
    for run in 0..runs(3) {
        let mut dice = Dice::new("file-kills", run);
        let input = Topic::create(broker.bootstrap(), "file-kills-in", 2);
        let output = Topic::create(broker.bootstrap(), "file-kills-out", 2);
        let transactions = Transactions::new(2);
        let group_name = topics::unique("file-kills");
        let pipeline = Pipeline { batch_size: 50, ..Pipeline::new("kills", &input, &output.name, &group_name) };
        let directory = cache::scratch("file-kills-channel");
        // Small files, so that they are begun and deleted all the time.
        let text =
            with_file_channel(&pipeline, &directory, &["maxFileSize = 1000000".to_owned(), "minimumRequiredSpace = 1048576".to_owned()]);
        let site = Site::new("file-kills", &text, &["kills"]);
        let mut ahead = 0;
        std::thread::scope(|scope| {
            let loading = scope.spawn(|| load::fill(&input, &transactions, EVENTS, Some(4_000)));
            let group = Group::new(&group_name, &input);
            for _ in 0..KILLS {
                let agent = site.start();
                let before = output.len();
                wait::until("the pipeline moves", Duration::from_secs(120), || output.len() > before);
                std::thread::sleep(dice.between(Duration::from_millis(1), Duration::from_secs(2)));
                agent.kill();
                ahead = ahead.max(group.total().saturating_sub(output.len()));
            }
            loading.join().unwrap();
            let agent = site.start();
            group.wait_until_settled();
            assert_eq!(agent.terminate(), 0);
        });
        let report = checker::check(&transactions, EVENTS, &output, &[]);
        println!("file channel, {KILLS} kills: {report}; committed and not delivered at a kill: {ahead} or fewer");
        report.assert_nothing_lost();
    }
}
