//! Where events wait between a source and its sinks.

pub mod memory;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::batch::Batch;
use crate::delivery::{Ack, Delivery};

/// Which channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// `org.apache.flume.channel.MemoryChannel`
    Memory(memory::Spec),
}

impl Spec {
    /// The component's type, as metrics and the log say it.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::Memory(_) => "memory",
        }
    }
}

/// Keeps events in order between the two halves of a pipeline.
pub trait Channel: Send + Sync {
    /// Adds a delivery; waiting here is the back-pressure on the source. Deliveries of one caller keep their order.
    fn put(&self, delivery: Delivery) -> BoxFuture<'_, ()>;

    /// Takes up to `max_events` from the front, as many as are there, waiting for the first. `None`: closed and empty.
    /// Cancel safe: a dropped future took nothing.
    fn take(&self, max_events: usize) -> BoxFuture<'_, Option<Taken>>;

    /// No more puts will come: takers get what is left, then `None`.
    fn close(&self);
}

/// Events taken from a channel. Commit them, or drop them: then they are back at the channel's front, in order.
#[must_use = "taken events that are dropped go back into the channel"]
pub struct Taken {
    batch: Batch,
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
        Taken { batch: delivery.batch, ack: Some(delivery.ack), home }
    }

    /// The events.
    pub fn batch(&self) -> &Batch {
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
            self.home.put_back(Delivery { batch: std::mem::take(&mut self.batch), ack });
        }
    }
}
