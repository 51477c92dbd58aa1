//! Where events come from.

pub mod kafka;
pub mod netcat;
mod progress;
pub mod sequence;
pub mod stress;

use std::num::NonZeroUsize;

use futures_util::future::BoxFuture;
pub use progress::Progress;
use serde::Serialize;
use tokio::time::Instant;

use crate::batch::{Batch, Rejected};
use crate::event::Event;
use crate::pipeline::ledger::{Checkpoint, Partition};
use crate::telemetry::SourceMetrics;

/// Which source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// `org.apache.flume.source.kafka.KafkaSource`
    Kafka(Box<kafka::Spec>),
    /// `org.apache.flume.source.SequenceGeneratorSource`
    Sequence(sequence::Spec),
    /// `org.apache.flume.source.StressSource`
    Stress(stress::Spec),
    /// `org.apache.flume.source.NetcatSource`
    Netcat(netcat::Spec),
}

impl Spec {
    /// The component's type, as metrics and the log say it.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::Kafka(_) => "kafka",
            Spec::Sequence(_) => "sequence",
            Spec::Stress(_) => "stress",
            Spec::Netcat(_) => "netcat",
        }
    }

    /// Whether events of this topic are read here.
    pub fn reads(&self, topic: &str) -> bool {
        match self {
            Spec::Kafka(kafka) => kafka.topics.contains(topic),
            Spec::Sequence(_) | Spec::Stress(_) | Spec::Netcat(_) => false,
        }
    }

    /// Most events of one batch.
    pub fn batch_size(&self) -> NonZeroUsize {
        match self {
            Spec::Kafka(kafka) => kafka.batch_size,
            Spec::Sequence(sequence) => sequence.batch_size,
            Spec::Stress(stress) => stress.batch_size,
            Spec::Netcat(_) => netcat::BATCH_SIZE,
        }
    }

    /// Makes the source, which begins at its last commit and hands over `at_once` events where so many are there (at least a batch); `healthy` is told in words
    /// when it is at work. `progress` is the same for every start of one source.
    ///
    /// # Errors
    /// Settings that its client refuses, or an address that cannot be had.
    pub async fn connect(
        &self,
        name: &str,
        at_once: usize,
        metrics: SourceMetrics,
        healthy: Healthy,
        progress: &Progress,
    ) -> Result<Box<dyn Source>, Error> {
        match self {
            Spec::Kafka(kafka) => {
                let assigned = Box::new(move |partitions| healthy(format!("{partitions} partitions assigned")));
                Ok(Box::new(kafka::Kafka::connect(name, kafka, at_once, metrics, assigned).await?))
            }
            Spec::Sequence(sequence) => {
                healthy("counts".to_owned());
                Ok(Box::new(sequence::Sequence::new(name, sequence, at_once, progress)))
            }
            Spec::Stress(stress) => {
                healthy("makes events".to_owned());
                Ok(Box::new(stress::Stress::new(name, stress, at_once, progress)))
            }
            Spec::Netcat(netcat) => {
                let netcat = netcat::Netcat::bind(name, netcat).await?;
                healthy(format!("listens on {}", netcat.address()));
                Ok(Box::new(netcat))
            }
        }
    }
}

/// Told each time that a source finds itself at work, and how.
pub type Healthy = Box<dyn Fn(String) + Send + Sync>;

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

    /// Whether somebody waits for each commit, such as a client for its answer: then none is gathered with later ones.
    fn is_waited_for(&self) -> bool {
        false
    }

    /// Reads no more until it is resumed; revocations are still polled, as is what was on its way here. What is held elsewhere, partitions
    /// and membership in a group, is kept.
    fn pause(&mut self);

    /// Reads on from where it stopped: nothing is skipped and nothing comes twice.
    fn resume(&mut self);

    /// Stores what was committed and leaves.
    ///
    /// # Errors
    /// The last commits may not have been stored: events will come again.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>>;
}

/// What a source has to say.
#[derive(Debug)]
pub enum Polled {
    /// All that was there at once, so that small batches do not cost a hand-over each.
    Batch(PolledBatch),
    /// Partitions are being taken away.
    Revoked(Revocation),
    /// Nothing more will come.
    End,
}

/// Events, those the source could not decode, and where their partitions stand once they are settled.
#[derive(Debug, Default)]
pub struct PolledBatch {
    /// In source order. Interceptors get at most the source's batch size of them at a time.
    pub batch: Batch,
    /// Records that cannot be made an event; they go to the dead letters. The source loop says which stage refused them.
    pub rejected: Vec<Rejected>,
    /// Next offset by partition.
    pub reached: Checkpoint,
}

impl PolledBatch {
    /// Drops what is of these partitions: whoever has them next reads it. False when nothing is left.
    pub(crate) fn forget(&mut self, partitions: &[Partition]) -> bool {
        let gone = |topic: &str, number: i32| partitions.iter().any(|gone| gone.number == number && *gone.topic == *topic);
        let keep = |event: &Event| event.origin.as_ref().is_none_or(|origin| !gone(&origin.topic, origin.partition));
        self.batch.events.retain(keep);
        self.rejected.retain(|rejected| keep(&rejected.event));
        self.reached.retain(|partition, _| !gone(&partition.topic, partition.number));
        !self.reached.is_empty()
    }
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
    /// An address that cannot be listened on.
    #[error("listen on {address}")]
    Listen {
        /// Host and port.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}
