//! Both halves of the flow over fakes: what comes in, what is written, and above all what is committed.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::dead_letter::{DeadLetters, Defaults, Spec as LetterSpec};
use super::hurry::Hurry;
use super::ledger::{Checkpoint, Limit, Partition};
use super::selector::Selector;
use super::{DrainSwitch, Gate, injector, sink_loop, source_loop};
use crate::batch::{Batch, Fate, Outcome, Rejection, Verdict};
use crate::channel::Channel;
use crate::channel::memory::{Memory, Spec as MemorySpec};
use crate::event::Event;
use crate::interceptor::{self, Chain, Interceptor, Judging, Step, Taps};
use crate::sink::{self, Later, Refused, Sink, Writing, Written};
use crate::source::{self, Polled, PolledBatch, Source};
use crate::telemetry::Metrics;

/// Offset `n` holds the body `n`; one partition.
struct Numbers {
    batches: VecDeque<Vec<u64>>,
    committed: Arc<Mutex<i64>>,
}

fn partition() -> Partition {
    Partition { topic: "t".into(), number: 0 }
}

impl Source for Numbers {
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, source::Error>> {
        Box::pin(async {
            let Some(numbers) = self.batches.pop_front() else { return Ok(Polled::End) };
            let next = numbers.last().map_or(0, |last| *last as i64 + 1);
            let events: Vec<_> = numbers.iter().map(|number| Event::new(number.to_string())).collect();
            let batch = PolledBatch { batch: events.into(), reached: Checkpoint::from([(partition(), next)]), ..PolledBatch::default() };
            Ok(Polled::Batch(batch))
        })
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), source::Error> {
        let mut committed = self.committed.lock().expect("lock");
        let next = checkpoint[&partition()];
        assert!(next > *committed, "a commit goes back from {committed} to {next}");
        *committed = next;
        Ok(())
    }

    fn pause(&mut self) {
        self.batches.clear();
    }

    fn resume(&mut self) {}

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), source::Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// What a fake sink does with the n-th write.
type Behaviour = Box<dyn FnMut(usize, &[u64]) -> Result<Written, sink::Error> + Send>;

struct Paper {
    written: Arc<Mutex<Vec<u64>>>,
    writes: usize,
    behaviour: Behaviour,
    binder: Binder,
}

/// Holds what was written late, until it is asked for; clones are the same.
#[derive(Clone, Default)]
struct Binder {
    sheets: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

impl Binder {
    /// Written, and safe once the binder is closed.
    fn hold(&self) -> Written {
        let (close, closed) = oneshot::channel();
        self.sheets.lock().expect("lock").push(close);
        let later = async { closed.await.map_err(|_| sink::Error::Fatal("torn".into())) };
        Written { later: Some(Later(Box::pin(later))), ..Written::default() }
    }

    fn close(&self) {
        self.sheets.lock().expect("lock").drain(..).for_each(|close| {
            let _ = close.send(());
        });
    }

    fn tear(&self) {
        self.sheets.lock().expect("lock").clear();
    }
}

fn numbers(batch: &Batch) -> Vec<u64> {
    batch.events.iter().map(|event| String::from_utf8_lossy(event.body()).parse().expect("a number")).collect()
}

impl Sink for Paper {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, sink::Error>> {
        let all = numbers(batch);
        let outcome = (self.behaviour)(self.writes, &all);
        self.writes += 1;
        if let Ok(written) = &outcome {
            let durable = |index: usize| !written.failed.contains(&index) && written.refused.iter().all(|refused| refused.event != index);
            let durable: Vec<u64> = all.iter().enumerate().filter(|(index, _)| durable(*index)).map(|(_, number)| *number).collect();
            self.written.lock().expect("lock").extend(durable);
        }
        Box::pin(async move {
            let writing: Writing = Box::pin(async move {
                // Completions come late, so that several writes are in flight.
                tokio::time::sleep(Duration::from_millis(5)).await;
                outcome
            });
            Ok(writing)
        })
    }

    fn hurry(&mut self) -> BoxFuture<'_, Result<(), sink::Error>> {
        self.finish()
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), sink::Error>> {
        self.binder.close();
        Box::pin(async { Ok(()) })
    }
}

/// Drops multiples of 10, rejects multiples of 7, and is slower for some batches than for others.
struct Picky;

