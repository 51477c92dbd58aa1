//! An event's headers. Those that came with it are its own; those that an interceptor set on a whole batch stay in one table for all its events,
//! and an event has only its row of it. So a scorer that marks every event costs no allocation an event.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// Who sees a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Came with the Kafka record and goes on with it. Flume's components do not see it, so data cannot steer routing.
    Record,
    /// A Flume event header: seen by selectors, sinks and escapes, written to Kafka only where a sink maps it.
    Event,
    /// Set by a plugin: a Flume event header that also travels as a Kafka record header.
    Both,
}

/// Header names that say where an event was read or goes, in Flume's words. A plugin that sets one steers the agent; it adds nothing to the Kafka record.
const TRANSPORT: [&[u8]; 5] = [b"topic", b"partition", b"offset", b"timestamp", b"key"];

/// Names up to which a few comparisons cost less than a table of them.
const FEW: usize = 16;

impl Scope {
    /// Who sees a header of this name that a plugin sets.
    #[must_use]
    pub fn of_plugin(name: &[u8]) -> Scope {
        if TRANSPORT.contains(&name) { Scope::Event } else { Scope::Both }
    }

    pub(crate) fn is_event(self) -> bool {
        self != Scope::Record
    }

    fn is_record(self) -> bool {
        self != Scope::Event
    }

    /// Whether setting a header of this scope takes away one of the same name and the `other` scope: to Flume's headers the record's own are not there.
    fn replaces(self, other: Scope) -> bool {
        self != Scope::Event || other != Scope::Record
    }
}

/// A header. The name is bytes, since Kafka does not ask for UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Name, usually UTF-8.
    pub name: &'a [u8],
    /// Value; `None` is Kafka's null header value.
    pub value: Option<&'a [u8]>,
    /// Who sees it.
    pub scope: Scope,
}

/// Ordered headers; a name may repeat, as in Kafka. The last of a name counts.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    own: Vec<Own>,
    /// After its own.
    row: Option<Row>,
}

#[derive(Debug, Clone)]
struct Own {
    name: Bytes,
    value: Option<Bytes>,
    scope: Scope,
}

impl Own {
    fn header(&self) -> Header<'_> {
        Header { name: &self.name, value: self.value.as_deref(), scope: self.scope }
    }
}

impl Headers {
    /// Appends a header, also where one of that name exists.
    pub fn push(&mut self, name: impl Into<Bytes>, value: Option<Bytes>, scope: Scope) {
        self.own_all();
        self.own.push(Own { name: name.into(), value, scope });
    }

    /// All stored headers, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Header<'_>> {
        self.own.iter().map(Own::header).chain(self.row.iter().flat_map(Row::iter))
    }

    /// Headers that go into a Kafka record.
    pub fn records(&self) -> impl Iterator<Item = Header<'_>> {
        self.iter().filter(|header| header.scope.is_record())
    }

    /// Number of stored headers.
    pub fn len(&self) -> usize {
        self.own.len() + self.row.as_ref().map_or(0, Row::len)
    }

    /// Whether no header is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all names and values.
    pub(crate) fn size(&self) -> usize {
        let own: usize = self.own.iter().map(|own| own.name.len() + own.value.as_ref().map_or(0, Bytes::len)).sum();
        own + self.row.as_ref().map_or(0, Row::size)
    }

    /// Keeps the headers the test accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(Header<'_>) -> bool) {
        self.own_all();
        self.own.retain(|own| keep(own.header()));
    }

    /// Sets a header, replacing every one of that name that it replaces.
    pub(crate) fn set(&mut self, name: Bytes, value: Bytes, scope: Scope) {
        self.retain(|header| header.name != name || !scope.replaces(header.scope));
        self.push(name, Some(value), scope);
    }

    /// Sets the headers of a row, as [`Headers::set`] would one after the other.
    pub(crate) fn set_row(&mut self, row: Row) {
        self.own_all();
        if !self.own.is_empty() {
            let names = Names::of(&row);
            self.own.retain(|own| names.scope_of(&own.name).is_none_or(|scope| !scope.replaces(own.scope)));
        }
        self.row = Some(row);
    }

    pub(crate) fn last(&self, name: &[u8], seen: impl Fn(Scope) -> bool) -> Option<Header<'_>> {
        self.iter().rev().find(|header| header.name == name && seen(header.scope))
    }

    /// From here on all are its own.
    fn own_all(&mut self) {
        if let Some(row) = self.row.take() {
            self.own.extend(row.owned());
        }
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Headers) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

