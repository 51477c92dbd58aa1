//! Refused events: parked with reason, stage and origin, never lost. Their batch settles only when they are parked for good.
//!
//! One task a pipeline writes them, many at a time, and drops those that somebody is done with ([`Desk`]). A place that cannot be written to is
//! tried again for ever: the acks are held, and in the end the source waits.

mod address;
mod compact;
mod desk;
#[cfg(test)]
mod desk_tests;
mod file;
mod letter;
mod line;
#[cfg(test)]
mod model_tests;
mod reading;
mod record;
mod shelf;
mod spec;
mod topic;
mod topic_shelf;
#[cfg(test)]
mod topic_tests;
mod wanted;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use desk::Desk;
pub use spec::{HeaderStyle, Spec, Topic};
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::backoff::BackOff;
use crate::batch::Rejected;
use crate::config::Brokers;
use crate::delivery::Ack;
use crate::error_chain;
use crate::sink;
use crate::telemetry::DeadLetterMetrics;
use address::Address;
use desk::Order;
use letter::Parked;

/// Writing dead letters failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder.
    #[error("write dead letters to {path:?}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The topic.
    #[error("write dead letters to a topic")]
    Topic(#[source] sink::Error),
    /// The topic does not take a record that drops letters: it may be one that is compacted by key.
    #[error("drop letters in the topic: {0}")]
    Refused(String),
    /// The file cannot be read.
    #[error("read dead letters from {path:?}")]
    ReadFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The topic cannot be read.
    #[error("read dead letters from topic {topic}")]
    ReadTopic {
        /// Which topic.
        topic: String,
        /// What the client said.
        #[source]
        source: rdkafka::error::KafkaError,
    },
    /// The topic could not be read to its end in time.
    #[error("topic {topic} of dead letters could not be read to its end in time")]
    SlowTopic {
        /// Which topic.
        topic: String,
        /// The last that went wrong, if anything did.
        #[source]
        source: Option<rdkafka::error::KafkaError>,
    },
    /// A thread that read letters panicked.
    #[error("reading dead letters panicked: {0}")]
    Panicked(String),
}

/// The way to a pipeline's dead letters; cheap to clone. The task ends when the last clone is gone and all is written.
#[derive(Clone)]
pub struct DeadLetters {
    pipeline: Arc<str>,
    queue: mpsc::Sender<Parcel>,
    metrics: DeadLetterMetrics,
}

/// What a place does not say itself.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// The cluster of a topic that names none.
    pub brokers: Option<Brokers>,
    /// The file for what a topic refuses, such as an event above the broker's size limit.
    pub overflow: PathBuf,
}

struct Parcel {
    letters: Vec<Parked>,
    ack: Ack,
}

impl DeadLetters {
    /// Opens the place and starts the task that writes to it; the desk is for whoever works with what lies there.
    ///
    /// # Errors
    /// The file cannot be opened, or the client refuses the settings: better now than at the first bad event.
    pub async fn open(
        pipeline: &str,
        spec: &Spec,
        defaults: Defaults,
        metrics: DeadLetterMetrics,
    ) -> Result<(DeadLetters, Desk, tokio::task::JoinHandle<()>), Error> {
        let (place, read) = match spec {
            Spec::File(path) => (Place::File(file::File::open(path.clone()).await?), reading::Place::File(path.clone())),
            Spec::Topic(topic) => {
                let Defaults { brokers, overflow } = defaults;
                let brokers = topic.brokers.clone().or(brokers).unwrap_or_else(|| Brokers::List(String::new()));
                let producer = Box::new(topic::Topic::connect(topic, &brokers).await?);
                let read = reading::Place::Topic { topic: Box::new(topic.clone()), brokers, overflow: overflow.clone() };
                (Place::Topic { topic: producer, overflow: file::File::lazy(overflow) }, read)
            }
        };
        let (queue, parcels) = mpsc::channel(64);
        let (desk, orders) = Desk::new(pipeline, read);
        let pipeline: Arc<str> = pipeline.into();
        let task = tokio::spawn(Writer { pipeline: pipeline.clone(), place }.run(parcels, orders));
        Ok((DeadLetters { pipeline, queue, metrics }, desk, task))
    }

    /// Parks refused events; `ack` is delivered when they are safe. Waits while too many are waiting already.
    pub async fn put(&self, rejected: Vec<Rejected>, ack: Ack) {
        for one in &rejected {
            self.metrics.events(&one.rejection.stage).inc();
        }
        let letters = rejected.into_iter().map(|rejected| Parked::new(&self.pipeline, rejected)).collect();
        // A queue that is gone drops the ack: the batch is abandoned and read again.
        let _ = self.queue.send(Parcel { letters, ack }).await;
    }
}

/// The task that owns the place.
struct Writer {
    pipeline: Arc<str>,
    place: Place,
}

impl Writer {
    /// Until no more letters can come; orders after that are not taken.
    async fn run(mut self, mut parcels: mpsc::Receiver<Parcel>, mut orders: mpsc::Receiver<Order>) {
        let mut together = Vec::new();
        loop {
            tokio::select! {
                biased; // orders first: there is one at a time, and letters may come without end
                Some(order) = orders.recv() => {
                    let dropped = self.forget(&order.addresses, &order.by).await;
                    // Whoever gave the order may have gone.
                    let _ = order.done.send(dropped);
                }
                taken = parcels.recv_many(&mut together, 256) => match taken {
                    0 => return,
                    _ => self.park(&mut together).await,
                },
            }
        }
    }

    /// Writes letters, for as long as it takes.
    async fn park(&mut self, together: &mut Vec<Parcel>) {
        let (letters, acks): (Vec<_>, Vec<_>) = together.drain(..).map(|parcel| (parcel.letters, parcel.ack)).unzip();
        let letters: Vec<Parked> = letters.into_iter().flatten().collect();
        let mut back_off = BackOff::new();
        while let Err(failure) = self.place.write(&letters).await {
            let wait = back_off.after(Duration::ZERO);
            error!(events = letters.len(), error = %error_chain(&failure), ?wait, "dead letters cannot be written, trying again");
            tokio::time::sleep(wait).await;
        }
        acks.into_iter().for_each(Ack::delivered);
    }

    async fn forget(&mut self, addresses: &[Address], by: &str) -> Result<(), Error> {
        let (records, lines): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| matches!(address, Address::Record { .. }));
        match &mut self.place {
            Place::File(file) => file.forget(&lines, by).await,
            Place::Topic { topic, overflow } => {
                if !records.is_empty() {
                    topic.forget(&records, &self.pipeline, by).await?;
                }
                if !lines.is_empty() {
                    overflow.forget(&lines, by).await?;
                }
                Ok(())
            }
        }
    }
}

enum Place {
    File(file::File),
    Topic { topic: Box<topic::Topic>, overflow: file::File },
}

impl Place {
    async fn write(&mut self, letters: &[Parked]) -> Result<(), Error> {
        match self {
            Place::File(file) => file.write(letters).await,
            Place::Topic { topic, overflow } => {
                let refused = topic.write(letters).await?;
                if refused.is_empty() {
                    return Ok(());
                }
                warn!(events = refused.len(), path = ?overflow.path(), "the dead-letter topic refuses events, they go to a file");
                overflow.write(&refused).await
            }
        }
    }
}
