//! Events in source order, and what an interceptor's outcome makes of them.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::event::{Event, Scope};
use crate::headers::Row;
use crate::json::Documents;

/// Events that travel together, in source order.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events. While a batch is in a chain they change by [`Outcome::apply`] only, which knows what else is known of them.
    pub events: Vec<Event>,
    /// Made when an interceptor first asks for a field, kept for the next one, and gone at the end of the chain.
    documents: Mutex<Documents>,
}

impl Batch {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Where to part these events after `most` of them, or a few more: never between two that came of one record, as a sink may have to say of a
    /// whole record that it is written.
    pub fn seam(&self, most: usize) -> usize {
        seam(&self.events, most)
    }

    /// These events in batches of at most so many.
    pub(crate) fn parts(self, most: usize) -> Vec<Batch> {
        let most = most.max(1);
        if self.len() <= most {
            return vec![self];
        }
        let mut events = self.events.into_iter();
        let mut part = || Some(Batch::from(events.by_ref().take(most).collect::<Vec<_>>())).filter(|part| !part.is_empty());
        std::iter::from_fn(&mut part).collect()
    }

    /// Where the fields of the JSON bodies are, of these events at least.
    pub(crate) fn documents(&self, range: Range<usize>) -> MutexGuard<'_, Documents> {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.read(&self.events, range);
        documents
    }

    /// Bytes these events keep alive, about.
    pub fn size(&self) -> usize {
        self.events.iter().map(Event::size).sum()
    }
}

/// As [`Batch::seam`].
pub(crate) fn seam(events: &[Event], most: usize) -> usize {
    let mut at = most.max(1).min(events.len());
    while at < events.len() && events[at].is_of_record(&events[at - 1]) {
        at += 1;
    }
    at
}

impl From<Vec<Event>> for Batch {
    fn from(events: Vec<Event>) -> Batch {
        Batch { events, documents: Mutex::default() }
    }
}

impl Clone for Batch {
    fn clone(&self) -> Batch {
        Batch::from(self.events.clone())
    }
}

/// Why an event went to the dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejection {
    /// Component that refused it, such as `interceptor int-1` or `sink kafka-sink-1`.
    pub stage: String,
    /// What a person reads first.
    pub reason: String,
    /// The guest's backtrace, where a trap was the cause.
    pub backtrace: Option<String>,
    /// SHA-256 of the plugin that refused it, in hex.
    pub plugin: Option<String>,
    /// Source in whose chain it was refused, or that could not read it; `None` behind the channels, where sources mix.
    pub source: Option<String>,
}

/// An event and why it was refused.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The event as it was when it was refused.
    pub event: Event,
    /// Why.
    pub rejection: Rejection,
}

/// A change to one event. Those of one event apply in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Replaces every header of that name.
    SetHeader {
        /// Header name.
        name: Bytes,
        /// Header value.
        value: Bytes,
        /// Who will see it.
        scope: Scope,
    },
    /// Removes every header of that name.
    RemoveHeader(Bytes),
    /// Sets or clears the key.
    Key(Option<Bytes>),
    /// Sets or clears the body.
    Body(Option<Bytes>),
}

/// What is changed about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// One by one, in order.
    List(Vec<Change>),
    /// Headers are set and nothing else is done: a row of the table that the whole batch shares.
    Row(Row),
}

/// A new event right after the one it is derived from, with that event's key, timestamp, origin and (changed) headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Its body.
    pub body: Option<Bytes>,
    /// Headers set on top.
    pub headers: Vec<(Bytes, Bytes)>,
}

/// What becomes of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Goes on (with its changes, if any).
    Keep,
    /// Dropped on purpose; counts as delivered.
    Discard,
    /// To the dead letters. Boxed, since nearly no event is: verdicts are small.
    Reject(Box<Rejection>),
}

/// What an interceptor decided about a batch: sparse, an event without an entry goes on as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Entries by ascending event index, at most one an event.
    pub verdicts: Vec<(usize, Verdict)>,
}

