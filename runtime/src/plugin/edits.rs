//! A guest's edits, checked whole against the batch before any of them counts, then made into an outcome.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::bindings::events::{Derived as GuestDerived, Edit, Edits, HeaderEdit, Span};
use crate::batch::{Change, Changes, Derived, Fate, Outcome, Rejection, Verdict};
use crate::event::Scope;
use crate::headers::{Piece, Row, Table};
use crate::printable::one_line;

/// New events a batch may grow by: so many for each of its events, and a few more for small batches.
const DERIVED_PER_EVENT: usize = 10;
const DERIVED_ANYWAY: usize = 100;

/// Bytes of a header's name. Kafka has no limit of its own; this one keeps names names.
const NAME: usize = 4096;

/// Names looked up before they are looked at again.
const NAMES_KEPT: usize = 16;

/// Makes the outcome for a batch of `events` events; rejections carry the stage and the plugin's digest later. The error says what does not fit.
pub(super) fn check(edits: Edits, events: usize) -> Result<Outcome, String> {
    ascends("discards", &edits.discards, events, Once::Yes)?;
    ascends("rejects", &edits.rejects, events, Once::Yes)?;
    ascends("set-headers", &edits.set_headers, events, Once::No)?;
    ascends("remove-headers", &edits.remove_headers, events, Once::No)?;
    ascends("set-keys", &edits.set_keys, events, Once::Yes)?;
    ascends("clear-keys", &edits.clear_keys, events, Once::Yes)?;
    ascends("set-bodies", &edits.set_bodies, events, Once::Yes)?;
    ascends("clear-bodies", &edits.clear_bodies, events, Once::Yes)?;
    ascends("derived", &edits.derived, events, Once::No)?;
    let most = events.saturating_mul(DERIVED_PER_EVENT).saturating_add(DERIVED_ANYWAY);
    if edits.derived.len() > most {
        return Err(format!("derived: {} new events of a batch of {events}; at most {most}", edits.derived.len()));
    }
    Merge::new(edits)?.outcome(events)
}

/// Whether a list may name an event twice.
#[derive(PartialEq)]
enum Once {
    Yes,
    No,
}

/// What is about an event.
trait About {
    fn event(&self) -> u32;
}

macro_rules! about {
    ($($kind:ty),*) => { $(impl About for $kind { fn event(&self) -> u32 { self.event } })* };
}
about!(Edit, HeaderEdit, GuestDerived, RowPlace);

impl About for u32 {
    fn event(&self) -> u32 {
        *self
    }
}

fn ascends<T: About>(list: &str, items: &[T], events: usize, once: Once) -> Result<(), String> {
    let mut last = None;
    for item in items {
        let event = item.event();
        if event as usize >= events {
            return Err(format!("{list}: event {event} of a batch of {events}"));
        }
        match last {
            Some(last) if event < last => return Err(format!("{list}: event {event} after event {last}")),
            Some(last) if event == last && once == Once::Yes => return Err(format!("{list}: event {event} twice")),
            _ => last = Some(event),
        }
    }
    Ok(())
}

/// The rest of a list.
struct Rest<T> {
    items: Vec<T>,
    at: usize,
}

impl<T: About> Rest<T> {
    fn new(items: Vec<T>) -> Rest<T> {
        Rest { items, at: 0 }
    }

    fn len(&self) -> usize {
        self.items.len() - self.at
    }

    /// The event the rest begins with; past all events where there is none.
    #[inline]
    fn head(&self) -> u32 {
        self.items.get(self.at).map_or(u32::MAX, About::event)
    }

    /// What it says of this event.
    #[inline]
    fn all_of(&mut self, event: u32) -> &[T] {
        let rest = self.items.get(self.at..).unwrap_or_default();
        let many = rest.iter().take_while(|item| item.event() == event).count();
        self.at += many;
        &rest[..many]
    }

    /// As [`Rest::all_of`], of a list that may name an event once.
    #[inline]
    fn one_of(&mut self, event: u32) -> Option<&T> {
        self.all_of(event).first()
    }
}

