//! What waits in a file channel, by the numbers of its events: what is to be written, what can be taken, what is taken, and what is settled.
//!
//! ```text
//! 0 … settled … | taken | ready (in memory) | on disk only | incoming | … next
//!                                loaded ────┘   committed ─┘
//! ```

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use super::ranges::Ranges;
use super::reader::Chunk;
use super::record::Encoded;
use crate::batch::{Batch, seam};
use crate::delivery::{Delivery, Ticket};
use crate::event::Event;

/// Most bytes that wait to be written.
const INCOMING_BYTES: u64 = 16 << 20;
/// Once fewer bytes than this are ready, more are read.
const READY_BYTES: usize = 4 << 20;

/// A delivery that is to be written.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Number of its first event.
    pub(super) first: u64,
    pub(super) delivery: Delivery,
    pub(super) records: Vec<Encoded>,
    pub(super) bytes: u64,
}

/// Events that can be taken, in memory.
#[derive(Debug)]
struct Ready {
    first: u64,
    events: std::vec::IntoIter<Event>,
    bytes: usize,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    capacity: u64,
    incoming: VecDeque<Incoming>,
    incoming_bytes: u64,
    /// Number of the event that is put next.
    next: u64,
    /// All before it are in the log.
    committed: u64,
    /// All before it have been ready, or need not be.
    loaded: u64,
    /// By their first numbers.
    ready: VecDeque<Ready>,
    ready_bytes: usize,
    ready_events: u64,
    /// Reading is to begin anew at `loaded`.
    rewound: bool,
    /// Taken when reading began anew, and so not to be ready again.
    skipped: Ranges,
    taken: HashMap<Ticket, Vec<Range<u64>>>,
    tickets: u64,
    settled: Ranges,
    /// Whether more is settled than was stored, or is being stored.
    unstored: bool,
    storing: bool,
    /// Put and not settled.
    stored: u64,
    closed: bool,
    pub(super) finishing: bool,
    pub(super) ended: bool,
}

impl Queue {
    /// A queue over a log whose next event is `next`.
    pub(super) fn new(capacity: usize, next: u64, settled: Ranges) -> Queue {
        let (incoming, incoming_bytes, ready, ready_bytes, ready_events, taken, tickets) = Default::default();
        let (rewound, storing, closed, finishing, ended) = Default::default();
        let loaded = settled.below();
        let stored = next.saturating_sub(settled.count());
        let skipped = Ranges::default();
        let capacity = capacity as u64;
        Queue {
            capacity,
            incoming,
            incoming_bytes,
            next,
            committed: next,
            loaded,
            ready,
            ready_bytes,
            ready_events,
            rewound,
            skipped,
            taken,
            tickets,
            settled,
            unstored: false,
            storing,
            stored,
            closed,
            finishing,
            ended,
        }
    }

    /// Number of the event that is put next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Events put and not settled.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// Number of the first event that waits.
    pub(super) fn front(&self) -> Option<u64> {
        let unread = (self.loaded < self.next).then_some(self.loaded);
        let ready = self.ready.front().map(|ready| ready.first);
        unread.into_iter().chain(ready).min()
    }

    /// Events that wait, about: those that need not be read count until they are passed by.
    pub(super) fn waiting(&self) -> u64 {
        self.ready_events + (self.next - self.loaded)
    }

    /// Adds a delivery, or gives it back where there is no room. One that is larger than the channel passes when the channel is empty.
    pub(super) fn put(&mut self, delivery: Delivery, records: Vec<Encoded>) -> Option<(Delivery, Vec<Encoded>)> {
        let events = delivery.batch.len() as u64;
        let bytes = records.iter().map(Encoded::size).sum::<u64>();
        let fits = self.stored == 0 || self.stored + events <= self.capacity;
        let in_memory = self.incoming.is_empty() || self.incoming_bytes + bytes <= INCOMING_BYTES;
        if !fits || !in_memory {
            return Some((delivery, records));
        }
        self.incoming.push_back(Incoming { first: self.next, delivery, records, bytes });
        self.incoming_bytes += bytes;
        self.next += events;
        self.stored += events;
        None
    }

