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
        let Job { batch, version, answer, handed_over } = job;
        // The pipeline is being taken down, and the batch will be read again.
        if answer.is_closed() {
            return;
        }
        self.failed = 0;
        self.answer = Some(answer);
        let begun = (Instant::now(), CpuClock::start());
        let judged = match version.trial() {
            None => Isolation::new(self, &batch).run(),
            Some(trial) => match self.first_call(&batch) {
                Ok(outcome) => Ok(outcome),
                // Nothing of this version's judgement goes on; the one before it judges the batch.
                Err(failure) => {
                    trial.hand_over(batch, self.answer.take(), failure);
                    return self.recycle();
                }
            },
        };
        let judged = judged.map(|outcome| self.signed(outcome));
        self.note_memory(&version);
        if let Ok(outcome) = &judged {
            let judgement = judgement(&batch, outcome, begun, self.failed);
            version.judged(&batch, &judgement);
            self.observer.judged(judgement);
            self.recent.keep(&batch);
            if let Some(handed_over) = handed_over.filter(|_| self.failed == 0) {
                handed_over.condemn();
            }
        }
        // The events are the pipeline's again before it goes on with them.
        drop(batch);
        if let Some(answer) = self.answer.take() {
            // Nobody waits any more: see above.
            let _ = answer.send(judged);
        }
        self.recycle();
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

    /// One call about the whole batch.
    fn first_call(&mut self, batch: &Arc<Batch>) -> Result<Outcome, Failure> {
        let time = time_for(self.plugin.limits().deadline, batch.len());
        match self.call(batch, 0..batch.len(), time) {
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

fn judgement(batch: &Batch, outcome: &Outcome, (begun, clock): (Instant, CpuClock), failed: usize) -> Judgement {
    let (discarded, rejected, derived) = outcome.counts();
    Judgement { events: batch.len(), duration: begun.elapsed(), cpu: clock.elapsed(), discarded, rejected, derived, failed }
}