/// Walks all lists together, event by event.
struct Merge {
    discards: Rest<u32>,
    rejects: Rest<Edit>,
    set_headers: Rest<RowPlace>,
    remove_headers: Rest<Edit>,
    set_keys: Rest<Edit>,
    clear_keys: Rest<u32>,
    set_bodies: Rest<Edit>,
    clear_bodies: Rest<u32>,
    derived: Rest<GuestDerived>,
    arena: Arena,
    /// What `set_headers` names rows of.
    table: Arc<Table>,
}

impl Merge {
    fn new(edits: Edits) -> Result<Merge, String> {
        let mut arena = Arena { bytes: Bytes::from(edits.bytes), names: Vec::new() };
        let (table, rows) = arena.table(&edits.set_headers)?;
        Ok(Merge {
            discards: Rest::new(edits.discards),
            rejects: Rest::new(edits.rejects),
            set_headers: Rest::new(rows),
            remove_headers: Rest::new(edits.remove_headers),
            set_keys: Rest::new(edits.set_keys),
            clear_keys: Rest::new(edits.clear_keys),
            set_bodies: Rest::new(edits.set_bodies),
            clear_bodies: Rest::new(edits.clear_bodies),
            derived: Rest::new(edits.derived),
            arena,
            table: Arc::new(table),
        })
    }

    fn outcome(mut self, events: usize) -> Result<Outcome, String> {
        let mut outcome = Outcome { verdicts: Vec::with_capacity(self.named().min(events)) };
        while let Some(event) = self.next_event() {
            let verdict = self.verdict(event)?;
            outcome.verdicts.push((event as usize, verdict));
        }
        Ok(outcome)
    }

    /// How many entries there are.
    fn named(&self) -> usize {
        let Merge { discards, rejects, set_headers, remove_headers, set_keys, clear_keys, set_bodies, clear_bodies, derived, .. } = self;
        let marks = discards.len() + clear_keys.len() + clear_bodies.len();
        let edits = rejects.len() + remove_headers.len() + set_keys.len() + set_bodies.len();
        marks + edits + set_headers.len() + derived.len()
    }

    fn next_event(&self) -> Option<u32> {
        let heads = [
            self.discards.head(),
            self.rejects.head(),
            self.set_headers.head(),
            self.remove_headers.head(),
            self.set_keys.head(),
            self.clear_keys.head(),
            self.set_bodies.head(),
            self.clear_bodies.head(),
            self.derived.head(),
        ];
        heads.into_iter().min().filter(|event| *event != u32::MAX)
    }

    fn verdict(&mut self, event: u32) -> Result<Verdict, String> {
        let fate = self.fate(event)?;
        let changes = self.changes(event)?;
        let mut derived = Vec::new();
        for new in self.derived.all_of(event) {
            derived.push(self.arena.derived(new)?);
        }
        if matches!(fate, Fate::Reject(_)) && !derived.is_empty() {
            return Err(format!("event {event} is rejected and has events derived from it"));
        }
        Ok(Verdict { fate, changes, derived })
    }

    fn fate(&mut self, event: u32) -> Result<Fate, String> {
        let discarded = self.discards.one_of(event).is_some();
        match self.rejects.one_of(event) {
            Some(_) if discarded => Err(format!("event {event} is both discarded and rejected")),
            Some(reject) => {
                let reason = self.arena.bytes("rejects", event, reject.at)?;
                let reason = one_line(&String::from_utf8_lossy(&reason));
                Ok(Fate::Reject(Box::new(Rejection { reason, ..Rejection::default() })))
            }
            None if discarded => Ok(Fate::Discard),
            None => Ok(Fate::Keep),
        }
    }

