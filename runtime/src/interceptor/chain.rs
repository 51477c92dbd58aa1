//! A source's interceptors in order. Several batches are in the chain at a time; whoever drives it restores their order.

use std::sync::Arc;
use std::time::Instant;

use super::{Error, Interceptor, Judging, Taps};
use crate::batch::{Batch, Judged, Outcome};
use crate::telemetry::{BatchSpan, InterceptorMetrics};

/// The steps of one source; cheap to clone.
#[derive(Clone, Default)]
pub struct Chain {
    steps: Arc<[Step]>,
}

/// One interceptor and its counters.
pub struct Step {
    /// `interceptor NAME`, as dead letters say it.
    pub stage: String,
    /// The interceptor.
    pub interceptor: Box<dyn Interceptor>,
    /// Its counters.
    pub metrics: InterceptorMetrics,
    /// Who listens at it.
    pub taps: Taps,
}

impl Chain {
    /// A chain of these steps.
    pub fn new(steps: Vec<Step>) -> Chain {
        Chain { steps: steps.into() }
    }

    /// Whether batches pass untouched.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The chain for a batch that is read now, each plugin in its current version; asked for in source order, versions change in source order.
    pub(crate) fn pin(&self) -> Pinned {
        let pinned = self.steps.iter().enumerate().filter_map(|(index, step)| Some((index, step.interceptor.pin()?)));
        Pinned { steps: self.steps.clone(), versions: pinned.collect() }
    }
}

/// A chain whose versions are chosen.
pub(crate) struct Pinned {
    steps: Arc<[Step]>,
    /// By the index of their step, ascending; a chain of built-ins has none.
    versions: Vec<(usize, Arc<dyn Interceptor>)>,
}

impl Pinned {
    /// Runs a batch through every step. Flume's rule: an empty batch ends the chain early.
    ///
    /// # Errors
    /// The pipeline must stop; nothing of the batch may be committed.
    pub(crate) async fn judge(self, batch: Batch, span: &BatchSpan) -> Result<Judged, Error> {
        let mut judged = Judged { batch, ..Judged::default() };
        let mut versions = self.versions.iter().peekable();
        for (index, step) in self.steps.iter().enumerate() {
            if judged.batch.is_empty() {
                break;
            }
            let version = versions.next_if(|(at, _)| *at == index).map(|(_, version)| &**version);
            let interceptor = version.unwrap_or(&*step.interceptor);
            let intercepting = span.intercept(&step.stage, interceptor.version());
            let after = intercepting.end(step.judge(judged.batch, interceptor).await)?;
            judged.batch = after.batch;
            judged.discarded += after.discarded;
            judged.rejected.extend(after.rejected);
        }
        judged.batch.forget_documents();
        Ok(judged)
    }
}

impl Step {
    async fn judge(&self, batch: Batch, interceptor: &dyn Interceptor) -> Result<Judged, Error> {
        let started = Instant::now();
        self.metrics.received_events.inc_by(batch.len() as u64);
        let batch = Arc::new(batch);
        let outcome = outcome(interceptor, batch.clone()).await?;
        self.taps.observe(&batch, &outcome, interceptor.version().map(|plugin| plugin.digest.as_str()));
        // The interceptor gave its hold up before it answered; should it not have, the events are cloned, which copies no bytes.
        let mut judged = outcome.apply(Arc::unwrap_or_clone(batch));
        for rejected in &mut judged.rejected {
            rejected.rejection.stage.clone_from(&self.stage);
        }
        self.metrics.batch(started.elapsed());
        self.metrics.discarded_events.inc_by(judged.discarded as u64);
        self.metrics.rejected_events.inc_by(judged.rejected.len() as u64);
        Ok(judged)
    }
}

async fn outcome(interceptor: &dyn Interceptor, batch: Arc<Batch>) -> Result<Outcome, Error> {
    match interceptor.intercept(batch) {
        Judging::Now(outcome) => outcome,
        Judging::Later(answer) => answer.await.unwrap_or_else(|_| Err(Error::Unavailable("its threads are gone".into()))),
    }
}
