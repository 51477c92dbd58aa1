//! Thousands of histories of a file channel on a simulated disk, against a model that knows what was put, acknowledged and delivered.
//!
//! The thread's own steps are run one by one, so that a history is the same each time. `WEIR_HISTORIES` sets how many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::sync::mpsc;

use super::damage::Damage;
use super::keeper::{Keeper, Pace};
use super::log::{Layout, Log};
use super::queue::Queue;
use super::record::Encoded;
use super::simulated_disk::{Faults, SimulatedDisk};
use super::*;
use crate::batch::Batch;
use crate::event::Event;
use crate::telemetry::{Health, Metrics};

/// Histories of an ordinary run.
const HISTORIES: u32 = 3000;

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// Events, and bytes of each.
    Put(u8, u16),
    Write,
    Read,
    Take(u8),
    /// What becomes of a taken batch, chosen by a number.
    Deliver(u8),
    PutBack(u8),
    Abandon(u8),
    Store,
    /// An orderly end and a start.
    Restart,
    /// The process is killed, and starts again.
    Kill,
    /// The machine loses power, and starts again.
    Crash,
    /// A bit flips in a segment.
    Flip,
    /// A bit flips in the position.
    FlipPosition,
    /// So many KiB can still be written.
    Free(u8),
    /// From now on, in percent.
    Faults {
        write: u8,
        sync: u8,
        read: u8,
        name: u8,
    },
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    let percent = || prop_oneof![3 => Just(0u8), 1 => 1u8..40];
    prop_oneof![
        12 => (1u8..8, prop_oneof![6 => 0u16..300, 1 => 2000u16..9000]).prop_map(|(events, bytes)| Step::Put(events, bytes)),
        12 => Just(Step::Write),
        8 => Just(Step::Read),
        8 => (1u8..12).prop_map(Step::Take),
        6 => any::<u8>().prop_map(Step::Deliver),
        2 => any::<u8>().prop_map(Step::PutBack),
        1 => any::<u8>().prop_map(Step::Abandon),
        4 => Just(Step::Store),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
        2 => Just(Step::Crash),
        1 => Just(Step::Flip),
        1 => Just(Step::FlipPosition),
        1 => (0u8..60).prop_map(Step::Free),
        1 => (percent(), percent(), percent(), percent()).prop_map(|(write, sync, read, name)| Step::Faults { write, sync, read, name }),
        2 => Just(Step::Heal),
    ]
}

/// A channel on the disk, and what is known of it.
struct Model {
    disk: SimulatedDisk,
    directories: Vec<PathBuf>,
    open: Option<Open>,
    /// Number of the next event's body.
    put: u64,
    /// Acknowledged upstream: the number in the log by the body.
    acknowledged: BTreeMap<u64, u64>,
    /// Acknowledged downstream.
    delivered: BTreeSet<u64>,
    /// Those that were stored as such.
    stored: BTreeSet<u64>,
    /// What need not come any more: it was reported as lost.
    excused: BTreeSet<u64>,
    /// Files whose bits flipped.
    flipped: BTreeSet<PathBuf>,
    position_flipped: bool,
    /// Reported while the channel was opened, perhaps in vain.
    damage: Vec<Damage>,
}

struct Open {
    keeper: Keeper,
    shared: Arc<Shared>,
    /// Put, by ticket: bodies and their numbers in the log.
    pending: BTreeMap<Ticket, Vec<(u64, u64)>>,
    told: mpsc::UnboundedSender<Settled>,
    heard: mpsc::UnboundedReceiver<Settled>,
    taken: Vec<(Ticket, Batch)>,
    tickets: u64,
    /// Delivered, as far as this life knows.
    delivered: BTreeSet<u64>,
}

impl Model {
    fn new(seed: u64, directories: usize) -> Model {
        let directories = (0..directories.max(1)).map(|number| PathBuf::from(format!("/data{number}"))).collect();
        let (open, put, acknowledged, delivered, stored, excused, flipped, position_flipped, damage) = Default::default();
        Model {
            disk: SimulatedDisk::new(seed),
            directories,
            open,
            put,
            acknowledged,
            delivered,
            stored,
            excused,
            flipped,
            position_flipped,
            damage,
        }
    }

