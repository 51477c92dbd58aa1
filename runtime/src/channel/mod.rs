//! Where events wait between a source and its sinks.

pub mod file;
pub mod kafka;
pub mod memory;
pub mod spillable;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use serde::Serialize;

use crate::batch::Batch;
use crate::delivery::{Ack, Delivery};
use crate::telemetry::{ChannelMetrics, NamedCheck};

/// Which channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// `org.apache.flume.channel.MemoryChannel`
    Memory(memory::Spec),
    /// `org.apache.flume.channel.file.FileChannel`
    File(Box<file::Spec>),
    /// `org.apache.flume.channel.SpillableMemoryChannel`
    #[serde(rename = "spillable_memory")]
    Spillable(Box<spillable::Spec>),
    /// `org.apache.flume.channel.kafka.KafkaChannel`
    Kafka(Box<kafka::Spec>),
}

impl Spec {
    /// The component's type, as metrics and the log say it.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::Memory(_) => "memory",
            Spec::File(_) => "file",
            Spec::Spillable(_) => "spillable_memory",
            Spec::Kafka(_) => "kafka",
        }
    }

    /// Most events it holds; 0 where that is not the agent's to say.
    pub fn capacity(&self) -> u64 {
        match self {
            Spec::Memory(memory) => memory.capacity.get() as u64,
            Spec::File(file) => file.capacity.get() as u64,
            Spec::Spillable(spillable) => (spillable.memory_capacity + spillable.overflow_capacity) as u64,
            Spec::Kafka(_) => 0,
        }
    }

    /// Most bytes it holds; 0 is no limit.
    pub fn byte_capacity(&self) -> u64 {
        match self {
            Spec::Memory(memory) => memory.byte_capacity,
            Spec::File(file) => file.disk_limit,
            Spec::Spillable(_) | Spec::Kafka(_) => 0,
        }
    }

    /// Capacity and transaction capacity, where it has them: batches must fit.
    pub(crate) fn capacities(&mut self) -> Option<(&mut NonZeroUsize, &mut NonZeroUsize)> {
        match self {
            Spec::Memory(memory) => Some((&mut memory.capacity, &mut memory.transaction_capacity)),
            Spec::File(file) => Some((&mut file.capacity, &mut file.transaction_capacity)),
            Spec::Spillable(_) | Spec::Kafka(_) => None,
        }
    }

    /// Whether events survive the process here: then it needs no source and no sink beside it.
    pub fn is_shared(&self) -> bool {
        matches!(self, Spec::Kafka(_))
    }

    /// Whether a source has done its part once its events are in here, whatever the sinks behind do: they are on disk, or the broker has them.
    pub fn settles(&self) -> bool {
        match self {
            Spec::File(_) | Spec::Kafka(_) => true,
            Spec::Memory(_) | Spec::Spillable(_) => false,
        }
    }
}

/// What a channel is opened with.
pub struct Opening<'a> {
    /// Its name in the pipeline.
    pub name: &'a str,
    /// A directory of its own for what must survive a restart, unless its specification names one.
    pub directory: &'a Path,
    /// Its numbers.
    pub metrics: ChannelMetrics,
    /// Where it says that its disk fails, and that it works again.
    pub health: NamedCheck,
}

/// A channel cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A channel on disk.
    #[error(transparent)]
    Disk(#[from] file::Error),
    /// A channel on disk.
    #[error("open the files")]
    File(#[source] std::io::Error),
}

/// Keeps events in order between the two halves of a pipeline.
pub trait Channel: Send + Sync {
    /// Adds a delivery; waiting here is the back-pressure on the source. Deliveries of one caller keep their order.
    fn put(&self, delivery: Delivery) -> BoxFuture<'_, ()>;

    /// Adds a delivery at once, or gives it back when there is no room for it now: for a source that must not be held up. It never waits, neither
    /// for room nor for a disk. Put and offered deliveries of one caller keep their order.
    ///
    /// # Errors
    /// The delivery, whole: nothing of it is in the channel.
    fn offer(&self, delivery: Delivery) -> Result<(), Delivery>;

    /// Takes up to `max_events` from the front, as many as are there, waiting for the first. `None`: closed and empty. Events that came of one record
    /// are taken together ([`Batch::seam`]), which may be a few more.
    /// Cancel safe: a dropped future took nothing.
    fn take(&self, max_events: usize) -> BoxFuture<'_, Option<Taken>>;

    /// No more puts will come: takers get what is left, then `None`.
    fn close(&self);

    /// Waits until what a restart must know of is durable; called once everything taken was settled or is back.
    fn finish(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

/// Events taken from a channel. Commit them, or drop them: then they are back at the channel's front, in order.
#[must_use = "taken events that are dropped go back into the channel"]
pub struct Taken {
    batch: Arc<Batch>,
    ack: Option<Ack>,
    home: Arc<dyn PutBack>,
}

/// Takes events back that were not written.
pub trait PutBack: Send + Sync {
    /// Puts a delivery at the front.
    fn put_back(&self, delivery: Delivery);
}

impl Taken {
    /// Events that go home to `home` unless they are committed.
    pub fn new(delivery: Delivery, home: Arc<dyn PutBack>) -> Taken {
        Taken { batch: Arc::new(delivery.batch), ack: Some(delivery.ack), home }
    }

    /// The events, which a sink may hold on to.
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// The events are safe downstream: the ack goes home from here.
    pub fn commit(self) {
        if let Some(ack) = self.into_ack() {
            ack.delivered();
        }
    }

    /// As [`Taken::commit`], but for events that are parked first: they are safe only when the returned ack is delivered.
    pub fn into_ack(mut self) -> Option<Ack> {
        self.ack.take()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(ack) = self.ack.take() {
            // A sink that still holds them has its own copy from here on, of no bytes.
            self.home.put_back(Delivery { batch: Arc::unwrap_or_clone(std::mem::take(&mut self.batch)), ack });
        }
    }
}
