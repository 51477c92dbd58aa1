//! Reloads over pipelines that only pretend: what is touched, in which order, and what when it goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::builder::{Builder, Built, Commit, InPlace};
use super::control::Controller;
use super::fleet::Fleet;
use super::reload::{Configuration, Reloader};
use super::{Error, watching};
use crate::config::spec::PipelineSpec;
use crate::config::{self, Fingerprint, Load, Loaded};
use crate::control::status::{PipelineState, PipelineStatus};
use crate::control::swap::{ReloadReport, ReloadResult};
use crate::control::{Caller, Control, RefusalKind, Target};
use crate::interceptor::{self, TapDirectory, spec};
use crate::pipeline::{self, Drain, Services};
use crate::plugin;
use crate::telemetry::tail::Tail;
use crate::telemetry::{Health, Metrics};

/// How a pretended pipeline behaves once it is to drain, and what it does before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Drains in no time.
    Good,
    /// Its sink never comes back: ends only when it is given up.
    DeadSink,
    /// Does not even end then.
    Stuck,
    /// Drains when it is let.
    Slow,
    /// Is stopped by an interceptor at once.
    Halts,
}

/// Builds pretended pipelines and keeps a journal.
#[derive(Default)]
struct Workshop {
    journal: Mutex<Vec<String>>,
    manners: Mutex<BTreeMap<String, Manner>>,
    /// Pipelines, or interceptors such as `a/i`, that cannot be made.
    faulty: Mutex<BTreeSet<String>>,
    lets_go: Notify,
    swaps_in_place: bool,
}

/// The workshop as the agent sees it.
struct Door(Arc<Workshop>);

impl Workshop {
    fn note(&self, entry: String) {
        self.journal.lock().expect("lock").push(entry);
    }

    /// What was noted since this was last asked.
    fn journal(&self) -> Vec<String> {
        std::mem::take(&mut *self.journal.lock().expect("lock"))
    }

    fn is_faulty(&self, name: &str) -> bool {
        self.faulty.lock().expect("lock").contains(name)
    }

    async fn run(self: Arc<Workshop>, name: String, drain: Drain) -> Result<(), pipeline::Error> {
        let manner = self.manners.lock().expect("lock").get(&name).copied().unwrap_or(Manner::Good);
        self.note(format!("start {name}"));
        if manner == Manner::Halts {
            let halted = interceptor::Error::Halted { place: "t/0/7".into(), reason: "told to".into() };
            return Err(pipeline::Error::Stopped("in".into(), halted));
        }
        drain.requested().await;
        self.note(format!("drain {name}"));
        match manner {
            Manner::DeadSink => drain.abandoned().await,
            Manner::Stuck => std::future::pending().await,
            Manner::Slow => self.lets_go.notified().await,
            Manner::Good | Manner::Halts => {}
        }
        self.note(format!("end {name}"));
        Ok(())
    }
}

impl Builder for Door {
    fn build<'a>(&'a self, spec: &'a PipelineSpec) -> BoxFuture<'a, Result<Built, pipeline::Error>> {
        let (workshop, name) = (self.0.clone(), spec.name.clone());
        Box::pin(async move {
            workshop.note(format!("build {name}"));
            if workshop.is_faulty(&name) {
                let source = interceptor::BuildError::Panicked("no such plugin".into());
                return Err(pipeline::Error::Interceptor { interceptor: "i".into(), origin: "in".into(), source });
            }
            let in_place: Option<Arc<dyn InPlace>> = workshop.swaps_in_place.then(|| Arc::new(Door(workshop.clone())) as _);
            Ok(Built { run: Box::new(move |drain| Box::pin(workshop.run(name, drain))), in_place, controls: None })
        })
    }
}

