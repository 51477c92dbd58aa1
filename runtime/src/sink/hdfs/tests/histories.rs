//! Any history of writes, failures, crashes and restarts: what was acknowledged is there, and with names made of offsets nothing is there twice.
//! `WEIR_HISTORIES` sets how many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Poll;

use futures_util::poll;
use proptest::prelude::*;

use super::*;

/// Tries before an event counts as stuck.
const TRIES: usize = 2_000;

#[derive(Debug, Clone)]
enum Step {
    /// So many batches at once, of so many offsets each.
    Write(Vec<u8>),
    Wait(u16),
    Hurry,
    Crash,
    /// Ended in order, and begun again.
    Restart,
    /// The source begins again at its last commit; the sink goes on.
    Rewind,
    /// One in so many calls goes wrong.
    Faults(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => prop::collection::vec(1u8..6, 1..4).prop_map(Step::Write),
        3 => (0u16..100).prop_map(Step::Wait),
        1 => Just(Step::Hurry),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
        1 => Just(Step::Rewind),
        2 => prop::sample::select(vec![0, 4, 10, 40]).prop_map(Step::Faults),
    ];
    prop::collection::vec(step, 1..25)
}

/// The source, the loop around the sink, and what they know.
struct World {
    fake: Fake,
    spec: Spec,
    sink: Hdfs,
    dice: fastrand::Rng,
    /// Read next.
    next: i64,
    /// All below was read once.
    read: i64,
    /// Acknowledged.
    safe: BTreeSet<i64>,
    held: Vec<(Vec<i64>, Vec<Later>)>,
}

/// The bodies that an offset becomes.
fn bodies(offset: i64) -> impl Iterator<Item = String> {
    (0..if offset % 3 == 0 { 2 } else { 1 }).map(move |part| format!("{offset}.{part}"))
}

fn batch(offsets: &[i64]) -> Batch {
    let texts: Vec<_> = offsets.iter().flat_map(|offset| bodies(*offset).map(|body| (*offset, body))).collect();
    of_partition(0, texts.iter().map(|(offset, body)| (*offset, body.as_str())))
}

