//! Where events go.

pub mod file_roll;
pub mod group;
pub mod hdfs;
pub mod kafka;
pub mod logger;
pub mod null;

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::batch::Batch;
use crate::file_format;
use crate::telemetry::SinkMetrics;

/// Which sink.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// `org.apache.flume.sink.kafka.KafkaSink`
    Kafka(Box<kafka::Spec>),
    /// `org.apache.flume.sink.hdfs.HDFSEventSink`
    Hdfs(Box<hdfs::Spec>),
    /// `org.apache.flume.sink.RollingFileSink`
    FileRoll(Box<file_roll::Spec>),
    /// `org.apache.flume.sink.LoggerSink`
    Logger(logger::Spec),
    /// `org.apache.flume.sink.NullSink`
    Null(null::Spec),
}

impl Spec {
    /// The component's type, as metrics and the log say it.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::Kafka(_) => "kafka",
            Spec::Hdfs(_) => "hdfs",
            Spec::FileRoll(_) => "file_roll",
            Spec::Logger(_) => "logger",
            Spec::Null(_) => "null",
        }
    }

    /// Most events the sink takes from its channel at once.
    pub fn batch_size(&self) -> NonZeroUsize {
        match self {
            Spec::Kafka(kafka) => kafka.batch_size,
            Spec::Hdfs(hdfs) => hdfs.batch_size,
            Spec::FileRoll(roll) => roll.batch_size,
            Spec::Logger(logger) => logger.batch_size,
            Spec::Null(null) => null.batch_size,
        }
    }

    /// Whether events may be safe only long after they were written, once a file is whole: see [`Later`].
    pub fn settles_late(&self) -> bool {
        match self {
            Spec::Hdfs(hdfs) => hdfs.settles_late(),
            Spec::FileRoll(roll) => !roll.format.readable_after_flush(),
            Spec::Kafka(_) | Spec::Logger(_) | Spec::Null(_) => false,
        }
    }

    /// Makes the sink. What it writes to may be away: that is no error, it waits.
    ///
    /// # Errors
    /// Settings that its client refuses.
    pub async fn connect(&self, context: &Context) -> Result<Box<dyn Sink>, Error> {
        match self {
            Spec::Kafka(kafka) => Ok(Box::new(kafka::Kafka::connect(kafka).await?)),
            Spec::Hdfs(hdfs) => Ok(Box::new(hdfs::Hdfs::connect(hdfs).await?)),
            Spec::FileRoll(roll) => Ok(Box::new(file_roll::FileRoll::start(&context.name, roll)?)),
            Spec::Logger(logger) => Ok(Box::new(logger::Logger::new(&context.name, logger))),
            Spec::Null(null) => Ok(Box::new(null::Null::new(&context.name, null))),
        }
    }
}

/// Makes a sink, each time that one is needed; see [`Spec::connect`].
pub type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<Box<dyn Sink>, Error>> + Send + Sync>;

/// What a sink is made with.
#[derive(Clone)]
pub struct Context {
    /// The pipeline's name.
    pub pipeline: String,
    /// The sink's name in it.
    pub name: String,
    /// Its numbers.
    pub metrics: SinkMetrics,
}

/// Writes batches downstream. Who retries: the sink what its protocol can repeat without a duplicate, the sink loop the rest.
pub trait Sink: Send {
    /// Hands a batch over. Waiting here is back-pressure; the returned completion waits for durability, so that several writes are in flight.
    /// Batches are written in the order of the calls.
    ///
    /// # Errors
    /// The sink is of no use any more; nothing of the batch is known to be written. The pipeline makes a new one.
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, Error>>;

    /// Somebody waits for what was written and is not safe yet ([`Written::later`]): makes it safe now, full or not.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn hurry(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// No more will be written: ends what is open, such as files, and makes all of it safe.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn finish(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
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
    /// Why they failed. Without a cause they are to be written again at once.
    pub cause: Option<Error>,
    /// The events that are named above nowhere are written, but safe only once this completes.
    pub later: Option<Later>,
}

/// Waits until events are safe that have been written already, perhaps for long: until their file is closed. The events themselves are not kept
/// meanwhile, only their ack. An error abandons them: their source reads them again.
pub struct Later(pub BoxFuture<'static, Result<(), Error>>);

impl fmt::Debug for Later {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Later")
    }
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
    /// Files cannot be written, which trying again can mend.
    #[error("write files")]
    Files(#[source] hdfs::Error),
    /// The file system's client refuses the settings.
    #[error("set up the file system")]
    Place(#[from] hdfs::Error),
    /// The sink cannot go on, such as an idempotent producer after a fatal error (KIP-360).
    #[error("it failed for good: {0}")]
    Fatal(String),
    /// A file cannot be written.
    #[error("write file {path:?}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },
    /// A file's bytes cannot be made.
    #[error("encode events")]
    Format(#[source] file_format::Error),
    /// No sink of a group is left to try.
    #[error("no sink of the group works: {0}")]
    Group(String),
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
            Error::Write(_) | Error::Files(_) | Error::File { .. } | Error::Format(_) | Error::Group(_) => Disposition::Retry,
            Error::Place(_) | Error::Client(_) | Error::Brokers(_) | Error::Topic(_) | Error::Fatal(_) => Disposition::Fatal,
        }
    }
}
