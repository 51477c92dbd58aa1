//! Groups of fake sinks that go away and come back, drained by the sink loop: nothing lost, in order, and nobody waits in vain.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::dead_letter::{DeadLetters, Defaults, Spec as LetterSpec};
use super::hurry::Hurry;
use super::ledger::{Ledger, Limit, Partition};
use super::sink_loop::{self, Drained};
use crate::batch::Batch;
use crate::channel::Channel;
use crate::channel::memory::{Memory, Spec as MemorySpec};
use crate::delivery::Delivery;
use crate::event::Event;
use crate::sink::group::{Member, Plan, Processor, Turn};
use crate::sink::{Connect, Error, Later, Refused, Sink, Writing, Written};
use crate::telemetry::{Health, Metrics, SinkMetrics};

/// How long a fake write takes.
const WRITE: Duration = Duration::from_millis(5);
const EVENTS: u64 = 300;

/// How a sink fails while it is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Connect,
    HandOver,
    Ends,
    Unwritten,
    Fatal,
}

/// What a fake sink is and was, over all its instances.
#[derive(Default)]
struct World {
    /// When it is away, from and to, and how it fails then.
    away: Vec<(Duration, Duration, Way)>,
    /// Once it has failed it does so until it is back and nothing of it is under way.
    is_sick: bool,
    flying: usize,
    connects: usize,
    hurries: usize,
    written: Vec<u64>,
    /// Numbers that it refuses.
    refuses: Vec<u64>,
}

/// The worlds of the members `k0`, `k1`, ..., the order in which numbers were written by anybody, and the time.
struct Stage {
    worlds: Vec<Mutex<World>>,
    order: Mutex<Vec<u64>>,
    began: Instant,
    /// Where there is one, events are safe only once it is true.
    safe: Option<watch::Receiver<bool>>,
}

impl Stage {
    fn away(&self, member: usize) -> Option<Way> {
        let now = self.began.elapsed();
        let world = self.worlds[member].lock().expect("lock");
        world.away.iter().find(|(from, to, _)| (*from..*to).contains(&now)).map(|(.., way)| *way)
    }
}

struct Fake {
    stage: Arc<Stage>,
    member: usize,
}

fn write_error() -> Error {
    Error::Write(rdkafka::error::KafkaError::Canceled)
}

fn numbers(batch: &Batch) -> Vec<u64> {
    batch.events.iter().map(|event| String::from_utf8_lossy(event.body()).parse().expect("a number")).collect()
}

fn connect(stage: &Arc<Stage>, member: usize) -> Connect {
    let stage = stage.clone();
    Arc::new(move || {
        let stage = stage.clone();
        Box::pin(async move {
            stage.worlds[member].lock().expect("lock").connects += 1;
            match stage.away(member) {
                Some(Way::Connect) => Err(write_error()),
                _ => Ok(Box::new(Fake { stage, member }) as Box<dyn Sink>),
            }
        })
    })
}

impl Sink for Fake {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, Error>> {
        let (stage, member, all) = (self.stage.clone(), self.member, numbers(batch));
        let away = stage.away(member);
        {
            let mut world = stage.worlds[member].lock().expect("lock");
            world.is_sick = away.is_some() || (world.is_sick && world.flying > 0);
            world.flying += 1;
        }
        Box::pin(async move {
            if matches!(away, Some(Way::HandOver)) {
                stage.worlds[member].lock().expect("lock").flying -= 1;
                return Err(write_error());
            }
            Ok(Box::pin(async move {
                sleep(WRITE).await;
                let away = stage.away(member);
                let mut world = stage.worlds[member].lock().expect("lock");
                world.flying -= 1;
                world.is_sick |= away.is_some();
                if world.is_sick {
                    return match away {
                        Some(Way::Ends) => Err(write_error()),
                        Some(Way::Fatal) => Err(Error::Fatal("fenced".into())),
                        _ => Ok(Written { failed: (0..all.len()).collect(), cause: Some(write_error()), ..Written::default() }),
                    };
                }
                let mut refused = Vec::new();
                for (index, number) in all.into_iter().enumerate() {
                    if world.refuses.contains(&number) {
                        refused.push(Refused { event: index, reason: "no".into(), certain: true });
                    } else {
                        world.written.push(number);
                        stage.order.lock().expect("lock").push(number);
                    }
                }
                let later = stage
                    .safe
                    .clone()
                    .map(|mut safe| Later(Box::pin(async move { safe.wait_for(|safe| *safe).await.map(drop).map_err(|_| write_error()) })));
                Ok(Written { refused, later, ..Written::default() })
            }) as Writing)
        })
    }