    fn layout(&self) -> Layout {
        let data = self.directories.clone();
        Layout { checkpoint: "/data0".into(), data, segment_size: 24 << 10, minimum_free: 4096, limit: u64::MAX }
    }

    /// Opens the channel, unless the disk fails.
    fn open(&mut self) -> Option<&mut Open> {
        if self.open.is_none() {
            let opened = Log::open(Arc::new(self.disk.clone()), self.layout(), &mut self.damage);
            let Recovered { log, settled } = opened.ok()?;
            let damage = std::mem::take(&mut self.damage);
            // What was torn or flipped at the end may have been acknowledged.
            let end = log.next;
            let gone = |model: &Model| -> Vec<u64> {
                let behind = model.acknowledged.iter().filter(|(body, number)| **number >= end && !model.delivered.contains(*body));
                behind.map(|(body, _)| *body).collect()
            };
            if !damage.is_empty() {
                let (lost, flipped) = (gone(self), damage.iter().any(|part| self.flipped.contains(&part.segment)));
                assert!(lost.is_empty() || flipped, "acknowledged events {lost:?} are gone, and no bit flipped: {damage:?}");
                self.excused.extend(lost);
            }
            let first = settled.below();
            let queue = Queue::new(64, log.next, settled);
            let metrics = Metrics::new().channel("p", "c", "file", 64, 0);
            let opening = Opening { name: "c", directory: Path::new("/data0"), metrics, health: Health::new().named("c") };
            let shared = Arc::new(Shared::new(queue, &opening, Arc::new(Notify::new())));
            let pace = Pace { sync_groups: true, sync_every: Duration::from_secs(1), store_every: Duration::from_secs(1) };
            let keeper = Keeper::new(shared.clone(), log, first, pace);
            let (told, heard) = mpsc::unbounded_channel();
            self.open = Some(Open {
                keeper,
                shared,
                pending: BTreeMap::new(),
                told,
                heard,
                taken: Vec::new(),
                tickets: 0,
                delivered: self.stored.clone(),
            });
        }
        self.open.as_mut()
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Put(events, bytes) => self.put(events, bytes),
            Step::Write => self.write(),
            Step::Read => self.read(),
            Step::Take(most) => self.take(most.into()),
            Step::Deliver(which) => self.deliver(which),
            Step::PutBack(which) => {
                let Some(open) = self.open() else { return };
                if let Some((ticket, batch)) = open.pick(which) {
                    open.shared.change(|queue| queue.put_back(ticket, batch));
                }
            }
            Step::Abandon(which) => {
                let Some(open) = self.open() else { return };
                if let Some((ticket, _)) = open.pick(which) {
                    open.shared.settle(&mut vec![Settled::Abandoned(ticket)]);
                }
            }
            Step::Store => self.store(),
            Step::Restart => self.restart(),
            Step::Kill => {
                self.disk.kill();
                self.open = None;
            }
            Step::Crash => {
                self.disk.crash();
                self.open = None;
            }
            Step::Flip => {
                let flipped = self.disk.flip(|name| name.starts_with("segment-"));
                self.flipped.extend(flipped.map(|(path, _)| path));
            }
            Step::FlipPosition => self.position_flipped |= self.disk.flip(|name| name == "position").is_some(),
            Step::Free(free) => self.disk.set_free(u64::from(free) << 10),
            Step::Faults { write, sync, read, name } => self.disk.set_faults(Faults { write, sync, read, name }),
            Step::Heal => self.heal(),
        }
    }

    fn heal(&mut self) {
        self.disk.set_faults(Faults::default());
        self.disk.set_free(1 << 30);
    }

    fn put(&mut self, events: u8, bytes: u16) {
        let first = self.put;
        let Some(open) = self.open() else { return };
        let bodies: Vec<u64> = (first..first + u64::from(events)).collect();
        let batch = Batch::from(bodies.iter().map(|body| event(*body, bytes.into())).collect::<Vec<_>>());
        let ticket = Ticket(open.tickets);
        open.tickets += 1;
        let ack = Ack::open(ticket, open.told.clone());
        let records = Encoded::batch(&batch).expect("small events");
        let number = open.shared.lock().next();
        if open.shared.try_put(Delivery { batch, ack }, records).is_none() {
            open.pending.insert(ticket, bodies.iter().map(|body| (*body, number + body - first)).collect());
            self.put += u64::from(events);
        }
    }

    fn write(&mut self) {
        let Some(open) = self.open() else { return };
        open.keeper.write();
        let acknowledged = open.acknowledged();
        self.acknowledged.extend(acknowledged);
    }

    fn read(&mut self) {
        let Some(open) = self.open() else { return };
        if open.shared.lock().wants_events() {
            open.keeper.read();
        }
        let reported = std::mem::take(&mut *open.shared.reported.lock().expect("not poisoned"));
        for part in reported {
            assert!(!self.flipped.is_empty() || !part.was_durable, "reported as damaged, and no bit flipped: {part:?}");
            let lost = self.acknowledged.iter().filter(|(_, number)| part.events.contains(number)).map(|(body, _)| *body);
            let lost: Vec<u64> = lost.filter(|body| !self.delivered.contains(body)).collect();
            assert!(lost.is_empty() || !self.flipped.is_empty(), "acknowledged events {lost:?} are gone, and no bit flipped: {part:?}");
            self.excused.extend(lost);
        }
    }

    fn take(&mut self, most: usize) {
        let Some(open) = self.open() else { return };
        let in_flight: BTreeSet<u64> = open.taken.iter().flat_map(|(_, batch)| batch.events.iter().map(body)).collect();
        let Some((ticket, batch)) = open.shared.change(|queue| queue.take(most, u64::MAX)) else { return };
        let bodies: Vec<u64> = batch.events.iter().map(body).collect();
        open.taken.push((ticket, batch));
        assert!(bodies.len() <= most);
        assert!(bodies.is_sorted_by(|one, other| one < other), "out of order: {bodies:?}");
        assert!(bodies.iter().all(|body| *body < self.put), "invented: {bodies:?}");
        assert!(bodies.iter().all(|body| !in_flight.contains(body)), "taken twice: {bodies:?} beside {in_flight:?}");
        let again: Vec<_> = bodies.iter().filter(|body| self.stored.contains(body)).collect();
        assert!(again.is_empty() || self.position_flipped, "delivered and stored, and came again: {again:?}");
        // Nothing acknowledged is passed over.
        let last = bodies.last().copied().unwrap_or_default();
        let here: BTreeSet<u64> = bodies.into_iter().collect();
        let accounted =
            |body: &u64| here.contains(body) || in_flight.contains(body) || self.delivered.contains(body) || self.excused.contains(body);
        let passed: Vec<u64> = self.acknowledged.keys().copied().filter(|body| *body <= last && !accounted(body)).collect();
        assert!(passed.is_empty(), "passed over: {passed:?}");
    }

    fn deliver(&mut self, which: u8) {
        let Some(open) = self.open() else { return };
        let Some((ticket, batch)) = open.pick(which) else { return };
        open.shared.settle(&mut vec![Settled::Delivered(ticket)]);
        open.delivered.extend(batch.events.iter().map(body));
        self.delivered.extend(batch.events.iter().map(body));
    }

    fn store(&mut self) {
        let Some(open) = self.open() else { return };
        open.keeper.store();
        if !open.shared.lock().has_unstored() {
            self.stored = open.delivered.clone();
        }
    }

    /// What is taken goes back, what is delivered is stored: then the channel is let go of.
    fn restart(&mut self) {
        let Some(open) = self.open() else { return };
        for (ticket, batch) in open.taken.drain(..).rev() {
            open.shared.change(|queue| queue.put_back(ticket, batch));
        }
        self.store();
        self.open = None;
    }

    /// With a disk that works: all that was acknowledged arrives, and once that is stored nothing comes again.
    fn end(&mut self) {
        self.heal();
        self.restart();
        self.drain();
        let delivered = |body: &u64| self.delivered.contains(body) || self.excused.contains(body);
        let missing: Vec<_> = self.acknowledged.keys().filter(|body| !delivered(body)).collect();
        assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
        self.restart();
        self.position_flipped = false;
        self.drain();
        let open = self.open().expect("a disk that works");
        assert_eq!(open.shared.lock().stored(), 0);
        assert!(open.keeper.log.segments.len() <= 1, "segments without events are deleted");
    }

    fn drain(&mut self) {
        for _ in 0..10_000 {
            self.write();
            self.read();
            self.take(1000);
            self.deliver(0);
            self.store();
            let open = self.open().expect("a disk that works");
            if open.shared.lock().is_at_rest() && open.shared.lock().front().is_none() {
                return;
            }
        }
        panic!("the channel is never empty");
    }
}