    /// Removals first, so that a guest can replace headers whatever order it names them in.
    fn changes(&mut self, event: u32) -> Result<Changes, String> {
        let removed = self.remove_headers.all_of(event);
        let row = self.set_headers.one_of(event).map(|row| Row::new(&self.table, row.start, row.end));
        let (set, cleared) = (self.set_keys.one_of(event), self.clear_keys.one_of(event).is_some());
        let key = self.arena.field("key", event, set, cleared)?.map(Change::Key);
        let (set, cleared) = (self.set_bodies.one_of(event), self.clear_bodies.one_of(event).is_some());
        let body = self.arena.field("body", event, set, cleared)?.map(Change::Body);
        match row {
            Some(row) if removed.is_empty() && key.is_none() && body.is_none() => Ok(Changes::Row(row)),
            row => {
                let removals = removed.iter().map(|remove| self.arena.bytes("remove-headers", event, remove.at).map(Change::RemoveHeader));
                let mut changes = removals.collect::<Result<Vec<_>, _>>()?;
                let set = row.iter().flat_map(Row::parts).map(|(name, value, scope)| Change::SetHeader { name, value, scope });
                changes.extend(set.chain(key).chain(body));
                Ok(Changes::List(changes))
            }
        }
    }
}

/// Which entries of the table are an event's.
struct RowPlace {
    event: u32,
    start: u32,
    end: u32,
}

/// The bytes all spans are in. What is cut from it shares it.
struct Arena {
    bytes: Bytes,
    names: Vec<(Span, Scope)>,
}

impl Arena {
    fn range(&self, list: &str, event: u32, span: Span) -> Result<Range<usize>, String> {
        let start = span.offset as usize;
        let end = start + span.len as usize;
        if end > self.bytes.len() {
            return Err(format!("{list}: bytes {start}..{end} for event {event}, of {}", self.bytes.len()));
        }
        Ok(start..end)
    }

    fn field(&self, what: &str, event: u32, set: Option<&Edit>, cleared: bool) -> Result<Option<Option<Bytes>>, String> {
        match set {
            Some(_) if cleared => Err(format!("the {what} of event {event} is both set and cleared")),
            Some(set) => Ok(Some(Some(self.bytes(what, event, set.at)?))),
            None if cleared => Ok(Some(None)),
            None => Ok(None),
        }
    }

    fn bytes(&self, list: &str, event: u32, span: Span) -> Result<Bytes, String> {
        self.range(list, event, span).map(|range| self.bytes.slice(range))
    }

    /// The headers that are set, in a table with a row for each event named.
    fn table(&mut self, edits: &[HeaderEdit]) -> Result<(Table, Vec<RowPlace>), String> {
        let mut table = Table::new(self.bytes.clone(), edits.len());
        // One an event is what most lists have.
        let mut rows = Vec::with_capacity(edits.len());
        for row in edits.chunk_by(|one, next| one.event == next.event) {
            let start = table.len();
            for HeaderEdit { event, name, value } in row {
                let scope = self.scope("set-headers", *event, *name)?;
                self.range("set-headers", *event, *value)?;
                table.push(Piece::new(name.offset, name.len), Piece::new(value.offset, value.len), scope);
            }
            table.end_row(start);
            // Both fit, as a guest's list does into its 32-bit memory.
            rows.push(RowPlace { event: row[0].event, start: start as u32, end: table.len() as u32 });
        }
        Ok((table, rows))
    }

    /// Who will see a header of this name, which is text that a Kafka client takes.
    fn scope(&mut self, list: &str, event: u32, name: Span) -> Result<Scope, String> {
        let known = self.names.iter().find(|(known, _)| known.offset == name.offset && known.len == name.len);
        if let Some((_, scope)) = known {
            return Ok(*scope);
        }
        let bytes = &self.bytes[self.range(list, event, name)?];
        let problem = match std::str::from_utf8(bytes) {
            Err(_) => Some("is not UTF-8"),
            Ok("") => Some("is empty"),
            Ok(text) if text.contains('\0') => Some("contains a NUL"),
            Ok(text) if text.len() > NAME => Some("is over 4,096 bytes long"),
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            return Err(format!("{list}: a header name of event {event} {problem}"));
        }
        let scope = Scope::of_plugin(bytes);
        if self.names.len() < NAMES_KEPT {
            self.names.push((name, scope));
        }
        Ok(scope)
    }

