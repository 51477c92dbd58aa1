//! Events in the log: `org.apache.flume.sink.LoggerSink`. An event is a line at level INFO, in Flume's words; it can forge no other line.

mod spec;

use std::fmt::Write;
use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
pub use spec::Spec;
use tracing::info;

use super::{Error, Sink, Writing, Written};
use crate::batch::Batch;
use crate::event::Event;
use crate::printable::escaped;

/// Bytes that Flume shows in a line; shorter bodies are filled up, so that their text is below that of others.
const COLUMNS: usize = 16;

/// The sink.
pub struct Logger {
    name: String,
    max_bytes: usize,
}

impl Logger {
    /// One that shows so much of a body.
    pub fn new(name: &str, spec: &Spec) -> Logger {
        Logger { name: name.to_owned(), max_bytes: spec.max_bytes_to_log }
    }
}

impl Sink for Logger {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, Error>> {
        for event in &batch.events {
            info!(sink = %self.name, "Event: {}", dump(event, self.max_bytes));
        }
        Box::pin(ready(Ok(Box::pin(ready(Ok(Written::default()))) as Writing)))
    }
}

/// An event as Flume's `EventHelper.dumpEvent` shows it, headers sorted: `{ headers:{k=v} body: 68 69 … hi }`.
fn dump(event: &Event, max_bytes: usize) -> String {
    let mut line = String::from("{ headers:{");
    for (index, (name, value)) in event.event_headers().iter().enumerate() {
        let between = if index == 0 { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(line, "{between}{}={}", escaped(&String::from_utf8_lossy(name)), escaped(&String::from_utf8_lossy(value)));
    }
    line.push_str("} body:");
    let body = &event.body()[..event.body().len().min(max_bytes)];
    if !body.is_empty() {
        line.push(' ');
        for byte in body {
            let _ = write!(line, "{byte:02X} ");
        }
        line.extend(std::iter::repeat_n("   ", COLUMNS.saturating_sub(body.len())));
        line.extend(body.iter().map(|byte| if (32..=126).contains(byte) { char::from(*byte) } else { '.' }));
    }
    line.push_str(" }");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Scope;

    #[test]
    fn an_event_looks_as_in_flumes_log() {
        let mut event = Event::new("Hello world!\r");
        assert_eq!(dump(&event, 16), "{ headers:{} body: 48 65 6C 6C 6F 20 77 6F 72 6C 64 21 0D          Hello world!. }");
        event.set_header("b", "2", Scope::Event);
        event.set_header("a", "1", Scope::Event);
        event.body = Some("0123456789abcdefghi".into());
        assert_eq!(dump(&event, 16), "{ headers:{a=1, b=2} body: 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 0123456789abcdef }");
    }

    #[test]
    fn an_empty_body_shows_nothing() {
        assert_eq!(dump(&Event::default(), 16), "{ headers:{} body: }");
    }

    #[test]
    fn an_event_cannot_forge_a_line() {
        let mut event = Event::new("a\nb");
        event.set_header("k\n", "v\n2026 INFO forged", Scope::Event);
        assert!(!dump(&event, 100).contains('\n'));
    }
}
