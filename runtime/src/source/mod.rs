//! Where events come from.

pub mod kafka;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::batch::{Batch, Rejected};
use crate::pipeline::ledger::{Checkpoint, Partition};

/// Which source.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// `org.apache.flume.source.kafka.KafkaSource`
    Kafka(Box<kafka::Spec>),
}

impl Spec {
    /// The component's type, as metrics and the log say it.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::Kafka(_) => "kafka",
        }
    }
}

/// Reads events and remembers how far the pipeline came.
pub trait Source: Send {
    /// The next thing that happened.
    ///
    /// Events of one partition come in order. Cancel safe: a dropped future loses nothing.
    ///
    /// # Errors
    /// The source is of no use any more; the pipeline makes a new one, which starts at the last commit.
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, Error>>;

    /// Everything below these offsets is settled: a new start may begin there. Partitions that are no longer this source's are skipped.
    ///
    /// # Errors
    /// As [`Source::poll`]. An offset that was not stored only means that events come again.
    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), Error>;

    /// Reads no more; revocations are still polled.
    fn pause(&mut self);

    /// Stores what was committed and leaves.
    ///
    /// # Errors
    /// The last commits may not have been stored: events will come again.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>>;
}

/// What a source has to say.
#[derive(Debug)]
pub enum Polled {
    /// Batches, in order: all that was there at once, so that small batches do not cost a hand-over each.
    Batches(Vec<PolledBatch>),
    /// Partitions are being taken away.
    Revoked(Revocation),
    /// Nothing more will come.
    End,
}

/// Events, those the source could not decode, and where their partitions stand once they are settled.
#[derive(Debug, Default)]
pub struct PolledBatch {
    /// At most the source's batch size.
    pub batch: Batch,
    /// Records that cannot be made an event; they go to the dead letters.
    pub rejected: Vec<Rejected>,
    /// Next offset by partition.
    pub reached: Checkpoint,
}

/// Partitions that go to another consumer. The source waits for this value's drop, until the deadline.
#[derive(Debug)]
pub struct Revocation {
    /// Which partitions.
    pub partitions: Vec<Partition>,
    /// They are gone already: another consumer may be reading them, so nothing may be committed.
    pub lost: bool,
    /// After this the source gives them up, settled or not.
    pub deadline: Instant,
    /// Disconnects when the revocation has been handled.
    pub(crate) _handled: std::sync::mpsc::SyncSender<()>,
}

/// A source failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client library refuses the settings.
    #[error("set up the Kafka client")]
    Client(#[source] rdkafka::error::KafkaError),
    /// The cluster could not be found in ZooKeeper.
    #[error("find the brokers")]
    Brokers(#[source] kafka::zookeeper::Error),
    /// Something the client cannot recover from.
    #[error("read from Kafka")]
    Kafka(#[source] rdkafka::error::KafkaError),
    /// The poll thread is gone.
    #[error("the thread that polls Kafka ended")]
    Ended,
}
