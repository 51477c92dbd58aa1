//! Load for tests: `org.apache.flume.source.StressSource`. Every event has the same body, bytes of 0x7F, as fast as they are taken or at a rate.

mod spec;

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
pub use spec::Spec;
use tokio::time::{Instant, sleep_until};

use super::progress::{Progress, offset, partition};
use super::{Error, Polled, PolledBatch, Source};
use crate::event::Event;
use crate::pipeline::ledger::{Checkpoint, Partition};

/// Java's `Byte.MAX_VALUE`.
const FILLING: u8 = 0x7F;

/// The source.
pub struct Stress {
    spec: Spec,
    at_once: usize,
    body: Bytes,
    partition: Partition,
    progress: Progress,
    next: u64,
    /// When the next batch is due, with a rate.
    due: Instant,
    is_paused: bool,
}

impl Stress {
    /// Begins after what is settled.
    pub fn new(name: &str, spec: &Spec, at_once: usize, progress: &Progress) -> Stress {
        Stress {
            spec: spec.clone(),
            at_once,
            body: vec![FILLING; spec.size].into(),
            partition: partition(name),
            progress: progress.clone(),
            next: progress.settled(),
            due: Instant::now(),
            is_paused: false,
        }
    }

    /// How many events may still be handed out.
    fn left(&self) -> u64 {
        let total = self.spec.max_total_events.map_or(u64::MAX, |most| most.saturating_sub(self.progress.given()));
        // What is under way counts as settled: else more would be, once it is.
        let successful = self.spec.max_successful_events.map_or(u64::MAX, |most| most.saturating_sub(self.next));
        total.min(successful)
    }

    fn batch(&mut self, events: usize) -> Option<PolledBatch> {
        let events = (events as u64).min(self.left());
        if self.is_paused || events == 0 {
            return None;
        }
        self.next += events;
        self.progress.give(events);
        let batch: Vec<Event> = (0..events).map(|_| Event::new(self.body.clone())).collect();
        Some(PolledBatch { batch: batch.into(), reached: [(self.partition.clone(), offset(self.next))].into(), ..PolledBatch::default() })
    }

    /// What is there at once: with a rate a batch when it is due, else as many as are worth a hand-over.
    async fn next_batch(&mut self) -> Option<PolledBatch> {
        let Some(rate) = self.spec.max_events_per_second else {
            tokio::task::yield_now().await;
            return self.batch(self.at_once);
        };
        sleep_until(self.due).await;
        let batch = self.batch(self.spec.batch_size.get());
        let events = batch.as_ref().map_or(0, |batch| batch.batch.len());
        // Time that was not used is not made up for.
        self.due = self.due.max(Instant::now()) + Duration::from_secs(1) * u32::try_from(events).unwrap_or(u32::MAX) / rate.get();
        batch
    }
}

impl Source for Stress {
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, Error>> {
        Box::pin(async {
            match self.next_batch().await {
                Some(batch) => Ok(Polled::Batch(batch)),
                None => pending().await,
            }
        })
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.progress.settle(checkpoint, &self.partition);
        Ok(())
    }

    fn pause(&mut self) {
        self.is_paused = true;
    }

    fn resume(&mut self) {
        self.is_paused = false;
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use tokio::time::timeout;

    use super::*;

    async fn poll(source: &mut Stress) -> Option<usize> {
        match timeout(Duration::from_secs(3600), source.poll()).await.ok()?.expect("polled") {
            Polled::Batch(batch) => Some(batch.batch.len()),
            _ => None,
        }
    }

    async fn all(source: &mut Stress) -> usize {
        let mut events = 0;
        while let Some(more) = poll(source).await {
            events += more;
        }
        events
    }

    #[tokio::test(start_paused = true)]
    async fn it_hands_out_its_total_and_no_more_over_all_starts() {
        let progress = Progress::default();
        let spec = Spec { batch_size: 7.try_into().expect("not zero"), max_total_events: Some(1000), ..Spec::default() };
        let mut source = Stress::new("s", &spec, 259, &progress);
        assert_eq!(poll(&mut source).await, Some(259));
        let mut again = Stress::new("s", &spec, 259, &progress);
        assert_eq!(all(&mut again).await, 741);
    }

    #[tokio::test(start_paused = true)]
    async fn successes_are_counted_from_what_is_settled() {
        let progress = Progress::default();
        let spec = Spec { max_successful_events: Some(300), size: 3, ..Spec::default() };
        let mut source = Stress::new("s", &spec, 259, &progress);
        assert_eq!(all(&mut source).await, 300);
        source.commit(&[(partition("s"), 200)].into()).expect("commit");
        let mut again = Stress::new("s", &spec, 259, &progress);
        assert_eq!(again.body, "\u{7f}\u{7f}\u{7f}");
        assert_eq!(all(&mut again).await, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_and_no_time_is_made_up_for() {
        let spec = Spec {
            batch_size: 10.try_into().expect("not zero"),
            max_total_events: Some(100),
            max_events_per_second: NonZeroU32::new(20),
            ..Spec::default()
        };
        let mut source = Stress::new("s", &spec, 100, &Progress::default());
        let started = Instant::now();
        for _ in 0..5 {
            assert_eq!(poll(&mut source).await, Some(10));
        }
        assert_eq!(started.elapsed().as_secs(), 2);
    }
}
