//! Columns: one field of every event, pulled from the host when somebody first asks.

use std::cell::OnceCell;

use crate::bindings::weir::interceptor::events;

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

/// The number of event `index`.
pub(crate) fn number(column: &events::NumberColumn, index: usize) -> Option<f64> {
    if is_null(&column.nulls, index) { None } else { Some(column.values[index]) }
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
            if *link.name == *name {
                return &link.column;
            }
            at = &link.next;
        }
        &at.0.get_or_init(|| Box::new(Link { name: name.into(), column: pull(name), next: Named::new() })).column
    }
}