impl Open {
    fn pick(&mut self, which: u8) -> Option<(Ticket, Batch)> {
        if self.taken.is_empty() {
            return None;
        }
        let index = usize::from(which) % self.taken.len();
        Some(self.taken.remove(index))
    }

    fn acknowledged(&mut self) -> Vec<(u64, u64)> {
        let mut all = Vec::new();
        while let Ok(settled) = self.heard.try_recv() {
            match settled {
                Settled::Delivered(ticket) => all.extend(self.pending.remove(&ticket).expect("put")),
                // There was no room for it.
                Settled::Abandoned(ticket) => assert!(!self.pending.contains_key(&ticket), "{ticket:?} was abandoned"),
            }
        }
        all
    }
}

fn event(number: u64, bytes: usize) -> Event {
    let mut body = number.to_le_bytes().to_vec();
    body.resize(8 + bytes, number as u8);
    Event::new(body)
}

fn body(event: &Event) -> u64 {
    let body = event.body();
    let number = record::number(&body[..8]);
    assert!(body[8..].iter().all(|byte| *byte == number as u8), "bytes of another event");
    number
}

fn history(seed: u64, directories: usize, steps: &[Step]) {
    let mut model = Model::new(seed, directories);
    steps.iter().for_each(|step| model.run(step));
    model.end();
}

