//! Refused events: parked with reason, stage and origin, never lost. Their batch settles only when they are parked for good.
//!
//! One task a pipeline writes them, many at a time. A place that cannot be written to is tried again for ever: the acks
//! are held, and in the end the source waits.

mod file;
mod spec;
mod topic;

use std::path::PathBuf;
use std::time::Duration;

pub use spec::Spec;
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::backoff::BackOff;
use crate::batch::Rejected;
use crate::config::Brokers;
use crate::config::settings::default_file;
use crate::delivery::Ack;
use crate::error_chain;
use crate::sink;
use crate::telemetry::DeadLetterMetrics;

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
}

/// The way to a pipeline's dead letters; cheap to clone. The task ends when the last clone is gone and all is written.
#[derive(Clone)]
pub struct DeadLetters {
    queue: mpsc::Sender<Parcel>,
    metrics: DeadLetterMetrics,
}

struct Parcel {
    rejected: Vec<Rejected>,
    ack: Ack,
}

impl DeadLetters {
    /// Opens the place and starts the task that writes to it. `brokers` is the cluster for a topic that names none. What a topic refuses,
    /// such as an event above the broker's size limit, goes to the file that would be the default.
    ///
    /// # Errors
    /// The file cannot be opened, or the client refuses the settings: better now than at the first bad event.
    pub async fn open(
        pipeline: &str,
        spec: &Spec,
        brokers: Option<Brokers>,
        metrics: DeadLetterMetrics,
    ) -> Result<(DeadLetters, tokio::task::JoinHandle<()>), Error> {
        let place = match spec {
            Spec::File(path) => Place::File(file::File::open(pipeline, path.clone()).await?),
            Spec::Topic { brokers: own, topic, client } => {
                let topic = topic::Topic::connect(own.clone().or(brokers), topic, client, pipeline).await?;
                Place::Topic { topic: Box::new(topic), overflow: file::File::lazy(pipeline, default_file(pipeline)) }
            }
        };
        let (queue, parcels) = mpsc::channel(64);
        let task = tokio::spawn(write_all(place, parcels));
        Ok((DeadLetters { queue, metrics }, task))
    }

    /// Parks refused events; `ack` is delivered when they are safe. Waits while too many are waiting already.
    pub async fn put(&self, rejected: Vec<Rejected>, ack: Ack) {
        for one in &rejected {
            self.metrics.events(&one.rejection.stage).inc();
        }
        // A queue that is gone drops the ack: the batch is abandoned and read again.
        let _ = self.queue.send(Parcel { rejected, ack }).await;
    }
}

enum Place {
    File(file::File),
    Topic { topic: Box<topic::Topic>, overflow: file::File },
}

async fn write_all(mut place: Place, mut parcels: mpsc::Receiver<Parcel>) {
    let mut together = Vec::new();
    while parcels.recv_many(&mut together, 256).await > 0 {
        let (rejected, acks): (Vec<_>, Vec<_>) = together.drain(..).map(|parcel| (parcel.rejected, parcel.ack)).unzip();
        let rejected: Vec<Rejected> = rejected.into_iter().flatten().collect();
        let mut back_off = BackOff::new();
        while let Err(failure) = place.write(&rejected).await {
            let wait = back_off.after(Duration::ZERO);
            error!(events = rejected.len(), error = %error_chain(&failure), ?wait, "dead letters cannot be written, trying again");
            tokio::time::sleep(wait).await;
        }
        acks.into_iter().for_each(Ack::delivered);
    }
}

impl Place {
    async fn write(&mut self, rejected: &[Rejected]) -> Result<(), Error> {
        match self {
            Place::File(file) => file.write(rejected).await,
            Place::Topic { topic, overflow } => {
                let refused = topic.write(rejected).await?;
                if refused.is_empty() {
                    return Ok(());
                }
                warn!(events = refused.len(), path = ?overflow.path(), "the dead-letter topic refuses events, they go to a file");
                overflow.write(&refused).await
            }
        }
    }
}
