//! Deliveries that wait in memory, in order; takes merge and split them.

use std::collections::VecDeque;

use crate::batch::Batch;
use crate::delivery::Delivery;
use crate::event::Event;

/// Deliveries, with their events and bytes counted.
#[derive(Debug, Default)]
pub(in crate::channel) struct Waiting {
    /// Each with its bytes, which are counted once.
    queue: VecDeque<(Delivery, usize)>,
    events: usize,
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
        let bytes = self.count(&delivery);
        self.queue.push_back((delivery, bytes));
    }

    pub(in crate::channel) fn push_front(&mut self, delivery: Delivery) {
        let bytes = self.count(&delivery);
        self.queue.push_front((delivery, bytes));
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

    fn count(&mut self, delivery: &Delivery) -> usize {
        let bytes = delivery.batch.size();
        self.events += delivery.batch.len();
        self.bytes += bytes;
        bytes
    }

    fn begins_like(&self, last: Option<&Event>) -> bool {
        let first = self.queue.front().and_then(|(front, _)| front.batch.events.first());
        matches!((first, last), (Some(first), Some(last)) if first.is_of_record(last))
    }

    /// The front delivery, or as much of it as may be taken; the rest stays in front.
    fn pop(&mut self, max_events: usize) -> Option<Delivery> {
        let (mut front, mut bytes) = self.queue.pop_front()?;
        let seam = front.batch.seam(max_events);
        if front.batch.len() > seam {
            let rest = Batch::from(front.batch.events.split_off(seam));
            let rest_bytes = rest.size();
            let ack = front.ack.share();
            self.queue.push_front((Delivery { batch: rest, ack }, rest_bytes));
            bytes -= rest_bytes;
        }
        self.events -= front.batch.len();
        self.bytes -= bytes;
        Some(front)
    }
}
