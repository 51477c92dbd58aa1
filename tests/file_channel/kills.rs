//! Agents killed with SIGKILL at random moments, while events go from Kafka through a file channel to Kafka.
//!
//! The source commits its offsets once the channel has synced the events, often long before they are delivered: what the channel then loses is lost.

use std::sync::Arc;
use std::time::Duration;

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::configuration::Pipeline;
use crate::harness::load::{Feed, Supply};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{cache, checker, dice, topics, turn, wait};

use super::with_file_channel;

const KILLS: u32 = 5;
const PACE: Supply = Supply::Pace(4_000);
const PATIENCE: Duration = Duration::from_secs(120);

/// Topics, and an agent's configuration with a channel whose files are small, so that they are begun and deleted all the time.
struct Scene {
    input: Arc<Topic>,
    transactions: Transactions,
    group: String,
    site: Site,
}

impl Scene {
    fn new(label: &str, output: &str) -> Scene {
        let input = Arc::new(Topic::create(Broker::shared().bootstrap(), &format!("{label}-in"), 2));
        let group = topics::unique(label);
        let pipeline = Pipeline { batch_size: 50, ..Pipeline::new("kills", &input, output, &group) };
        let directory = cache::scratch(&format!("{label}-channel"));
        let more = ["maxFileSize = 1000000", "minimumRequiredSpace = 1048576"].map(str::to_owned);
        let text = with_file_channel(&pipeline, &directory, &more).replace("capacity = 10000", "capacity = 1000000");
        let site = Site::new(label, &text, &["kills"]);
        Scene { input, transactions: Transactions::new(2), group, site }
    }

    /// Lets an agent deliver all that there is, and counts.
    fn finish(&self, events: u64, output: &Topic, label: &str) {
        let agent = self.site.start();
        Group::new(&self.group, &self.input).wait_until_settled();
        assert_eq!(agent.terminate(), 0);
        let report = checker::check(&self.transactions, events, output, &[]);
        println!("file channel, {KILLS} kills {label}: {report}");
        report.assert_nothing_lost();
    }
}

#[test]
fn agents_killed_at_any_moment_lose_nothing_that_is_in_the_file_channel() {
    let _turn = turn::alone();
    dice::run_beside("file-kills", 3, |dice| {
        let output = Topic::create(Broker::shared().bootstrap(), "file-kills-out", 2);
        let scene = Scene::new("file-kills", &output.name);
        let feed = Feed::start(&scene.input, &scene.transactions, PACE);
        for _ in 0..KILLS {
            let agent = scene.site.start();
            let before = output.len();
            wait::until("the pipeline moves", PATIENCE, || output.len() > before);
            std::thread::sleep(dice.between(Duration::from_millis(1), Duration::from_secs(2)));
            agent.kill();
        }
        scene.finish(feed.stop(), &output, "while events flow");
    });
}

/// All that is committed is in the channel and nowhere else.
#[test]
fn agents_killed_while_nothing_can_be_delivered_lose_nothing_that_is_committed() {
    let _turn = turn::alone();
    let bootstrap = Broker::shared().bootstrap();
    dice::run_beside("file-kills-held", 3, |dice| {
        let absent = topics::unique("file-kills-held-out");
        let scene = Scene::new("file-kills-held", &absent);
        let group = Group::new(&scene.group, &scene.input);
        let feed = Feed::start(&scene.input, &scene.transactions, PACE);
        for _ in 0..KILLS {
            let before = group.total();
            let agent = scene.site.launch(0);
            wait::until("the source commits", PATIENCE, || group.total() > before);
            std::thread::sleep(dice.between(Duration::from_millis(1), Duration::from_secs(2)));
            agent.kill();
        }
        let (events, held) = (feed.stop(), group.total());
        let output = Topic::named(bootstrap, &absent, 2, &[]);
        scene.finish(events, &output, &format!("while nothing can be delivered, {held} events committed"));
    });
}
