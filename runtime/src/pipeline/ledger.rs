//! Which batches are open, and how far the source may commit. A checkpoint never passes an open batch: a gap is lost events.
//!
//! Batches may settle in any order; each partition's watermark follows the longest run of settled batches from its front.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::delivery::{Ack, Settled, Ticket};

/// A partition of a topic, or whatever else a source numbers its events by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number.
    pub number: i32,
}

/// By partition, the next offset to read: everything below is settled. Kafka commits the next offset, not the last one read.
pub type Checkpoint = BTreeMap<Partition, i64>;

/// A batch was dropped on its way: the source must start again from its last commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch was abandoned on its way")]
pub struct Abandoned;

/// How much may be open at once; also the most that is read again after a crash.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Events.
    pub events: usize,
    /// Bytes, as [`crate::batch::Batch::size`] counts them.
    pub bytes: usize,
}

impl Default for Limit {
    fn default() -> Limit {
        Limit { events: 20_000, bytes: 16 << 20 }
    }
}

/// The open batches of one source, from one start of it to the next.
#[derive(Debug)]
pub struct Ledger {
    limit: Limit,
    next: u64,
    open: HashMap<Ticket, Open>,
    lanes: BTreeMap<Partition, Lane>,
    events: usize,
    bytes: usize,
    told: mpsc::UnboundedSender<Settled>,
    heard: mpsc::UnboundedReceiver<Settled>,
}

#[derive(Debug)]
struct Open {
    partitions: Vec<Partition>,
    events: usize,
    bytes: usize,
}

/// One partition's batches in source order, with the next offset after each.
#[derive(Debug, Default)]
struct Lane {
    batches: VecDeque<(Ticket, i64)>,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(limit: Limit) -> Ledger {
        let (told, heard) = mpsc::unbounded_channel();
        Ledger { limit, next: 0, open: HashMap::new(), lanes: BTreeMap::new(), events: 0, bytes: 0, told, heard }
    }

    /// Opens a batch of so many events and bytes, whose partitions may be committed up to `reached` once it and everything before it is settled.
    pub fn track(&mut self, events: usize, bytes: usize, reached: Checkpoint) -> Ack {
        let ticket = Ticket(self.next);
        self.next += 1;
        let open = Open { partitions: reached.keys().cloned().collect(), events, bytes };
        self.events += open.events;
        self.bytes += open.bytes;
        self.open.insert(ticket, open);
        for (partition, offset) in reached {
            self.lanes.entry(partition).or_default().batches.push_back((ticket, offset));
        }
        Ack::open(ticket, self.told.clone())
    }

    /// Whether another batch may be opened. An empty ledger always has room, so that no batch is too large to pass.
    pub fn has_room(&self) -> bool {
        self.events < self.limit.events && self.bytes < self.limit.bytes
    }

    /// Number of open batches.
    pub fn open_batches(&self) -> usize {
        self.open.len()
    }

    /// Number of events in open batches.
    pub fn open_events(&self) -> usize {
        self.events
    }

    /// Waits until some watermark moves, or until nothing is open any more, and says which watermarks moved how far.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: a settlement is taken and applied without an await in between.
    ///
    /// # Errors
    /// A batch was abandoned.
    pub async fn settled(&mut self) -> Result<Checkpoint, Abandoned> {
        loop {
            // The ledger holds a sender itself, so the channel never closes.
            let Some(first) = self.heard.recv().await else { return Err(Abandoned) };
            let moved = self.apply(first)?;
            // Batches of released partitions move nothing, but whoever waits for the last of them must hear of its end.
            if !moved.is_empty() || self.open.is_empty() {
                return Ok(moved);
            }
        }
    }