impl World {
    fn new(seed: u64, spec: Spec) -> World {
        let fake = Fake::new(seed);
        let sink = on(&fake, &spec);
        World { fake, spec, sink, dice: fastrand::Rng::with_seed(seed), next: 0, read: 0, safe: BTreeSet::new(), held: Vec::new() }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Write(sizes) => self.write(sizes).await,
            Step::Wait(seconds) => tokio::time::sleep(Duration::from_secs((*seconds).into())).await,
            Step::Hurry => self.sink.hurry().await.expect("hurried"),
            Step::Crash => {
                self.fake.crash();
                self.begin_again();
            }
            Step::Restart => {
                self.sink.finish().await.expect("finished");
                self.listen().await;
                self.begin_again();
            }
            Step::Rewind => self.rewind(),
            Step::Faults(one_in) => self.fake.faults(*one_in),
        }
        self.listen().await;
    }

    /// As the sink loop does: all at once, then what failed again, in order.
    async fn write(&mut self, sizes: &[u8]) {
        let mut in_flight = Vec::new();
        for size in sizes {
            let offsets: Vec<i64> = (self.next..self.next + i64::from(*size)).collect();
            self.next += i64::from(*size);
            self.read = self.read.max(self.next);
            let batch = Arc::new(batch(&offsets));
            let writing = self.sink.write(&batch).await.expect("a write");
            in_flight.push((offsets, batch, writing));
        }
        let mut settled = Vec::new();
        for (offsets, batch, writing) in in_flight {
            settled.push((offsets, batch, writing.await.expect("written")));
        }
        for (offsets, batch, mut written) in settled {
            let mut later: Vec<Later> = Vec::new();
            for tries in 0.. {
                assert!(written.refused.is_empty(), "{written:?}");
                later.extend(written.later.take());
                if written.failed.is_empty() {
                    break;
                }
                assert!(tries < TRIES, "never written: {written:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                let again = std::mem::take(&mut written.failed);
                let part = Arc::new(Batch::from(again.iter().map(|index| batch.events[*index].clone()).collect::<Vec<_>>()));
                // A sink that has failed a file that others wait for is given up.
                if self.is_dead().await {
                    return self.begin_again();
                }
                written = self.sink.write(&part).await.expect("a write").await.expect("written");
                written.failed = written.failed.iter().map(|index| again[*index]).collect();
            }
            match later.is_empty() {
                true => self.safe.extend(offsets),
                false => self.held.push((offsets, later)),
            }
        }
    }

    /// Whether something that was written will never be safe.
    async fn is_dead(&mut self) -> bool {
        let mut dead = false;
        for (_, waiting) in &mut self.held {
            let mut still = Vec::new();
            for mut later in std::mem::take(waiting) {
                match poll!(&mut later.0) {
                    Poll::Ready(safe) => dead |= safe.is_err(),
                    Poll::Pending => still.push(later),
                }
            }
            *waiting = still;
        }
        dead
    }

    /// What became safe; a failure ends the sink.
    async fn listen(&mut self) {
        if self.is_dead().await {
            return self.begin_again();
        }
        for (offsets, _) in self.held.extract_if(.., |(_, waiting)| waiting.is_empty()) {
            self.safe.extend(offsets);
        }
    }

    /// A new sink; the source goes back to what it has committed.
    fn begin_again(&mut self) {
        self.sink = on(&self.fake, &self.spec);
        self.held.clear();
        self.rewind();
    }

    /// The commit may lag behind.
    fn rewind(&mut self) {
        let committed = (0..).find(|offset| !self.safe.contains(offset)).unwrap_or_default();
        self.next = if self.dice.bool() { committed } else { self.dice.i64(0..=committed) };
    }

    /// Without faults everything is safe in the end, and a new sink sees to what is left.
    async fn end(&mut self) {
        self.fake.faults(0);
        let end = self.read + 3;
        for _ in 0..10 {
            self.rewind();
            while self.next < end {
                let size = (end - self.next).min(4) as u8;
                self.write(&[size]).await;
            }
            self.sink.finish().await.expect("finished");
            self.listen().await;
            self.begin_again();
            if (0..end).all(|offset| self.safe.contains(&offset)) {
                break;
            }
        }
        assert!((0..end).all(|offset| self.safe.contains(&offset)), "not all safe");
        tokio::time::sleep(Duration::from_secs(600)).await;
    }

    /// Whole lines, how often each is there.
    fn lines(&self) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        for (path, bytes) in self.fake.files() {
            assert!(!path.ends_with(".tmp"), "{path} is left");
            let text = String::from_utf8(bytes).expect("text");
            for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
                *lines.entry(line.to_owned()).or_default() += 1;
            }
        }
        lines
    }
}

fn run(seed: u64, steps: &[Step], spec: Spec) -> (BTreeMap<String, usize>, BTreeSet<i64>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(seed, spec);
        for step in steps {
            world.step(step).await;
        }
        world.end().await;
        (world.lines(), world.safe.clone())
    })
}

fn rolling() -> Spec {
    Spec { roll_count: 5, roll_interval: Duration::from_secs(40), idle_timeout: Duration::from_secs(15), ..spec() }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("WEIR_HISTORIES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(96);
    ProptestConfig { cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_acknowledged_is_in_a_whole_file(seed: u64, steps in steps()) {
        let (lines, safe) = run(seed, &steps, rolling());
        let known: BTreeSet<String> = safe.iter().flat_map(|offset| bodies(*offset)).collect();
        for body in &known {
            prop_assert!(lines.contains_key(body), "{} is lost", body);
        }
        prop_assert!(lines.keys().all(|line| known.contains(line)), "{:?}", lines);
    }

    #[test]
    fn with_names_of_offsets_everything_is_there_once(seed: u64, steps in steps()) {
        let (lines, safe) = run(seed, &steps, Spec { names: Names::Offsets, ..rolling() });
        let expected: BTreeMap<String, usize> = safe.iter().flat_map(|offset| bodies(*offset)).map(|body| (body, 1)).collect();
        prop_assert_eq!(lines, expected);
    }
}
