//! One version at work: from the batch it began with to the batch another one took over at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::{oneshot, watch};

use super::crew::{Crew, Job};
use super::tally::Tally;
use super::trial::Trial;
use crate::batch::{Batch, Outcome};
use crate::control::swap::{FirstBatch, OffsetRange, VersionStatus};
use crate::interceptor::{Interceptor, Judging};
use crate::plugin::{Info, Judgement};

/// By topic and partition, the first offset judged and the one after the last.
type Offsets = BTreeMap<(Arc<str>, i32), (i64, i64)>;

/// A version from its switch to the next. One that is gone back to is a new one, with the same crew.
pub(super) struct Version {
    status: VersionStatus,
    crew: Arc<Crew>,
    tally: Tally,
    offsets: Mutex<Offsets>,
    first: watch::Sender<Option<FirstBatch>>,
    trial: ArcSwapOption<Trial>,
}

impl Version {
    pub(super) fn new(status: VersionStatus, crew: Arc<Crew>, trial: Option<Arc<Trial>>, judged: &[OffsetRange]) -> Arc<Version> {
        let offsets = judged.iter().map(|range| ((Arc::from(range.topic.as_str()), range.partition), (range.from, range.to))).collect();
        Arc::new(Version {
            status,
            crew,
            tally: Tally::default(),
            offsets: Mutex::new(offsets),
            first: watch::Sender::new(None),
            trial: ArcSwapOption::new(trial),
        })
    }

    pub(super) fn status(&self) -> &VersionStatus {
        &self.status
    }

    pub(super) fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The trial it is on.
    pub(super) fn trial(&self) -> Option<Arc<Trial>> {
        self.trial.load_full()
    }

    /// Its trial is over: from here on its failures are its own.
    pub(super) fn passed(&self) {
        self.trial.store(None);
    }

    /// Tells of the first batch it judged.
    pub(super) fn first(&self) -> watch::Receiver<Option<FirstBatch>> {
        self.first.subscribe()
    }

    /// A batch of its is done, part by part.
    pub(super) fn judged(&self, batch: &Batch, judgements: &[Judgement]) {
        judgements.iter().for_each(|judgement| self.tally.judged(judgement));
        self.note_offsets(batch);
        if self.first.borrow().is_none()
            && let Some(judgement) = judgements.first()
        {
            let micros = u64::try_from(judgement.duration.as_micros()).unwrap_or(u64::MAX);
            let first = FirstBatch { events: judgement.events as u64, micros };
            self.first.send_if_modified(|told| {
                told.is_none() && {
                    *told = Some(first);
                    true
                }
            });
        }
    }

    /// What it has judged so far, by partition.
    pub(super) fn offsets(&self) -> Vec<OffsetRange> {
        let offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        let range = |((topic, partition), (from, to)): (&(Arc<str>, i32), &(i64, i64))| OffsetRange {
            topic: topic.to_string(),
            partition: *partition,
            from: *from,
            to: *to,
        };
        offsets.iter().map(range).collect()
    }

    /// Events of one partition mostly come in a row: one entry a row is touched.
    fn note_offsets(&self, batch: &Batch) {
        let mut origins = batch.events.iter().filter_map(|event| event.origin.as_ref()).peekable();
        let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(first) = origins.next() {
            let (mut from, mut to) = (first.offset, first.offset + 1);
            while let Some(next) = origins
                .next_if(|next| next.partition == first.partition && (Arc::ptr_eq(&next.topic, &first.topic) || next.topic == first.topic))
            {
                (from, to) = (from.min(next.offset), to.max(next.offset + 1));
            }
            let range = offsets.entry((first.topic.clone(), first.partition)).or_insert((from, to));
            *range = (range.0.min(from), range.1.max(to));
        }
    }
}

/// What a batch is pinned to when it is read.
pub(super) struct Pinned {
    pub(super) version: Arc<Version>,
    /// Events that the plugin gets at a time.
    pub(super) most: usize,
}

impl Interceptor for Pinned {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        if batch.is_empty() {
            return Judging::Now(Ok(Outcome::default()));
        }
        let (answer, judging) = oneshot::channel();
        self.version.crew.put(Job { batch, most: self.most, version: self.version.clone(), answer, handed_over: None });
        Judging::Later(judging)
    }

    fn version(&self) -> Option<&Info> {
        Some(self.version.crew.plugin().info())
    }
}