    /// Forgets partitions that are another consumer's now; what still settles of them moves nothing.
    pub fn release(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.lanes.remove(partition);
        }
    }

    /// Whether a batch of these partitions is open; of any, with an empty list.
    pub fn is_open(&self, partitions: &[Partition]) -> bool {
        if partitions.is_empty() {
            return !self.open.is_empty();
        }
        partitions.iter().any(|partition| self.lanes.get(partition).is_some_and(|lane| !lane.batches.is_empty()))
    }

    /// Applies this settlement and all that wait behind it.
    fn apply(&mut self, first: Settled) -> Result<Checkpoint, Abandoned> {
        let mut moved = Checkpoint::new();
        let mut next = Some(first);
        while let Some(settled) = next {
            match settled {
                Settled::Abandoned(_) => return Err(Abandoned),
                Settled::Delivered(ticket) => self.close(ticket, &mut moved),
            }
            next = self.heard.try_recv().ok();
        }
        Ok(moved)
    }

    fn close(&mut self, ticket: Ticket, moved: &mut Checkpoint) {
        let Some(closed) = self.open.remove(&ticket) else { return };
        self.events -= closed.events;
        self.bytes -= closed.bytes;
        for partition in closed.partitions {
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let mut watermark = None;
            while let Some((_, offset)) = lane.batches.pop_front_if(|(front, _)| !self.open.contains_key(front)) {
                watermark = Some(offset);
            }
            if let Some(offset) = watermark {
                moved.insert(partition, offset);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> Partition {
        Partition { topic: "t".into(), number }
    }

    fn track(ledger: &mut Ledger, reached: &[(i32, i64)]) -> Ack {
        let reached = reached.iter().map(|(number, offset)| (partition(*number), *offset)).collect();
        ledger.track(1, 1, reached)
    }

    fn offsets(checkpoint: Checkpoint) -> Vec<(i32, i64)> {
        checkpoint.into_iter().map(|(partition, offset)| (partition.number, offset)).collect()
    }

    #[tokio::test]
    async fn a_checkpoint_never_passes_an_open_batch() {
        let mut ledger = Ledger::new(Limit::default());
        let first = track(&mut ledger, &[(0, 10)]);
        let second = track(&mut ledger, &[(0, 20), (1, 5)]);
        let third = track(&mut ledger, &[(0, 30)]);
        third.delivered();
        second.delivered();
        assert_eq!(offsets(ledger.settled().await.expect("settled")), [(1, 5)]);
        first.delivered();
        assert_eq!(offsets(ledger.settled().await.expect("settled")), [(0, 30)]);
        assert_eq!(ledger.open_batches(), 0);
    }

    #[tokio::test]
    async fn an_abandoned_batch_is_an_error_and_not_a_gap() {
        let mut ledger = Ledger::new(Limit::default());
        drop(track(&mut ledger, &[(0, 10)]));
        track(&mut ledger, &[(0, 20)]).delivered();
        assert_eq!(ledger.settled().await, Err(Abandoned));
    }

    #[tokio::test]
    async fn a_released_partition_moves_no_more() {
        let mut ledger = Ledger::new(Limit::default());
        let ack = track(&mut ledger, &[(0, 10), (1, 7)]);
        ledger.release(&[partition(0)]);
        ack.delivered();
        assert_eq!(offsets(ledger.settled().await.expect("settled")), [(1, 7)]);
    }

    #[tokio::test]
    async fn the_end_of_the_last_batch_is_heard_though_its_partition_was_released() {
        let mut ledger = Ledger::new(Limit::default());
        let ack = track(&mut ledger, &[(0, 10)]);
        ledger.release(&[partition(0)]);
        ack.delivered();
        assert_eq!(offsets(ledger.settled().await.expect("settled")), []);
        assert!(!ledger.is_open(&[]));
    }

    #[tokio::test]
    async fn a_partition_is_closed_while_another_is_still_open() {
        let mut ledger = Ledger::new(Limit::default());
        let other = track(&mut ledger, &[(0, 10)]);
        track(&mut ledger, &[(1, 7)]).delivered();
        assert_eq!(offsets(ledger.settled().await.expect("settled")), [(1, 7)]);
        assert!(!ledger.is_open(&[partition(1)]));
        assert!(ledger.is_open(&[]));
        other.delivered();
        assert_eq!(offsets(ledger.settled().await.expect("settled")), [(0, 10)]);
        assert!(!ledger.is_open(&[]));
    }

    #[tokio::test]
    async fn room_ends_at_the_limit_and_comes_back() {
        let mut ledger = Ledger::new(Limit { events: 2, bytes: 1 << 20 });
        let acks = [track(&mut ledger, &[(0, 1)]), track(&mut ledger, &[(0, 2)])];
        assert!(!ledger.has_room());
        acks.into_iter().for_each(Ack::delivered);
        ledger.settled().await.expect("settled");
        assert!(ledger.has_room());
    }

    /// A model with a set of open batches and every order of settling: the watermark must be the lowest open batch's start.
    #[tokio::test]
    async fn every_order_of_settling_agrees_with_the_naive_model() {
        let mut seed = 0x9e37_79b9_u64;
        let mut random = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        for _ in 0..500 {
            let mut ledger = Ledger::new(Limit::default());
            let mut open: Vec<(i64, Ack)> = (1..=20).map(|end| (end, track(&mut ledger, &[(0, end)]))).collect();
            let mut committed = 0;
            while !open.is_empty() {
                let (_, ack) = open.swap_remove(random(open.len()));
                ack.delivered();
                let lowest_open = open.iter().map(|(end, _)| end - 1).min().unwrap_or(20);
                if lowest_open > committed {
                    assert_eq!(offsets(ledger.settled().await.expect("settled")), [(0, lowest_open)]);
                    committed = lowest_open;
                }
            }
            assert_eq!(committed, 20);
        }
    }
}
