//! A source loop at its gate, and events that are injected into it: the test feeds the source and is the sink.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::dead_letter::{DeadLetters, Defaults, Spec as LetterSpec};
use super::ledger::{Checkpoint, Limit, Partition};
use super::selector::Selector;
use super::{DrainSwitch, Gate, Injector, injector, source_loop};
use crate::batch::{Batch, Fate, Outcome, Rejection, Verdict};
use crate::channel::memory::{Memory, Spec as MemorySpec};
use crate::channel::{Channel, Taken};
use crate::control::{Inject, Refusal, RefusalKind};
use crate::event::{Event, Origin, Replay};
use crate::interceptor::{Chain, Interceptor, Judging, Step, Taps};
use crate::source::{self, Polled, PolledBatch, Revocation, Source};
use crate::telemetry::Metrics;

/// Long enough for everything that can happen to have happened: the clock is paused.
const A_WHILE: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(30);

/// What the fake source was told, in order.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Pause,
    Resume,
    Commit(i32, i64),
    Close,
}

struct Feed {
    polled: mpsc::UnboundedReceiver<Result<Polled, source::Error>>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Feed {
    fn note(&self, told: Told) {
        self.told.lock().expect("lock").push(told);
    }
}

impl Source for Feed {
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, source::Error>> {
        Box::pin(async { self.polled.recv().await.unwrap_or(Ok(Polled::End)) })
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), source::Error> {
        for (partition, next) in checkpoint {
            self.note(Told::Commit(partition.number, *next));
        }
        Ok(())
    }

    fn pause(&mut self) {
        self.note(Told::Pause);
    }

    fn resume(&mut self) {
        self.note(Told::Resume);
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), source::Error>> {
        Box::pin(async move {
            self.note(Told::Close);
            Ok(())
        })
    }
}

/// Refuses what begins with `bad`.
struct Picky;

impl Interceptor for Picky {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        let refused = |_| Verdict::fate(Fate::Reject(Box::new(Rejection { reason: "bad".into(), ..Rejection::default() })));
        let bad = |event: &Event| event.body().starts_with(b"bad");
        let verdicts = batch.events.iter().enumerate().filter(|(_, event)| bad(event)).map(|(index, event)| (index, refused(event)));
        Judging::Now(Ok(Outcome { verdicts: verdicts.collect() }))
    }
}

fn partition(number: i32) -> Partition {
    Partition { topic: "t".into(), number }
}

/// Events at these offsets of a partition; the body is `PARTITION/OFFSET`.
fn batch(number: i32, offsets: std::ops::Range<i64>) -> PolledBatch {
    let event = |offset: i64| Event {
        origin: Some(Origin { topic: "t".into(), partition: number, offset }),
        ..Event::new(format!("{number}/{offset}"))
    };
    let reached = Checkpoint::from([(partition(number), offsets.end)]);
    PolledBatch { batch: offsets.map(event).collect::<Vec<_>>().into(), reached, ..PolledBatch::default() }
}

fn bodies(batch: &Batch) -> Vec<String> {
    batch.events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()).collect()
}

/// One source loop between a source that the test feeds and a channel that it empties.
struct Rig {
    feed: mpsc::UnboundedSender<Result<Polled, source::Error>>,
    told: Arc<Mutex<Vec<Told>>>,
    gate: Gate,
    injector: Injector,
    channel: Arc<dyn Channel>,
    letters: std::path::PathBuf,
    switch: DrainSwitch,
    running: JoinHandle<Result<(), source_loop::Error>>,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Rig {
        Rig::at(Gate::new(), 100).await
    }

    async fn at(gate: Gate, capacity: usize) -> Rig {
        let folder = tempfile::tempdir().expect("folder");
        let letters = folder.path().join("letters.jsonl");
        let metrics = Metrics::new();
        let opened = DeadLetters::open("p", &LetterSpec::File(letters.clone()), Defaults::default(), metrics.dead_letters("p")).await;
        let (dead_letters, ..) = opened.expect("dead letters");
        let size = capacity.try_into().expect("not zero");
        let spec = MemorySpec {
            capacity: size,
            transaction_capacity: size,
            keep_alive: Duration::from_secs(3),
            byte_capacity: 0,
            byte_capacity_buffer_percentage: 20,
        };
        let channel: Arc<dyn Channel> = Arc::new(Memory::new(&spec, metrics.channel("p", "c", "memory", 7, 0)));
        let counts = metrics.interceptor("p", "s", "i", "fake");
        let taps = Taps::new(counts.tap_dropped_events.clone());
        let step = Step { stage: "interceptor i".into(), interceptor: Box::new(Picky), metrics: counts, taps };
        let (entry, injected) = injector::Entry::reading("s", |_| true);
        let route = source_loop::Route {
            name: "s".into(),
            stage: "source s".into(),
            gate: gate.clone(),
            injected,
            batch_size: 100,
            at_once: 100,
            chain: Chain::new(vec![step]),
            selector: Selector::replicating(vec![channel.clone()]),
            dead_letters,
            metrics: metrics.source("p", "s", "fake"),
            limit: Limit { events: 1000, bytes: 1 << 20 },
            hurry: super::hurry::Hurry::new(),
            spans: None,
        };
        let (feed, polled) = mpsc::unbounded_channel();
        let told = Arc::new(Mutex::new(Vec::new()));
        let source = Box::new(Feed { polled, told: told.clone() });
        let (switch, drain) = DrainSwitch::new();
        let running = tokio::spawn(async move { source_loop::run(source, &route, &drain).await });
        let injector = Injector::new(vec![entry]);
        Rig { feed, told, gate, injector, channel, letters, switch, running, _folder: folder }
    }

