//! Columns: one field of every event, pulled from the host when somebody first asks.

use std::cell::{Cell, OnceCell};

use crate::bindings::weir::interceptor::events;
use crate::short::same;

/// Where columns come from: the host, or a test.
pub(crate) trait Source {
    fn len(&self) -> usize;
    fn timestamps(&self) -> Vec<i64>;
    fn keys(&self) -> events::Column;
    fn bodies(&self) -> events::Column;
    fn body_ranges(&self, offset: u32, len: u32) -> events::Column;
    fn header(&self, name: &str) -> events::Column;
    fn headers(&self) -> events::HeaderTable;
    fn json_texts(&self, pointer: &str) -> events::Column;
    fn json_numbers(&self, pointer: &str) -> events::NumberColumn;
}

impl Source for events::Batch {
    fn len(&self) -> usize {
        events::Batch::len(self) as usize
    }
    fn timestamps(&self) -> Vec<i64> {
        events::Batch::timestamps(self)
    }
    fn keys(&self) -> events::Column {
        events::Batch::keys(self)
    }
    fn bodies(&self) -> events::Column {
        events::Batch::bodies(self)
    }
    fn body_ranges(&self, offset: u32, len: u32) -> events::Column {
        events::Batch::body_ranges(self, offset, len)
    }
    fn header(&self, name: &str) -> events::Column {
        events::Batch::header(self, name)
    }
    fn headers(&self) -> events::HeaderTable {
        events::Batch::headers(self)
    }
    fn json_texts(&self, pointer: &str) -> events::Column {
        events::Batch::json_texts(self, pointer)
    }
    fn json_numbers(&self, pointer: &str) -> events::NumberColumn {
        events::Batch::json_numbers(self, pointer)
    }
}

/// The value of event `index`; `None` where it is absent.
pub(crate) fn value(column: &events::Column, index: usize) -> Option<&[u8]> {
    if !column.nulls.is_empty() && is_null(&column.nulls, index) {
        return None;
    }
    let start = if index == 0 { 0 } else { column.ends[index - 1] };
    Some(&column.bytes[start as usize..column.ends[index] as usize])
}

/// A column of text, found to be UTF-8 once for all of it.
pub(crate) struct Texts {
    text: String,
    ends: Vec<u32>,
    nulls: Nulls,
}

impl Texts {
    /// The host's JSON texts are UTF-8.
    pub(crate) fn new(column: events::Column) -> Texts {
        Texts { text: String::from_utf8(column.bytes).unwrap_or_default(), ends: column.ends, nulls: Nulls::new(column.nulls) }
    }

    /// The text of event `index`; `None` where it is absent.
    #[inline]
    pub(crate) fn of(&self, index: usize) -> Option<&str> {
        if self.nulls.contain(index) {
            return None;
        }
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.text.get(start as usize..self.ends[index] as usize)
    }
}

/// A column of numbers.
pub(crate) struct Numbers {
    values: Vec<f64>,
    nulls: Nulls,
}

impl Numbers {
    pub(crate) fn new(column: events::NumberColumn) -> Numbers {
        Numbers { values: column.values, nulls: Nulls::new(column.nulls) }
    }

    /// The number of event `index`.
    #[inline]
    pub(crate) fn of(&self, index: usize) -> Option<f64> {
        if self.nulls.contain(index) { None } else { Some(self.values[index]) }
    }
}

/// The events without a value, and where among them the last look ended: events are mostly gone through in order.
struct Nulls {
    events: Vec<u32>,
    at: Cell<usize>,
}

impl Nulls {
    fn new(events: Vec<u32>) -> Nulls {
        Nulls { events, at: Cell::new(0) }
    }

    #[inline]
    fn contain(&self, index: usize) -> bool {
        !self.events.is_empty() && self.find(index)
    }

    #[inline(never)]
    fn find(&self, index: usize) -> bool {
        let before = |at: usize| self.events.get(at).is_some_and(|event| (*event as usize) < index);
        let mut at = self.at.get();
        if at > 0 && !before(at - 1) {
            at = self.events.partition_point(|event| (*event as usize) < index);
        }
        while before(at) {
            at += 1;
        }
        self.at.set(at);
        self.events.get(at).is_some_and(|event| *event as usize == index)
    }
}

fn is_null(nulls: &[u32], index: usize) -> bool {
    u32::try_from(index).is_ok_and(|index| nulls.binary_search(&index).is_ok())
}

/// Columns by name. A chain, not a list: what is handed out stays where it is while more are added.
pub(crate) struct Named<C>(OnceCell<Box<Link<C>>>);

struct Link<C> {
    name: Box<str>,
    column: C,
    next: Named<C>,
}

impl<C> Named<C> {
    pub(crate) fn new() -> Named<C> {
        Named(OnceCell::new())
    }

    pub(crate) fn get(&self, name: &str, pull: impl FnOnce(&str) -> C) -> &C {
        let mut at = self;
        while let Some(link) = at.0.get() {
            if same(link.name.as_bytes(), name.as_bytes()) {
                return &link.column;
            }
            at = &link.next;
        }
        &at.0.get_or_init(|| Box::new(Link { name: name.into(), column: pull(name), next: Named::new() })).column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_found_in_any_order() {
        let nulls = Nulls::new(vec![0, 3, 4, 9]);
        let mut seen: Vec<usize> = (0..12).filter(|index| nulls.contain(*index)).collect();
        assert_eq!(seen, [0, 3, 4, 9]);
        seen = (0..12).rev().filter(|index| nulls.contain(*index)).collect();
        assert_eq!(seen, [9, 4, 3, 0]);
        assert!([4, 4, 9, 0, 0].iter().all(|index| nulls.contain(*index)));
        assert!(!nulls.contain(5) && !nulls.contain(1) && !nulls.contain(10));
    }
}
