//! What happens when partitions come and go, KIP-429 included. Runs inside `poll`, on the poll thread.
//!
//! A revocation is handed to the source loop, which settles and commits what is open; meanwhile this thread waits, up to a
//! deadline. Past it the offsets stay uncommitted: duplicates at the next owner, never a gap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::fetch;
use super::message::{Builder, Format};
use super::pin;
use crate::pipeline::ledger::Partition;
use crate::source::{Error, Polled, PolledBatch, Revocation};
use crate::telemetry::SourceMetrics;

/// State that the poll loop and the callbacks share; both run on the poll thread, so the lock is never contended.
#[derive(Debug, Default)]
pub(super) struct Intake {
    pub(super) building: Builder,
    /// What is whole and not handed over yet.
    pub(super) built: Option<PolledBatch>,
    /// Why it could not be settled where the group begins.
    pub(super) unpinned: Option<KafkaError>,
}

impl Intake {
    /// What has come so far is whole, if anything has.
    pub(super) fn build(&mut self, format: &Format) {
        if !self.building.is_empty() {
            self.built = Some(self.building.build(format));
        }
    }
}

/// Told how many partitions are assigned, each time that changes.
pub type Assigned = Box<dyn Fn(usize) + Send + Sync>;

/// The consumer's callbacks.
pub(super) struct Context {
    pub(super) name: String,
    pub(super) intake: Mutex<Intake>,
    /// Where records arrive; the poll thread owns it.
    pub(super) records: OnceLock<Weak<fetch::Queue>>,
    pub(super) polled: mpsc::Sender<Result<Polled, Error>>,
    pub(super) runtime: tokio::runtime::Handle,
    /// How long a revocation may hold up the group.
    pub(super) settle_limit: Duration,
    pub(super) metrics: SourceMetrics,
    /// Told of every assignment, with the number of partitions this consumer then has.
    pub(super) assigned: Assigned,
    /// Whether a group without an offset begins at a partition's end.
    pub(super) pins_end: bool,
    /// The poll thread must end.
    pub(super) stopping: Arc<AtomicBool>,
    /// Nothing is to be read until that is taken back; callbacks are still served.
    pub(super) paused: AtomicBool,
}

impl Context {
    pub(super) fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn revoked(&self, partitions: Vec<Partition>, lost: bool) {
        if partitions.is_empty() {
            return;
        }
        self.forget(&partitions);
        let (handled, done) = std::sync::mpsc::sync_channel(0);
        let deadline = Instant::now() + self.settle_limit;
        let revocation = Revocation { partitions, lost, deadline, _handled: handled };
        // The timer is made inside, where the runtime is known.
        let sent =
            self.runtime.block_on(async { tokio::time::timeout_at(deadline, self.polled.send(Ok(Polled::Revoked(revocation)))).await });
        if !matches!(sent, Ok(Ok(()))) {
            // The loop is stuck behind a full channel, or gone: the partitions go uncommitted.
            warn!(source = %self.name, "a revocation could not be handled in time: events will come again");
            return;
        }
        // The loop drops the revocation when it is done with it.
        let left = deadline.saturating_duration_since(Instant::now());
        if done.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            warn!(source = %self.name, "a revocation was not settled in time: events will come again");
        }
    }

    /// False when it is not settled where the group begins: then nothing is assigned, and the source ends.
    fn pin(&self, consumer: &BaseConsumer<Context>, list: &TopicPartitionList) -> bool {
        if !self.pins_end {
            return true;
        }
        match pin::ends(consumer, list) {
            Ok(0) => true,
            Ok(partitions) => {
                info!(source = %self.name, partitions, "the group begins at the end of its partitions, and remembers it");
                true
            }
            Err(error) => {
                self.intake().unpinned = Some(error);
                false
            }
        }
    }

    /// The error of a start that could not be settled.
    pub(super) fn unpinned(&self) -> Result<(), Error> {
        match self.intake().unpinned.take() {
            Some(error) => Err(Error::Kafka(error)),
            None => Ok(()),
        }
    }

    /// Drops what was read of these partitions and not handed over yet: the next owner reads it.
    fn forget(&self, partitions: &[Partition]) {
        let mut intake = self.intake();
        intake.building.forget(partitions);
        if intake.built.as_mut().is_some_and(|built| !built.forget(partitions)) {
            intake.built = None;
        }
    }
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        // librdkafka keeps trying; a broker that is away is its everyday business.
        warn!(source = %self.name, %error, reason, "kafka client");
    }

    fn stats(&self, statistics: Statistics) {
        let lags = statistics.topics.values().flat_map(|topic| topic.partitions.values()).map(|partition| partition.consumer_lag);
        // -1 is unknown, not none.
        let lag: i64 = lags.filter(|lag| *lag >= 0).sum();
        self.metrics.lag.set(lag);
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Context>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                info!(source = %self.name, partitions = ?names(list), "partitions assigned");
                if !self.pin(consumer, list) {
                    return;
                }
                // A pause outlives its assignment in librdkafka, and nobody else would lift it.
                if let Err(error) = consumer.resume(list) {
                    warn!(source = %self.name, %error, "could not resume");
                }
                if let Some(records) = self.records.get().and_then(Weak::upgrade) {
                    records.take_over(consumer, list);
                }
                let assigned = if cooperative { consumer.incremental_assign(list) } else { consumer.assign(list) };
                // What comes during a pause is paused before its first record is here.
                if self.paused.load(Ordering::Acquire)
                    && let Err(error) = consumer.pause(list)
                {
                    warn!(source = %self.name, %error, "could not pause");
                }
                assigned
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                let lost = consumer.assignment_lost();
                info!(source = %self.name, partitions = ?names(list), lost, "partitions revoked");
                // On the way out the source loop has settled and committed already.
                if !self.stopping.load(Ordering::Acquire) {
                    self.revoked(partitions(list), lost);
                }
                if cooperative { consumer.incremental_unassign(list) } else { consumer.unassign() }
            }
            other => {
                error!(source = %self.name, error = ?other, "rebalance failed");
                self.revoked(partitions(list), true);
                consumer.unassign()
            }
        };
        (self.assigned)(consumer.assignment().map_or(0, |assignment| assignment.count()));
        if let Err(error) = done {
            // The group has moved on meanwhile (rust-rdkafka#681); its next rebalance sets it right.
            warn!(source = %self.name, %error, "assignment not taken over");
        }
    }

    fn commit_callback(&self, result: Result<(), KafkaError>, offsets: &TopicPartitionList) {
        match result {
            Ok(()) => debug!(source = %self.name, offsets = ?names(offsets), "offsets committed"),
            Err(KafkaError::ConsumerCommit(rdkafka::error::RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => warn!(source = %self.name, %error, "offsets not committed: events may come again"),
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|element| Partition { topic: element.topic().into(), number: element.partition() }).collect()
}

fn names(list: &TopicPartitionList) -> Vec<String> {
    list.elements().iter().map(|element| format!("{}/{}", element.topic(), element.partition())).collect()
}