impl Interceptor for Picky {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        let all = numbers(&batch);
        drop(batch);
        let (answer, judging) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(all[0] % 3 * 7)).await;
            let verdict = |number: u64| match number {
                n if n.is_multiple_of(10) => Some(Verdict::fate(Fate::Discard)),
                n if n.is_multiple_of(7) => {
                    let rejection = Rejection { reason: "seven".into(), ..Rejection::default() };
                    Some(Verdict::fate(Fate::Reject(Box::new(rejection))))
                }
                _ => None,
            };
            let verdicts = all.iter().enumerate().filter_map(|(index, number)| Some((index, verdict(*number)?))).collect();
            let _ = answer.send(Ok(Outcome { verdicts }));
        });
        Judging::Later(judging)
    }
}

/// Fails every batch with the number in it.
struct Halts(u64);

impl Interceptor for Halts {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        let halted = || interceptor::Error::Halted { place: "t/0".into(), reason: "told to".into() };
        Judging::Now(if numbers(&batch).contains(&self.0) { Err(halted()) } else { Ok(Outcome::default()) })
    }
}

struct Run {
    written: Vec<u64>,
    committed: i64,
    letters: Vec<u64>,
    ended: Result<(), source_loop::Error>,
    metrics: Arc<Metrics>,
}

/// Moves `0..events` in batches of three through the chain into a sink, which is made anew after a fatal error.
async fn run(
    events: u64,
    chain: Option<Box<dyn Interceptor>>,
    behaviour: impl FnMut(usize, &[u64]) -> Result<Written, sink::Error> + Send + Clone + 'static,
) -> Run {
    run_binding(events, chain, Binder::default(), behaviour).await
}

/// As [`run`]; the sink closes this binder when it is asked to.
async fn run_binding(
    events: u64,
    chain: Option<Box<dyn Interceptor>>,
    binder: Binder,
    mut behaviour: impl FnMut(usize, &[u64]) -> Result<Written, sink::Error> + Send + Clone + 'static,
) -> Run {
    let hurry = Hurry::new();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("letters.jsonl");
    let metrics = Metrics::new();
    let opened = DeadLetters::open("p", &LetterSpec::File(file.clone()), Defaults::default(), metrics.dead_letters("p")).await;
    let (dead_letters, _desk, task) = opened.expect("dead letters");
    let size = NonZeroUsize::new(7).expect("not zero");
    let spec = MemorySpec {
        capacity: size,
        transaction_capacity: size,
        keep_alive: Duration::from_secs(3),
        byte_capacity: 0,
        byte_capacity_buffer_percentage: 20,
    };
    let channel: Arc<dyn Channel> = Arc::new(Memory::new(&spec, metrics.channel("p", "c", "memory", 7, 0)));
    let step = |interceptor| {
        let metrics = metrics.interceptor("p", "s", "i", "fake");
        Step { stage: "interceptor i".into(), interceptor, taps: Taps::new(metrics.tap_dropped_events.clone()), metrics }
    };
    let (_entry, injected) = injector::Entry::reading("s", |_| true);
    let route = source_loop::Route {
        name: "s".into(),
        stage: "source s".into(),
        gate: Gate::new(),
        injected,
        batch_size: 3,
        at_once: 3,
        chain: Chain::new(chain.into_iter().map(step).collect()),
        selector: Selector::replicating(vec![channel.clone()]),
        dead_letters: dead_letters.clone(),
        metrics: metrics.source("p", "s", "fake"),
        spans: None,
        limit: Limit { events: 12, bytes: 1 << 20 },
        hurry: hurry.clone(),
    };
    let drained = sink_loop::Drained {
        stage: "sink k".into(),
        batch_size: 4,
        at_once: 4,
        channel: channel.clone(),
        dead_letters,
        metrics: metrics.sink("p", "k", "fake"),
        hurry,
    };
    let (written, committed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let batches = (0..events).collect::<Vec<_>>().chunks(3).map(<[u64]>::to_vec).collect();
    let source = Box::new(Numbers { batches, committed: committed.clone() });
    let (_switch, drain) = DrainSwitch::new();
    let sinking = tokio::spawn({
        let written = written.clone();
        async move {
            let mut sinks = 0;
            loop {
                let own = behaviour.clone();
                let paper = Paper { written: written.clone(), writes: 1000 * sinks, behaviour: Box::new(own), binder: binder.clone() };
                if sink_loop::run(Box::new(paper), &drained).await.is_ok() {
                    return;
                }
                sinks += 1;
                // The closure's own state goes on where a new sink begins.
                let _ = behaviour(usize::MAX, &[]);
            }
        }
    });
    let ended = source_loop::run(source, &route, &drain).await;
    channel.close();
    sinking.await.expect("sink");
    drop(route);
    task.await.expect("dead letters");
    let letters = std::fs::read_to_string(file).expect("letters");
    let body = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON")["body"].as_str().expect("text").parse().expect("a number")
    };
    let written = written.lock().expect("lock").clone();
    let committed = *committed.lock().expect("lock");
    Run { written, committed, letters: letters.lines().map(body).collect(), ended, metrics }
}

