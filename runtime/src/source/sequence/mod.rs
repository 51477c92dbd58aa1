//! Counts: `org.apache.flume.source.SequenceGeneratorSource`. The bodies are `0`, `1`, `2` and so on.
//!
//! A new process begins at 0, as in Flume. Within a process the source begins again at its last commit, so that no number is left out.

mod spec;

use std::future::pending;

use futures_util::future::BoxFuture;
pub use spec::Spec;

use super::progress::{Progress, offset, partition};
use super::{Error, Polled, PolledBatch, Source};
use crate::event::Event;
use crate::pipeline::ledger::{Checkpoint, Partition};

/// The source.
pub struct Sequence {
    spec: Spec,
    at_once: usize,
    partition: Partition,
    progress: Progress,
    next: u64,
    is_paused: bool,
}

impl Sequence {
    /// Begins after what is settled.
    pub fn new(name: &str, spec: &Spec, at_once: usize, progress: &Progress) -> Sequence {
        let (partition, next) = (partition(name), progress.settled());
        Sequence { spec: spec.clone(), at_once, partition, progress: progress.clone(), next, is_paused: false }
    }

    fn batch(&mut self) -> Option<PolledBatch> {
        let end = self.next.saturating_add(self.at_once as u64).min(self.spec.total_events);
        if self.is_paused || end <= self.next {
            return None;
        }
        let events: Vec<Event> = (self.next..end).map(|number| Event::new(number.to_string())).collect();
        self.next = end;
        Some(PolledBatch { batch: events.into(), reached: [(self.partition.clone(), offset(end))].into(), ..PolledBatch::default() })
    }
}

impl Source for Sequence {
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, Error>> {
        Box::pin(async {
            // It always has something: others must get their turn.
            tokio::task::yield_now().await;
            match self.batch() {
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
    use std::time::Duration;

    use super::*;

    async fn bodies(source: &mut Sequence) -> Vec<String> {
        let Polled::Batch(batch) = source.poll().await.expect("polled") else { panic!("no batch") };
        batch.batch.events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()).collect()
    }

    fn spec(batch_size: usize, total_events: u64) -> Spec {
        Spec { batch_size: batch_size.try_into().expect("not zero"), total_events }
    }

    #[tokio::test(start_paused = true)]
    async fn it_counts_to_its_total_and_then_rests() {
        let mut source = Sequence::new("s", &spec(2, 5), 8, &Progress::default());
        assert_eq!(bodies(&mut source).await, ["0", "1", "2", "3", "4"]);
        assert!(tokio::time::timeout(Duration::from_secs(60), source.poll()).await.is_err());
    }

    #[tokio::test]
    async fn a_new_start_begins_at_the_last_commit() {
        let progress = Progress::default();
        let mut source = Sequence::new("s", &spec(3, 9), 9, &progress);
        assert_eq!(bodies(&mut source).await.len(), 9);
        source.commit(&[(partition("s"), 6)].into()).expect("commit");
        let mut again = Sequence::new("s", &spec(3, 9), 9, &progress);
        assert_eq!(bodies(&mut again).await, ["6", "7", "8"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_source_brings_nothing_and_goes_on_where_it_was() {
        let mut source = Sequence::new("s", &spec(1, u64::MAX), 1, &Progress::default());
        source.pause();
        assert!(tokio::time::timeout(Duration::from_secs(60), source.poll()).await.is_err());
        source.resume();
        assert_eq!(bodies(&mut source).await[0], "0");
    }
}