    fn hurry(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        self.stage.worlds[self.member].lock().expect("lock").hurries += 1;
        Box::pin(async { Ok(()) })
    }
}

struct Run {
    stage: Arc<Stage>,
    letters: Vec<String>,
    metrics: Arc<Metrics>,
    health: Health,
}

impl Run {
    fn order(&self) -> Vec<u64> {
        self.stage.order.lock().expect("lock").clone()
    }

    fn written(&self, member: usize) -> Vec<u64> {
        self.stage.worlds[member].lock().expect("lock").written.clone()
    }

    fn connects(&self, member: usize) -> usize {
        self.stage.worlds[member].lock().expect("lock").connects
    }

    fn sink(&self, member: usize) -> SinkMetrics {
        self.metrics.sink("p", &format!("k{member}"), "fake")
    }
}

fn worlds(away: &[&[(u64, u64, Way)]]) -> Vec<World> {
    let millis = |(from, to, way): &(u64, u64, Way)| (Duration::from_millis(*from), Duration::from_millis(*to), *way);
    away.iter().map(|away| World { away: away.iter().map(millis).collect(), ..World::default() }).collect()
}

fn failover() -> Processor {
    Processor::Failover {
        priorities: BTreeMap::from([("k0".to_owned(), 10), ("k1".to_owned(), 5), ("k2".to_owned(), 1)]),
        max_penalty: Duration::from_secs(30),
    }
}

fn load_balance(selector: Turn, backoff: bool) -> Processor {
    Processor::LoadBalance { selector, backoff, max_timeout: Duration::from_secs(30) }
}

/// Moves `0..EVENTS` in batches of up to four through a channel, four batches every ten milliseconds, into a group; to the end of all.
async fn run(processor: Processor, worlds: Vec<World>) -> Run {
    run_safe(processor, worlds, None, Hurry::new()).await
}