/// The decision about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it goes on.
    pub fate: Fate,
    /// Changes to apply to it. A rejected event is parked without them.
    pub changes: Changes,
    /// New events right after it; a discarded event may leave derived ones behind.
    pub derived: Vec<Derived>,
}

impl Verdict {
    /// A verdict that only decides the fate.
    pub fn fate(fate: Fate) -> Verdict {
        Verdict { fate, changes: Changes::default(), derived: Vec::new() }
    }

    /// A verdict that keeps the event with changes.
    pub fn changes(changes: Vec<Change>) -> Verdict {
        Verdict { fate: Fate::Keep, changes: Changes::List(changes), derived: Vec::new() }
    }
}

impl Default for Changes {
    fn default() -> Changes {
        Changes::List(Vec::new())
    }
}

impl Changes {
    fn apply(self, event: &mut Event) {
        match self {
            Changes::List(changes) => changes.into_iter().for_each(|change| change.apply(event)),
            Changes::Row(row) => event.headers.set_row(row),
        }
    }

    fn keep_body(&self) -> bool {
        match self {
            Changes::List(changes) => !changes.iter().any(|change| matches!(change, Change::Body(_))),
            Changes::Row(_) => true,
        }
    }
}

/// A batch after an interceptor.
#[derive(Debug, Default)]
pub struct Judged {
    /// What goes on, in order.
    pub batch: Batch,
    /// What goes to the dead letters, in order.
    pub rejected: Vec<Rejected>,
    /// How many were dropped on purpose.
    pub discarded: usize,
}

/// How many events went on, were dropped on purpose and went to the dead letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) discarded: usize,
    pub(crate) rejected: usize,
}

impl From<Batch> for Judged {
    fn from(batch: Batch) -> Judged {
        Judged { batch, ..Judged::default() }
    }
}

impl Outcome {
    /// Events it discards, events it rejects, and new events.
    pub fn counts(&self) -> (usize, usize, usize) {
        let (mut discarded, mut rejected, mut derived) = (0, 0, 0);
        for (_, verdict) in &self.verdicts {
            derived += verdict.derived.len();
            match verdict.fate {
                Fate::Keep => {}
                Fate::Discard => discarded += 1,
                Fate::Reject(_) => rejected += 1,
            }
        }
        (discarded, rejected, derived)
    }

    /// Adds the outcome of the events from `start` on, which are behind all that are judged so far.
    pub(crate) fn append(&mut self, next: Outcome, start: usize) {
        match start {
            0 => self.verdicts = next.verdicts,
            start => self.verdicts.extend(next.verdicts.into_iter().map(|(index, verdict)| (start + index, verdict))),
        }
    }

    /// Applies the verdicts to the batch they were made for.
    pub fn apply(self, batch: Batch) -> Judged {
        if self.verdicts.is_empty() {
            return Judged::from(batch);
        }
        let documents = batch.documents.into_inner().unwrap_or_else(PoisonError::into_inner);
        let documents = self.carry(documents, batch.events.len());
        let grows = self.verdicts.iter().any(|(_, verdict)| !verdict.derived.is_empty());
        let mut verdicts = self.verdicts.into_iter().peekable();
        let (mut judged, mut events, mut index) = (Judged::default(), batch.events, 0);
        let mut next = || {
            let verdict = verdicts.next_if(|(at, _)| *at == index).map(|(_, verdict)| verdict);
            index += 1;
            verdict
        };
        if grows {
            let mut grown = Vec::with_capacity(events.len());
            for mut event in events {
                let Some(mut verdict) = next() else {
                    grown.push(event);
                    continue;
                };
                let derived = std::mem::take(&mut verdict.derived);
                let is_rejected = matches!(verdict.fate, Fate::Reject(_));
                let goes_on = judged.take(&mut event, verdict);
                // What was derived from a rejected event goes with it.
                let derived = if is_rejected { Vec::new() } else { derived };
                let derived: Vec<Event> = derived.into_iter().map(|derived| derived.from(&event)).collect();
                grown.extend(goes_on.then_some(event).into_iter().chain(derived));
            }
            events = grown;
        } else {
            events.retain_mut(|event| next().is_none_or(|verdict| judged.take(event, verdict)));
        }
        judged.batch = Batch { events, documents: Mutex::new(documents) };
        judged
    }
}

