//! What the sandbox costs: a plugin against the same work done natively, as ratios of time per event.
//!
//! The committed components of `passthrough` and `fraud-score` are run: one that touches nothing, the same pulling every body, and one that scores,
//! whose fields the host reads. The native side does the same over the same batches: nothing, one copy of every body, and the same rules after a
//! full parse, making the same outcome. Rounds are interleaved and medians compared, so that a busy machine blurs less.
//!
//! `cargo bench -p weir-agent --bench guest_call` (it builds `weir`, whose hidden subcommand compiles the plugins).

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod smoke;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;
use weir::batch::{Batch, Change, Fate, Outcome, Rejection, Verdict};
use weir::event::{Event, Headers, Scope};
use weir::interceptor::spec::{Ability, Limits, OnError, Swaps, Wasm as Spec};
use weir::interceptor::{Interceptor, Judging, Place, Wasm};
use weir::plugin::{Host, Options, Unobserved};

const ROUNDS: usize = 41;
/// Events of a round, in batches of whichever size.
const EVENTS: usize = 20_000;

fn main() {
    if smoke::is_meant() {
        smoke::run("plugins_and_the_native_rules_agree", || measure(1));
    }
    measure(ROUNDS);
}

fn measure(rounds: usize) {
    let host = Host::new(Options { cache: None, compiler: Some(env!("CARGO_BIN_EXE_weir").into()), ..Options::default() }).unwrap();
    println!("{:<14}{:>8}{:>16}{:>16}{:>10}", "work", "batch", "native ns/event", "plugin ns/event", "ratio");
    let cases = [
        ("nothing", "passthrough", &[][..], keep as Native),
        ("bodies", "passthrough", &[("read", "bodies")], copy),
        ("fraud-score", "fraud-score", &[], score),
    ];
    for (name, plugin, settings, native) in cases {
        let plugin = start(&host, plugin, settings);
        for size in [5, 100, 1000] {
            compare(name, &plugin, native, size, rounds);
        }
    }
}

type Native = fn(&Batch) -> Outcome;

fn start(host: &Host, name: &str, settings: &[(&str, &str)]) -> Wasm {
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../plugins/{name}/{name}.wasm"));
    let spec = Spec {
        plugin,
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        instances: Some(1),
        limits: Limits::default(),
        on_error: OnError::DeadLetter,
        grants: Ability::ALL.to_vec(),
        swaps: Swaps::default(),
    };
    let place = Place { pipeline: "bench".into(), source: "bench".into(), interceptor: name.into() };
    Wasm::start(host, place, &spec, Arc::new(Unobserved), None).unwrap()
}

fn compare(name: &str, plugin: &Wasm, native: Native, size: usize, rounds: usize) {
    let batches: Vec<Arc<Batch>> = (0..EVENTS / size).map(|number| Arc::new(batch(number * size, size))).collect();
    let first = &batches[0];
    assert_eq!(answers(first, native(first)), answers(first, ask(plugin, first)), "{name}: the plugin and the native rules disagree");
    let mut times: Vec<(f64, f64)> = Vec::new();
    for _ in 0..rounds {
        let native = timed(|| batches.iter().map(|batch| native(batch).verdicts.len()).sum());
        // Copies, of whose bodies nothing is known from the round before; what it costs to be rid of them is no plugin's.
        let fresh: Vec<Arc<Batch>> = batches.iter().map(|batch| Arc::new(Batch::clone(batch))).collect();
        // All at once, as a pipeline has several batches in flight: the queue is never empty, the thread never sleeps.
        let plugin = timed(|| {
            let judging: Vec<Judging> = fresh.iter().map(|batch| plugin.intercept(batch.clone())).collect();
            judging.into_iter().map(|judging| answer(judging).verdicts.len()).sum()
        });
        times.push((per_event(native), per_event(plugin)));
    }
    let median = |pick: &dyn Fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = times.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (native, plugin, ratio) = (median(&|round| round.0), median(&|round| round.1), median(&|round| round.1 / round.0));
    // Native code that does nothing takes no time: there a ratio says nothing.
    let ratio = if native < 1.0 { "-".to_owned() } else { format!("{ratio:.2}") };
    println!("{name:<14}{size:>8}{native:>16.0}{plugin:>16.0}{ratio:>10}");
}