impl InPlace for Door {
    fn prepare<'a>(&'a self, target: &'a Target, spec: &'a spec::Wasm) -> BoxFuture<'a, Result<Commit, String>> {
        let (workshop, target, file) = (self.0.clone(), target.to_string(), spec.plugin.file_name());
        let file = file.unwrap_or_default().to_string_lossy().into_owned();
        Box::pin(async move {
            if workshop.is_faulty(&target) {
                return Err("it traps".to_owned());
            }
            let commit: Commit = Box::new(move |caller, why| {
                workshop.note(format!("swap {target} to {file} for {}: {why}", caller.name));
                Box::pin(async { Ok(()) })
            });
            Ok(commit)
        })
    }
}

/// What a pretended pipeline does without.
fn services() -> Services {
    let plugins = plugin::Host::new(plugin::Options::default()).expect("an engine");
    Services { metrics: Metrics::new(), health: Health::new(), plugins, state: None, spans: None, taps: TapDirectory::default() }
}

/// The configuration of a pipeline in TOML.
fn pipeline(name: &str, topic: &str, plugin: &str) -> String {
    format!(
        r#"
        [pipelines.{name}.sources.in]
        channels = ["mem"]
        [pipelines.{name}.sources.in.kafka]
        brokers = "b:9092"
        topics = ["{name}-in"]
        [[pipelines.{name}.sources.in.interceptors]]
        name = "i"
        wasm = {{ plugin = "{plugin}" }}
        [pipelines.{name}.channels.mem.memory]
        capacity = 1000
        [pipelines.{name}.sinks.out]
        channel = "mem"
        [pipelines.{name}.sinks.out.kafka]
        brokers = "b:9092"
        topic = "{topic}"
        "#
    )
}

/// Two pipelines, `a` and `b`.
fn two(topic: &str, plugin: &str) -> String {
    pipeline("a", topic, plugin) + &pipeline("b", "b-out", "p.wasm")
}

/// An agent's inside over a configuration file.
struct Bench {
    file: PathBuf,
    workshop: Arc<Workshop>,
    fleet: Arc<Fleet>,
    health: Health,
    reloader: Arc<Reloader>,
    _directory: tempfile::TempDir,
}

impl Bench {
    /// Runs what the text says.
    async fn start(text: &str, workshop: Workshop) -> Bench {
        let directory = tempfile::tempdir().expect("folder");
        let file = directory.path().join("weir.toml");
        std::fs::write(&file, text).expect("write");
        let load = Load { conf_file: vec![file.clone()], ..Load::default() };
        let seen = Fingerprint::take(&load);
        let loaded: Loaded = config::load(&load).expect("a good configuration");
        let (workshop, health) = (Arc::new(workshop), Health::new());
        let fleet = Fleet::new(health.clone());
        let door = Arc::new(Door(workshop.clone()));
        for spec in loaded.spec.pipelines {
            let built = door.build(&spec).await.expect("built");
            assert!(fleet.start(Arc::new(spec), built));
        }
        let reloader = Reloader::new(Some(Configuration::new(load, seen)), fleet.clone(), door, loaded.settings);
        settle().await;
        workshop.journal();
        Bench { file, workshop, fleet, health, reloader, _directory: directory }
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.file, text).expect("write");
    }

    async fn reload(&self) -> ReloadReport {
        let report = self.reloader.reload(&Caller::new("test")).await.expect("a report");
        settle().await;
        report
    }

    fn status(&self, pipeline: &str) -> PipelineStatus {
        let (fleet, reloader) = (self.fleet.clone(), self.reloader.clone());
        let services = Services { health: self.health.clone(), ..services() };
        let status = Controller { fleet, reloader, services, log: Tail::default(), started: 0 }.status();
        status.pipelines.into_iter().find(|status| status.name == pipeline).expect("a pipeline of that name")
    }
}

