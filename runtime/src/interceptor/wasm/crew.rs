//! The threads that run one plugin, on each of them one instance, in front of them one queue.
//!
//! Guests run on threads of their own: a guest holds its thread until it answers or its deadline passes, and a native stack of known size is under it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

use super::recent::Recent;
use super::trial::HandedOver;
use super::version::Version;
use super::worker::Worker;
use super::{Error, Place};
use crate::batch::{Batch, Outcome};
use crate::interceptor::spec;
use crate::plugin::{self, LogLines, Observer, Plugin, Speaker};

/// Native stack of a guest thread: the guest's own 512 KiB, and the host's calls on top.
const STACK: usize = 2 << 20;

/// A plugin at work. Dropping it ends its threads once what waits is judged.
pub(super) struct Crew {
    plugin: Plugin,
    spec: spec::Wasm,
    queue: Arc<Queue>,
}

/// What the crews of one interceptor have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) place: Place,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) recent: Arc<Recent>,
}

impl Crew {
    /// Starts a thread for each instance asked for, but no more than the machine has cores, and returns when every one has its instance.
    ///
    /// # Errors
    /// [`plugin::Error::Engine`] when a thread cannot be started, [`plugin::Error::Probe`] when an instance cannot.
    pub(super) fn start(plugin: Plugin, common: &Common, spec: &spec::Wasm) -> Result<Crew, plugin::Error> {
        let threads = threads(&common.place, spec.instances);
        let info = plugin.info();
        let speaker = Speaker {
            pipeline: common.place.pipeline.clone(),
            interceptor: common.place.interceptor.clone(),
            plugin: info.name.clone(),
            version: info.version.clone(),
            digest: info.short_digest().to_owned(),
        };
        let observer = common.observer.of(info).unwrap_or_else(|| common.observer.clone());
        let log = LogLines::new(speaker, observer.clone());
        // Dropped on an early return, which ends the threads that were started.
        let crew = Crew { plugin, spec: spec.clone(), queue: Arc::default() };
        let (ready, started) = mpsc::channel();
        for number in 0..threads {
            let mut worker = Worker::new(crew.plugin.clone(), common, observer.clone(), spec.on_error, log.clone());
            let (queue, ready) = (crew.queue.clone(), ready.clone());
            thread::Builder::new()
                .name(format!("guest-{}-{number}", common.place.interceptor))
                .stack_size(STACK)
                .spawn(move || {
                    let warm = worker.warm_up();
                    let is_warm = warm.is_ok();
                    // Nobody waits any more when another one failed.
                    let _ = ready.send(warm);
                    if is_warm {
                        worker.work(&queue);
                    }
                })
                .map_err(|error| plugin::Error::Engine(format!("start a guest's thread: {error}")))?;
        }
        drop(ready);
        for _ in 0..threads {
            let warm = started.recv().unwrap_or_else(|_| Err("its thread panicked".to_owned()));
            warm.map_err(|reason| plugin::Error::Probe { plugin: crew.plugin.info().name.clone(), reason })?;
        }
        Ok(crew)
    }

    pub(super) fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// What it was started with.
    pub(super) fn spec(&self) -> &spec::Wasm {
        &self.spec
    }

    pub(super) fn put(&self, job: Job) {
        self.queue.put(job);
    }
}

impl Drop for Crew {
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

/// A batch to judge, for which version, and who waits for the outcome.
pub(super) struct Job {
    pub(super) batch: Arc<Batch>,
    /// Events that the plugin gets at a time.
    pub(super) most: usize,
    pub(super) version: Arc<Version>,
    pub(super) answer: oneshot::Sender<Result<Outcome, Error>>,
    /// A version on trial failed over it; this one says whose fault that was.
    pub(super) handed_over: Option<HandedOver>,
}

/// What waits for a thread. It has no bound of its own: each job is a batch the source's ledger has open, and that has one.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Threads that found nothing to do.
    asleep: usize,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, job: Job) {
        let mut waiting = self.lock();
        waiting.jobs.push_back(job);
        let is_awaited = waiting.asleep > 0;
        drop(waiting);
        // A call of the kernel, whether somebody sleeps or not.
        if is_awaited {
            self.changed.notify_one();
        }
    }

    /// The next job; `None` once closed and empty.
    pub(super) fn take(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting.asleep += 1;
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.asleep -= 1;
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}
