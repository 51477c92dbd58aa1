//! What plugins log while this process runs them, by the interceptor that logs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static LINES: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(|| {
    tracing::subscriber::set_global_default(Listener).expect("nobody else listens to the log of the tests");
    Mutex::default()
});

/// From here on lines are kept.
pub fn listen() {
    LazyLock::force(&LINES);
}

/// The lines of an interceptor so far; they are forgotten.
pub fn take(interceptor: &str) -> Vec<String> {
    LINES.lock().unwrap().remove(interceptor).unwrap_or_default()
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "weir::plugin"
    }
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        LINES.lock().unwrap().entry(line.interceptor).or_default().push(line.message);
    }
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[derive(Default)]
struct Line {
    interceptor: String,
    message: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "interceptor" {
            self.interceptor = value.to_owned();
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
