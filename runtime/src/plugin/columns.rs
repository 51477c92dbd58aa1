//! One field of every event, back to back: what a guest gets in one copy when it asks for a column.

use std::ops::Range;

use super::bindings::events::{Column, HeaderTable, NumberColumn};
use crate::batch::Batch;
use crate::event::Event;
use crate::json::{Pointer, Value};

/// More than a 32-bit guest could address.
#[derive(Debug, thiserror::Error)]
#[error("a column of over 4 GiB")]
pub(super) struct TooLong;

/// Bytes of a field's text, as a guess.
const TEXT: usize = 16;

/// Gathers values; the allocation is made once.
pub(super) struct Builder {
    column: Column,
    values: u32,
}

impl Builder {
    pub(super) fn new(values: usize, bytes: usize) -> Builder {
        let column = Column { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(values), nulls: Vec::new() };
        Builder { column, values: 0 }
    }

    pub(super) fn push(&mut self, value: Option<&[u8]>) -> Result<(), TooLong> {
        match value {
            Some(value) => self.column.bytes.extend_from_slice(value),
            None => self.column.nulls.push(self.values),
        }
        let end = u32::try_from(self.column.bytes.len()).map_err(|_| TooLong)?;
        self.column.ends.push(end);
        self.values += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> Column {
        self.column
    }
}

/// A borrowed field of every event.
pub(super) fn borrowed<'a>(events: &'a [Event], field: impl Fn(&'a Event) -> Option<&'a [u8]>) -> Result<Column, TooLong> {
    let bytes = events.iter().map(|event| field(event).map_or(0, <[u8]>::len)).sum();
    let mut column = Builder::new(events.len(), bytes);
    for event in events {
        column.push(field(event))?;
    }
    Ok(column.finish())
}

/// The same byte range of every body, cut at its end.
pub(super) fn body_ranges(events: &[Event], offset: u32, len: u32) -> Result<Column, TooLong> {
    let (offset, len) = (offset as usize, len as usize);
    borrowed(events, |event| {
        let body = event.body.as_deref()?;
        let start = offset.min(body.len());
        Some(&body[start..start.saturating_add(len).min(body.len())])
    })
}

/// The last header of a name, of every event.
pub(super) fn header(events: &[Event], name: &str) -> Result<Column, TooLong> {
    let mut column = Builder::new(events.len(), 0);
    for event in events {
        column.push(event.any_header(name).as_deref())?;
    }
    Ok(column.finish())
}

/// Every header of every event.
pub(super) fn headers(events: &[Event]) -> Result<HeaderTable, TooLong> {
    let mut counts = Vec::with_capacity(events.len());
    let (mut names, mut values) = (Builder::new(0, 0), Builder::new(0, 0));
    for event in events {
        let headers = event.all_headers();
        counts.push(u32::try_from(headers.len()).map_err(|_| TooLong)?);
        for (name, value) in headers {
            names.push(Some(&name))?;
            values.push(value.as_deref())?;
        }
    }
    Ok(HeaderTable { counts, names: names.finish(), values: values.finish() })
}

/// A field of every JSON body as text: a string's content, anything else as it is written; absent and `null` are nulls.
pub(super) fn json_texts(batch: &Batch, range: Range<usize>, pointer: &Pointer) -> Result<Column, TooLong> {
    let mut documents = batch.documents(range.clone());
    let mut column = Builder::new(range.len(), range.len() * TEXT);
    for value in documents.values(&batch.events, range, pointer) {
        column.push(value.and_then(Value::text).as_deref())?;
    }
    Ok(column.finish())
}

/// A field of every JSON body where it is a number; everything else is a null.
pub(super) fn json_numbers(batch: &Batch, range: Range<usize>, pointer: &Pointer) -> NumberColumn {
    let mut documents = batch.documents(range.clone());
    let mut column = NumberColumn { values: Vec::with_capacity(range.len()), nulls: Vec::new() };
    for (place, value) in (0u32..).zip(documents.values(&batch.events, range, pointer)) {
        let number = value.and_then(Value::number);
        if number.is_none() {
            column.nulls.push(place);
        }
        column.values.push(number.unwrap_or_default());
    }
    column
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Scope;

    fn events() -> Vec<Event> {
        let mut first = Event::new("hello");
        first.set_header("x", "1", Scope::Record);
        first.headers.push("y", None, Scope::Event);
        vec![first, Event::default(), Event::new("")]
    }

    #[test]
    fn absent_is_not_empty() {
        let column = borrowed(&events(), |event| event.body.as_deref()).expect("short");
        assert_eq!((column.bytes.as_slice(), column.ends.as_slice(), column.nulls.as_slice()), (&b"hello"[..], &[5, 5, 5][..], &[1][..]));
    }

    #[test]
    fn a_range_is_cut_at_the_bodys_end() {
        let column = body_ranges(&events(), 3, 100).expect("short");
        assert_eq!((column.bytes.as_slice(), column.ends.as_slice(), column.nulls.as_slice()), (&b"lo"[..], &[2, 2, 2][..], &[1][..]));
        assert_eq!(body_ranges(&events(), u32::MAX, u32::MAX).expect("short").bytes, b"");
    }

    #[test]
    fn headers_come_one_by_one_and_all_together() {
        let column = header(&events(), "x").expect("short");
        assert_eq!((column.bytes.as_slice(), column.nulls.as_slice()), (&b"1"[..], &[1, 2][..]));
        let table = headers(&events()).expect("short");
        assert_eq!(table.counts, [2, 0, 0]);
        assert_eq!((table.names.bytes.as_slice(), table.values.nulls.as_slice()), (&b"xy"[..], &[1][..]));
    }

    #[test]
    fn json_columns_are_of_the_range_asked_for() {
        let bodies = ["no", r#"{"n":1.5}"#, r#"{"n":"1.5"}"#, r#"{"n":-2e3}"#, "{}"];
        let batch = Batch::from(bodies.map(Event::new).to_vec());
        let pointer = Pointer::parse("/n").expect("a pointer");
        let numbers = json_numbers(&batch, 1..5, &pointer);
        assert_eq!((numbers.values.as_slice(), numbers.nulls.as_slice()), (&[1.5, 0.0, -2000.0, 0.0][..], &[1, 3][..]));
        let texts = json_texts(&batch, 0..3, &pointer).expect("short");
        assert_eq!((texts.bytes.as_slice(), texts.ends.as_slice(), texts.nulls.as_slice()), (&b"1.51.5"[..], &[0, 3, 6][..], &[0][..]));
    }
}