/// Lets every task go as far as it can without time passing.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn results(report: &ReloadReport) -> Vec<(&str, ReloadResult)> {
    report.changes.iter().map(|change| (change.path.as_str(), change.result)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_changed_pipeline_is_built_then_drained_then_started_again_and_its_sister_is_not_touched() {
    let bench = Bench::start(&two("a-out", "p.wasm"), Workshop::default()).await;
    bench.write(&two("a-new", "p.wasm"));
    let report = bench.reload().await;
    assert_eq!(results(&report), [("a", ReloadResult::Restarted)]);
    assert_eq!(report.changes[0].detail, "sink out: topic");
    assert_eq!(bench.workshop.journal(), ["build a", "drain a", "end a", "start a"]);
    assert_eq!(bench.reload().await, ReloadReport::default(), "it is taken over");
    assert_eq!(bench.workshop.journal(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_change_that_cannot_be_made_leaves_all_others_unmade() {
    let workshop = Workshop { swaps_in_place: true, ..Workshop::default() };
    let bench = Bench::start(&(two("a-out", "p.wasm") + &pipeline("gone", "g", "p.wasm")), workshop).await;
    bench.workshop.faulty.lock().expect("lock").insert("new".into());
    let wanted = pipeline("a", "a-new", "p.wasm") + &pipeline("b", "b-out", "q.wasm") + &pipeline("new", "n", "p.wasm");
    bench.write(&wanted);
    let report = bench.reload().await;
    let all = ["a", "b/i", "gone", "new"].map(|path| (path, ReloadResult::Rejected));
    assert_eq!(results(&report), all);
    assert_eq!(report.changes[0].detail, "left as it was, since new cannot be changed");
    assert!(report.changes[3].detail.contains("no such plugin"), "{}", report.changes[3].detail);
    assert_eq!(bench.workshop.journal(), ["build a", "build new"], "nothing was drained, started or swapped");

    bench.workshop.faulty.lock().expect("lock").clear();
    let report = bench.reload().await;
    let (restarted, started) = (("a", ReloadResult::Restarted), ("new", ReloadResult::Started));
    assert_eq!(results(&report), [("b/i", ReloadResult::Swapped), restarted, ("gone", ReloadResult::Stopped), started]);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_exchanged_in_place_and_the_pipeline_runs_on() {
    let bench = Bench::start(&two("a-out", "p.wasm"), Workshop { swaps_in_place: true, ..Workshop::default() }).await;
    bench.write(&two("a-out", "q.wasm"));
    let report = bench.reload().await;
    assert_eq!(results(&report), [("a/i", ReloadResult::Swapped)]);
    assert_eq!(bench.workshop.journal(), ["swap a/i to q.wasm for test: plugin"]);
    assert_eq!(bench.reload().await, ReloadReport::default(), "it is taken over");
    bench.workshop.faulty.lock().expect("lock").insert("a/i".into());
    bench.write(&two("a-out", "r.wasm"));
    let report = bench.reload().await;
    assert_eq!((report.changes[0].result, report.changes[0].detail.as_str()), (ReloadResult::Rejected, "it traps"));
    assert_eq!(bench.workshop.journal(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_configuration_is_refused_with_every_problem_and_touches_nothing() {
    let bench = Bench::start(&two("a-out", "p.wasm"), Workshop::default()).await;
    bench.write(&(two("a-new", "p.wasm").replace("capacity = 1000", "capacity = 0\nkeep_alife = \"3s\"")));
    let refusal = bench.reloader.reload(&Caller::new("test")).await.expect_err("a refusal");
    assert_eq!(refusal.kind, RefusalKind::Unprocessable);
    assert_eq!(refusal.problems.len(), 4, "{:?}", refusal.problems);
    assert!(refusal.problems.iter().all(|problem| problem.starts_with(&format!("{}:", bench.file.display()))), "{:?}", refusal.problems);
    assert_eq!(bench.workshop.journal(), [""; 0]);
    std::fs::remove_file(&bench.file).expect("remove");
    let refusal = bench.reloader.reload(&Caller::new("test")).await.expect_err("a refusal");
    assert!(refusal.detail.contains("cannot read"), "{}", refusal.detail);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_dead_holds_a_restart_up_for_its_limit_and_no_longer() {
    for (manner, limit, given_up) in [(Manner::DeadSink, "60s", "30s"), (Manner::DeadSink, "2s", "2s"), (Manner::Stuck, "60s", "30s")] {
        let agent = format!("[agent]\ndrain_limit = \"{limit}\"\n");
        let workshop = Workshop::default();
        workshop.manners.lock().expect("lock").insert("a".into(), manner);
        let bench = Bench::start(&(agent.clone() + &two("a-out", "p.wasm")), workshop).await;
        bench.write(&(agent + &two("a-new", "p.wasm")));
        let asked = tokio::time::Instant::now();
        let report = bench.reload().await;
        assert_eq!(results(&report), [("a", ReloadResult::Restarted)]);
        assert_eq!(report.changes[0].detail, format!("sink out: topic; not drained within {given_up}, what was open comes again"));
        assert!(asked.elapsed() < crate::control::DEADLINE);
        let journal = bench.workshop.journal();
        match manner {
            Manner::Stuck => assert_eq!(journal, ["build a", "drain a", "start a"]),
            _ => assert_eq!(journal, ["build a", "drain a", "end a", "start a"]),
        }
        assert_eq!(bench.status("a").state, PipelineState::Starting);
    }
}

#[tokio::test(start_paused = true)]
async fn pipelines_drain_side_by_side_and_new_ones_start_when_the_old_are_gone() {
    let workshop = Workshop::default();
    for name in ["a", "b"] {
        workshop.manners.lock().expect("lock").insert(name.into(), Manner::DeadSink);
    }
    let bench = Bench::start(&two("a-out", "p.wasm"), workshop).await;
    bench.write(&(pipeline("a", "a-new", "p.wasm") + &pipeline("c", "b-out", "p.wasm")));
    let asked = tokio::time::Instant::now();
    let report = bench.reload().await;
    assert!(asked.elapsed() < Duration::from_secs(40), "{:?}", asked.elapsed());
    let stopped = ("b", ReloadResult::Stopped);
    assert_eq!(results(&report), [("a", ReloadResult::Restarted), stopped, ("c", ReloadResult::Started)]);
    let journal = bench.workshop.journal();
    let at = |entry: &str| journal.iter().position(|noted| noted == entry).expect(entry);
    assert!(at("drain b") < at("end a") && at("end b") < at("start c"), "{journal:?}");
}

#[tokio::test(start_paused = true)]
async fn one_reload_at_a_time() {
    let workshop = Workshop::default();
    workshop.manners.lock().expect("lock").insert("a".into(), Manner::Slow);
    let bench = Bench::start(&two("a-out", "p.wasm"), workshop).await;
    bench.write(&two("a-new", "p.wasm"));
    let first = tokio::spawn({
        let reloader = bench.reloader.clone();
        async move { reloader.reload(&Caller::new("first")).await }
    });
    while !bench.workshop.journal.lock().expect("lock").contains(&"drain a".to_owned()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refusal = bench.reloader.reload(&Caller::new("second")).await.expect_err("a refusal");
    assert_eq!(refusal.kind, RefusalKind::Conflict);
    assert_eq!(bench.status("a").state, PipelineState::Draining);
    bench.workshop.lets_go.notify_one();
    assert_eq!(results(&first.await.expect("no panic").expect("a report")), [("a", ReloadResult::Restarted)]);
    assert_eq!(bench.reload().await, ReloadReport::default(), "the turn is free again");
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_before_the_answer_does_not_stop_the_reload() {
    let workshop = Workshop::default();
    workshop.manners.lock().expect("lock").insert("a".into(), Manner::Slow);
    let bench = Bench::start(&two("a-out", "p.wasm"), workshop).await;
    bench.write(&two("a-new", "p.wasm"));
    assert!(tokio::time::timeout(Duration::from_secs(1), bench.reloader.reload(&Caller::new("test"))).await.is_err());
    bench.workshop.lets_go.notify_one();
    settle().await;
    assert_eq!(bench.workshop.journal(), ["build a", "drain a", "end a", "start a"]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_stops_during_a_reload_starts_nothing_and_drains_what_there_is() {
    let workshop = Workshop::default();
    workshop.manners.lock().expect("lock").insert("a".into(), Manner::Slow);
    let bench = Bench::start(&two("a-out", "p.wasm"), workshop).await;
    bench.write(&(two("a-new", "p.wasm") + &pipeline("c", "c-out", "p.wasm")));
    let reloading = tokio::spawn({
        let reloader = bench.reloader.clone();
        async move { reloader.reload(&Caller::new("test")).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.fleet.close();
    let report = reloading.await.expect("no panic").expect("a report");
    assert_eq!(results(&report), [("a", ReloadResult::Stopped), ("c", ReloadResult::Rejected)]);
    assert!(bench.fleet.all_ended().now_or_never().is_none(), "a is not drained yet");
    bench.workshop.lets_go.notify_one();
    bench.fleet.all_ended().await;
    assert!(bench.fleet.outcome().is_ok());
    let journal = bench.workshop.journal();
    assert!(!journal.iter().any(|entry| entry.starts_with("start")), "{journal:?}");
    let refusal = bench.reloader.reload(&Caller::new("test")).await.expect_err("a refusal");
    assert_eq!(refusal.kind, RefusalKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn the_only_pipeline_may_restart_and_the_agent_goes_on() {
    let workshop = Workshop::default();
    workshop.manners.lock().expect("lock").insert("a".into(), Manner::DeadSink);
    let bench = Bench::start(&pipeline("a", "a-out", "p.wasm"), workshop).await;
    bench.write(&pipeline("a", "a-new", "p.wasm"));
    tokio::select! {
        biased;
        () = bench.fleet.all_ended() => panic!("the agent would have ended"),
        report = bench.reload() => assert_eq!(results(&report), [("a", ReloadResult::Restarted)]),
    }
    assert!(bench.fleet.all_ended().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_halts_is_said_to_be_stopped_and_a_reload_starts_it_again() {
    let workshop = Workshop::default();
    workshop.manners.lock().expect("lock").insert("a".into(), Manner::Halts);
    let bench = Bench::start(&two("a-out", "p.wasm"), workshop).await;
    let status = bench.status("a");
    assert_eq!(status.state, PipelineState::Stopped);
    assert!(status.detail.contains("halted at t/0/7: told to"), "{}", status.detail);
    assert!(bench.fleet.all_ended().now_or_never().is_none(), "b runs on");
    bench.workshop.manners.lock().expect("lock").clear();
    let report = bench.reload().await;
    assert_eq!(results(&report), [("a", ReloadResult::Started)]);
    assert!(report.changes[0].detail.contains("told to"), "{}", report.changes[0].detail);
    assert_eq!(bench.workshop.journal(), ["build a", "start a"]);
    bench.fleet.close();
    bench.fleet.all_ended().await;
    assert!(bench.fleet.outcome().is_ok(), "it was mended");
}

#[tokio::test(start_paused = true)]
async fn the_agent_ends_with_the_first_error_when_all_pipelines_have_ended() {
    let workshop = Workshop::default();
    for name in ["a", "b"] {
        workshop.manners.lock().expect("lock").insert(name.into(), Manner::Halts);
    }
    let bench = Bench::start(&two("a-out", "p.wasm"), workshop).await;
    bench.fleet.all_ended().await;
    assert!(matches!(bench.fleet.outcome(), Err(Error::Pipeline(name, _)) if name == "a"));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_is_gone_takes_its_checks_with_it() {
    let bench = Bench::start(&two("a-out", "p.wasm"), Workshop::default()).await;
    bench.health.set("b/in", true, "1 partitions assigned");
    assert_eq!(bench.status("b").state, PipelineState::Running);
    bench.health.set("a/in", false, "no broker");
    let status = bench.status("a");
    assert_eq!((status.state, status.detail.as_str()), (PipelineState::Failing, "source in: no broker"));
    bench.write(&pipeline("b", "b-out", "p.wasm"));
    assert_eq!(results(&bench.reload().await), [("a", ReloadResult::Stopped)]);
    assert_eq!(bench.health.readiness().1.into_keys().collect::<Vec<_>>(), ["b/in"]);
    assert!(bench.health.readiness().0);
}

#[tokio::test(start_paused = true)]
async fn settings_are_taken_over_where_they_can_be_and_said_to_need_a_restart_where_not() {
    let pipelines = two("a-out", "p.wasm");
    let bench = Bench::start(&pipelines, Workshop::default()).await;
    let settings = "[agent]\nadmin = \"127.0.0.1:1\"\ndrain_limit = \"7s\"\nreload_interval = \"5s\"\n";
    bench.write(&(settings.to_owned() + &pipelines));
    let report = bench.reload().await;
    let needs_restart = ("agent.admin", ReloadResult::NeedsRestart);
    let swapped = ["agent.drain_limit", "agent.reload_interval"].map(|path| (path, ReloadResult::Swapped));
    assert_eq!(results(&report), [needs_restart, swapped[0], swapped[1]]);
    assert_eq!(bench.reloader.drain_limit(), Duration::from_secs(7));
    assert_eq!(*bench.reloader.intervals().borrow(), Duration::from_secs(5));
    assert_eq!(results(&bench.reload().await), [needs_restart], "as long as it is so");
    assert_eq!(bench.workshop.journal(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_taken_at_the_next_look_and_an_invalid_one_only_once() {
    let bench = Bench::start(&two("a-out", "p.wasm"), Workshop::default()).await;
    let _watching = tokio::spawn(watching::watch(bench.reloader.clone()));
    bench.write(&two("a-new", "p.wasm"));
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(bench.workshop.journal(), [""; 0], "nobody has looked");
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(bench.workshop.journal(), ["build a", "drain a", "end a", "start a"]);
    bench.write("[pipelines");
    assert!(bench.reloader.changed().await.is_some());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(bench.reloader.changed().await.is_none(), "it was read, and is not read again");
    bench.write(&two("a-third", "p.wasm"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.workshop.journal(), ["build a", "drain a", "end a", "start a"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_is_left_alone_until_it_stays_the_same() {
    let bench = Bench::start(&two("a-out", "p.wasm"), Workshop::default()).await;
    let _watching = tokio::spawn(watching::watch(bench.reloader.clone()));
    // Cut off after its first pipeline it is valid, and says something else.
    bench.write(&pipeline("a", "a-out", "p.wasm"));
    tokio::time::sleep(Duration::from_millis(30_500)).await;
    bench.write(&two("a-out", "p.wasm"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.workshop.journal(), [""; 0]);
}

#[tokio::test]
async fn the_files_are_not_looked_at_when_the_command_line_says_so() {
    let seen = || Fingerprint::take(&Load::default());
    let interval = |load: Load| {
        let fleet = Fleet::new(Health::new());
        let door = Arc::new(Door(Arc::default()));
        let reloader = Reloader::new(Some(Configuration::new(load, seen())), fleet, door, config::Settings::default());
        *reloader.intervals().borrow()
    };
    assert_eq!(interval(Load::default()), Duration::from_secs(30));
    assert_eq!(interval(Load { poll_interval: Some(3), ..Load::default() }), Duration::from_secs(3));
    assert_eq!(interval(Load { poll_interval: Some(3), no_reload_conf: true, ..Load::default() }), Duration::ZERO);
}

#[tokio::test]
async fn an_agent_without_a_file_does_not_reload() {
    let reloader = Reloader::new(None, Fleet::new(Health::new()), Arc::new(Door(Arc::default())), config::Settings::default());
    let refusal = reloader.reload(&Caller::new("test")).await.expect_err("a refusal");
    assert_eq!(refusal.kind, RefusalKind::Unavailable);
}