fn per_event(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9 / EVENTS as f64
}

fn timed(work: impl FnOnce() -> usize) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(work());
    begun.elapsed()
}

fn ask(plugin: &Wasm, batch: &Arc<Batch>) -> Outcome {
    answer(plugin.intercept(batch.clone()))
}

fn answer(judging: Judging) -> Outcome {
    match judging {
        Judging::Now(outcome) => outcome.unwrap(),
        Judging::Later(outcome) => outcome.blocking_recv().unwrap().unwrap(),
    }
}

/// What matters of an outcome: the bodies that go on, and their headers.
fn answers(batch: &Batch, outcome: Outcome) -> Vec<(Option<Bytes>, Headers)> {
    let judged = outcome.apply(batch.clone());
    judged.batch.events.into_iter().map(|event| (event.body, event.headers)).collect()
}

/// Transactions of about 250 bytes, one in a hundred of them malformed.
fn batch(first: usize, size: usize) -> Batch {
    let event = |number: usize| match number % 100 {
        99 => Event::new("not a transaction"),
        _ => Event::new(format!(
            r#"{{"id":{number},"card":"4{:015}","amount":{}.{:02},"currency":"EUR","mcc":"{}","country":"{}","home":"DE","ts":{},"merchant":"M{number:07} high street of some town with a name that is quite long, between the river and the old market"}}"#,
            number * 7919 % 5000,
            number * 31 % 1500,
            number % 100,
            ["5411", "5812", "7995", "4829"][number % 4],
            ["DE", "FR"][number % 2],
            1_700_000_000_000 + number,
        )),
    };
    Batch::from((first..first + size).map(event).collect::<Vec<_>>())
}

fn keep(_batch: &Batch) -> Outcome {
    Outcome::default()
}

/// What a guest that reads bodies cannot do without.
fn copy(batch: &Batch) -> Outcome {
    let mut bodies = Vec::with_capacity(batch.size());
    batch.events.iter().for_each(|event| bodies.extend_from_slice(event.body()));
    std::hint::black_box(&bodies);
    Outcome::default()
}

/// The fields `fraud-score` reads, borrowed.
#[derive(Deserialize)]
struct Transaction<'a> {
    card: &'a str,
    amount: f64,
    mcc: &'a str,
    country: &'a str,
    home: &'a str,
}

/// The rules of `plugins/fraud-score/README.md` with its default settings.
fn score(batch: &Batch) -> Outcome {
    let (score_name, verdict_name) = (Bytes::from_static(b"fraud.score"), Bytes::from_static(b"fraud.verdict"));
    let set = |name: &Bytes, value: Bytes| Change::SetHeader { name: name.clone(), value, scope: Scope::Both };
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let mut outcome = Outcome::default();
    for (index, event) in batch.events.iter().enumerate() {
        let verdict = match serde_json::from_slice::<Transaction<'_>>(event.body()) {
            Err(error) => Verdict::fate(Fate::Reject(Box::new(Rejection { reason: error.to_string(), ..Rejection::default() }))),
            Ok(transaction) => {
                let before = seen.entry(transaction.card).or_default();
                let points = points(&transaction, *before);
                *before += 1;
                let verdict: &'static str = if points >= 800 {
                    "refuse"
                } else if points >= 500 {
                    "review"
                } else {
                    "approve"
                };
                let text = Bytes::from(format!("{}.{:03}", points / 1000, points % 1000));
                Verdict::changes(vec![set(&score_name, text), set(&verdict_name, Bytes::from_static(verdict.as_bytes()))])
            }
        };
        outcome.verdicts.push((index, verdict));
    }
    outcome
}

fn points(transaction: &Transaction<'_>, seen: u32) -> u32 {
    let mut points = (400.0 * (transaction.amount / 1000.0).min(1.0)).round() as u32 + (seen * 100).min(300);
    points += if transaction.country == transaction.home { 0 } else { 200 };
    points += if ["4829", "5933", "6051", "6211", "7995"].contains(&transaction.mcc) { 250 } else { 0 };
    points.min(1000)
}
