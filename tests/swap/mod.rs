//! Plugins exchanged while events flow: one file a scenario, all against a real Kafka. Each prints the counts it saw.

mod api_under_load;
mod catalogue;
mod crash;
mod rollback;
mod stamps;
mod swaps;
mod tap;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use weir::control::swap::{HistoryEntry, SwapReport, SwapResult, VersionState};

use crate::harness::agent::{Agent, Site};
use crate::harness::api::{Api, Problem, Swap};
use crate::harness::broker::Broker;
use crate::harness::checker::Checker;
use crate::harness::configuration::Pipeline;
use crate::harness::dead_letters::DeadLetter;
use crate::harness::load::{Feed, Supply};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::versions::Version;
use crate::harness::{cache, reader, wait};

/// The pipeline's name.
const PIPELINE: &str = "swap";
/// Its interceptor that is exchanged; behind it in the chain is none.
const TARGET: &str = "swap/i0";
const PARTITIONS: i32 = 4;
/// How long something that the agent does by itself may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pipeline whose interceptor is any version of the guest `versions`.
struct Scene {
    input: Arc<Topic>,
    output: Topic,
    transactions: Transactions,
    group: String,
    /// The plugin's file, or whatever the configuration was given.
    plugin: PathBuf,
    site: Site,
}

/// What is special about a scene.
struct Setup<'a> {
    transactions: Transactions,
    batch_size: usize,
    /// The plugin, where it is not a file with the first version.
    plugin: Option<PathBuf>,
    /// Lines of the configuration; `PLUGIN` stands for the interceptor's prefix.
    more: &'a str,
    /// Lines of the agent's settings.
    settings: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Setup { transactions: Transactions::new(PARTITIONS), batch_size: 50, plugin: None, more: "", settings: "" }
    }
}

impl Scene {
    /// With this version in place.
    fn new(label: &str, first: &Version, setup: Setup<'_>) -> Scene {
        let plugin = setup.plugin.clone().unwrap_or_else(|| cache::scratch("plugin").join("plugin.wasm"));
        if setup.plugin.is_none() {
            first.put(&plugin);
        }
        let bootstrap = Broker::shared().bootstrap();
        let input = Arc::new(Topic::create(bootstrap, &format!("{label}-in"), PARTITIONS));
        let output = Topic::create(bootstrap, &format!("{label}-out"), PARTITIONS);
        let group = topics::unique(label);
        let more = setup.more.replace("PLUGIN", "SOURCE.interceptors.i0");
        let pipeline = Pipeline {
            plugins: vec![plugin.clone()],
            batch_size: setup.batch_size,
            session: 2000,
            more: &more,
            ..Pipeline::new(PIPELINE, &input, &output.name, &group)
        };
        let site = Site::new(label, &pipeline.properties(), &[PIPELINE]).with_settings(setup.settings);
        Scene { site, input, output, transactions: setup.transactions, group, plugin }
    }

    /// Sends events until it is stopped.
    fn feed(&self, pace: u64) -> Feed {
        Feed::start(&self.input, &self.transactions, Supply::Pace(pace))
    }

    /// Waits until more than so many events have arrived since now.
    fn flows(&self, events: u64) {
        let before = self.output.len();
        wait::until("events flow", PATIENCE, || self.output.len() > before + events);
    }

    /// Waits until all events are settled, ends the agent, and counts.
    fn finish(&self, agent: Agent, events: u64) -> (Checker, Vec<DeadLetter>) {
        Group::new(&self.group, &self.input).wait_until_settled();
        assert_eq!(agent.terminate(), 0);
        self.count(events)
    }

    /// What became of the events.
    fn count(&self, events: u64) -> (Checker, Vec<DeadLetter>) {
        let mut checker = Checker::new(&self.transactions, events);
        reader::read(&self.output, |message| {
            use rdkafka::message::Message;
            checker.arrived(message.partition(), message.payload().unwrap_or_default());
        });
        let (letters, _) = self.site.dead_letters();
        for letter in &letters {
            checker.parked(self.transactions.id_at(letter.partition, letter.offset));
        }
        (checker, letters)
    }
}

/// Swaps to a version and asks for nothing else.
fn swap(api: &Api, version: &Version, trial: bool) -> Result<SwapReport, Problem> {
    let name = format!("{}.wasm", &version.digest[..8]);
    api.swap(TARGET, &Swap { component: &version.component, name: &name, untried: !trial, wait: 30, ..Swap::default() })
}

/// As [`swap`], to a version that must be taken without a trial, by its first batch.
#[track_caller]
fn swapped(api: &Api, version: &Version) -> SwapReport {
    let report = swap(api, version, false).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((report.result, report.to.digest.as_str()), (SwapResult::Swapped, version.digest.as_str()), "{report:?}");
    assert!(report.first_batch.as_ref().is_some_and(|batch| batch.events > 0), "{report:?}");
    report
}

/// The newest entry about a version.
fn entry(api: &Api, digest: &str) -> Option<HistoryEntry> {
    api.history(TARGET).versions.into_iter().find(|entry| entry.version.digest == digest)
}

/// Waits until this version judges.
fn until_judged_by(api: &Api, version: &Version) {
    wait::until(&format!("version {} judges", version.digest), PATIENCE, || api.version(TARGET).digest == version.digest);
}

/// Waits until a version was rolled back, and says why it was.
fn until_rolled_back(api: &Api, version: &Version) -> String {
    let mut reason = None;
    wait::until(&format!("version {} is rolled back", version.digest), PATIENCE, || {
        reason = entry(api, &version.digest).filter(|entry| entry.state == VersionState::RolledBack).map(|entry| entry.reason);
        reason.is_some()
    });
    reason.expect("until returns once there is one")
}

/// What a person is told contains one of each group.
#[track_caller]
fn assert_says(said: &str, groups: &[&[&str]]) {
    for group in groups {
        assert!(group.iter().any(|text| said.contains(text)), "none of {group:?} in: {said}");
    }
}