    fn read(&self, batches: Vec<PolledBatch>) {
        for batch in batches {
            self.feed.send(Ok(Polled::Batch(batch))).expect("a running loop");
        }
    }

    /// The next events in the channel; `None` when none come.
    async fn take(&self, most: usize) -> Option<Taken> {
        timeout(A_WHILE, self.channel.take(most)).await.ok().flatten()
    }

    /// Takes exactly these events and writes them.
    async fn expect(&self, expected: &[&str]) {
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            let taken = self.take(expected.len() - seen.len()).await.unwrap_or_else(|| panic!("only {seen:?} of {expected:?}"));
            seen.extend(bodies(taken.batch()));
            taken.commit();
        }
        assert_eq!(seen, expected);
    }

    async fn expect_nothing(&self) {
        let taken = self.take(100).await.map(|taken| bodies(taken.batch()));
        assert_eq!(taken, None);
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().expect("lock").clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_source_holds_what_it_reads_and_still_commits_what_was_in_flight() {
    let rig = Rig::new().await;
    rig.read(vec![batch(0, 0..3)]);
    let in_flight = rig.take(100).await.expect("events");
    rig.gate.pause("alice");
    rig.read(vec![batch(0, 3..5), batch(0, 5..6)]);
    rig.read(vec![batch(0, 6..8)]);
    rig.expect_nothing().await;
    assert_eq!(rig.told(), [Told::Pause]);
    in_flight.commit();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(rig.told(), [Told::Pause, Told::Commit(0, 3)]);
    rig.gate.resume();
    rig.expect(&["0/3", "0/4", "0/5", "0/6", "0/7"]).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(rig.told()[2], Told::Resume);
    assert_eq!(rig.told().last(), Some(&Told::Commit(0, 8)));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_waits_for_a_dead_sink_is_paused_all_the_same() {
    let rig = Rig::at(Gate::new(), 2).await;
    rig.read(vec![batch(0, 0..2), batch(0, 2..4), batch(0, 4..6)]);
    tokio::time::sleep(A_WHILE).await;
    rig.gate.pause("alice");
    rig.read(vec![batch(0, 6..8)]);
    // The second had entered the chain, and waited for room.
    rig.expect(&["0/0", "0/1", "0/2", "0/3"]).await;
    rig.expect_nothing().await;
    rig.gate.resume();
    rig.expect(&["0/4", "0/5", "0/6", "0/7"]).await;
}

#[tokio::test(start_paused = true)]
async fn partitions_are_given_up_during_a_pause_and_what_was_held_of_them_is_left_to_their_next_owner() {
    let rig = Rig::new().await;
    rig.gate.pause("alice");
    rig.read(vec![batch(0, 0..2), batch(1, 0..2)]);
    let (handled, done) = std::sync::mpsc::sync_channel(0);
    let deadline = Instant::now() + A_WHILE;
    let revocation = Revocation { partitions: vec![partition(0)], lost: false, deadline, _handled: handled };
    rig.feed.send(Ok(Polled::Revoked(revocation))).expect("a running loop");
    rig.expect_nothing().await;
    assert_eq!(done.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected), "the revocation was handled");
    rig.gate.resume();
    rig.expect(&["1/0", "1/1"]).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(rig.told(), [Told::Pause, Told::Resume, Told::Commit(1, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_source_drains_and_commits_nothing_of_what_it_held() {
    let rig = Rig::new().await;
    rig.read(vec![batch(0, 0..3)]);
    rig.expect(&["0/0", "0/1", "0/2"]).await;
    tokio::time::sleep(A_WHILE).await;
    rig.gate.pause("alice");
    rig.read(vec![batch(0, 3..6)]);
    tokio::time::sleep(A_WHILE).await;
    rig.switch.request();
    assert!(rig.running.await.expect("ended").is_ok());
    assert_eq!(*rig.told.lock().expect("lock"), [Told::Commit(0, 3), Told::Pause, Told::Pause, Told::Close]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_made_anew_during_a_pause_is_paused_from_its_beginning() {
    let gate = Gate::new();
    gate.pause("alice");
    let rig = Rig::at(gate, 100).await;
    rig.read(vec![batch(0, 0..1)]);
    rig.expect_nothing().await;
    assert_eq!(rig.told(), [Told::Pause]);
    rig.gate.resume();
    rig.expect(&["0/0"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_ended_during_a_pause_still_hands_on_what_it_had_read() {
    let rig = Rig::new().await;
    rig.gate.pause("alice");
    rig.read(vec![batch(0, 0..1)]);
    rig.feed.send(Ok(Polled::End)).expect("a running loop");
    rig.expect_nothing().await;
    assert!(!rig.running.is_finished());
    rig.gate.resume();
    rig.expect(&["0/0"]).await;
    assert!(rig.running.await.expect("ended").is_ok());
}

fn events(bodies: &[&str]) -> Batch {
    bodies.iter().map(|body| Event::new((*body).to_owned())).collect::<Vec<_>>().into()
}

fn inject(rig: &Rig, bodies: &[&str]) -> JoinHandle<Result<(), Refusal>> {
    let (injector, batch) = (rig.injector.clone(), events(bodies));
    tokio::spawn(async move { injector.inject(batch, DEADLINE).await })
}

#[tokio::test(start_paused = true)]
async fn injected_events_are_safe_when_they_are_written_or_parked_and_not_before() {
    let rig = Rig::new().await;
    rig.gate.pause("a pause is for what sources read");
    let injecting = inject(&rig, &["good", "bad"]);
    let taken = rig.take(100).await.expect("events");
    assert_eq!(bodies(taken.batch()), ["good"]);
    tokio::time::sleep(A_WHILE).await;
    assert!(!injecting.is_finished());
    taken.commit();
    assert_eq!(injecting.await.expect("task"), Ok(()));
    let letters = std::fs::read_to_string(&rig.letters).expect("letters");
    assert!(letters.contains("\"bad\""), "{letters}");
    assert!(!rig.told().iter().any(|told| matches!(told, Told::Commit(..))), "no offset hangs on them");
}

#[tokio::test(start_paused = true)]
async fn an_injection_says_at_its_deadline_how_many_events_are_not_known_to_be_safe() {
    let rig = Rig::new().await;
    let injecting = inject(&rig, &["a", "b"]);
    let _unwritten = rig.take(100).await.expect("events");
    let refusal = injecting.await.expect("task").expect_err("nothing was written");
    assert_eq!(refusal.kind, RefusalKind::Deadline);
    assert!(refusal.detail.starts_with("2 of 2 events"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn an_injection_whose_source_fails_is_not_called_safe() {
    let rig = Rig::new().await;
    let injecting = inject(&rig, &["a"]);
    let taken = rig.take(100).await.expect("events");
    drop(taken.into_ack());
    assert_eq!(injecting.await.expect("task").expect_err("abandoned").kind, RefusalKind::Unavailable);
    rig.switch.request();
    assert!(rig.running.await.expect("ended").is_ok());
    let late = rig.injector.inject(events(&["b"]), DEADLINE).await.expect_err("nobody takes it");
    assert_eq!(late.kind, RefusalKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn more_than_the_injector_takes_is_refused() {
    let rig = Rig::new().await;
    let many: Vec<String> = (0..=injector::MOST_EVENTS).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = rig.injector.inject(events(&many), DEADLINE).await.expect_err("too many");
    assert_eq!(refused.kind, RefusalKind::Unprocessable);
    let injecting = inject(&rig, &many[1..]);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(rig.injector.inject(events(&["one more"]), DEADLINE).await.expect_err("full").kind, RefusalKind::Busy);
    for _ in 0..10 {
        rig.take(100).await.expect("events").commit();
    }
    assert_eq!(injecting.await.expect("task"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_to_the_source_its_letter_names_or_that_reads_its_topic_or_to_the_first() {
    let (first, _first) = injector::Entry::reading("a", |topic| topic == "t1");
    let (second, second_loop) = injector::Entry::reading("b", |topic| topic == "t2");
    let injector = Injector::new(vec![first, second]);
    let from = |topic: &str| Event { origin: Some(Origin { topic: topic.into(), partition: 0, offset: 0 }), ..Event::new("e") };
    let named = Event { replay: Some(Arc::new(Replay::new(1, Some("b".into())))), ..from("t1") };
    for (event, reaches_second) in [(named, true), (from("t2"), true), (from("t3"), false), (from("t1"), false)] {
        // Nobody settles it: what counts is where it arrives.
        let _ = injector.inject(vec![event].into(), Duration::from_secs(1)).await;
        assert_eq!(second_loop.lock().await.try_recv().is_ok(), reaches_second);
    }
}