#[test]
fn whatever_happens_nothing_acknowledged_is_lost_nothing_is_invented_and_order_is_kept() {
    // Without a number the same histories each time: what breaks them is the change at hand.
    let asked = std::env::var("WEIR_HISTORIES").ok().and_then(|cases| cases.parse().ok());
    let config = Config { cases: asked.unwrap_or(HISTORIES), failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let histories = (any::<u64>(), 1usize..3, prop::collection::vec(step(), 1..120));
    let run = runner.run(&histories, |(seed, directories, steps)| {
        history(seed, directories, &steps);
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A segment of a commit that failed was deleted, but not durably; it came back after a crash, with a later number than the segment that took its place.
#[test]
fn a_void_segment_that_comes_back_after_a_crash_stays_void() {
    use Step::{Crash, Free, Kill, Put, Write};
    let steps = [
        Put(1, 0),
        Write,
        Free(14),
        Put(1, 0),
        Put(3, 6082),
        Put(1, 0),
        Write,
        Write,
        Write,
        Write,
        Kill,
        Put(4, 146),
        Put(7, 142),
        Put(1, 0),
        Write,
        Crash,
    ];
    for seed in 0..20 {
        history(seed, 2, &steps);
    }
}

/// What was put back was taken while the events before it, which were abandoned, were still to be read again.
#[test]
fn what_is_put_back_waits_for_what_was_abandoned_before_it() {
    use Step::{Abandon, Put, PutBack, Take, Write};
    history(0, 1, &[Put(1, 0), Put(1, 0), Put(3, 0), Write, Take(1), Take(1), Abandon(32), PutBack(0), Take(1)]);
}
