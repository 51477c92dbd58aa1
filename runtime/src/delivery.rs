//! Acknowledgement: who holds the [`Ack`] owns the events. Silence means "send it again".
//!
//! A source's ledger opens one pending entry for a batch and hands out its `Ack`. The ack is split and merged with the events
//! (fan-out, splitting, larger sink batches) and is settled when every share of it was delivered. A share dropped without
//! a word abandons the batch: its offsets are never committed and the source starts again from its last commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::batch::Batch;

/// A batch and the obligation to say what became of it.
#[derive(Debug)]
pub struct Delivery {
    /// The events.
    pub batch: Batch,
    /// Told once they are safe.
    pub ack: Ack,
}

/// What the ledger hears of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Every share was delivered.
    Delivered(Ticket),
    /// A share was dropped: the batch must be read again.
    Abandoned(Ticket),
}

/// Number of a batch in its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// The right and the duty to settle one or more batches, or parts of them.
#[must_use = "an ack that is dropped abandons its batch"]
#[derive(Debug, Default)]
pub struct Ack {
    shares: Vec<Share>,
}

impl Ack {
    pub(crate) fn open(ticket: Ticket, told: mpsc::UnboundedSender<Settled>) -> Ack {
        let pending = Arc::new(Pending { ticket, shares: AtomicUsize::new(1), abandoned: AtomicBool::new(false), told });
        Ack { shares: vec![Share { pending, delivered: false }] }
    }

    /// The events are safe (or were discarded on purpose): this part of every batch is done.
    pub fn delivered(mut self) {
        for share in &mut self.shares {
            share.delivered = true;
        }
    }

    /// A second ack over the same batches, for a copy of the events or a part of them. Both must be delivered.
    pub fn share(&self) -> Ack {
        let shares = self.shares.iter().map(Share::split).collect();
        Ack { shares }
    }

    /// Takes over another ack: delivering this one then delivers both.
    pub fn join(&mut self, mut other: Ack) {
        self.shares.append(&mut other.shares);
    }
}

#[derive(Debug)]
struct Share {
    pending: Arc<Pending>,
    delivered: bool,
}

impl Share {
    fn split(&self) -> Share {
        self.pending.shares.fetch_add(1, Ordering::Relaxed);
        Share { pending: self.pending.clone(), delivered: false }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.delivered {
            self.pending.abandoned.store(true, Ordering::Relaxed);
        }
        // AcqRel: the last share must see whether any other was abandoned.
        if self.pending.shares.fetch_sub(1, Ordering::AcqRel) == 1 {
            let abandoned = self.pending.abandoned.load(Ordering::Relaxed);
            let settled = if abandoned { Settled::Abandoned } else { Settled::Delivered };
            // A closed channel is a ledger that is gone: its source was restarted and will read the batch again.
            let _ = self.pending.told.send(settled(self.pending.ticket));
        }
    }
}

#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    shares: AtomicUsize,
    abandoned: AtomicBool,
    told: mpsc::UnboundedSender<Settled>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (Ack, mpsc::UnboundedReceiver<Settled>) {
        let (told, heard) = mpsc::unbounded_channel();
        (Ack::open(Ticket(7), told), heard)
    }

    #[test]
    fn a_batch_settles_when_its_last_share_is_delivered() {
        let (ack, mut heard) = open();
        let copy = ack.share();
        ack.delivered();
        assert!(heard.try_recv().is_err());
        copy.delivered();
        assert_eq!(heard.try_recv(), Ok(Settled::Delivered(Ticket(7))));
    }

    #[test]
    fn one_dropped_share_abandons_the_batch() {
        let (ack, mut heard) = open();
        drop(ack.share());
        ack.delivered();
        assert_eq!(heard.try_recv(), Ok(Settled::Abandoned(Ticket(7))));
    }

    #[test]
    fn a_joined_ack_delivers_every_batch_it_took_over() {
        let (mut ack, mut heard) = open();
        let (other, mut also_heard) = open();
        ack.join(other);
        ack.delivered();
        assert_eq!(heard.try_recv(), Ok(Settled::Delivered(Ticket(7))));
        assert_eq!(also_heard.try_recv(), Ok(Settled::Delivered(Ticket(7))));
    }
}
