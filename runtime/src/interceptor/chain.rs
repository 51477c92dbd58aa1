//! A source's interceptors in order. Several batches are in the chain at a time; whoever drives it restores their order.

use std::sync::Arc;
use std::time::Instant;

use super::{Error, Interceptor, Judging};
use crate::batch::{Batch, Judged, Outcome};
use crate::telemetry::InterceptorMetrics;

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

    /// Runs a batch through every step, each in the version that is current now, not when the batch comes to it: called in source order, it hands
    /// versions over in source order. Flume's rule: an empty batch ends the chain early.
    ///
    /// # Errors
    /// The pipeline must stop; nothing of the batch may be committed.
    pub fn judge(self, batch: Batch) -> impl Future<Output = Result<Judged, Error>> + Send + 'static {
        let pinned: Vec<_> = self.steps.iter().map(|step| step.interceptor.pin()).collect();
        async move {
            let mut judged = Judged { batch, ..Judged::default() };
            for (step, pinned) in self.steps.iter().zip(pinned) {
                if judged.batch.is_empty() {
                    break;
                }
                let after = step.judge(judged.batch, pinned.as_deref()).await?;
                judged.batch = after.batch;
                judged.discarded += after.discarded;
                judged.rejected.extend(after.rejected);
            }
            Ok(judged)
        }
    }
}

impl Step {
    async fn judge(&self, batch: Batch, pinned: Option<&dyn Interceptor>) -> Result<Judged, Error> {
        let interceptor = pinned.unwrap_or(&*self.interceptor);
        let started = Instant::now();
        self.metrics.received_events.inc_by(batch.len() as u64);
        let batch = Arc::new(batch);
        let outcome = outcome(interceptor, batch.clone()).await?;
        // The interceptor gave its hold up before it answered; should it not have, the events are cloned, which copies no bytes.
        let mut judged = outcome.apply(Arc::unwrap_or_clone(batch));
        for rejected in &mut judged.rejected {
            rejected.rejection.stage.clone_from(&self.stage);
        }
        self.metrics.batch_duration.observe(started.elapsed().as_secs_f64());
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