    fn derived(&mut self, derived: &GuestDerived) -> Result<Derived, String> {
        let mut headers = Vec::with_capacity(derived.headers.len());
        for (name, value) in &derived.headers {
            self.scope("derived", derived.event, *name)?;
            headers.push((self.bytes("derived", derived.event, *name)?, self.bytes("derived", derived.event, *value)?));
        }
        Ok(Derived { body: Some(self.bytes("derived", derived.event, derived.body)?), headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits() -> Edits {
        Edits {
            discards: Vec::new(),
            rejects: Vec::new(),
            set_headers: Vec::new(),
            remove_headers: Vec::new(),
            set_keys: Vec::new(),
            clear_keys: Vec::new(),
            set_bodies: Vec::new(),
            clear_bodies: Vec::new(),
            derived: Vec::new(),
            bytes: b"topicvalue\xff".to_vec(),
        }
    }

    const TOPIC: Span = Span { offset: 0, len: 5 };
    const VALUE: Span = Span { offset: 5, len: 5 };
    const NOT_TEXT: Span = Span { offset: 10, len: 1 };

    fn refusal(edits: Edits) -> String {
        check(edits, 3).expect_err("it does not fit")
    }

    #[test]
    fn lists_are_merged_event_by_event() {
        let edits = Edits {
            discards: vec![2],
            set_headers: vec![HeaderEdit { event: 0, name: TOPIC, value: VALUE }, HeaderEdit { event: 0, name: VALUE, value: VALUE }],
            remove_headers: vec![Edit { event: 0, at: VALUE }],
            clear_bodies: vec![1],
            derived: vec![GuestDerived { event: 2, body: VALUE, headers: vec![(TOPIC, VALUE)] }],
            ..edits()
        };
        let outcome = check(edits, 3).expect("it fits");
        let value = Bytes::from_static(b"value");
        let header = |name: &'static str, scope| Change::SetHeader { name: name.into(), value: value.clone(), scope };
        let derived = Derived { body: Some(value.clone()), headers: vec![("topic".into(), value.clone())] };
        let wanted = vec![
            (0, Verdict::changes(vec![Change::RemoveHeader(value.clone()), header("topic", Scope::Event), header("value", Scope::Both)])),
            (1, Verdict::changes(vec![Change::Body(None)])),
            (2, Verdict { fate: Fate::Discard, changes: Changes::default(), derived: vec![derived] }),
        ];
        assert_eq!(outcome.verdicts, wanted);
    }

    #[test]
    fn edits_that_do_not_fit_are_refused_whole() {
        let at = |event, at| vec![Edit { event, at }];
        let past = Span { offset: u32::MAX, len: u32::MAX };
        let cases = [
            (Edits { discards: vec![3], ..edits() }, "discards: event 3 of a batch of 3"),
            (Edits { discards: vec![1, 0], ..edits() }, "discards: event 0 after event 1"),
            (Edits { discards: vec![1, 1], ..edits() }, "discards: event 1 twice"),
            (Edits { discards: vec![1], rejects: at(1, VALUE), ..edits() }, "event 1 is both discarded and rejected"),
            (Edits { set_keys: at(1, VALUE), clear_keys: vec![1], ..edits() }, "the key of event 1 is both set and cleared"),
            (Edits { set_bodies: at(1, VALUE), clear_bodies: vec![1], ..edits() }, "the body of event 1 is both set and cleared"),
            (Edits { set_bodies: at(1, past), ..edits() }, "body: bytes 4294967295..8589934590 for event 1, of 11"),
            (
                Edits { set_headers: vec![HeaderEdit { event: 0, name: NOT_TEXT, value: VALUE }], ..edits() },
                "set-headers: a header name of event 0 is not UTF-8",
            ),
        ];
        for (edits, reason) in cases {
            assert_eq!(refusal(edits), reason);
        }
    }

    #[test]
    fn a_batch_may_not_grow_without_bound() {
        let derived = (0..131).map(|_| GuestDerived { event: 0, body: VALUE, headers: Vec::new() }).collect();
        assert_eq!(refusal(Edits { derived, ..edits() }), "derived: 131 new events of a batch of 3; at most 130");
    }
}
