//! Deliveries that wait in memory, in order; takes merge and split them.

use std::collections::VecDeque;

use crate::batch::{Batch, seam};
use crate::delivery::{Ack, Delivery};
use crate::event::Event;

/// Deliveries, with their events and bytes counted.
#[derive(Debug, Default)]
pub(in crate::channel) struct Waiting {
    queue: VecDeque<Waits>,
    events: usize,
    bytes: usize,
}

/// A delivery, or what is left of it.
#[derive(Debug)]
struct Waits {
    /// Taken from the front only, so that they are one slice.
    events: VecDeque<Event>,
    ack: Ack,
    bytes: usize,
}

impl Waiting {
    pub(in crate::channel) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(in crate::channel) fn events(&self) -> usize {
        self.events
    }

    pub(in crate::channel) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::channel) fn push_back(&mut self, delivery: Delivery) {
        let waits = self.count(delivery);
        self.queue.push_back(waits);
    }

    pub(in crate::channel) fn push_front(&mut self, delivery: Delivery) {
        let waits = self.count(delivery);
        self.queue.push_front(waits);
    }

    /// The first delivery, whole.
    pub(in crate::channel) fn pop_front(&mut self) -> Option<Delivery> {
        self.pop(usize::MAX)
    }

    /// Up to so many events from the front, as one delivery; a few more where they came of one record. A record that is there twice, as it was read
    /// again, is not taken twice at once: whoever gets the events can tell the one from the other.
    pub(in crate::channel) fn take(&mut self, max_events: usize) -> Option<Delivery> {
        let mut taken = self.pop(max_events)?;
        while taken.batch.len() < max_events && !self.begins_like(taken.batch.events.last()) {
            let Some(mut next) = self.pop(max_events - taken.batch.len()) else { break };
            taken.batch.events.append(&mut next.batch.events);
            taken.ack.join(next.ack);
        }
        Some(taken)
    }

    fn count(&mut self, Delivery { batch, ack }: Delivery) -> Waits {
        let bytes = batch.size();
        self.events += batch.len();
        self.bytes += bytes;
        Waits { events: batch.events.into(), ack, bytes }
    }

    fn begins_like(&self, last: Option<&Event>) -> bool {
        let first = self.queue.front().and_then(|front| front.events.front());
        matches!((first, last), (Some(first), Some(last)) if first.is_of_record(last))
    }

    /// The front delivery, or as much of it as may be taken; the rest stays in front.
    fn pop(&mut self, max_events: usize) -> Option<Delivery> {
        let front = self.queue.front_mut()?;
        let seam = seam(front.events.make_contiguous(), max_events);
        if front.events.len() > seam {
            let batch = Batch::from(front.events.drain(..seam).collect::<Vec<_>>());
            let bytes = batch.size();
            front.bytes -= bytes;
            self.events -= batch.len();
            self.bytes -= bytes;
            return Some(Delivery { batch, ack: front.ack.share() });
        }
        let Waits { events, ack, bytes } = self.queue.pop_front()?;
        self.events -= events.len();
        self.bytes -= bytes;
        Some(Delivery { batch: Batch::from(Vec::from(events)), ack })
    }
}
