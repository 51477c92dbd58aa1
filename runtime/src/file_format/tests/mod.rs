//! Every format against decoders that are not its own: whatever is appended, flushed and finished, comes out again.

mod flume;
mod native;
mod read;
mod round_trips;
mod strictness;
mod vectors;

use super::Spec;
use crate::event::{Event, Scope};

/// An event with a timestamp and these headers.
fn event(timestamp: i64, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> Event {
    let mut event = Event::new(body);
    event.set_header("timestamp", timestamp.to_string(), Scope::Event);
    for (name, value) in headers {
        event.set_header(name.as_bytes().to_vec(), value.as_bytes().to_vec(), Scope::Event);
    }
    event
}

fn spec(written: &str) -> Spec {
    #[derive(serde::Deserialize)]
    struct Written {
        format: Spec,
    }
    toml::from_str::<Written>(&format!("format = {written}")).unwrap().format
}

/// A whole file of these events, flushed after each of the given counts.
fn file(spec: &Spec, events: &[Event], flushes: &[usize]) -> Vec<u8> {
    let mut encoder = spec.encoder(&events[0]).unwrap();
    let mut out = Vec::new();
    for (index, event) in events.iter().enumerate() {
        encoder.append(event, &mut out).unwrap();
        if flushes.contains(&(index + 1)) {
            encoder.flush(&mut out).unwrap();
        }
    }
    encoder.finish(&mut out).unwrap();
    out
}
