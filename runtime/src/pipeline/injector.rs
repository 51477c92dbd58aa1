//! Puts events into a pipeline's chains beside what its sources read: the way of a replayed dead letter.
//!
//! Injected events are the injector's own, in a ledger of its own: no source's offset hangs on them. They pass the chain, the selector, channels
//! and sinks like any other, through the loop of their source; while that source connects anew they wait for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use super::ledger::{Abandoned, Checkpoint, Ledger, Limit};
use crate::batch::Batch;
use crate::control::{Inject, Refusal, RefusalKind};
use crate::delivery::{Ack, Delivery};
use crate::event::Event;
use crate::source;

/// Most events on their way at once, over all calls.
pub const MOST_EVENTS: usize = 1000;

/// The way into a pipeline's chains; cheap to clone.
#[derive(Clone)]
pub struct Injector {
    entries: Arc<[Entry]>,
    room: Arc<Semaphore>,
}

/// The way into one source's chain.
pub(crate) struct Entry {
    source: String,
    reads: Box<dyn Fn(&str) -> bool + Send + Sync>,
    queue: mpsc::Sender<Delivery>,
}

/// The source loop's end of an entry. It outlives the loop, which is made anew after a failure.
pub(crate) type Injected = tokio::sync::Mutex<mpsc::Receiver<Delivery>>;

impl Entry {
    /// An entry to this source, and the loop's end of it.
    pub(crate) fn new(source: &str, spec: &source::Spec) -> (Entry, Injected) {
        let spec = spec.clone();
        Entry::reading(source, move |topic| spec.reads(topic))
    }

    pub(super) fn reading(source: &str, reads: impl Fn(&str) -> bool + Send + Sync + 'static) -> (Entry, Injected) {
        let (queue, injected) = mpsc::channel(1);
        (Entry { source: source.to_owned(), reads: Box::new(reads), queue }, Injected::new(injected))
    }
}

impl Injector {
    /// An injector over a pipeline's sources, in their order.
    pub(crate) fn new(entries: Vec<Entry>) -> Injector {
        Injector { entries: entries.into(), room: Arc::new(Semaphore::new(MOST_EVENTS)) }
    }

    /// The source whose chain an event goes through: the one its letter names, else the first that reads the topic it came from, else the first.
    fn entry(&self, event: &Event) -> usize {
        let named = event.replay.as_ref().and_then(|replay| replay.source.as_deref());
        let named = named.and_then(|name| self.entries.iter().position(|entry| entry.source == name));
        let topic = event.origin.as_ref().map(|origin| &*origin.topic);
        named.or_else(|| topic.and_then(|topic| self.entries.iter().position(|entry| (entry.reads)(topic)))).unwrap_or(0)
    }

    async fn send(&self, batch: Batch, deadline: Instant) -> Result<(), Refusal> {
        let all = batch.len();
        let _room = self.reserve(all)?;
        // One lasting ledger for the call: what is still open in it at the deadline is what is not known.
        let mut ledger = Ledger::new(Limit { events: MOST_EVENTS, bytes: usize::MAX });
        let mut batches: Vec<Vec<Event>> = self.entries.iter().map(|_| Vec::new()).collect();
        for event in batch.events {
            let entry = self.entry(&event);
            batches.get_mut(entry).ok_or_else(no_source)?.push(event);
        }
        for (entry, events) in self.entries.iter().zip(batches).filter(|(_, events)| !events.is_empty()) {
            let batch = Batch::from(events);
            let ack: Ack = ledger.track(batch.len(), batch.size(), Checkpoint::new());
            let sent = timeout_at(deadline, entry.queue.send(Delivery { batch, ack })).await;
            sent.map_err(|_| late(&ledger, all))?.map_err(|_| gone(&entry.source))?;
        }
        while ledger.is_open(&[]) {
            let settled = timeout_at(deadline, ledger.settled()).await;
            settled.map_err(|_| late(&ledger, all))?.map_err(abandoned)?;
        }
        Ok(())
    }

    /// Room for so many events, until the guard is dropped.
    fn reserve(&self, events: usize) -> Result<tokio::sync::SemaphorePermit<'_>, Refusal> {
        if events > MOST_EVENTS {
            let detail = format!("{events} events at once are more than the {MOST_EVENTS} that may be");
            return Err(Refusal::new(RefusalKind::Unprocessable, detail));
        }
        let permits = u32::try_from(events).unwrap_or(u32::MAX);
        let busy =
            |_| Refusal::new(RefusalKind::Busy, format!("{MOST_EVENTS} events are on their way through this pipeline's chains already"));
        self.room.try_acquire_many(permits).map_err(busy)
    }
}

impl Inject for Injector {
    fn inject(&self, batch: Batch, deadline: Duration) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.send(batch, Instant::now() + deadline))
    }
}

fn late(ledger: &Ledger, all: usize) -> Refusal {
    let detail =
        format!("{} of {all} events are on their way and not known to be safe: a sink or the source does not answer", ledger.open_events());
    Refusal::new(RefusalKind::Deadline, detail)
}

fn abandoned(_: Abandoned) -> Refusal {
    let detail = "the source failed while the events were in its chain: some may have gone on, none is known to be safe";
    Refusal::new(RefusalKind::Unavailable, detail)
}

fn gone(source: &str) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("source {source} has ended and takes no events in"))
}

fn no_source() -> Refusal {
    Refusal::new(RefusalKind::Unavailable, "the pipeline has no source")
}
