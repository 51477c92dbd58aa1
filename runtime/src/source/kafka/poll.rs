//! The thread that polls Kafka: fills batches and hands them to the source loop, and keeps polling while there is no room.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, warn};

use super::message::{Built, Format};
use super::rebalance::Context;
use crate::source::{Error, Polled};

/// How long a poll waits when nothing is there; callbacks are served at least this often.
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long a batch may wait for room before the partitions are paused. A pause throws the prefetched records away, so it is not done lightly.
const PATIENCE: Duration = Duration::from_secs(1);
/// A batch of large records ends here, whatever its number.
const BATCH_BYTES: usize = 8 << 20;

pub(super) struct Poller {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) format: Format,
    pub(super) batch_size: usize,
    pub(super) batch_duration: Duration,
}

impl Poller {
    /// Polls until it is told to stop, or the source loop is gone.
    pub(super) fn run(self) {
        let mut begun = Instant::now();
        while !self.context().stopping.load(Ordering::Acquire) {
            let wait = if self.context().intake().building.is_empty() { IDLE_POLL } else { Duration::ZERO };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let mut intake = self.context().intake();
                    if intake.building.is_empty() {
                        begun = Instant::now();
                    }
                    intake.building.push(&message);
                    let full = intake.building.len() >= self.batch_size || intake.building.bytes() >= BATCH_BYTES;
                    if !full && begun.elapsed() < self.batch_duration {
                        continue;
                    }
                }
                Some(Err(error)) => match self.failed(error) {
                    Ok(()) => continue,
                    Err(error) => return self.end(error),
                },
                // An empty poll ends the batch, as Flume's does.
                None if self.context().intake().building.is_empty() => {
                    self.context().metrics.empty_polls.inc();
                    continue;
                }
                None => {}
            }
            if !self.hand_over() {
                return;
            }
        }
    }

    fn context(&self) -> &Context {
        self.consumer.context()
    }

    /// False when the source loop is gone.
    fn hand_over(&self) -> bool {
        let built = self.context().intake().building.build(&self.format);
        self.context().intake().waiting = Some(built);
        let since = Instant::now();
        let mut paused = None;
        loop {
            match self.try_hand_over() {
                Handed::Over => break,
                Handed::Nobody => return false,
                Handed::NoRoom if self.context().stopping.load(Ordering::Acquire) => return false,
                Handed::NoRoom if since.elapsed() < PATIENCE => self.wait_for_room(),
                Handed::NoRoom => {
                    paused.get_or_insert_with(|| self.pause());
                    self.keep_polling();
                }
            }
        }
        if let Some(assignment) = paused {
            self.resume(&assignment);
        }
        true
    }

    fn try_hand_over(&self) -> Handed {
        // Taken out under the lock and sent after it: a revocation may have emptied it meanwhile.
        let Some(Built { batch, rejected, reached }) = self.context().intake().waiting.take() else { return Handed::Over };
        if reached.is_empty() {
            return Handed::Over;
        }
        match self.context().polled.try_send(Ok(Polled::Batch { batch, rejected, reached })) {
            Ok(()) => Handed::Over,
            Err(TrySendError::Full(Ok(Polled::Batch { batch, rejected, reached }))) => {
                self.context().intake().waiting = Some(Built { batch, rejected, reached });
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

    /// Back-pressure has reached Kafka: nothing is fetched any more, but the group still hears of this consumer.
    fn pause(&self) -> TopicPartitionList {
        let assignment = self.consumer.assignment().unwrap_or_default();
        debug!(source = %self.context().name, partitions = assignment.count(), "no room downstream, paused");
        if let Err(error) = self.consumer.pause(&assignment) {
            warn!(source = %self.context().name, %error, "could not pause");
        }
        assignment
    }

    /// A record that comes all the same is kept for the next batch; it may be of a partition that was assigned during the pause.
    fn keep_polling(&self) {
        match self.consumer.poll(IDLE_POLL) {
            Some(Ok(message)) => {
                self.context().intake().building.push(&message);
                drop(message);
                self.pause();
            }
            Some(Err(error)) => warn!(source = %self.context().name, %error, "poll failed"),
            None => {}
        }
    }

    /// Resumes everything that is assigned now: partitions that came during the pause were never paused, which does no harm.
    fn resume(&self, paused: &TopicPartitionList) {
        let assignment = self.consumer.assignment().unwrap_or_else(|_| paused.clone());
        debug!(source = %self.context().name, "room downstream, resumed");
        if let Err(error) = self.consumer.resume(&assignment) {
            warn!(source = %self.context().name, %error, "could not resume");
        }
    }

    /// Most errors are news of something librdkafka is already mending.
    fn failed(&self, error: KafkaError) -> Result<(), Error> {
        let name = &self.context().name;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => Ok(()),
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::TopicAuthorizationFailed) => {
                Err(Error::Kafka(error))
            }
            _ => {
                warn!(source = %name, %error, "poll failed, going on");
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