    /// Bytes that wait to be written.
    pub(super) fn incoming_bytes(&self) -> u64 {
        self.incoming_bytes
    }

    /// Deliveries to be written as one, of about so many bytes.
    pub(super) fn group(&mut self, most: u64) -> VecDeque<Incoming> {
        let mut group = VecDeque::new();
        let mut bytes = 0;
        while let Some(incoming) = self.incoming.pop_front_if(|incoming| bytes == 0 || bytes + incoming.bytes <= most) {
            bytes += incoming.bytes;
            group.push_back(incoming);
        }
        self.incoming_bytes -= bytes;
        group
    }

    /// The events before this one are in the log. Those of a group just written are ready without being read, as far as memory allows and
    /// nothing before them is still on disk only. True where all of them are: then reading goes on behind them.
    pub(super) fn committed(&mut self, next: u64, group: &mut VecDeque<Incoming>) -> bool {
        let caught_up = self.loaded == self.committed && !self.rewound;
        self.committed = next;
        if !caught_up || self.ready_bytes >= 2 * READY_BYTES {
            return false;
        }
        for incoming in group {
            let events = std::mem::take(&mut incoming.delivery.batch.events);
            self.make_ready(incoming.first, events, incoming.bytes as usize);
        }
        self.loaded = next;
        true
    }

    /// Whether events are to be read.
    pub(super) fn wants_events(&self) -> bool {
        // What came back while earlier events are read again waits for those.
        let none_can_be_taken = self.ready.front().is_none_or(|ready| ready.first >= self.loaded);
        self.loaded < self.committed && (self.ready_bytes < READY_BYTES || none_can_be_taken)
    }

    /// The event to read anew from, where something must be.
    pub(super) fn rewound(&mut self) -> Option<u64> {
        std::mem::take(&mut self.rewound).then_some(self.loaded)
    }

    /// Events were read, up to this one. Useless where reading is to begin anew meanwhile; else the number of events that were lost.
    pub(super) fn load(&mut self, chunk: Chunk, loaded: u64) -> u64 {
        if self.rewound {
            return 0;
        }
        let lost = chunk.damage.iter().map(|damage| self.settle_range(damage.events.clone())).sum();
        for (first, events) in chunk.events {
            self.load_events(first, events);
        }
        self.loaded = loaded;
        if loaded >= self.skipped.end() {
            self.skipped = Ranges::default();
        }
        lost
    }

    fn load_events(&mut self, first: u64, mut events: Vec<Event>) {
        let all = first..first + events.len() as u64;
        let unsettled = self.settled.missing(all.clone());
        let wanted: Vec<Range<u64>> = unsettled.into_iter().flat_map(|range| self.skipped.missing(range)).collect();
        for range in wanted.into_iter().rev() {
            events.truncate((range.end - first) as usize);
            let part = events.split_off((range.start - first) as usize);
            let bytes = part.iter().map(Event::size).sum();
            self.make_ready(range.start, part, bytes);
        }
    }

    /// In order of the numbers.
    fn make_ready(&mut self, first: u64, events: Vec<Event>, bytes: usize) {
        self.ready_bytes += bytes;
        self.ready_events += events.len() as u64;
        let ready = Ready { first, events: events.into_iter(), bytes };
        match self.ready.back() {
            Some(back) if back.first > first => {
                let at = self.ready.partition_point(|other| other.first < first);
                self.ready.insert(at, ready);
            }
            _ => self.ready.push_back(ready),
        }
    }

    /// How many events at the front came of the same record as this one.
    fn siblings(&self, last: Option<&Event>) -> usize {
        let (Some(last), Some(front)) = (last, self.ready.front()) else { return 0 };
        front.events.as_slice().iter().take_while(|event| event.is_of_record(last)).count()
    }