fn write_error() -> sink::Error {
    sink::Error::Write(rdkafka::error::KafkaError::Canceled)
}

#[tokio::test(start_paused = true)]
async fn all_events_are_written_in_order_and_then_committed() {
    let run = run(100, None, |_, _| Ok(Written::default())).await;
    assert_eq!(run.written, (0..100).collect::<Vec<_>>());
    assert_eq!(run.committed, 100);
    assert!(run.ended.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_runs_dry_is_counted_once_however_often_its_sink_looks_again() {
    // Each write that ends has the sink ask the channel anew.
    let run = run(100, None, |_, _| Ok(Written::default())).await;
    let sink = run.metrics.sink("p", "k", "fake");
    let taken = sink.batches_complete.get() + sink.batches_underflow.get();
    let dry = sink.batches_empty.get();
    assert!((1..=taken + 1).contains(&dry), "{dry} for {taken} batches");
    assert!(sink.write_seconds.get() > 0.0);
}

#[tokio::test(start_paused = true)]
async fn discarded_and_rejected_events_settle_too_and_the_rest_keeps_its_order() {
    let run = run(100, Some(Box::new(Picky)), |_, _| Ok(Written::default())).await;
    let passes = |number: &u64| !number.is_multiple_of(10) && !number.is_multiple_of(7);
    assert_eq!(run.written, (0..100).filter(passes).collect::<Vec<_>>());
    assert_eq!(run.letters, (0..100_u64).filter(|number| number.is_multiple_of(7) && !number.is_multiple_of(10)).collect::<Vec<_>>());
    assert_eq!(run.committed, 100);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_written_again_until_it_is_done() {
    // Every third write loses its second half the first time it comes.
    let run = run(60, None, |write, numbers| match write {
        write if write.is_multiple_of(3) && numbers.len() > 1 => {
            Ok(Written { failed: (numbers.len() / 2..numbers.len()).collect(), cause: Some(write_error()), ..Written::default() })
        }
        _ => Ok(Written::default()),
    })
    .await;
    let mut written = run.written;
    written.sort_unstable();
    assert_eq!(written, (0..60).collect::<Vec<_>>());
    assert_eq!(run.committed, 60);
}

#[tokio::test(start_paused = true)]
async fn an_event_refused_for_its_company_is_tried_alone_before_it_is_parked() {
    // The broker refuses whole batches that hold the number 13.
    let run = run(30, None, |_, numbers| {
        let refuses = numbers.contains(&13);
        let refused = |event| Refused { event, reason: "too large".into(), certain: false };
        let refused = if refuses { (0..numbers.len()).map(refused).collect() } else { Vec::new() };
        Ok(Written { refused, ..Written::default() })
    })
    .await;
    let mut written = run.written;
    written.sort_unstable();
    assert_eq!(written, (0..30).filter(|number| *number != 13).collect::<Vec<_>>());
    assert_eq!(run.letters, [13]);
    assert_eq!(run.committed, 30);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_dies_loses_nothing() {
    let run = run(60, None, |write, _| match write % 1000 {
        5 => Err(sink::Error::Fatal("fenced".into())),
        _ => Ok(Written::default()),
    })
    .await;
    let mut distinct = run.written.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct, (0..60).collect::<Vec<_>>());
    assert_eq!(run.committed, 60);
}

#[tokio::test(start_paused = true)]
async fn what_is_safe_later_is_committed_later_and_a_full_ledger_asks_for_it() {
    // Nothing is closed until the sink is asked, and the ledger holds 12 events.
    let binder = Binder::default();
    let run = run_binding(100, None, binder.clone(), move |_, _| Ok(binder.hold())).await;
    assert_eq!(run.written, (0..100).collect::<Vec<_>>());
    assert_eq!(run.committed, 100);
    assert_eq!(run.metrics.sink("p", "k", "fake").sent_events.get(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_safe_later_waits_for_the_part_that_is_written_again() {
    let binder = Binder::default();
    let run = run_binding(30, None, binder.clone(), move |write, numbers| match numbers.contains(&13) && write < 1000 {
        true if numbers.len() > 1 => {
            let failed = numbers.iter().position(|number| *number == 13).into_iter().collect();
            Ok(Written { failed, cause: Some(write_error()), ..binder.hold() })
        }
        _ => Ok(binder.hold()),
    })
    .await;
    assert_eq!(run.committed, 30);
    assert!(run.written.contains(&13), "{:?}", run.written);
}

#[tokio::test(start_paused = true)]
async fn what_was_to_be_safe_later_and_is_not_abandons_its_batches() {
    let binder = Binder::default();
    let run = run_binding(30, None, binder.clone(), move |write, _| {
        let held = binder.hold();
        if write == 3 {
            binder.tear();
        }
        Ok(held)
    })
    .await;
    assert!(matches!(run.ended, Err(source_loop::Error::Abandoned(_))), "{:?}", run.ended);
    assert_eq!(run.committed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_halt_commits_nothing_past_the_guilty_batch() {
    let run = run(60, Some(Box::new(Halts(31))), |_, _| Ok(Written::default())).await;
    assert!(matches!(run.ended, Err(source_loop::Error::Interceptor(interceptor::Error::Halted { .. }))));
    assert!(run.committed <= 30, "{}", run.committed);
    assert!(run.written.iter().all(|number| *number < 30), "{:?}", run.written);
}

/// Says when it was closed in order.
struct Closes(Numbers, Arc<Mutex<bool>>);

impl Source for Closes {
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, source::Error>> {
        self.0.poll()
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), source::Error> {
        self.0.commit(checkpoint)
    }

    fn resume(&mut self) {}

    fn pause(&mut self) {
        self.0.pause();
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), source::Error>> {
        *self.1.lock().expect("lock") = true;
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_cut_short_leaves_in_order_and_commits_nothing_that_waits() {
    let folder = tempfile::tempdir().expect("folder");
    let metrics = Metrics::new();
    let letters = LetterSpec::File(folder.path().join("letters.jsonl"));
    let opened = DeadLetters::open("p", &letters, Defaults::default(), metrics.dead_letters("p")).await;
    let (dead_letters, _desk, _task) = opened.expect("dead letters");
    // Nobody takes from it: the source waits for room.
    let spec = MemorySpec { capacity: NonZeroUsize::new(7).expect("not zero"), ..MemorySpec::default() };
    let channel: Arc<dyn Channel> = Arc::new(Memory::new(&spec, metrics.channel("p", "c", "memory", 7, 0)));
    let (_entry, injected) = injector::Entry::reading("s", |_| true);
    let route = source_loop::Route {
        name: "s".into(),
        stage: "source s".into(),
        gate: Gate::new(),
        injected,
        spans: None,
        batch_size: 3,
        at_once: 3,
        chain: Chain::new(Vec::new()),
        selector: Selector::replicating(vec![channel.clone()]),
        dead_letters,
        metrics: metrics.source("p", "s", "fake"),
        limit: Limit { events: 12, bytes: 1 << 20 },
        hurry: Hurry::new(),
    };
    let (committed, closed) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(false)));
    let batches = (0..60).collect::<Vec<_>>().chunks(3).map(<[u64]>::to_vec).collect();
    let source = Box::new(Closes(Numbers { batches, committed: committed.clone() }, closed.clone()));
    let (switch, drain) = DrainSwitch::new();
    let running = tokio::spawn(async move { source_loop::run(source, &route, &drain).await });
    // The first batch is safe, two more wait, and the next has no room.
    let first = channel.take(3).await.expect("events");
    first.commit();
    tokio::time::sleep(Duration::from_secs(1)).await;
    switch.request();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!running.is_finished(), "the drain waits for what is open");
    switch.abandon();
    running.await.expect("no panic").expect("in order");
    assert!(*closed.lock().expect("lock"));
    assert!(*committed.lock().expect("lock") <= 3, "{committed:?}");
    drop(channel);
    assert_eq!(metrics.channel("p", "c", "memory", 7, 0).size_events.get(), 0);
}
