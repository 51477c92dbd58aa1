//! Events to lines. One event has one line, whatever wrote it, so that runs can be compared line by line.

use std::collections::HashSet;

use super::value::{self, printing};
use super::{Ending, Line};
use crate::event::{Event, Header};

/// The line of an event, without its end.
#[must_use]
pub fn event(event: &Event) -> String {
    let mut out = String::from("{");
    fields(&mut out, event);
    out.push('}');
    out
}

impl Line {
    /// Its line in a file, without its end: the verdict, why, and the event.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{{\"verdict\":\"{}\",", self.ending.name());
        if let Ending::Rejected(reason) = &self.ending {
            out.push_str("\"reason\":");
            value::write_text(&mut out, reason);
            out.push(',');
        }
        fields(&mut out, &self.event);
        out.push('}');
        out
    }
}

fn fields(out: &mut String, event: &Event) {
    out.push_str("\"body\":");
    write_value(out, event.body.as_deref());
    if let Some(key) = &event.key {
        out.push_str(",\"key\":");
        value::write(out, key);
    }
    if let Some(timestamp) = event.timestamp {
        out.push_str(&format!(",\"timestamp\":{timestamp}"));
    }
    if !event.headers.is_empty() {
        out.push_str(",\"headers\":");
        headers(out, &event.headers.iter().collect::<Vec<_>>());
    }
}

/// An object, or pairs where an object cannot hold them: a name that is no text, or repeats.
fn headers(out: &mut String, headers: &[Header<'_>]) {
    let mut names = HashSet::new();
    let fits = headers.iter().all(|header| printing(header.name).is_some() && names.insert(header.name));
    let (open, close) = if fits { ('{', '}') } else { ('[', ']') };
    out.push(open);
    for (index, header) in headers.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if !fits {
            out.push('[');
        }
        value::write(out, header.name);
        out.push(if fits { ':' } else { ',' });
        write_value(out, header.value);
        if !fits {
            out.push(']');
        }
    }
    out.push(close);
}

fn write_value(out: &mut String, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => value::write(out, bytes),
        None => out.push_str("null"),
    }
}
