//! One write of a group's member: counted, and judged when it ends.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::ready;
use tokio::time::Instant;
use tracing::{info, warn};

use super::About;
use super::roster::{Chosen, Roster};
use crate::batch::Batch;
use crate::error_chain;
use crate::sink::{Disposition, Error, Later, Refused, Writing, Written};

/// A write under way; dropped, it has ended.
pub(super) struct Flight {
    roster: Arc<Mutex<Roster>>,
    chosen: Chosen,
    about: Arc<About>,
    events: usize,
    bytes: usize,
    begun: Instant,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.roster().landed(self.chosen);
    }
}

/// Nothing of the batch is written: at once again, or after a while where there is a cause.
pub(super) fn rewritten(events: usize, cause: Option<Error>) -> Writing {
    Box::pin(ready(Ok(Written { failed: (0..events).collect(), cause, ..Written::default() })))
}

impl Flight {
    pub(super) fn begin(roster: Arc<Mutex<Roster>>, chosen: Chosen, about: Arc<About>, batch: &Batch, batch_size: usize) -> Flight {
        let metrics = &about.metrics;
        metrics.taken_events.inc_by(batch.len() as u64);
        match batch.len() < batch_size {
            true => metrics.batches_underflow.inc(),
            false => metrics.batches_complete.inc(),
        };
        Flight { roster, chosen, about, events: batch.len(), bytes: batch.size(), begun: Instant::now() }
    }

    /// To the write's end, which is never an error: the group goes on.
    pub(super) async fn follow(self, writing: Writing) -> Result<Written, Error> {
        let ended = writing.await;
        self.about.metrics.write_seconds.inc_by(self.begun.elapsed().as_secs_f64());
        match ended {
            Ok(written) => Ok(self.landed(written)),
            Err(error) => {
                self.about.is_broken.store(true, Ordering::Relaxed);
                let cause = self.failed(&error);
                Ok(Written { failed: (0..self.events).collect(), cause, ..Written::default() })
            }
        }
    }

    fn landed(&self, mut written: Written) -> Written {
        let (failed, refused) = (written.failed.len(), written.refused.len());
        match failed {
            0 => self.succeeded(),
            _ => {
                let error = written.cause.take().unwrap_or_else(|| Error::Group("it gave no reason".to_owned()));
                if error.disposition() == Disposition::Fatal {
                    self.about.is_broken.store(true, Ordering::Relaxed);
                }
                written.cause = self.failed(&error);
            }
        }
        let certain = |one: &&Refused| one.certain || self.events == 1;
        self.about.metrics.rejected_events.inc_by(written.refused.iter().filter(certain).count() as u64);
        for one in &mut written.refused {
            one.reason = format!("sink {}: {}", self.about.name, one.reason);
        }
        self.count_sent((self.events - failed - refused) as u64, &mut written.later, failed == 0);
        written
    }

    /// Counts what is written once it is safe.
    fn count_sent(&self, events: u64, later: &mut Option<Later>, is_whole: bool) {
        let metrics = self.about.metrics.clone();
        // Which bytes a part of a batch has is not worth the look.
        let bytes = if is_whole { self.bytes as u64 } else { 0 };
        let count = move || {
            metrics.sent_events.inc_by(events);
            metrics.sent_bytes.inc_by(bytes);
        };
        match later.take() {
            None => count(),
            Some(Later(safe)) => {
                let about = self.about.clone();
                *later = Some(Later(Box::pin(async move {
                    match safe.await {
                        Ok(()) => count(),
                        Err(error) => {
                            about.is_broken.store(true, Ordering::Relaxed);
                            return Err(error);
                        }
                    }
                    Ok(())
                })));
            }
        }
    }

    fn succeeded(&self) {
        let had_failed = self.roster().succeeded(self.chosen);
        if had_failed {
            info!(sink = %self.about.name, "a sink of the group works again");
            self.about.health.set(&self.about.check, true, "works again");
        }
    }

    /// The member did not write all of it. What to tell the sink loop: nothing where another member may try at once.
    pub(super) fn failed(&self, error: &Error) -> Option<Error> {
        let (rest, may_go_on) = self.roster().failed(self.chosen, Instant::now());
        let reason = error_chain(error);
        self.about.metrics.retries.inc();
        if let Some(rest) = rest {
            warn!(sink = %self.about.name, error = reason, ?rest, "a sink of the group failed");
            self.about.health.set(&self.about.check, false, reason.clone());
        }
        (!may_go_on).then(|| Error::Group(format!("sink {}: {reason}", self.about.name)))
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        // No code panics between two changes of it, so a poisoned one is whole.
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