/// Headers set on the events of a batch, row by row.
#[derive(Debug)]
pub(crate) struct Table {
    /// What names and values are pieces of.
    bytes: Bytes,
    entries: Vec<Entry>,
}

/// A header in a table.
#[derive(Debug, Clone)]
struct Entry {
    name: Piece,
    value: Piece,
    scope: Scope,
}

/// A piece of a table's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    start: u32,
    len: u32,
}

impl Piece {
    /// From `start`, so many bytes.
    pub(crate) fn new(start: u32, len: u32) -> Piece {
        Piece { start, len }
    }

    /// Its place; past the end of a table's bytes where it does not fit them.
    pub(crate) fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

impl Table {
    /// An empty one, over bytes of at most 4 GiB.
    pub(crate) fn new(bytes: Bytes, entries: usize) -> Table {
        Table { bytes, entries: Vec::with_capacity(entries) }
    }

    /// Entries so far: where the next row begins.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a header to the last row. Both pieces must be of the table's bytes.
    pub(crate) fn push(&mut self, name: Piece, value: Piece, scope: Scope) {
        self.entries.push(Entry { name, value, scope });
    }

    /// Ends the row that began at `start`: of entries of one name the last stays.
    pub(crate) fn end_row(&mut self, start: usize) {
        let Table { bytes, entries } = self;
        let row = &entries[start..];
        if row.len() < 2 || Table::are_few_and_distinct(bytes, row) {
            return;
        }
        let row = entries.split_off(start);
        let mut names = HashSet::with_capacity(row.len());
        let lasts: Vec<bool> = row.iter().rev().map(|entry| names.insert(&bytes[entry.name.range()])).collect();
        entries.extend(row.into_iter().zip(lasts.into_iter().rev()).filter(|(_, is_last)| *is_last).map(|(entry, _)| entry));
    }

    fn are_few_and_distinct(bytes: &[u8], row: &[Entry]) -> bool {
        let name = |entry: &Entry| &bytes[entry.name.range()];
        row.len() <= FEW && row.iter().enumerate().all(|(index, entry)| row[..index].iter().all(|other| name(other) != name(entry)))
    }
}

/// Headers set on one event: a row of the table of its batch.
#[derive(Clone)]
pub struct Row {
    table: Arc<Table>,
    start: u32,
    end: u32,
}

impl Row {
    /// The entries of this range, which the table has.
    pub(crate) fn new(table: &Arc<Table>, start: u32, end: u32) -> Row {
        Row { table: table.clone(), start, end }
    }

    fn entries(&self) -> &[Entry] {
        &self.table.entries[self.start as usize..self.end as usize]
    }

    fn len(&self) -> usize {
        self.entries().len()
    }

    fn size(&self) -> usize {
        self.entries().iter().map(|entry| entry.name.len as usize + entry.value.len as usize).sum()
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = Header<'_>> {
        let bytes = &self.table.bytes;
        self.entries().iter().map(|entry| Header {
            name: &bytes[entry.name.range()],
            value: Some(&bytes[entry.value.range()]),
            scope: entry.scope,
        })
    }

    /// Name, value and scope of each, which share the table's bytes.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Bytes, Bytes, Scope)> {
        let bytes = &self.table.bytes;
        self.entries().iter().map(|entry| (bytes.slice(entry.name.range()), bytes.slice(entry.value.range()), entry.scope))
    }

