//! Which event is it? A plugin that fails over a batch is given the halves, and their halves, until it fails over single events;
//! these meet `on_error`, all others keep the verdicts the plugin gave them in their part of the batch.
//!
//! What one call learns is lost with its instance, and parts are judged without the rest of the batch: a plugin that counts within a
//! batch counts anew in each part.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::worker::Worker;
use crate::batch::{Batch, Fate, Outcome, Rejection, Verdict};
use crate::event::Event;
use crate::interceptor::spec::OnError;
use crate::plugin::{Failure, FailureKind, time_for};

/// The least time a part of a batch is given, however small it is: the clock ticks every 5 ms.
const LEAST: Duration = Duration::from_millis(20);

/// How many single events of a batch that missed their part of the deadline get all of it before they are blamed: a busy machine can keep
/// an innocent one waiting. Past these the plugin is what is slow, and the batch must have an end.
const SECOND_LOOKS: u32 = 16;

/// The events of a batch that the plugin gets at a time, until each of them has a verdict.
pub(super) struct Isolation<'a> {
    worker: &'a mut Worker,
    batch: &'a Arc<Batch>,
    whole: Range<usize>,
    /// Of these events: the first is 0.
    outcome: Outcome,
    second_looks: u32,
}

impl<'a> Isolation<'a> {
    pub(super) fn new(worker: &'a mut Worker, batch: &'a Arc<Batch>, whole: Range<usize>) -> Isolation<'a> {
        Isolation { worker, batch, whole, outcome: Outcome::default(), second_looks: SECOND_LOOKS }
    }

    /// All of them first; nearly always that is all.
    pub(super) fn run(mut self) -> Result<Outcome, Error> {
        let whole = self.whole.clone();
        let time = time_for(self.worker.plugin.limits().deadline, whole.len());
        let fresh = self.worker.is_fresh();
        let mut failure = match self.worker.call(self.batch, whole.clone(), time)? {
            Ok(outcome) => return Ok(outcome),
            Err(failure) => failure,
        };
        // What an instance has gathered over earlier batches may be to blame; ask a fresh one before any event is. Not for a missed
        // deadline of many events: that would double the longest wait there is, and their halves are asked of fresh ones anyway.
        if !fresh && (whole.len() == 1 || failure.kind != FailureKind::Deadline) {
            failure = match self.worker.call(self.batch, whole.clone(), time)? {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => failure,
            };
        }
        tracing::debug!(
            stage = self.worker.stage,
            events = whole.len(),
            reason = failure.reason,
            "looking for the event a plugin fails over"
        );
        self.split(whole, failure)?;
        Ok(self.outcome)
    }

    /// The plugin failed over this part.
    fn split(&mut self, range: Range<usize>, failure: Failure) -> Result<(), Error> {
        if range.len() == 1 {
            return self.blame(range.start, failure);
        }
        let middle = range.start + range.len() / 2;
        self.judge(range.start..middle)?;
        self.judge(middle..range.end)
    }

    fn judge(&mut self, range: Range<usize>) -> Result<(), Error> {
        let mut judged = self.worker.call(self.batch, range.clone(), self.time(range.len()))?;
        if range.len() == 1 && self.second_looks > 0 && judged.as_ref().is_err_and(|failure| failure.kind == FailureKind::Deadline) {
            self.second_looks -= 1;
            let time = time_for(self.worker.plugin.limits().deadline, 1);
            judged = self.worker.call(self.batch, range.clone(), time)?;
        }
        match judged {
            Ok(outcome) => {
                self.outcome.append(outcome, range.start - self.whole.start);
                Ok(())
            }
            Err(failure) => self.split(range, failure),
        }
    }

    /// A part of the events gets that part of the time, so that a batch of nothing but spinning events has an end.
    fn time(&self, events: usize) -> Duration {
        let deadline = self.worker.plugin.limits().deadline;
        #[expect(clippy::cast_precision_loss, reason = "a share of a time, far from 2^52 events")]
        let share = deadline.mul_f64(events as f64 / self.whole.len() as f64);
        time_for(share.max(LEAST).min(deadline), events)
    }

    fn blame(&mut self, at: usize, failure: Failure) -> Result<(), Error> {
        self.worker.failed += 1;
        let index = at - self.whole.start;
        let fate = match self.worker.on_error {
            OnError::Pass => return Ok(()),
            OnError::Halt => return Err(Error::Halted { place: place(&self.batch.events[at], index), reason: failure.reason }),
            OnError::Discard => Fate::Discard,
            OnError::DeadLetter => Fate::Reject(Box::new(Rejection {
                stage: self.worker.stage.clone(),
                reason: failure.reason,
                backtrace: failure.backtrace,
                plugin: Some(self.worker.plugin.info().digest.clone()),
                source: None,
            })),
        };
        self.outcome.verdicts.push((index, Verdict::fate(fate)));
        Ok(())
    }
}

fn place(event: &Event, index: usize) -> String {
    match &event.origin {
        Some(origin) => format!("topic {} partition {} offset {}", origin.topic, origin.partition, origin.offset),
        None => format!("event {index} of its batch"),
    }
}