impl Outcome {
    /// What is still known of the bodies of a batch of `events` events when these verdicts are applied.
    fn carry(&self, documents: Documents, events: usize) -> Documents {
        if documents.is_empty() || self.verdicts.iter().all(|(_, verdict)| verdict.keeps_body() && verdict.derived.is_empty()) {
            return documents;
        }
        let mut verdicts = self.verdicts.iter().peekable();
        documents.carried((0..events).flat_map(move |index| {
            let verdict = verdicts.next_if(|(at, _)| *at == index).map(|(_, verdict)| verdict);
            let goes_on = verdict.is_none_or(|verdict| verdict.fate == Fate::Keep);
            let body = verdict.is_none_or(Verdict::keeps_body).then_some(index);
            let derived = verdict.map_or(0, |verdict| if matches!(verdict.fate, Fate::Reject(_)) { 0 } else { verdict.derived.len() });
            goes_on.then_some(body).into_iter().chain(std::iter::repeat_n(None, derived))
        }))
    }
}

impl Verdict {
    /// Whether the event goes on with the body it has.
    fn keeps_body(&self) -> bool {
        self.fate == Fate::Keep && self.changes.keep_body()
    }
}

impl Judged {
    /// The judgements of a batch's parts as one, in order. Nobody asks for fields of its bodies any more.
    pub(crate) fn join(parts: Vec<Judged>) -> Judged {
        let mut parts = parts.into_iter();
        let Some(mut all) = parts.next() else { return Judged::default() };
        let more: usize = parts.as_slice().iter().map(|part| part.batch.len()).sum();
        let mut events = std::mem::take(&mut all.batch.events);
        events.reserve(more);
        for mut part in parts {
            events.append(&mut part.batch.events);
            all.rejected.append(&mut part.rejected);
            all.discarded += part.discarded;
        }
        Judged { batch: Batch::from(events), ..all }
    }

    /// How many went on, were dropped and were refused.
    pub(crate) fn counts(&self) -> Counts {
        Counts { passed: self.batch.len(), discarded: self.discarded, rejected: self.rejected.len() }
    }

    /// Changes an event; whether it goes on. A rejected one is taken away, as it came.
    fn take(&mut self, event: &mut Event, verdict: Verdict) -> bool {
        if let Fate::Reject(rejection) = verdict.fate {
            self.rejected.push(Rejected { event: std::mem::take(event), rejection: *rejection });
            return false;
        }
        verdict.changes.apply(event);
        let goes_on = verdict.fate == Fate::Keep;
        self.discarded += usize::from(!goes_on);
        goes_on
    }
}

impl Change {
    fn apply(self, event: &mut Event) {
        match self {
            Change::SetHeader { name, value, scope } => event.set_header(name, value, scope),
            Change::RemoveHeader(name) => event.remove_headers(|other| other == name),
            // A header `key` would win over it in a Kafka sink.
            Change::Key(key) => {
                event.headers.retain(|header| header.scope == Scope::Record || header.name != b"key");
                event.key = key;
            }
            Change::Body(body) => event.body = body,
        }
    }
}