    fn owned(&self) -> impl Iterator<Item = Own> {
        self.parts().map(|(name, value, scope)| Own { name, value: Some(value), scope })
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Row {}

impl std::fmt::Debug for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// The names of a row, to be asked for many times.
enum Names<'a> {
    Few(&'a Row),
    Many(HashMap<&'a [u8], Scope>),
}

impl<'a> Names<'a> {
    fn of(row: &'a Row) -> Names<'a> {
        match row.len() {
            0..=FEW => Names::Few(row),
            _ => Names::Many(row.iter().map(|header| (header.name, header.scope)).collect()),
        }
    }

    /// The scope of the row's header of this name, if it has one.
    fn scope_of(&self, name: &[u8]) -> Option<Scope> {
        match self {
            Names::Few(row) => row.iter().find(|header| header.name == name).map(|header| header.scope),
            Names::Many(names) => names.get(name).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Headers as `name=value` with their scope, in order.
    fn shown(headers: &Headers) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        headers
            .iter()
            .map(|header| format!("{}={} {:?}", text(header.name), text(header.value.unwrap_or_default()), header.scope))
            .collect()
    }

    /// A row of these names and values, with a row of something else around it on both sides.
    fn row(headers: &[(String, String)]) -> Row {
        let mut bytes = Vec::new();
        let mut piece = |text: &str| {
            bytes.extend_from_slice(text.as_bytes());
            Piece::new((bytes.len() - text.len()) as u32, text.len() as u32)
        };
        let around = (piece("around"), piece("x"));
        let pieces: Vec<_> = headers.iter().map(|(name, value)| (piece(name), piece(value), Scope::of_plugin(name.as_bytes()))).collect();
        let mut table = Table::new(Bytes::from(bytes), pieces.len() + 2);
        table.push(around.0, around.1, Scope::Both);
        let start = table.len();
        pieces.into_iter().for_each(|(name, value, scope)| table.push(name, value, scope));
        table.end_row(start);
        let end = table.len();
        table.push(around.0, around.1, Scope::Both);
        table.end_row(end);
        Row::new(&Arc::new(table), start as u32, end as u32)
    }

    fn scope() -> impl Strategy<Value = Scope> {
        prop_oneof![Just(Scope::Record), Just(Scope::Event), Just(Scope::Both)]
    }

    proptest! {
        /// A row does what its headers would have done one by one, whatever comes before and after it.
        #[test]
        fn a_row_is_its_headers_set_one_by_one(
            own in prop::collection::vec(("[ab]|topic", "[0-9]", scope()), 0..6),
            rows in prop::collection::vec(prop::collection::vec(("[abcd]|topic|n[0-9]", "[0-9]{0,2}"), 0..30), 1..3),
            pushed in "[ae]",
        ) {
            let mut by_row = Headers::default();
            own.into_iter().for_each(|(name, value, scope)| by_row.push(name, Some(value.into()), scope));
            let mut one_by_one = by_row.clone();
            for headers in rows {
                by_row.set_row(row(&headers));
                for (name, value) in headers {
                    let scope = Scope::of_plugin(name.as_bytes());
                    one_by_one.set(name.into(), value.into(), scope);
                }
                prop_assert_eq!(shown(&by_row), shown(&one_by_one));
                prop_assert_eq!(&by_row, &one_by_one);
                prop_assert_eq!(by_row.len(), shown(&by_row).len());
            }
            for headers in [&mut by_row, &mut one_by_one] {
                headers.retain(|header| header.name != b"b");
                headers.push(pushed.clone(), None, Scope::Both);
            }
            prop_assert_eq!(shown(&by_row), shown(&one_by_one));
            let last = |headers: &Headers| headers.last(b"a", Scope::is_event).map(|header| header.value.map(<[u8]>::to_vec));
            prop_assert_eq!(last(&by_row), last(&one_by_one));
        }
    }
}
