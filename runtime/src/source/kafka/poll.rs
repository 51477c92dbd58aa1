//! The thread that polls Kafka: fills batches and hands them to the source loop, and keeps polling while there is no room.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, warn};

use super::fetch::{Fetched, Queue, Record};
use super::message::Format;
use super::rebalance::Context;
use crate::source::{Error, Polled};

/// How long a poll waits when nothing is there; callbacks are served at least this often.
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long a batch may wait for room before the partitions are paused. A pause throws the prefetched records away, so it is not done lightly.
const PATIENCE: Duration = Duration::from_secs(1);
/// Records taken from librdkafka at once.
const FETCH: usize = 250;
/// Bytes of keys and bodies handed over at once.
const HAND_OVER_BYTES: usize = 4 << 20;

/// Fields are dropped in order: the consumer must be the last.
pub(super) struct Poller {
    /// Empty but for a moment.
    pub(super) fetched: Fetched,
    pub(super) records: Arc<Queue>,
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) format: Format,
    pub(super) at_once: usize,
    pub(super) batch_duration: Duration,
}

impl Poller {
    /// Polls until it is told to stop, or the source loop is gone.
    pub(super) fn run(mut self) {
        while !self.context().stopping.load(Ordering::Acquire) {
            match self.round() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.end(error),
            }
        }
    }

    /// Reads and hands over; false when the source loop is gone.
    fn round(&mut self) -> Result<bool, Error> {
        if self.context().paused.load(Ordering::Acquire) {
            self.rest()?;
            return Ok(true);
        }
        self.fill()?;
        self.hand_over()
    }

    /// Fetches nothing until the pause is over, and then goes on behind the last record that was read.
    fn rest(&mut self) -> Result<(), Error> {
        let assignment = self.pause();
        while self.context().paused.load(Ordering::Acquire) && !self.context().stopping.load(Ordering::Acquire) {
            self.keep_polling()?;
        }
        self.resume(&assignment);
        Ok(())
    }

    fn context(&self) -> &Context {
        self.consumer.context()
    }

    /// Waits for a record, then reads on until nothing more is there, as Flume's empty poll ends its batch, or until there is enough to hand over.
    fn fill(&mut self) -> Result<(), Error> {
        let called = Instant::now();
        let mut begun = None;
        let mut bytes = 0;
        loop {
            let held = self.context().intake().building.len();
            let wait = if held == 0 { IDLE_POLL } else { Duration::ZERO };
            let read = self.read(wait, FETCH.min(self.at_once.saturating_sub(held)))?;
            let Some(read) = read else { break };
            bytes += read;
            let late = begun.get_or_insert_with(Instant::now).elapsed() >= self.batch_duration;
            if self.context().intake().building.len() >= self.at_once || bytes >= HAND_OVER_BYTES || late {
                break;
            }
        }
        if begun.is_none() {
            self.context().metrics.empty_polls.inc();
        }
        self.context().metrics.poll_seconds.inc_by(called.elapsed().as_secs_f64());
        self.context().intake().build(&self.format);
        self.context().unpinned()
    }

    /// Serves callbacks and takes records in; how many bytes they have, `None` when there are none.
    fn read(&mut self, wait: Duration, most: usize) -> Result<Option<usize>, Error> {
        // Everything but records. One that was on its way before its partition's queue was taken over is here too.
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            match polled {
                Ok(message) => self.context().intake().building.push(Record::of(&message)),
                Err(error) => self.failed(error)?,
            }
        }
        self.fetched.clear();
        self.records.take(wait, most, &mut self.fetched);
        let mut bytes = None;
        let mut intake = self.consumer.context().intake();
        for record in self.fetched.iter() {
            match record {
                Ok(record) => {
                    *bytes.get_or_insert(0) += record.size();
                    intake.building.push(record);
                }
                Err(error) => self.failed(error)?,
            }
        }
        drop(intake);
        self.fetched.clear();
        Ok(bytes)
    }

    /// False when the source loop is gone.
    fn hand_over(&mut self) -> Result<bool, Error> {
        let since = Instant::now();
        let mut paused = None;
        loop {
            match self.try_hand_over() {
                Handed::Over => break,
                Handed::Nobody => return Ok(false),
                Handed::NoRoom if self.context().stopping.load(Ordering::Acquire) => return Ok(false),
                Handed::NoRoom if since.elapsed() < PATIENCE => self.wait_for_room(),
                Handed::NoRoom => {
                    paused.get_or_insert_with(|| self.pause());
                    self.keep_polling()?;
                }
            }
        }
        if let Some(assignment) = paused {
            self.resume(&assignment);
        }
        Ok(true)
    }

    fn try_hand_over(&self) -> Handed {
        // Taken out under the lock and sent after it: a revocation may have emptied it meanwhile.
        let Some(built) = self.context().intake().built.take() else { return Handed::Over };
        match self.context().polled.try_send(Ok(Polled::Batch(built))) {
            Ok(()) => Handed::Over,
            Err(TrySendError::Full(Ok(Polled::Batch(built)))) => {
                self.context().intake().built = Some(built);
                Handed::NoRoom
            }
            Err(_) => Handed::Nobody,
        }
    }

    fn wait_for_room(&self) {
        let context = self.context();
        // The timer is made inside, where the runtime is known.
        context.runtime.block_on(async {
            let _ = tokio::time::timeout(Duration::from_millis(50), context.polled.reserve()).await;
        });
    }

    /// Nothing is fetched any more, but the group still hears of this consumer.
    fn pause(&self) -> TopicPartitionList {
        let assignment = self.consumer.assignment().unwrap_or_default();
        debug!(source = %self.context().name, partitions = assignment.count(), "fetching paused");
        if let Err(error) = self.consumer.pause(&assignment) {
            warn!(source = %self.context().name, %error, "could not pause");
        }
        assignment
    }

    /// A record that comes all the same is kept for the next batch; it may be of a partition that was assigned during the pause.
    fn keep_polling(&mut self) -> Result<(), Error> {
        if self.read(IDLE_POLL, FETCH)?.is_some() {
            self.pause();
        }
        self.context().unpinned()
    }

    /// Resumes everything that is assigned now: partitions that came during the pause were never paused, which does no harm.
    fn resume(&self, paused: &TopicPartitionList) {
        let assignment = self.consumer.assignment().unwrap_or_else(|_| paused.clone());
        debug!(source = %self.context().name, "fetching resumed");
        if let Err(error) = self.consumer.resume(&assignment) {
            warn!(source = %self.context().name, %error, "could not resume");
        }
    }

    /// Most errors are news of something librdkafka is already mending. After a record batch it cannot read it goes on with the next: then the
    /// source must end before that is committed, and read the place again.
    fn failed(&self, error: KafkaError) -> Result<(), Error> {
        use RDKafkaErrorCode::{
            AutoOffsetReset, BadCompression, BadMessage, Fatal, NotImplemented, PartitionEOF, TopicAuthorizationFailed,
        };
        match error.rdkafka_error_code() {
            Some(PartitionEOF) => Ok(()),
            Some(Fatal | AutoOffsetReset | TopicAuthorizationFailed | BadMessage | BadCompression | NotImplemented) => {
                Err(Error::Kafka(error))
            }
            _ => {
                warn!(source = %self.context().name, %error, "poll failed, going on");
                Ok(())
            }
        }
    }

    fn end(&self, error: Error) {
        // A loop that is gone needs no telling.
        let _ = self.context().runtime.block_on(self.context().polled.send(Err(error)));
    }
}

enum Handed {
    Over,
    NoRoom,
    Nobody,
}
