//! Dead letters as a place to work in: a plugin chokes on one event in a thousand, is mended, and all of them go through the chain again.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::message::Message;
use weir::control::letters::{LetterChoice, LetterPage};

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::checker::{self, Report};
use crate::harness::configuration::{self, Pipeline};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::{Kind, Transactions};
use crate::harness::{cache, guests, load, raw, reader, topics, turn, wait};

const NAME: &str = "letters";

/// A pipeline whose plugin is a file of its own, so that it can be mended.
struct Scene {
    transactions: Transactions,
    events: u64,
    input: Topic,
    output: Topic,
    parked: Topic,
    group: String,
    plugin: PathBuf,
}

impl Scene {
    fn new(label: &str, events: u64, poisoned_one_in: u64) -> Scene {
        let bootstrap = Broker::shared().bootstrap();
        let topic = |kind: &str, partitions| Topic::create(bootstrap, &format!("letters-{label}-{kind}"), partitions);
        let plugin = cache::scratch(&format!("letters-{label}-plugin")).join("plugin.wasm");
        fs::copy(guests::path("traps"), &plugin).unwrap();
        let scene = Scene {
            transactions: Transactions { poisoned_one_in: Some(poisoned_one_in), ..Transactions::new(4) },
            events,
            input: topic("in", 4),
            output: topic("out", 4),
            parked: topic("parked", 2),
            group: topics::unique(&format!("letters-{label}")),
            plugin,
        };
        load::fill(&scene.input, &scene.transactions, events, None);
        scene
    }

    fn site(&self, label: &str) -> Site {
        let pipeline = Pipeline { plugins: vec![self.plugin.clone()], ..Pipeline::new(NAME, &self.input, &self.output.name, &self.group) };
        Site::new(&format!("letters-{label}"), &pipeline.properties(), &[NAME])
    }

    fn poisoned(&self) -> BTreeSet<u64> {
        (0..self.events).filter(|id| self.transactions.kind(*id) == Kind::Poisoned).collect()
    }

    /// Runs the choking plugin to the end, mends it, and starts an agent with it.
    fn choke_and_mend(&self, site: &Site) -> Agent {
        let agent = site.start();
        Group::new(&self.group, &self.input).wait_until_settled();
        assert_eq!(agent.terminate(), 0);
        fs::copy(configuration::passthrough(), &self.plugin).unwrap();
        site.start()
    }

    /// Which events are parked, by where they came from.
    fn in_letters(&self, agent: &Agent) -> BTreeSet<u64> {
        let mut ids = BTreeSet::new();
        let mut query = "?limit=1000".to_owned();
        loop {
            let LetterPage { letters, next, unreadable, .. } = agent.api().letters(NAME, &query);
            assert_eq!(unreadable, 0);
            for letter in letters {
                assert_eq!(letter.event.topic.as_deref(), Some(&*self.input.name), "{letter:?}");
                assert!(letter.stage.contains("i0") && !letter.reason.is_empty() && letter.backtrace.is_some(), "{letter:?}");
                assert_eq!(letter.plugin.as_ref().map(String::len), Some(64));
                let (partition, offset) = (letter.event.partition.expect("a partition"), letter.event.offset.expect("an offset"));
                assert!(ids.insert(self.transactions.id_at(partition, offset)), "twice: {letter:?}");
            }
            match next {
                Some(next) => query = format!("?limit=1000&after={}", next.replace(':', "%3A")),
                None => return ids,
            }
        }
    }

    /// Everything that was sent, and nothing twice. What was replayed comes late, and so not in order.
    fn check(&self) -> Report {
        let report = checker::check(&self.transactions, self.events, &self.output, &[]);
        println!("letters: {report}");
        Report { reordered: 0, ..report }
    }
}

fn all() -> LetterChoice {
    LetterChoice { all: true, ..LetterChoice::default() }
}

/// Replays until nothing is left; how many letters that were.
fn replay_all(agent: &Agent) -> u64 {
    let mut replayed = 0;
    loop {
        let report = agent.api().replay(NAME, &all()).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!((report.parked_again, report.missing.len()), (0, 0), "{report:?}");
        replayed += report.replayed;
        if report.remaining == 0 {
            return replayed;
        }
    }
}

fn every_poisoned_event_is_delivered_once(scene: &Scene, site: &Site) {
    let agent = scene.choke_and_mend(site);
    let poisoned = scene.poisoned();
    assert!(!poisoned.is_empty());
    assert_eq!(scene.in_letters(&agent), poisoned);
    assert_eq!(replay_all(&agent), poisoned.len() as u64);
    assert_eq!(scene.in_letters(&agent), BTreeSet::new());
    assert_eq!(agent.terminate(), 0);
    scene.check().assert_exact();
    // What was dropped stays so.
    let agent = site.start();
    assert_eq!(scene.in_letters(&agent), BTreeSet::new());
    assert_eq!(agent.terminate(), 0);
}

