//! A batch and the events in it: views of columns that stay on the host until somebody asks.

use std::cell::{OnceCell, RefCell};
use std::fmt;

use crate::bindings::weir::interceptor::events::{Column, HeaderTable};
use crate::changes::Changes;
use crate::column::{self, Named, Numbers, Source, Texts};
use crate::verdict::Verdict;

/// Events that travel together, in source order.
pub struct Batch<'a> {
    source: &'a dyn Source,
    changes: &'a RefCell<Changes>,
    len: usize,
    timestamps: OnceCell<Vec<i64>>,
    keys: OnceCell<Column>,
    bodies: OnceCell<Column>,
    headers: OnceCell<(HeaderTable, Vec<usize>)>,
    header: Named<Column>,
    json_texts: Named<Texts>,
    json_numbers: Named<Numbers>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(source: &'a dyn Source, changes: &'a RefCell<Changes>) -> Batch<'a> {
        Batch {
            source,
            changes,
            len: source.len(),
            timestamps: OnceCell::new(),
            keys: OnceCell::new(),
            bodies: OnceCell::new(),
            headers: OnceCell::new(),
            header: Named::new(),
            json_texts: Named::new(),
            json_numbers: Named::new(),
        }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The events, in order. May be gone through more than once.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_, 'a>> {
        (0..self.len).map(|index| Event { batch: self, index })
    }

    /// The same byte range of every body, cut at its end; `None` where there is no body. Cheaper than whole bodies where they are long.
    #[must_use]
    pub fn body_ranges(&self, offset: u32, len: u32) -> BodyRanges {
        BodyRanges(self.source.body_ranges(offset, len))
    }

    /// A field of every JSON body, as [`Event::json_text`] has it of one. Cheaper than to name the field again for each event.
    #[must_use]
    pub fn json_texts(&self, pointer: &str) -> JsonTexts<'_> {
        JsonTexts(self.json_texts.get(pointer, |pointer| Texts::new(self.source.json_texts(pointer))))
    }

    /// A number in every JSON body, as [`Event::json_number`] has it of one.
    #[must_use]
    pub fn json_numbers(&self, pointer: &str) -> JsonNumbers<'_> {
        JsonNumbers(self.json_numbers.get(pointer, |pointer| Numbers::new(self.source.json_numbers(pointer))))
    }

    fn headers(&self) -> &(HeaderTable, Vec<usize>) {
        self.headers.get_or_init(|| {
            let table = self.source.headers();
            let starts = table.counts.iter().scan(0, |next, count| {
                let start = *next;
                *next += *count as usize;
                Some(start)
            });
            let starts = starts.collect();
            (table, starts)
        })
    }
}

/// A part of every body; see [`Batch::body_ranges`].
pub struct BodyRanges(Column);

impl BodyRanges {
    /// The part of this event's body.
    #[must_use]
    pub fn of(&self, event: &Event<'_, '_>) -> Option<&[u8]> {
        column::value(&self.0, event.index)
    }
}

/// A field of every JSON body; see [`Batch::json_texts`].
#[derive(Clone, Copy)]
pub struct JsonTexts<'b>(&'b Texts);

impl<'b> JsonTexts<'b> {
    /// The field of this event's body.
    #[must_use]
    #[inline]
    pub fn of(&self, event: &Event<'b, '_>) -> Option<&'b str> {
        self.0.of(event.index)
    }
}

/// A number in every JSON body; see [`Batch::json_numbers`].
#[derive(Clone, Copy)]
pub struct JsonNumbers<'b>(&'b Numbers);

impl<'b> JsonNumbers<'b> {
    /// The number in this event's body.
    #[must_use]
    #[inline]
    pub fn of(&self, event: &Event<'b, '_>) -> Option<f64> {
        self.0.of(event.index)
    }
}

/// One event. What is asked for the first time is pulled for the whole batch; what is changed is told to the host once, at the end.
///
/// Changes do not show in what the methods return: an interceptor sees the event as it came.
#[derive(Clone, Copy)]
pub struct Event<'b, 'a> {
    batch: &'b Batch<'a>,
    index: usize,
}

