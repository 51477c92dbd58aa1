//! The interceptor whose verdicts a plugin makes: a few threads, on each of them one instance, in front of them one queue.
//!
//! Guests run on threads of their own: a guest holds its thread until it answers or its deadline passes, and a native stack of known
//! size is under it. An instance lives for many batches, so that a plugin may keep what it learns; but it is a cache and no more,
//! since an instance goes with its first failure, at its age limit, and when it has grown near its memory limit.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::isolate::Isolation;
use super::spec::{self, OnError};
use super::{Error, Interceptor, Judging};
use crate::batch::{Batch, Fate, Outcome};
use crate::plugin::{self, CpuClock, Failure, FailureKind, Host, Info, Instance, Judgement, LogLines, Observer, Plugin, Speaker};

/// Native stack of a guest thread: the guest's own 512 KiB, and the host's calls on top.
const STACK: usize = 2 << 20;
/// Instances are made anew above this share of their memory limit, in percent.
const HIGH_WATER: usize = 75;
/// Attempts at making an instance of a plugin that could be started before.
const ATTEMPTS: u32 = 3;

/// Where an interceptor is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Name of the source whose chain it is in.
    pub source: String,
    /// Its own name.
    pub interceptor: String,
}

/// A running plugin. Dropping it stops its threads; batches that wait are answered by silence.
pub struct Wasm {
    queue: Arc<Queue>,
    info: Info,
}

impl Wasm {
    /// Takes the plugin in and starts its threads: one for each instance asked for, but no more than the machine has cores.
    /// Blocks while the plugin is compiled.
    ///
    /// # Errors
    /// Whatever is wrong with the plugin or its settings.
    pub fn start(host: &Host, place: Place, spec: &spec::Wasm, observer: Arc<dyn Observer>) -> Result<Wasm, plugin::Error> {
        let plugin = host.load(&spec.plugin, spec.settings.clone(), &spec.limits)?;
        Wasm::run(plugin, place, spec, observer)
    }

    /// As [`Wasm::start`], with a plugin that is taken in already; the specification's file, settings and limits do not count.
    ///
    /// # Errors
    /// [`plugin::Error::Engine`] when a thread cannot be started.
    pub fn run(plugin: Plugin, place: Place, spec: &spec::Wasm, observer: Arc<dyn Observer>) -> Result<Wasm, plugin::Error> {
        let info = plugin.info().clone();
        let threads = threads(&place, spec.instances);
        let speaker = Speaker {
            pipeline: place.pipeline.clone(),
            interceptor: place.interceptor.clone(),
            plugin: info.name.clone(),
            version: info.version.clone(),
            digest: info.short_digest().to_owned(),
        };
        let log = LogLines::new(speaker, observer.clone());
        // Dropped on an early return, which stops the threads that were started.
        let running = Wasm { queue: Arc::default(), info };
        for number in 0..threads {
            let worker = Worker {
                plugin: plugin.clone(),
                instance: None,
                log: log.clone(),
                observer: observer.clone(),
                on_error: spec.on_error,
                stage: format!("interceptor {}", place.interceptor),
                queue: running.queue.clone(),
            };
            thread::Builder::new()
                .name(format!("guest-{}-{number}", place.interceptor))
                .stack_size(STACK)
                .spawn(move || worker.work())
                .map_err(|error| plugin::Error::Engine(format!("start a guest's thread: {error}")))?;
        }
        Ok(running)
    }

    /// Which plugin it runs.
    #[must_use]
    pub fn plugin(&self) -> &Info {
        &self.info
    }
}

impl Interceptor for Wasm {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        if batch.is_empty() {
            return Judging::Now(Ok(Outcome::default()));
        }
        let (answer, judging) = oneshot::channel();
        self.queue.put(Job { batch, answer });
        Judging::Later(judging)
    }

    fn version(&self) -> Option<&Info> {
        Some(&self.info)
    }
}

impl Drop for Wasm {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn threads(place: &Place, asked: Option<usize>) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let asked = asked.unwrap_or(cores).max(1);
    if asked > cores {
        let Place { pipeline, source, interceptor } = place;
        tracing::info!(
            pipeline,
            source,
            interceptor,
            asked,
            running = cores,
            "more instances asked for than there are cores; running one a core"
        );
    }
    asked.min(cores)
}

/// A batch to judge, and who waits for the outcome.
struct Job {
    batch: Arc<Batch>,
    answer: oneshot::Sender<Result<Outcome, Error>>,
}

