//! Files in a local directory: `org.apache.flume.sink.RollingFileSink`.
//!
//! Flume acknowledges what the operating system has taken; a power cut loses it. Here an event is acknowledged once `fdatasync` has returned, one
//! for all batches that wait. Also unlike Flume, a file begins with its first event, so that none is empty, and none is ever overwritten.

mod name;
mod spec;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use futures_util::future::BoxFuture;
pub use spec::{Names, Spec};
use tokio::sync::oneshot;
use writer::{Order, Writer};

use super::{Error, Sink, Writing};
use crate::batch::Batch;

/// The sink: a thread that writes, since a disk makes whoever asks it wait.
pub struct FileRoll {
    orders: mpsc::Sender<Order>,
}

impl FileRoll {
    /// Starts the thread. The directory is looked for with the first event.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(name: &str, spec: &Spec) -> Result<FileRoll, Error> {
        let (orders, received) = mpsc::channel();
        let writer = Writer::new(spec);
        let started = thread::Builder::new().name(format!("file-roll-{name}")).spawn(move || writer.run(&received));
        started.map_err(|error| Error::Fatal(format!("no thread for the files: {error}")))?;
        Ok(FileRoll { orders })
    }

    /// Has the thread do something that writes no event.
    async fn order(&self, order: impl FnOnce(oneshot::Sender<Result<(), Error>>) -> Order) -> Result<(), Error> {
        let (told, hears) = oneshot::channel();
        self.orders.send(order(told)).map_err(|_| gone())?;
        hears.await.map_err(|_| gone())?
    }
}

impl Sink for FileRoll {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, Error>> {
        let (told, hears) = oneshot::channel();
        let sent = self.orders.send(Order::Write { events: batch.events.clone(), told });
        Box::pin(async move {
            sent.map_err(|_| gone())?;
            Ok(Box::pin(async move { hears.await.map_err(|_| gone()) }) as Writing)
        })
    }

    fn hurry(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.order(Order::Hurry))
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.order(Order::Close))
    }
}

fn gone() -> Error {
    Error::Fatal("the thread that writes files ended".to_owned())
}