impl<'b> Event<'b, '_> {
    /// Its place in the batch.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its body; `None` is Kafka's null value, a tombstone.
    #[must_use]
    pub fn body(&self) -> Option<&'b [u8]> {
        column::value(self.batch.bodies.get_or_init(|| self.batch.source.bodies()), self.index)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Option<&'b [u8]> {
        column::value(self.batch.keys.get_or_init(|| self.batch.source.keys()), self.index)
    }

    /// Milliseconds since the epoch; `None` where the source knows none.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        let at = self.batch.timestamps.get_or_init(|| self.batch.source.timestamps())[self.index];
        (at >= 0).then_some(at)
    }

    /// The last header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        column::value(self.batch.header.get(name, |name| self.batch.source.header(name)), self.index)
    }

    /// As [`Event::header`]; `None` also where it is not UTF-8.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<&'b str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every header, in order; names need not be UTF-8, and one may come more than once.
    pub fn headers(&self) -> impl Iterator<Item = (&'b [u8], Option<&'b [u8]>)> {
        let (table, starts) = self.batch.headers();
        let start = starts[self.index];
        let entries = start..start + table.counts[self.index] as usize;
        entries.map(|entry| (column::value(&table.names, entry).unwrap_or_default(), column::value(&table.values, entry)))
    }

    /// A field of its JSON body, by RFC 6901 pointer such as `/card/number`: a string's content, anything else as it is written.
    /// `None` where it is absent or `null`, or the body is no JSON. The host parses.
    #[must_use]
    pub fn json_text(&self, pointer: &str) -> Option<&'b str> {
        self.batch.json_texts(pointer).of(self)
    }

    /// A number in its JSON body; `None` also where the field is something else.
    #[must_use]
    pub fn json_number(&self, pointer: &str) -> Option<f64> {
        self.batch.json_numbers(pointer).of(self)
    }

    /// Sets a header, replacing every one of that name. The name must not be empty. `topic` routes the event, as in Flume.
    pub fn set_header(&self, name: &str, value: impl AsRef<[u8]>) {
        self.changes(|changes, event| changes.set_header(event, name, value.as_ref()));
    }

    /// As [`Event::set_header`], with `format_args!(..)` written straight to where it goes.
    pub fn format_header(&self, name: &str, value: fmt::Arguments<'_>) {
        self.changes(|changes, event| changes.format_header(event, name, value));
    }

    /// Removes every header of that name. Removals come before settings.
    pub fn remove_header(&self, name: &str) {
        self.changes(|changes, event| changes.remove_header(event, name));
    }

    /// Replaces its key.
    pub fn set_key(&self, key: impl AsRef<[u8]>) {
        self.changes(|changes, event| changes.key(event, Some(key.as_ref())));
    }

    /// Takes its key away.
    pub fn clear_key(&self) {
        self.changes(|changes, event| changes.key(event, None));
    }

    /// Replaces its body.
    pub fn set_body(&self, body: impl AsRef<[u8]>) {
        self.changes(|changes, event| changes.body(event, Some(body.as_ref())));
    }

    /// Takes its body away: a tombstone in Kafka.
    pub fn clear_body(&self) {
        self.changes(|changes, event| changes.body(event, None));
    }

    /// A new event right after this one, with its headers, key, timestamp and origin, this body, and these headers on top.
    pub fn derive(&self, body: impl AsRef<[u8]>, headers: &[(&str, &[u8])]) {
        self.changes(|changes, event| changes.derive(event, body.as_ref(), headers));
    }

    /// Says what becomes of it; for [`intercept_batch`](crate::Interceptor::intercept_batch). Once at most for an event.
    pub fn decide(&self, verdict: Verdict) {
        if verdict != Verdict::Keep {
            self.changes(|changes, event| changes.decide(event, &verdict));
        }
    }

    fn changes(&self, change: impl FnOnce(&mut Changes, u32)) {
        #[expect(clippy::cast_possible_truncation, reason = "the contract counts events in 32 bits")]
        change(&mut self.batch.changes.borrow_mut(), self.index as u32);
    }
}
