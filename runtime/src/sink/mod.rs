//! Where events go.

pub mod kafka;

use futures_util::future::BoxFuture;

use crate::batch::Batch;

/// Which sink.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// `org.apache.flume.sink.kafka.KafkaSink`
    Kafka(Box<kafka::Spec>),
}

impl Spec {
    /// The component's type, as metrics and the log say it.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::Kafka(_) => "kafka",
        }
    }

    /// Most events the sink takes from its channel at once.
    pub fn batch_size(&self) -> usize {
        match self {
            Spec::Kafka(kafka) => kafka.batch_size.get(),
        }
    }
}

/// Writes batches downstream. Who retries: the sink what its protocol can repeat without a duplicate, the sink loop the rest.
pub trait Sink: Send {
    /// Hands a batch over. Waiting here is back-pressure; the returned completion waits for durability, so that several writes are in flight.
    /// Batches are written in the order of the calls.
    ///
    /// # Errors
    /// The sink is of no use any more; nothing of the batch is known to be written. The pipeline makes a new one.
    fn write<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, Result<Writing, Error>>;
}

/// Completes when the fate of every event of the batch is known.
pub type Writing = BoxFuture<'static, Result<Written, Error>>;

/// What became of a batch: an event that is named nowhere is durable downstream.
#[derive(Debug, Default)]
pub struct Written {
    /// Events that downstream refuses for what they are.
    pub refused: Vec<Refused>,
    /// Events to write again, ascending.
    pub failed: Vec<usize>,
    /// Why they failed.
    pub cause: Option<Error>,
}

/// An event that downstream refuses.
#[derive(Debug)]
pub struct Refused {
    /// Index in the batch.
    pub event: usize,
    /// In the words of the broker or the client.
    pub reason: String,
    /// Whether the event itself is to blame for certain. Where a broker refuses many events at once, each is tried again alone.
    pub certain: bool,
}

/// A sink failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client library refuses the settings.
    #[error("set up the Kafka client")]
    Client(#[source] rdkafka::error::KafkaError),
    /// The cluster could not be found in ZooKeeper.
    #[error("find the brokers")]
    Brokers(#[source] crate::source::kafka::zookeeper::Error),
    /// The topic's name has an escape that makes no sense.
    #[error("read the topic's name")]
    Topic(#[source] crate::escape::Error),
    /// A write failed in a way that trying again can mend.
    #[error("write to Kafka")]
    Write(#[source] rdkafka::error::KafkaError),
    /// The producer cannot go on (KIP-360: a fatal error of an idempotent producer).
    #[error("the Kafka producer failed for good: {0}")]
    Fatal(String),
}

/// What to do about a failed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Write again with the same sink, after a while.
    Retry,
    /// This sink is of no use any more.
    Fatal,
}

impl Error {
    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Write(_) => Disposition::Retry,
            Error::Client(_) | Error::Brokers(_) | Error::Topic(_) | Error::Fatal(_) => Disposition::Fatal,
        }
    }
}
