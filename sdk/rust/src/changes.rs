//! Edits under way: lists that are kept from batch to batch, so that judging an event allocates nothing.

use std::fmt;

use crate::bindings::weir::interceptor::events::{Derived, Edit, Edits, HeaderEdit, Span};
use crate::short::same;
use crate::verdict::Verdict;

/// The edits of one batch.
pub(crate) struct Changes {
    edits: Edits,
    /// Header names already among the bytes.
    names: Vec<Span>,
    /// Where among them the next name may be.
    next_name: usize,
}

impl Changes {
    pub(crate) fn new() -> Changes {
        let edits = Edits {
            discards: Vec::new(),
            rejects: Vec::new(),
            set_headers: Vec::new(),
            remove_headers: Vec::new(),
            set_keys: Vec::new(),
            clear_keys: Vec::new(),
            set_bodies: Vec::new(),
            clear_bodies: Vec::new(),
            derived: Vec::new(),
            bytes: Vec::new(),
        };
        Changes { edits, names: Vec::new(), next_name: 0 }
    }

    pub(crate) fn clear(&mut self) {
        let edits = &mut self.edits;
        edits.discards.clear();
        edits.rejects.clear();
        edits.set_headers.clear();
        edits.remove_headers.clear();
        edits.set_keys.clear();
        edits.clear_keys.clear();
        edits.set_bodies.clear();
        edits.clear_bodies.clear();
        edits.derived.clear();
        edits.bytes.clear();
        self.names.clear();
    }

    pub(crate) fn decide(&mut self, event: u32, verdict: &Verdict) {
        match verdict {
            Verdict::Keep => {}
            Verdict::Discard => self.edits.discards.push(event),
            Verdict::Reject(reason) => {
                // It is parked as it came: what was derived from it goes with it.
                self.edits.derived.retain(|derived| derived.event != event);
                let at = self.write(reason.as_bytes());
                self.edits.rejects.push(Edit { event, at });
            }
        }
    }

    pub(crate) fn set_header(&mut self, event: u32, name: &str, value: &[u8]) {
        let name = self.name(name);
        let value = self.write(value);
        self.edits.set_headers.push(HeaderEdit { event, name, value });
    }

    pub(crate) fn format_header(&mut self, event: u32, name: &str, value: fmt::Arguments<'_>) {
        let name = self.name(name);
        let start = self.edits.bytes.len();
        // A sink that only grows cannot fail; a `Display` that gives up leaves what it wrote so far.
        let _ = fmt::write(&mut Growing(&mut self.edits.bytes), value);
        let value = self.since(start);
        self.edits.set_headers.push(HeaderEdit { event, name, value });
    }

    pub(crate) fn remove_header(&mut self, event: u32, name: &str) {
        let at = self.name(name);
        self.edits.remove_headers.push(Edit { event, at });
    }

    /// Of several keys for one event the last counts.
    pub(crate) fn key(&mut self, event: u32, key: Option<&[u8]>) {
        self.edits.set_keys.retain_last_is_not(event);
        self.edits.clear_keys.retain_last_is_not(event);
        match key {
            Some(key) => {
                let at = self.write(key);
                self.edits.set_keys.push(Edit { event, at });
            }
            None => self.edits.clear_keys.push(event),
        }
    }

    /// Of several bodies for one event the last counts.
    pub(crate) fn body(&mut self, event: u32, body: Option<&[u8]>) {
        self.edits.set_bodies.retain_last_is_not(event);
        self.edits.clear_bodies.retain_last_is_not(event);
        match body {
            Some(body) => {
                let at = self.write(body);
                self.edits.set_bodies.push(Edit { event, at });
            }
            None => self.edits.clear_bodies.push(event),
        }
    }

    pub(crate) fn derive(&mut self, event: u32, body: &[u8], headers: &[(&str, &[u8])]) {
        let body = self.write(body);
        let headers = headers.iter().map(|(name, value)| (self.name(name), self.write(value))).collect();
        self.edits.derived.push(Derived { event, body, headers });
    }

    /// The edits, as the contract wants them: by ascending event, also where a batch was gone through twice.
    pub(crate) fn finish(&mut self) -> Option<&Edits> {
        let edits = &mut self.edits;
        let lists = [
            arrange(&mut edits.discards),
            arrange(&mut edits.rejects),
            arrange(&mut edits.set_headers),
            arrange(&mut edits.remove_headers),
            arrange(&mut edits.set_keys),
            arrange(&mut edits.clear_keys),
            arrange(&mut edits.set_bodies),
            arrange(&mut edits.clear_bodies),
            arrange(&mut edits.derived),
        ];
        if lists.contains(&true) { Some(edits) } else { None }
    }

    fn write(&mut self, bytes: &[u8]) -> Span {
        let start = self.edits.bytes.len();
        self.edits.bytes.extend_from_slice(bytes);
        self.since(start)
    }

    /// A name is written once a batch. Most events have the same names in the same order, so the one after the last is looked at first.
    #[inline]
    fn name(&mut self, name: &str) -> Span {
        let bytes = &self.edits.bytes;
        let next = if self.next_name < self.names.len() { self.next_name } else { 0 };
        match self.names.get(next) {
            Some(span) if is_name(bytes, *span, name) => {
                self.next_name = next + 1;
                *span
            }
            _ => self.find_name(name),
        }
    }

    #[cold]
    fn find_name(&mut self, name: &str) -> Span {
        let bytes = &self.edits.bytes;
        let known = self.names.iter().position(|span| is_name(bytes, *span, name));
        let at = known.unwrap_or_else(|| {
            let span = self.write(name.as_bytes());
            self.names.push(span);
            self.names.len() - 1
        });
        self.next_name = at + 1;
        self.names[at]
    }

    #[expect(clippy::cast_possible_truncation, reason = "a guest's memory has 32-bit addresses; natively a batch this large is no test")]
    fn since(&self, start: usize) -> Span {
        Span { offset: start as u32, len: (self.edits.bytes.len() - start) as u32 }
    }
}

#[inline]
fn is_name(bytes: &[u8], span: Span, name: &str) -> bool {
    bytes.get(span.offset as usize..(span.offset + span.len) as usize).is_some_and(|known| same(known, name.as_bytes()))
}

struct Growing<'a>(&'a mut Vec<u8>);

impl fmt::Write for Growing<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

trait About {
    fn event(&self) -> u32;
}

impl About for u32 {
    fn event(&self) -> u32 {
        *self
    }
}

impl About for Edit {
    fn event(&self) -> u32 {
        self.event
    }
}

impl About for HeaderEdit {
    fn event(&self) -> u32 {
        self.event
    }
}

impl About for Derived {
    fn event(&self) -> u32 {
        self.event
    }
}

trait Last {
    fn retain_last_is_not(&mut self, event: u32);
}

impl<T: About> Last for Vec<T> {
    fn retain_last_is_not(&mut self, event: u32) {
        if self.last().is_some_and(|last| last.event() == event) {
            self.pop();
        }
    }
}

/// Sorts where that is needed; whether there is anything.
fn arrange<T: About>(list: &mut [T]) -> bool {
    if !list.is_sorted_by_key(About::event) {
        list.sort_by_key(About::event);
    }
    !list.is_empty()
}
