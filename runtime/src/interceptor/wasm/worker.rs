//! One guest thread and its instance.
//!
//! An instance lives for many batches, so that a plugin may keep what it learns; but it is a cache and no more, since an instance goes with its first
//! failure, at its age limit, and when it has grown near its memory limit.

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Error;
use super::crew::{Common, Job, Queue};
use super::isolate::Isolation;
use super::recent::Recent;
use super::trial::Trial;
use super::version::Version;
use crate::batch::{Batch, Fate, Outcome};
use crate::interceptor::spec::OnError;
use crate::plugin::{CpuClock, Failure, FailureKind, Instance, Judgement, LogLines, Observer, Plugin, time_for};

/// Instances are made anew above this share of their memory limit, in percent.
const HIGH_WATER: usize = 75;
/// Attempts at making an instance of a plugin that could be started before.
const ATTEMPTS: u32 = 3;

/// A thread's own: the plugin, an instance of it, and the batch at hand.
pub(super) struct Worker {
    pub(super) plugin: Plugin,
    pub(super) on_error: OnError,
    /// What rejections name.
    pub(super) stage: String,
    /// Events of the batch at hand that the plugin could not judge.
    pub(super) failed: usize,
    instance: Option<Instance>,
    log: LogLines,
    observer: Arc<dyn Observer>,
    recent: Arc<Recent>,
    /// Who waits for the batch at hand.
    answer: Option<oneshot::Sender<Result<Outcome, Error>>>,
}

impl Worker {
    pub(super) fn new(plugin: Plugin, common: &Common, observer: Arc<dyn Observer>, on_error: OnError, log: LogLines) -> Worker {
        Worker {
            plugin,
            on_error,
            stage: format!("interceptor {}", common.place.interceptor),
            failed: 0,
            instance: None,
            log,
            observer,
            recent: common.recent.clone(),
            answer: None,
        }
    }

    /// Makes the instance ahead of the first batch.
    pub(super) fn warm_up(&mut self) -> Result<(), String> {
        self.instance = Some(self.take_instance().map_err(|error| error.to_string())?);
        Ok(())
    }

    pub(super) fn work(mut self, queue: &Queue) {
        while let Some(job) = queue.take() {
            self.serve(job);
        }
    }

    fn serve(&mut self, job: Job) {
        let Job { batch, most, version, answer, handed_over } = job;
        // The pipeline is being taken down, and the batch will be read again.
        if answer.is_closed() {
            return;
        }
        self.failed = 0;
        self.answer = Some(answer);
        let judged = match self.judge(&batch, most, &version) {
            Ok((outcome, judgements)) => {
                version.judged(&batch, &judgements);
                judgements.into_iter().for_each(|judgement| self.observer.judged(judgement));
                self.recent.keep(&batch, most);
                if let Some(handed_over) = handed_over.filter(|_| self.failed == 0) {
                    handed_over.condemn();
                }
                Ok(outcome)
            }
            Err(Unjudged::Error(error)) => Err(error),
            // Nothing of this version's judgement goes on; the one before it judges the batch.
            Err(Unjudged::OnTrial(trial, part, failure)) => return trial.hand_over((batch, most), self.answer.take(), (part, failure)),
        };
        // The events are the pipeline's again before it goes on with them.
        drop(batch);
        if let Some(answer) = self.answer.take() {
            // Nobody waits any more: see above.
            let _ = answer.send(judged);
        }
    }

    /// All of a batch, in order, at most so many events at a time.
    fn judge(&mut self, batch: &Arc<Batch>, most: usize, version: &Version) -> Result<(Outcome, Vec<Judgement>), Unjudged> {
        let (trial, clock) = (version.trial(), CpuClock::start());
        let (mut outcome, mut judgements) = (Outcome::default(), Vec::with_capacity(batch.len().div_ceil(most)));
        for start in (0..batch.len()).step_by(most) {
            let part = start..batch.len().min(start.saturating_add(most));
            let (begun, failed) = (Instant::now(), self.failed);
            let judged = match &trial {
                None => Isolation::new(self, batch, part.clone()).run().map_err(Unjudged::Error)?,
                Some(trial) => {
                    let judged = self.first_call(batch, part.clone());
                    judged.map_err(|failure| Unjudged::OnTrial(trial.clone(), part.clone(), failure))?
                }
            };
            let judged = self.signed(judged);
            judgements.push(judgement(part.len(), &judged, begun.elapsed(), self.failed - failed));
            outcome.append(judged, start);
            self.note_memory(version);
            self.recycle();
        }
        // A call of the kernel, which is why a part has its share and no reading of its own.
        let cpu = clock.elapsed();
        for judgement in &mut judgements {
            #[expect(clippy::cast_precision_loss, reason = "a share of a time, far from 2^52 events")]
            let share = judgement.events as f64 / batch.len() as f64;
            judgement.cpu = cpu.mul_f64(share);
        }
        Ok((outcome, judgements))
    }

    /// What the guest rejects says where and by which plugin it was rejected.
    fn signed(&self, mut outcome: Outcome) -> Outcome {
        for (_, verdict) in &mut outcome.verdicts {
            if let Fate::Reject(rejection) = &mut verdict.fate
                && rejection.stage.is_empty()
            {
                rejection.stage.clone_from(&self.stage);
                rejection.plugin = Some(self.plugin.info().digest.clone());
            }
        }
        outcome
    }

    /// One call about a part of a batch.
    fn first_call(&mut self, batch: &Arc<Batch>, part: Range<usize>) -> Result<Outcome, Failure> {
        let time = time_for(self.plugin.limits().deadline, part.len());
        match self.call(batch, part, time) {
            Ok(judged) => judged,
            Err(error) => Err(Failure::new(FailureKind::Guest, error.to_string())),
        }
    }

    /// One call about a part of a batch, on a fresh instance if the last one failed.
    ///
    /// The outer error means that no instance can be made, or that nobody wants an answer any more.
    pub(super) fn call(&mut self, batch: &Arc<Batch>, range: Range<usize>, time: Duration) -> Result<Result<Outcome, Failure>, Error> {
        if self.answer.as_ref().is_some_and(oneshot::Sender::is_closed) {
            return Err(Error::Unavailable("it was stopped".into()));
        }
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

    /// Before anybody is answered, so that who asks afterwards sees it.
    fn note_memory(&self, version: &Version) {
        let Some(instance) = &self.instance else { return };
        self.observer.memory(instance.memory());
        version.tally().memory(instance.memory());
    }

    fn recycle(&mut self) {
        let Some(instance) = &self.instance else { return };
        let memory = instance.memory();
        let old = instance.batches() >= self.plugin.limits().recycle_after;
        let fat = memory > self.plugin.memory_limit() / 100 * HIGH_WATER;
        if old || fat {
            self.instance = None;
            self.observer.recycled();
        }
    }
}

/// Why a batch has no outcome.
enum Unjudged {
    Error(Error),
    /// The version is on trial and failed over this part of it.
    OnTrial(Arc<Trial>, Range<usize>, Failure),
}

fn judgement(events: usize, outcome: &Outcome, duration: Duration, failed: usize) -> Judgement {
    let (discarded, rejected, derived) = outcome.counts();
    Judgement { events, duration, cpu: Duration::ZERO, discarded, rejected, derived, failed }
}