async fn run_safe(processor: Processor, worlds: Vec<World>, safe: Option<watch::Receiver<bool>>, hurry: Hurry) -> Run {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("letters.jsonl");
    let (metrics, health) = (Metrics::new(), Health::new());
    let opened = DeadLetters::open("p", &LetterSpec::File(file.clone()), Defaults::default(), metrics.dead_letters("p")).await;
    let (dead_letters, _desk, task) = opened.expect("dead letters");
    let spec = MemorySpec { capacity: NonZeroUsize::new(64).expect("not zero"), ..MemorySpec::default() };
    let channel: Arc<dyn Channel> = Arc::new(Memory::new(&spec, metrics.channel("p", "c", "memory", 64, 0)));
    let worlds = worlds.into_iter().map(Mutex::new).collect();
    let stage = Arc::new(Stage { worlds, order: Mutex::default(), began: Instant::now(), safe });
    let member = |member: usize| Member {
        name: format!("k{member}"),
        connect: connect(&stage, member),
        metrics: metrics.sink("p", &format!("k{member}"), "fake"),
        check: format!("p/sink k{member}"),
    };
    let members = (0..stage.worlds.len()).map(member).collect();
    let plan = Plan { processor, members, batch_size: 4, health: health.clone() };
    let drained = Drained {
        stage: "sink group g".into(),
        batch_size: 4,
        at_once: 4,
        channel: channel.clone(),
        dead_letters,
        metrics: SinkMetrics::default(),
        hurry,
    };
    let feeding = tokio::spawn(async move {
        let mut ledger = Ledger::new(Limit::default());
        for (index, batch) in (0..EVENTS).collect::<Vec<_>>().chunks(4).enumerate() {
            let events: Vec<Event> = batch.iter().map(|number| Event::new(number.to_string())).collect();
            let reached = [(Partition { topic: "t".into(), number: 0 }, index as i64 + 1)].into();
            let ack = ledger.track(events.len(), 1, reached);
            channel.put(Delivery { batch: events.into(), ack }).await;
            if index % 4 == 3 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        channel.close();
        while ledger.is_open(&[]) {
            ledger.settled().await.expect("nothing is abandoned");
        }
    });
    sink_loop::run(Box::new(plan.start()), &drained).await.expect("a group does not end for one of its sinks");
    feeding.await.expect("all settled");
    drop(drained);
    task.await.expect("dead letters");
    let letters = std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect();
    Run { stage, letters, metrics, health }
}

fn all() -> Vec<u64> {
    (0..EVENTS).collect()
}

const FOREVER: u64 = u64::MAX / 2;

#[tokio::test(start_paused = true)]
async fn the_first_by_priority_writes_all_and_no_other_is_connected() {
    let run = run(failover(), worlds(&[&[], &[], &[]])).await;
    assert_eq!(run.written(0), all());
    assert_eq!((run.connects(0), run.connects(1), run.connects(2)), (1, 0, 0));
    let metrics = run.sink(0);
    assert_eq!((metrics.taken_events.get(), metrics.sent_events.get(), metrics.retries.get()), (EVENTS, EVENTS, 0));
    assert_eq!(metrics.batches_complete.get() + metrics.batches_underflow.get(), EVENTS / 4);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_in_any_way_is_followed_by_the_next_at_once_and_in_order() {
    for way in [Way::Connect, Way::HandOver, Way::Ends, Way::Unwritten, Way::Fatal] {
        let started = Instant::now();
        let run = run(failover(), worlds(&[&[(0, FOREVER, way)], &[(0, FOREVER, way)], &[]])).await;
        assert_eq!(run.order(), all(), "{way:?}");
        assert_eq!(run.written(2), all(), "{way:?}");
        // Far less than the sink loop waits after a failure, for each of the failures.
        assert!(started.elapsed() < Duration::from_secs(1), "{way:?}");
        let (ready, checks) = run.health.readiness();
        assert!(!ready && !checks["p/sink k0"].ok && !checks["p/sink k1"].ok && !checks.contains_key("p/sink k2"), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_back_takes_over_again_in_order() {
    let Processor::Failover { priorities, .. } = failover() else { panic!("failover") };
    let brief = Processor::Failover { priorities, max_penalty: Duration::from_millis(40) };
    let run = run(brief, worlds(&[&[(0, 50, Way::Unwritten), (100, 110, Way::Fatal)], &[]])).await;
    assert_eq!(run.order(), all());
    assert!(!run.written(1).is_empty());
    assert_eq!(run.written(0).last(), Some(&(EVENTS - 1)), "it is back");
    let (_, checks) = run.health.readiness();
    assert!(checks["p/sink k0"].ok && !checks.contains_key("p/sink k1"));
    assert_eq!(run.sink(0).sent_events.get() + run.sink(1).sent_events.get(), EVENTS);
}

#[tokio::test(start_paused = true)]
async fn a_fatal_failure_makes_that_sink_anew_and_leaves_the_others_be() {
    let run = run(load_balance(Turn::RoundRobin, false), worlds(&[&[(100, 200, Way::Fatal)], &[]])).await;
    let mut order = run.order();
    order.sort_unstable();
    assert_eq!(order, all());
    assert!(run.connects(0) > 1, "a new one is made");
    assert_eq!(run.connects(1), 1, "the other goes on");
}

#[tokio::test(start_paused = true)]
async fn when_all_are_away_events_wait_and_are_then_written_once() {
    for processor in [failover(), load_balance(Turn::RoundRobin, true), load_balance(Turn::Random, false)] {
        let away: &[(u64, u64, Way)] = &[(100, 100_000, Way::Unwritten)];
        let run = run(processor.clone(), worlds(&[away, away, away])).await;
        let mut order = run.order();
        if !matches!(processor, Processor::Failover { .. }) {
            order.sort_unstable();
        }
        assert_eq!(order, all(), "{processor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn load_is_spread_evenly_and_a_sink_that_rests_gets_none() {
    let run = run(load_balance(Turn::RoundRobin, true), worlds(&[&[], &[(0, FOREVER, Way::HandOver)], &[]])).await;
    let (first, second, third) = (run.written(0).len(), run.written(1).len(), run.written(2).len());
    assert_eq!((first + third, second), (EVENTS as usize, 0));
    assert!(first.abs_diff(third) <= 8, "{first} and {third}");
    assert_eq!(run.sink(1).retries.get(), 1, "it rests for two seconds");
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_refuses_names_the_sink_in_its_letter() {
    let mut worlds = worlds(&[&[], &[]]);
    worlds[0].refuses = vec![7, 9];
    let run = run(failover(), worlds).await;
    let wanted: Vec<u64> = all().into_iter().filter(|number| ![7, 9].contains(number)).collect();
    assert_eq!(run.order(), wanted);
    assert_eq!(run.letters.len(), 2);
    assert!(run.letters.iter().all(|letter| letter.contains("sink group g") && letter.contains("sink k0: no")), "{:?}", run.letters);
    assert_eq!((run.sink(0).rejected_events.get(), run.sink(0).sent_events.get()), (2, EVENTS - 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_safe_only_later_is_sent_only_then_and_haste_reaches_the_sinks() {
    let (tell, safe) = watch::channel(false);
    let hurry = Hurry::new();
    let raising = hurry.clone();
    let running = tokio::spawn(run_safe(failover(), worlds(&[&[], &[]]), Some(safe), hurry));
    sleep(Duration::from_secs(5)).await;
    raising.raise();
    sleep(Duration::from_secs(5)).await;
    assert!(!running.is_finished());
    tell.send_replace(true);
    let run = timeout(Duration::from_secs(1), running).await.expect("all is safe").expect("no panic");
    assert_eq!(run.sink(0).sent_events.get(), EVENTS);
    assert_eq!(run.stage.worlds[0].lock().expect("lock").hurries, 0, "the channel had ended before");
}

/// Random times away, in random ways, for three sinks.
fn random(random: &mut fastrand::Rng) -> Vec<World> {
    let ways = [Way::Connect, Way::HandOver, Way::Ends, Way::Unwritten, Way::Fatal];
    let world = |random: &mut fastrand::Rng| {
        let mut away = Vec::new();
        let mut at = random.u64(0..300);
        for _ in 0..random.usize(0..6) {
            let until = at + random.u64(1..2000);
            away.push((Duration::from_millis(at), Duration::from_millis(until), ways[random.usize(..ways.len())]));
            at = until + random.u64(1..500);
        }
        World { away, ..World::default() }
    };
    (0..3).map(|_| world(random)).collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_fails_whenever_each_event_is_written_once_and_with_failover_in_order() {
    for seed in 0..300 {
        let mut source = fastrand::Rng::with_seed(seed);
        let failing = run(failover(), random(&mut source)).await;
        assert_eq!(failing.order(), all(), "seed {seed}");
        let turn = if seed % 2 == 0 { Turn::RoundRobin } else { Turn::Random };
        let balanced = run(load_balance(turn, seed % 3 == 0), random(&mut source)).await;
        let mut order = balanced.order();
        order.sort_unstable();
        assert_eq!(order, all(), "seed {seed}");
        let sent: u64 = (0..3).map(|member| balanced.sink(member).sent_events.get()).sum();
        assert_eq!(sent, EVENTS, "seed {seed}");
    }
}