    /// Takes up to `most` events that are before event `limit`, and a few more where they came of one record.
    pub(super) fn take(&mut self, most: usize, limit: u64) -> Option<(Ticket, Batch)> {
        let (mut events, mut ranges): (Vec<Event>, Vec<Range<u64>>) = Default::default();
        let limit = limit.min(self.loaded);
        loop {
            let siblings = self.siblings(events.last());
            if events.len() >= most && siblings == 0 {
                break;
            }
            let Some(mut front) = self.ready.pop_front_if(|front| front.first < limit) else { break };
            let there = front.events.len();
            let wanted = seam(front.events.as_slice(), most.saturating_sub(events.len()).max(siblings))
                .min(usize::try_from(limit - front.first).unwrap_or(usize::MAX));
            let range = front.first..front.first + wanted as u64;
            self.ready_events -= wanted as u64;
            match ranges.last_mut().filter(|last| last.end == range.start) {
                Some(last) => last.end = range.end,
                None => ranges.push(range.clone()),
            }
            if wanted == there {
                self.ready_bytes -= front.bytes;
                match events.is_empty() {
                    // The vector goes on as it is.
                    true => events = front.events.collect(),
                    false => events.extend(front.events),
                }
                continue;
            }
            events.extend(front.events.by_ref().take(wanted));
            let bytes = front.bytes * wanted / there;
            self.ready_bytes -= bytes;
            self.ready.push_front(Ready { first: range.end, bytes: front.bytes - bytes, ..front });
        }
        if events.is_empty() {
            return None;
        }
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.taken.insert(ticket, ranges);
        Some((ticket, Batch::from(events)))
    }

    /// Events were not written: they wait again, where they were.
    pub(super) fn put_back(&mut self, ticket: Ticket, batch: Batch) {
        let mut events = batch.events;
        for range in self.taken.remove(&ticket).unwrap_or_default().into_iter().rev() {
            let part = events.split_off(events.len().saturating_sub((range.end - range.start) as usize));
            let bytes = part.iter().map(Event::size).sum();
            self.make_ready(range.start, part, bytes);
        }
    }

    /// Taken events are safe elsewhere.
    pub(super) fn deliver(&mut self, ticket: Ticket) {
        for range in self.taken.remove(&ticket).unwrap_or_default() {
            self.settle_range(range);
        }
    }

    /// The events of this ticket are gone without having been delivered: they are read again, and what is ready behind them, too.
    pub(super) fn abandon(&mut self, ticket: Ticket) {
        let Some(ranges) = self.taken.remove(&ticket) else { return };
        let ready = self.ready.front().map(|ready| ready.first);
        let lowest = ranges.first().map(|range| range.start).into_iter().chain(ready).min();
        self.ready.clear();
        (self.ready_bytes, self.ready_events) = (0, 0);
        self.loaded = self.loaded.min(lowest.unwrap_or(self.loaded));
        self.rewound = true;
        self.skipped = Ranges::default();
        for range in self.taken.values().flatten() {
            self.skipped.insert(range.clone());
        }
    }

    fn settle_range(&mut self, range: Range<u64>) -> u64 {
        let settled = self.settled.insert(range);
        self.stored = self.stored.saturating_sub(settled);
        self.unstored |= settled > 0;
        settled
    }

    /// Whether more is settled than was stored.
    pub(super) fn has_unstored(&self) -> bool {
        self.unstored
    }

    /// What is settled, to be stored.
    pub(super) fn begin_storing(&mut self) -> Ranges {
        (self.unstored, self.storing) = (false, true);
        self.settled.clone()
    }

    /// It was stored, or not.
    pub(super) fn end_storing(&mut self, stored: bool) {
        self.storing = false;
        self.unstored |= !stored;
    }

    /// No more puts will come.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether takers have nothing more to expect.
    pub(super) fn is_over(&self) -> bool {
        self.closed && self.front().is_none()
    }

    /// Whether all that was put is in the log, nothing is taken, and what is settled is stored.
    pub(super) fn is_at_rest(&self) -> bool {
        self.committed == self.next && self.taken.is_empty() && !self.unstored && !self.storing
    }
}
