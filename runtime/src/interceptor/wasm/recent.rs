//! The last batches really seen: what a new version rehearses on.
//!
//! Batches are copied, so that nothing of a client's buffers is kept alive, and at most one every [`APART`], so that copying costs a busy stream
//! next to nothing: of a slow stream the last batches are kept, of a fast one a sample of the last second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::batch::Batch;
use crate::event::{Event, Headers};

/// Time between two batches that are kept.
const APART: Duration = Duration::from_millis(50);
/// Bytes kept of one batch; what is behind them is not.
const BATCH: usize = 1 << 20;
/// Bytes kept in all.
const ALL: usize = 8 << 20;

/// A bounded ring of batches as they came to the interceptor.
pub(super) struct Recent {
    most: usize,
    begun: Instant,
    /// Milliseconds after `begun` from which on the next batch is kept.
    due: AtomicU64,
    batches: Mutex<VecDeque<Arc<Batch>>>,
}

impl Recent {
    /// Room for so many batches.
    pub(super) fn new(most: usize) -> Recent {
        Recent { most, begun: Instant::now(), due: AtomicU64::new(0), batches: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Batch>>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a copy of a batch, when it is time for one: as much of it as a plugin gets at a time.
    pub(super) fn keep(&self, batch: &Batch, most: usize) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.due.load(Ordering::Relaxed);
        if self.most == 0 || now < due {
            return;
        }
        let next = now.saturating_add(u64::try_from(APART.as_millis()).unwrap_or(u64::MAX));
        // Another thread was quicker: it keeps its batch.
        if self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let copy = Arc::new(copy(&batch.events[..most.min(batch.len())]));
        let mut batches = self.lock();
        batches.push_back(copy);
        while batches.len() > self.most || batches.iter().map(|batch| batch.size()).sum::<usize>() > ALL {
            batches.pop_front();
        }
    }

    /// What is kept, the oldest first.
    pub(super) fn batches(&self) -> Vec<Arc<Batch>> {
        self.lock().iter().cloned().collect()
    }
}

fn copy(events: &[Event]) -> Batch {
    let mut bytes = 0;
    let fits = |event: &&Event| {
        bytes += event.size();
        bytes <= BATCH
    };
    Batch::from(events.iter().take_while(fits).map(detached).collect::<Vec<_>>())
}

/// An event that shares no buffer with the one it was copied from.
fn detached(event: &Event) -> Event {
    let owned = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
    let mut headers = Headers::default();
    for header in event.headers.iter() {
        headers.push(Bytes::copy_from_slice(header.name), header.value.map(Bytes::copy_from_slice), header.scope);
    }
    Event { headers, key: event.key.as_ref().map(owned), body: event.body.as_ref().map(owned), ..event.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(bodies: &[&'static str]) -> Batch {
        Batch::from(bodies.iter().map(|body| Event::new(*body)).collect::<Vec<_>>())
    }

    fn first_bodies(recent: &Recent) -> Vec<Vec<u8>> {
        recent.batches().iter().map(|batch| batch.events[0].body().to_vec()).collect()
    }

    #[test]
    fn the_last_batches_are_kept_and_not_each_of_a_burst() {
        let recent = Recent::new(2);
        for body in ["1", "2", "3"] {
            recent.due.store(0, Ordering::Relaxed);
            recent.keep(&batch(&[body, "x"]), 2);
            recent.keep(&batch(&["of the same instant"]), 2);
        }
        assert_eq!(first_bodies(&recent), [b"2", b"3"]);
    }

    #[test]
    fn a_large_batch_is_cut_and_nothing_is_kept_without_room() {
        let mut large = batch(&["small"]);
        large.events.push(Event::new(vec![0; BATCH]));
        let recent = Recent::new(2);
        recent.keep(&large, 2);
        assert_eq!(recent.batches()[0].len(), 1);
        let none = Recent::new(0);
        none.keep(&large, 2);
        assert!(none.batches().is_empty());
    }
}
