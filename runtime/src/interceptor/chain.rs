//! A source's interceptors in order. Several batches are in the chain at a time; whoever drives it restores their order.

use std::sync::Arc;
use std::time::Instant;

use super::{Error, Interceptor, Judging, Taps};
use crate::batch::{Batch, Counts, Judged, Outcome};
use crate::telemetry::{BatchSpan, InterceptorMetrics};

/// Events that are worth handing to another thread.
const HANDED_OVER: usize = 250;

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

    /// The chain for a batch that is read now, each plugin in its current version, which gets at most so many events at a time; asked for in source
    /// order, versions change in source order.
    pub(crate) fn pin(&self, most: usize) -> Pinned {
        let most = most.max(1);
        let pinned = self.steps.iter().enumerate().filter_map(|(index, step)| Some((index, step.interceptor.pin(most)?)));
        Pinned { steps: self.steps.clone(), versions: pinned.collect(), most }
    }
}

/// A chain whose versions are chosen.
pub(crate) struct Pinned {
    steps: Arc<[Step]>,
    /// By the index of their step, ascending; a chain of built-ins has none.
    versions: Vec<(usize, Arc<dyn Interceptor>)>,
    /// Events that a plugin gets at a time.
    most: usize,
}

impl Pinned {
    /// Runs a batch through every step. Flume's rule: an empty batch ends the chain early.
    ///
    /// # Errors
    /// The pipeline must stop; nothing of the batch may be committed.
    pub(crate) async fn judge(self, batch: Batch, span: &BatchSpan) -> Result<Judged, Error> {
        let mut parts: Vec<Judged> = batch.parts(self.part()).into_iter().map(Judged::from).collect();
        let mut versions = self.versions.iter().peekable();
        for (index, step) in self.steps.iter().enumerate() {
            if parts.iter().all(|part| part.batch.is_empty()) {
                break;
            }
            let version = versions.next_if(|(at, _)| *at == index).map(|(_, version)| &**version);
            let interceptor = version.unwrap_or(&*step.interceptor);
            let intercepting = span.intercept(&step.stage, interceptor.version());
            intercepting.end(step.judge(&mut parts, interceptor).await)?;
        }
        Ok(Judged::join(parts))
    }

    /// Events that a guest's thread is handed at once, so that several threads have a part of a large batch: what the plugin gets at a time, or a few
    /// times that where it is little. A built-in looks at each event for itself, on this thread.
    fn part(&self) -> usize {
        if self.versions.is_empty() {
            return usize::MAX;
        }
        self.most * (HANDED_OVER / self.most).max(1)
    }
}

impl Step {
    async fn judge(&self, parts: &mut [Judged], interceptor: &dyn Interceptor) -> Result<Counts, Error> {
        let started = Instant::now();
        // All are handed over at once, so that none waits for the one before to come back.
        let hand_over = |part: &'_ mut Judged| {
            let batch = Arc::new(std::mem::take(&mut part.batch));
            self.metrics.received_events.inc_by(batch.len() as u64);
            (interceptor.intercept(batch.clone()), batch)
        };
        let judging: Vec<_> = parts.iter_mut().map(|part| (!part.batch.is_empty()).then(|| hand_over(part))).collect();
        let plugin = interceptor.version().map(|plugin| plugin.digest.as_str());
        // The last one first: whoever waits for it is woken once, and finds the others judged.
        let mut judged = Vec::with_capacity(judging.len());
        for waiting in judging.into_iter().rev() {
            judged.push(match waiting {
                Some((judging, batch)) => Some((outcome(judging).await?, batch)),
                None => None,
            });
        }
        let mut counts = Counts::default();
        for (part, judged) in parts.iter_mut().zip(judged.into_iter().rev()) {
            let Some((outcome, batch)) = judged else { continue };
            self.taps.observe(&batch, &outcome, plugin);
            // The interceptor gave its hold up before it answered; should it not have, the events are cloned, which copies no bytes.
            let mut judged = outcome.apply(Arc::unwrap_or_clone(batch));
            for rejected in &mut judged.rejected {
                rejected.rejection.stage.clone_from(&self.stage);
            }
            self.metrics.batch(started.elapsed());
            counts.passed += judged.batch.len();
            counts.discarded += judged.discarded;
            counts.rejected += judged.rejected.len();
            part.batch = judged.batch;
            part.discarded += judged.discarded;
            part.rejected.append(&mut judged.rejected);
        }
        self.metrics.discarded_events.inc_by(counts.discarded as u64);
        self.metrics.rejected_events.inc_by(counts.rejected as u64);
        Ok(counts)
    }
}