impl Derived {
    fn from(self, parent: &Event) -> Event {
        let mut event = Event { body: self.body, ..parent.clone() };
        for (name, value) in self.headers {
            let scope = Scope::of_plugin(&name);
            event.set_header(name, value, scope);
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;
    use crate::json::{Pointer, Value};

    fn bodies(batch: &Batch) -> Vec<&str> {
        batch.events.iter().map(|event| std::str::from_utf8(event.body()).expect("text")).collect()
    }

    #[test]
    fn events_of_one_record_are_not_parted() {
        let of = |offset: Option<i64>| Event {
            origin: offset.map(|offset| Origin { topic: "t".into(), partition: 0, offset }),
            ..Event::new("")
        };
        let batch = Batch::from([Some(1), Some(2), Some(2), Some(2), Some(3), None, None].map(of).to_vec());
        let seams: Vec<_> = (0..9).map(|most| batch.seam(most)).collect();
        assert_eq!(seams, [1, 1, 4, 4, 4, 5, 6, 7, 7]);
        assert_eq!(Batch::default().seam(3), 0);
    }

    #[test]
    fn parts_are_all_events_in_order() {
        let batch = || Batch::from(["a", "b", "c", "d", "e"].map(Event::new).to_vec());
        let parted = |most| batch().parts(most).iter().map(|part| bodies(part).concat()).collect::<Vec<_>>();
        assert_eq!(parted(2), ["ab", "cd", "e"]);
        assert_eq!(parted(5), ["abcde"]);
        assert_eq!(parted(0).len(), 5);
        assert_eq!(Batch::default().parts(3).len(), 1);
    }

    #[test]
    fn an_event_that_nobody_names_goes_on_as_it_came() {
        let batch = Batch::from(vec![Event::new("a"), Event::new("b"), Event::new("c"), Event::new("d")]);
        let rejection = Rejection { reason: "bad".into(), ..Rejection::default() };
        let derived = Derived { body: Some("c1".into()), headers: vec![("x".into(), "1".into())] };
        let outcome = Outcome {
            verdicts: vec![
                (0, Verdict::fate(Fate::Discard)),
                (1, Verdict::fate(Fate::Reject(Box::new(rejection.clone())))),
                (2, Verdict { fate: Fate::Keep, changes: Changes::List(vec![Change::Body(Some("C".into()))]), derived: vec![derived] }),
            ],
        };
        let judged = outcome.apply(batch);
        assert_eq!(bodies(&judged.batch), ["C", "c1", "d"]);
        assert_eq!(judged.batch.events[1].header_text("x").as_deref(), Some("1"));
        assert_eq!(judged.discarded, 1);
        assert_eq!(judged.rejected.len(), 1);
        assert_eq!(judged.rejected[0].rejection, rejection);
    }

    #[test]
    fn fields_are_those_of_the_bodies_that_went_on() {
        let batch = Batch::from((0..5).map(|number| Event::new(format!("{{\"n\":{number}}}"))).collect::<Vec<_>>());
        let pointer = Pointer::parse("/n").expect("a pointer");
        let numbers = |batch: &Batch| -> Vec<Option<f64>> {
            let mut documents = batch.documents(0..batch.len());
            documents.values(&batch.events, 0..batch.len(), &pointer).map(|value| value.and_then(Value::number)).collect()
        };
        assert_eq!(numbers(&batch), [0.0, 1.0, 2.0, 3.0, 4.0].map(Some));
        let header = Change::SetHeader { name: "h".into(), value: "1".into(), scope: Scope::Both };
        let body = |text: &'static str| Change::Body(Some(text.into()));
        let derived = |text: &'static str| Derived { body: Some(text.into()), headers: Vec::new() };
        let outcome = Outcome {
            verdicts: vec![
                (0, Verdict::changes(vec![header])),
                (1, Verdict { fate: Fate::Discard, changes: Changes::default(), derived: vec![derived("{\"nn\": 0, \"n\":10}")] }),
                (2, Verdict::changes(vec![body("{}")])),
                (4, Verdict { fate: Fate::Keep, changes: Changes::List(vec![body("{\"m\":0, \"n\":40}")]), derived: vec![derived("no")] }),
            ],
        };
        let batch = outcome.apply(batch).batch;
        assert_eq!(numbers(&batch), [Some(0.0), Some(10.0), None, Some(3.0), Some(40.0), None]);
    }
}