/// What waits for a thread. It has no bound of its own: each job is a batch the source's ledger has open, and that has one.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// The next job; `None` once closed.
    fn take(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let abandoned = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        drop(abandoned);
        self.changed.notify_all();
    }

    fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

/// One guest thread and its instance.
pub(super) struct Worker {
    pub(super) plugin: Plugin,
    pub(super) on_error: OnError,
    /// What rejections name.
    pub(super) stage: String,
    instance: Option<Instance>,
    log: LogLines,
    observer: Arc<dyn Observer>,
    queue: Arc<Queue>,
}

impl Worker {
    fn work(mut self) {
        while let Some(Job { batch, answer }) = self.queue.take() {
            let (begun, clock) = (Instant::now(), CpuClock::start());
            let outcome = self.outcome(&batch);
            if let Ok(outcome) = &outcome {
                self.observer.judged(judgement(&batch, outcome, begun.elapsed(), clock.elapsed()));
            }
            // The events are the pipeline's again before it goes on with them.
            drop(batch);
            // Nobody waits any more: the pipeline is being taken down, and the batch will be read again.
            let _ = answer.send(outcome);
            self.recycle();
        }
    }

    /// Judges a batch; where the plugin fails, finds out over which events.
    fn outcome(&mut self, batch: &Arc<Batch>) -> Result<Outcome, Error> {
        let mut outcome = Isolation::new(self, batch).run()?;
        for (_, verdict) in &mut outcome.verdicts {
            if let Fate::Reject(rejection) = &mut verdict.fate
                && rejection.stage.is_empty()
            {
                rejection.stage.clone_from(&self.stage);
                rejection.plugin = Some(self.plugin.info().digest.clone());
            }
        }
        Ok(outcome)
    }

    /// One call about a part of a batch, on a fresh instance if the last one failed.
    ///
    /// The outer error means that no instance can be made, or that nobody wants an answer any more.
    pub(super) fn call(
        &mut self,
        batch: &Arc<Batch>,
        range: std::ops::Range<usize>,
        time: Duration,
    ) -> Result<Result<Outcome, Failure>, Error> {
        let mut instance = self.take_instance()?;
        // The last belt: a panic of the host over one batch is that batch's failure, not the end of the thread.
        let judged = panic::catch_unwind(AssertUnwindSafe(|| {
            let judged = instance.judge(batch, range, time);
            (instance, judged)
        }));
        let judged = match judged {
            Ok((instance, Ok(outcome))) => {
                self.instance = Some(instance);
                return Ok(Ok(outcome));
            }
            Ok((failed, Err(failure))) => {
                self.observer.memory(failed.memory());
                failure
            }
            Err(_) => Failure::new(FailureKind::Host, "the host panicked over it; this is a bug in Weir".into()),
        };
        self.observer.failed(judged.kind);
        Ok(Err(judged))
    }

    /// Whether the next call is the first of its instance.
    pub(super) fn is_fresh(&self) -> bool {
        self.instance.as_ref().is_none_or(|instance| instance.batches() == 0)
    }

    fn take_instance(&mut self) -> Result<Instance, Error> {
        if self.queue.is_closed() {
            return Err(Error::Unavailable("it was stopped".into()));
        }
        if let Some(instance) = self.instance.take() {
            return Ok(instance);
        }
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            match self.plugin.instance(self.log.clone()) {
                Ok(instance) => return Ok(instance),
                Err(failure) => {
                    self.observer.failed(failure.kind);
                    reason = failure.to_string();
                }
            }
        }
        Err(Error::Unavailable(format!("{ATTEMPTS} attempts to start an instance failed, the last one: {reason}")))
    }

    fn recycle(&mut self) {
        let Some(instance) = &self.instance else { return };
        let limits = self.plugin.limits();
        self.observer.memory(instance.memory());
        let old = instance.batches() >= limits.recycle_after;
        let fat = instance.memory() > limits.memory / 100 * HIGH_WATER;
        if old || fat {
            self.instance = None;
            self.observer.recycled();
        }
    }
}

fn judgement(batch: &Batch, outcome: &Outcome, duration: Duration, cpu: Duration) -> Judgement {
    let mut judgement = Judgement { events: batch.len(), duration, cpu, discarded: 0, rejected: 0, derived: 0 };
    for (_, verdict) in &outcome.verdicts {
        judgement.derived += verdict.derived.len();
        match verdict.fate {
            Fate::Keep => {}
            Fate::Discard => judgement.discarded += 1,
            Fate::Reject(_) => judgement.rejected += 1,
        }
    }
    judgement
}