async fn outcome(judging: Judging) -> Result<Outcome, Error> {
    match judging {
        Judging::Now(outcome) => outcome,
        Judging::Later(answer) => answer.await.unwrap_or_else(|_| Err(Error::Unavailable("its threads are gone".into()))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::batch::{Fate, Verdict};
    use crate::event::Event;
    use crate::plugin::Info;
    use crate::telemetry::Metrics;

    /// Discards the first event of each batch, and remembers how many there were and how many a plugin may have at a time.
    #[derive(Clone)]
    struct Choosy {
        plugin: Option<Info>,
        most: usize,
        seen: Arc<Mutex<Vec<(usize, usize)>>>,
    }

    impl Interceptor for Choosy {
        fn intercept(&self, batch: Arc<Batch>) -> Judging {
            self.seen.lock().expect("lock").push((batch.len(), self.most));
            Judging::Now(Ok(Outcome { verdicts: vec![(0, Verdict::fate(Fate::Discard))] }))
        }
        fn pin(&self, most: usize) -> Option<Arc<dyn Interceptor>> {
            self.plugin.is_some().then(|| Arc::new(Choosy { most, ..self.clone() }) as Arc<dyn Interceptor>)
        }
        fn version(&self) -> Option<&Info> {
            self.plugin.as_ref()
        }
    }

    async fn judge(plugin: Option<Info>, events: usize, most: usize) -> (Vec<String>, usize, Vec<(usize, usize)>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let metrics = Metrics::new().interceptor("p", "s", "i", "fake");
        let taps = Taps::new(metrics.tap_dropped_events.clone());
        let step =
            Step { stage: "interceptor i".into(), interceptor: Box::new(Choosy { plugin, most: 0, seen: seen.clone() }), metrics, taps };
        let batch = Batch::from((0..events).map(|number| Event::new(number.to_string())).collect::<Vec<_>>());
        let judged = Chain::new(vec![step]).pin(most).judge(batch, &BatchSpan::begin(None, &Batch::default(), &[])).await.expect("judged");
        let left = judged.batch.events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()).collect();
        let seen = seen.lock().expect("lock").clone();
        (left, judged.discarded, seen)
    }

    #[tokio::test]
    async fn small_batches_are_handed_over_together_and_large_ones_apart() {
        let plugin = || Some(Info { name: "choosy".into(), version: "1".into(), digest: "0".repeat(64), file: None });
        let (left, discarded, seen) = judge(plugin(), 7, 3).await;
        assert_eq!((left.concat(), discarded, seen), ("123456".to_owned(), 1, vec![(7, 3)]));
        assert_eq!(judge(plugin(), 600, 3).await.2, [(249, 3), (249, 3), (102, 3)]);
        assert_eq!(judge(plugin(), 600, 300).await.2, [(300, 300), (300, 300)]);
        assert_eq!(judge(plugin(), 260, 0).await.2, [(250, 1), (10, 1)]);
    }

    #[tokio::test]
    async fn a_built_in_gets_all_that_is_there() {
        let (left, discarded, seen) = judge(None, 7, 3).await;
        assert_eq!((left.concat(), discarded, seen), ("123456".to_owned(), 1, vec![(7, 0)]));
    }
}