#[test]
fn letters_in_a_file_are_replayed_and_every_event_is_downstream_once() {
    let _turn = turn::alone();
    let scene = Scene::new("file", 100_000, 1000);
    every_poisoned_event_is_delivered_once(&scene, &scene.site("file"));
}

#[test]
fn letters_in_a_topic_are_replayed_and_every_event_is_downstream_once() {
    let _turn = turn::alone();
    let scene = Scene::new("topic", 100_000, 1000);
    every_poisoned_event_is_delivered_once(&scene, &scene.site("topic").with_dead_letter_topic(&scene.parked.name));
}

#[test]
fn letters_with_the_headers_of_kafka_connect_are_replayed_too() {
    let _turn = turn::alone();
    let scene = Scene::new("connect", 100_000, 1000);
    let site = scene.site("connect").with_dead_letter_topic(&scene.parked.name).with_header_style("connect");
    every_poisoned_event_is_delivered_once(&scene, &site);
    let mut letters = 0;
    reader::read(&scene.parked, |message| {
        let headers = raw::headers(message);
        let text = |name: &str| {
            let value = headers.iter().rev().find(|(header, _)| header == name.as_bytes()).and_then(|(_, value)| value.clone());
            value.map(|value| String::from_utf8(value).unwrap())
        };
        if text("weir.dlq.dropped").is_some() {
            return;
        }
        letters += 1;
        let connect = |name: &str| text(&format!("__connect.errors.{name}")).unwrap_or_else(|| panic!("no {name} in {headers:?}"));
        let id = scene.transactions.id_at(connect("partition").parse().unwrap(), connect("offset").parse().unwrap());
        assert_eq!((connect("topic"), connect("connector.name")), (scene.input.name.clone(), NAME.to_owned()));
        assert!(connect("exception.stacktrace").contains("intercept"));
        assert!(!connect("exception.message").is_empty() && !connect("stage").is_empty());
        assert_eq!(message.payload(), Some(&scene.transactions.body(id)[..]));
        assert_eq!(text("weir.error.message"), None);
    });
    assert_eq!(letters, scene.poisoned().len());
}

#[test]
fn chosen_letters_are_dropped_and_stay_dropped() {
    let _turn = turn::shared();
    for place in ["file", "topic"] {
        let scene = Scene::new(&format!("drop-{place}"), 20_000, 1000);
        let site = scene.site(&format!("drop-{place}"));
        let site = if place == "topic" { site.with_dead_letter_topic(&scene.parked.name) } else { site };
        let agent = scene.choke_and_mend(&site);
        let ids: Vec<String> = agent.api().letters(NAME, "?limit=2").letters.into_iter().map(|letter| letter.id).collect();
        let choice = LetterChoice { ids: [ids.as_slice(), &["0:999999".to_owned()]].concat(), ..LetterChoice::default() };
        let report = agent.api().drop_letters(NAME, &choice).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!((report.dropped, report.missing), (2, vec!["0:999999".to_owned()]));
        assert_eq!(agent.api().drop_letters(NAME, &LetterChoice::default()).unwrap_err().status, 400);
        let left = scene.in_letters(&agent).len();
        assert_eq!(left, scene.poisoned().len() - 2);
        assert_eq!(replay_all(&agent), left as u64);
        assert_eq!(agent.terminate(), 0);
        let report = scene.check();
        assert_eq!((report.lost, report.duplicated), (2, 0), "{report}");
    }
}

#[test]
fn an_agent_killed_in_the_middle_of_a_replay_loses_nothing() {
    let _turn = turn::alone();
    for place in ["file", "topic"] {
        let scene = Scene::new(&format!("kill-{place}"), 20_000, 10);
        let site = scene.site(&format!("kill-{place}"));
        let site = if place == "topic" { site.with_dead_letter_topic(&scene.parked.name) } else { site };
        let agent = scene.choke_and_mend(&site);
        let before = scene.output.len();
        let (api, choice) = (agent.api(), all());
        // The answer does not come, or not to the end.
        let replaying = std::thread::spawn(move || {
            let body = serde_json::to_vec(&choice).unwrap();
            api.post(&format!("/api/v1/pipelines/{NAME}/dead-letters/replay"), "application/json", &[], &body)
        });
        wait::until("replayed events arrive", Duration::from_secs(60), || scene.output.len() > before);
        agent.kill();
        println!(
            "killed after {} replayed events, answer {:?}",
            scene.output.len() - before,
            replaying.join().unwrap().map(|answer| answer.status)
        );
        let agent = site.start();
        replay_all(&agent);
        assert_eq!(scene.in_letters(&agent), BTreeSet::new());
        assert_eq!(agent.terminate(), 0);
        scene.check().assert_nothing_lost();
    }
}
