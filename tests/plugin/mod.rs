//! Guests, good and hostile, in the host.

mod admission;
mod committed;
mod compiling;
mod counters;
mod fraud;
mod hostile;
mod mutations;
mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use weir::batch::{Batch, Judged, Rejected};
use weir::event::{Event, Origin};
use weir::interceptor::spec::{self, Ability, Limits, OnError, Swaps};
use weir::interceptor::{Error, Interceptor, Judging, Place, Wasm};
use weir::plugin::{Artifact, FailureKind, Host, Judgement, Observer, Options, Plugin, Terms};

use crate::harness::agent::binary;
use crate::harness::guests::path as guest;

/// One host for all tests, as in an agent.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let cache = crate::harness::guests::target_directory().join("guests/code");
        Host::new(Options { cache: Some(cache), compiler: Some(binary().to_owned()), ..Options::default() }).unwrap()
    })
}

fn pairs(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What an observer heard.
#[derive(Default)]
struct Heard {
    judged: Mutex<Vec<Judgement>>,
    failures: Mutex<Vec<FailureKind>>,
    recycled: AtomicUsize,
    memory: AtomicUsize,
    suppressed: AtomicU64,
}

impl Observer for Heard {
    fn judged(&self, judgement: Judgement) {
        self.judged.lock().unwrap().push(judgement);
    }
    fn failed(&self, kind: FailureKind) {
        self.failures.lock().unwrap().push(kind);
    }
    fn recycled(&self) {
        self.recycled.fetch_add(1, Ordering::Relaxed);
    }
    fn memory(&self, bytes: usize) {
        self.memory.fetch_max(bytes, Ordering::Relaxed);
    }
    fn log_suppressed(&self, lines: u64) {
        self.suppressed.fetch_add(lines, Ordering::Relaxed);
    }
}

/// A plugin at work.
struct Running {
    wasm: Wasm,
    heard: Arc<Heard>,
    most: usize,
}

/// How to start one.
struct Start<'a> {
    settings: &'a [(&'a str, &'a str)],
    limits: Limits,
    on_error: OnError,
    instances: usize,
    /// Events it gets at a time.
    most: usize,
}

impl Default for Start<'_> {
    fn default() -> Self {
        let limits = Limits { deadline: Duration::from_millis(100), ..Limits::default() };
        Start { settings: &[], limits, on_error: OnError::DeadLetter, instances: 1, most: 1000 }
    }
}

impl Start<'_> {
    fn run(&self, name: &str) -> Running {
        self.run_file(guest(name))
    }

    fn run_file(&self, plugin: PathBuf) -> Running {
        let settings: BTreeMap<String, String> = pairs(self.settings).into_iter().collect();
        let spec = spec::Wasm {
            plugin,
            settings,
            instances: Some(self.instances),
            limits: self.limits.clone(),
            on_error: self.on_error,
            grants: Ability::ALL.to_vec(),
            swaps: Swaps::default(),
        };
        let place = Place { pipeline: "p".into(), source: "s".into(), interceptor: "i".into() };
        let heard = Arc::new(Heard::default());
        let wasm = Wasm::start(host(), place, &spec, heard.clone(), None).unwrap();
        Running { wasm, heard, most: self.most }
    }
}

impl Running {
    fn judge(&self, batch: Batch) -> Result<Judged, Error> {
        let shared = Arc::new(batch.clone());
        let outcome = match self.wasm.pin(self.most).expect("a plugin").intercept(shared) {
            Judging::Now(outcome) => outcome,
            Judging::Later(outcome) => outcome.blocking_recv().expect("an answer"),
        };
        outcome.map(|outcome| outcome.apply(batch))
    }

    /// The batch with these numbers poisoned comes back without them, in order; they are returned.
    fn only_the_poisoned_are_rejected(&self, events: usize, poisoned: &[usize]) -> Vec<Rejected> {
        let judged = self.judge(batch(events, poisoned)).unwrap();
        let innocent: Vec<i64> = (0..events).filter(|number| !poisoned.contains(number)).map(|number| number as i64).collect();
        assert_eq!(offsets(judged.batch.events.iter()), innocent);
        let guilty: Vec<i64> = poisoned.iter().map(|number| *number as i64).collect();
        assert_eq!(offsets(judged.rejected.iter().map(|rejected| &rejected.event)), guilty);
        for rejected in &judged.rejected {
            assert_eq!(rejected.rejection.stage, "interceptor i");
            assert_eq!(rejected.rejection.plugin.as_deref(), Some(self.wasm.plugin().digest.as_str()));
            assert_eq!(rejected.event.body(), body(rejected.event.origin.as_ref().unwrap().offset as usize, true).as_bytes());
        }
        judged.rejected
    }
}

fn body(number: usize, poisoned: bool) -> String {
    format!(r#"{{"n":{number},"poison":{poisoned}}}"#).replace(r#""poison":false"#, r#""fine":true"#)
}

fn batch(events: usize, poisoned: &[usize]) -> Batch {
    let event = |number: usize| Event {
        origin: Some(Origin { topic: "t".into(), partition: 0, offset: number as i64 }),
        ..Event::new(body(number, poisoned.contains(&number)))
    };
    Batch::from((0..events).map(event).collect::<Vec<_>>())
}

fn offsets<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<i64> {
    events.map(|event| event.origin.as_ref().unwrap().offset).collect()
}

fn admit(name: &str, settings: &[(&str, &str)]) -> Result<Plugin, weir::plugin::Error> {
    let artifact = Artifact::read(&guest(name), &Terms::default())?;
    host().admit(artifact, pairs(settings), &Limits::default())
}
