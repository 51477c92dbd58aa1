//! The thread that polls Kafka: fills batches and hands them to the source loop, and keeps polling while there is no room.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, warn};

use super::message::Format;
use super::rebalance::Context;
use crate::source::{Error, Polled};

/// How long a poll waits when nothing is there; callbacks are served at least this often.
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long a batch may wait for room before the partitions are paused. A pause throws the prefetched records away, so it is not done lightly.
const PATIENCE: Duration = Duration::from_secs(1);
/// Records handed over at once, in as many batches as that makes.
const HAND_OVER_EVENTS: usize = 500;
/// Bytes of keys and bodies handed over at once.
const HAND_OVER_BYTES: usize = 4 << 20;

pub(super) struct Poller {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) format: Format,
    pub(super) batch_size: usize,
    pub(super) batch_duration: Duration,
}

impl Poller {
    /// Polls until it is told to stop, or the source loop is gone.
    pub(super) fn run(self) {
        while !self.context().stopping.load(Ordering::Acquire) {
            match self.round() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.end(error),
            }
        }
    }

    /// Reads and hands over; false when the source loop is gone.
    fn round(&self) -> Result<bool, Error> {
        if self.context().paused.load(Ordering::Acquire) {
            self.rest()?;
            return Ok(true);
        }
        self.fill()?;
        self.hand_over()
    }

    /// Fetches nothing until the pause is over, and then goes on behind the last record that was read.
    fn rest(&self) -> Result<(), Error> {
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
    fn fill(&self) -> Result<(), Error> {
        let called = Instant::now();
        let mut begun = None;
        let (mut records, mut bytes) = (0, 0);
        loop {
            let wait = if begun.is_none() { IDLE_POLL } else { Duration::ZERO };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let begun = *begun.get_or_insert_with(Instant::now);
                    records += 1;
                    bytes += message.payload_len() + message.key_len();
                    self.context().intake().add(&message, self.batch_size, &self.format);
                    // Looking at the clock costs as much as a small record does.
                    let late = records % 32 == 0 && begun.elapsed() >= self.batch_duration;
                    if records >= self.batch_size.max(HAND_OVER_EVENTS) || bytes >= HAND_OVER_BYTES || late {
                        break;
                    }
                }
                Some(Err(error)) => self.failed(error)?,
                None if begun.is_none() => {
                    self.context().metrics.empty_polls.inc();
                    break;
                }
                None => break,
            }
        }
        self.context().metrics.poll_seconds.inc_by(called.elapsed().as_secs_f64());
        self.context().intake().end_batch(&self.format);
        self.context().unpinned()
    }

    /// False when the source loop is gone.
    fn hand_over(&self) -> Result<bool, Error> {
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
        let built = std::mem::take(&mut self.context().intake().built);
        if built.is_empty() {
            return Handed::Over;
        }
        match self.context().polled.try_send(Ok(Polled::Batches(built))) {
            Ok(()) => Handed::Over,
            Err(TrySendError::Full(Ok(Polled::Batches(built)))) => {
                self.context().intake().built = built;
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
    fn keep_polling(&self) -> Result<(), Error> {
        match self.consumer.poll(IDLE_POLL) {
            Some(Ok(message)) => {
                self.context().intake().add(&message, self.batch_size, &self.format);
                drop(message);
                self.pause();
            }
            Some(Err(error)) => self.failed(error)?,
            None => {}
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
