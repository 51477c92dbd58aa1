//! One listener: what it wants, what it was told, and a queue that never makes anybody wait.

use std::collections::VecDeque;
use std::time::Instant;

use regex::bytes::Regex;
use tokio::sync::mpsc;

use crate::batch::{Batch, Fate, Outcome, Verdict};
use crate::control::swap::VersionStatus;
use crate::control::tap::{EventView, Listening, TapItem, TapRequest, TappedEvent};
use crate::control::{Refusal, RefusalKind};
use crate::event::Event;
use crate::token_bucket::TokenBucket;

/// Items that wait for a listener.
const QUEUE: usize = 256;
/// Bytes of events that wait for it; a larger event is shown when nothing else waits.
const QUEUE_BYTES: usize = 8 << 20;
/// Events a second, unless it says otherwise.
const RATE: u32 = 100;

/// A batch that was judged.
pub(super) struct Heard<'a> {
    pub(super) batch: &'a Batch,
    pub(super) outcome: &'a Outcome,
    /// Of the version that judged it.
    pub(super) digest: Option<&'a str>,
    pub(super) at: Instant,
    /// Milliseconds since the epoch.
    pub(super) time: u64,
}

pub(super) struct Listener {
    items: mpsc::Sender<TapItem>,
    /// Sizes of the items last sent, of which those still in the queue count.
    sizes: VecDeque<usize>,
    changed: bool,
    contains: Option<Regex>,
    bucket: TokenBucket,
    /// How many events it still wants.
    left: Option<u64>,
    /// Not shown, and not told yet.
    dropped: u64,
    /// The version it heard last, as far as it is known.
    told: Option<VersionStatus>,
}

impl Listener {
    pub(super) fn new(request: &TapRequest, now: Instant) -> Result<(Listener, Listening), Refusal> {
        let pattern = request.contains.as_deref().map(|text| Regex::new(&regex::escape(text))).transpose();
        let contains = pattern.map_err(|_| Refusal::new(RefusalKind::Unprocessable, "the text to search for is too long"))?;
        let (items, receiver) = mpsc::channel(QUEUE);
        let listener = Listener {
            items,
            sizes: VecDeque::new(),
            changed: request.changed,
            contains,
            bucket: TokenBucket::full(request.rate.unwrap_or(RATE), now),
            left: request.limit,
            dropped: 0,
            told: None,
        };
        Ok((listener, Listening { items: receiver }))
    }

    /// Whether it still wants anything.
    pub(super) fn is_there(&self) -> bool {
        self.left != Some(0) && !self.items.is_closed()
    }

    /// Sees a batch; says how many of the events that it wants could not be shown.
    pub(super) fn hear(&mut self, heard: &Heard<'_>, current: Option<&VersionStatus>) -> u64 {
        // Without room for the mark no event may pass it.
        let marked = self.mark(heard.digest, current);
        let mut missed = 0;
        let mut verdicts = heard.outcome.verdicts.iter().peekable();
        for (index, event) in heard.batch.events.iter().enumerate() {
            let verdict = verdicts.next_if(|(at, _)| *at == index).map(|(_, verdict)| verdict);
            if !self.is_there() {
                break;
            }
            if !self.wants(event, verdict) {
                continue;
            }
            if !marked || !self.show(heard, event, verdict) {
                self.dropped += 1;
                missed += 1;
            }
        }
        missed
    }

    /// Says that another version judges; false when there is no room to say so. A batch that the version before still had in hand is no news:
    /// each event names its version.
    fn mark(&mut self, digest: Option<&str>, current: Option<&VersionStatus>) -> bool {
        let Some(digest) = digest else { return true };
        if self.told.as_ref().is_some_and(|told| told.digest == digest) {
            return true;
        }
        let judging = match current {
            Some(current) if current.digest == digest => current.clone(),
            Some(_) if self.told.is_some() => return true,
            _ => VersionStatus { digest: digest.to_owned(), ..VersionStatus::default() },
        };
        if let Some(told) = self.told.clone()
            && !self.send(TapItem::Swapped { from: Some(told), to: judging.clone() }, 0)
        {
            return false;
        }
        self.told = Some(judging);
        true
    }

    /// More is known of a version that it has heard.
    pub(super) fn knows(&mut self, version: &VersionStatus) {
        if self.told.as_ref().is_some_and(|told| told.digest == version.digest) {
            self.told = Some(version.clone());
        }
    }

    fn wants(&self, event: &Event, verdict: Option<&Verdict>) -> bool {
        if self.changed && verdict.is_none_or(|verdict| *verdict == Verdict::fate(Fate::Keep)) {
            return false;
        }
        let Some(text) = &self.contains else { return true };
        text.is_match(event.body()) || event.headers.iter().any(|header| header.value.is_some_and(|value| text.is_match(value)))
    }

    /// False when its rate or its queue has no room for the event. What it missed before is told first, so that gaps have their place.
    fn show(&mut self, heard: &Heard<'_>, event: &Event, verdict: Option<&Verdict>) -> bool {
        let items = if self.dropped > 0 { 2 } else { 1 };
        if self.items.capacity() < items || !self.bucket.take(heard.at) {
            return false;
        }
        let after = after(event, verdict);
        let bytes = event.size() + after.iter().map(Event::size).sum::<usize>();
        if !self.has_room(bytes) || !self.tell_dropped() {
            return false;
        }
        let (fate, reason) = fate(verdict);
        let tapped = TappedEvent {
            time: heard.time,
            digest: heard.digest.map(str::to_owned),
            before: EventView::from(event),
            fate: fate.to_owned(),
            reason,
            after: after.iter().map(EventView::from).collect(),
        };
        if !self.send(TapItem::Event(Box::new(tapped)), bytes) {
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let waiting = self.items.max_capacity() - self.items.capacity();
        self.sizes.drain(..self.sizes.len().saturating_sub(waiting));
        let waiting_bytes: usize = self.sizes.iter().sum();
        waiting_bytes == 0 || waiting_bytes + bytes <= QUEUE_BYTES
    }

    /// False when it missed something and there is no room to say so.
    pub(super) fn tell_dropped(&mut self) -> bool {
        if self.dropped > 0 {
            if !self.send(TapItem::Dropped { events: self.dropped }, 0) {
                return false;
            }
            self.dropped = 0;
        }
        true
    }

    fn send(&mut self, item: TapItem, bytes: usize) -> bool {
        let sent = self.items.try_send(item).is_ok();
        if sent {
            self.sizes.push_back(bytes);
        }
        sent
    }

    /// The last that it hears, where there is room.
    pub(super) fn end(mut self, why: &str) {
        if self.tell_dropped() {
            self.send(TapItem::Ended { detail: why.to_owned() }, 0);
        }
    }
}

/// What goes on in the event's place, by the code that applies verdicts for good.
fn after(event: &Event, verdict: Option<&Verdict>) -> Vec<Event> {
    let verdicts = verdict.map(|verdict| (0, verdict.clone())).into_iter().collect();
    Outcome { verdicts }.apply(Batch::from(vec![event.clone()])).batch.events
}

fn fate(verdict: Option<&Verdict>) -> (&'static str, Option<String>) {
    match verdict.map(|verdict| &verdict.fate) {
        None | Some(Fate::Keep) => ("keep", None),
        Some(Fate::Discard) => ("discard", None),
        Some(Fate::Reject(rejection)) => ("reject", Some(rejection.reason.clone())),
    }
}
