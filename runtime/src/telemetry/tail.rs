//! The end of the log, kept in memory for those who read it through the API, and what is logged from then on.
//!
//! It sits beside the writer under the same filter, and a line is what was logged, nothing more. Memory is bounded: in the ring by lines and
//! bytes, for a reader by its queue; a slow one is told how many lines it did not get. Logging never waits for a reader. A reader that logs a
//! line for each line that it reads reads its own for ever: it must not, but it locks nothing up.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::control::logs::{LogItem, LogLine, LogQuery, Reading};
use crate::control::{Refusal, RefusalKind, now};

/// Lines that are kept.
const LINES: usize = 2_000;
/// Bytes of lines that are kept.
const BYTES: usize = 2 << 20;
/// Lines that wait for a reader, beside what it is given at first.
const QUEUE: usize = 1_024;
/// Readers that follow the log at once.
const READERS: usize = 16;
/// Lines of before that a reader gets, unless it says otherwise.
const BACKLOG: usize = 100;
/// From the worst to the least.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The log's tail. Cloning gives another handle on the same lines.
#[derive(Clone, Default)]
pub struct Tail {
    ring: Arc<Mutex<Ring>>,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<Kept>,
    bytes: usize,
    readers: Vec<Reader>,
}

struct Kept {
    line: LogLine,
    bytes: usize,
}

struct Reader {
    wanted: Wanted,
    items: mpsc::Sender<LogItem>,
    /// Lines it did not get, and was not told of yet.
    dropped: u64,
}

impl Tail {
    /// What was logged, and with [`LogQuery::follow`] what comes; no line between the two is missing or there twice.
    ///
    /// # Errors
    /// [`RefusalKind::Busy`] when too many follow the log already; [`RefusalKind::Unprocessable`] for a level there is not.
    pub fn read(&self, query: &LogQuery) -> Result<Reading, Refusal> {
        let wanted = Wanted::new(query)?;
        let mut ring = self.lock();
        ring.readers.retain(|reader| !reader.items.is_closed());
        if query.follow && ring.readers.len() >= READERS {
            return Err(Refusal::new(RefusalKind::Busy, format!("{READERS} follow the log already")));
        }
        let fitting = ring.lines.iter().rev().map(|kept| &kept.line).filter(|line| wanted.fits(line));
        let mut backlog: Vec<LogLine> = fitting.take(query.limit.unwrap_or(BACKLOG)).cloned().collect();
        backlog.reverse();
        let (items, receiver) = mpsc::channel(backlog.len() + QUEUE);
        for line in backlog {
            // There is room for all of them.
            let _ = items.try_send(LogItem::Line(line));
        }
        if query.follow {
            ring.readers.push(Reader { wanted, items, dropped: 0 });
        }
        Ok(Reading { items: receiver })
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Nothing in here logs: the lock is held.
    fn push(&mut self, line: LogLine) {
        self.readers.retain_mut(|reader| reader.tell(&line));
        let bytes = size(&line);
        self.bytes += bytes;
        self.lines.push_back(Kept { line, bytes });
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }
}

impl Reader {
    /// False when it has left.
    fn tell(&mut self, line: &LogLine) -> bool {
        if self.dropped > 0 && self.items.try_send(LogItem::Dropped { lines: self.dropped }).is_ok() {
            self.dropped = 0;
        }
        // No line passes the word of those before it.
        if self.wanted.fits(line) && (self.dropped > 0 || self.items.try_send(LogItem::Line(line.clone())).is_err()) {
            self.dropped += 1;
        }
        !self.items.is_closed()
    }
}

/// Which lines a reader wants.
struct Wanted {
    pipeline: Option<String>,
    interceptor: Option<String>,
    /// Place in [`LEVELS`] of the least that it wants.
    level: usize,
}

impl Wanted {
    fn new(query: &LogQuery) -> Result<Wanted, Refusal> {
        let level = match &query.level {
            None => Some(LEVELS.len()),
            Some(level) => rank(level),
        };
        let unknown = || {
            let level = query.level.as_deref().unwrap_or_default();
            Refusal::new(RefusalKind::Unprocessable, format!("{level:?} is no level; there are {}", LEVELS.join(", ")))
        };
        let level = level.ok_or_else(unknown)?;
        Ok(Wanted { pipeline: query.pipeline.clone(), interceptor: query.interceptor.clone(), level })
    }

    fn fits(&self, line: &LogLine) -> bool {
        let is = |field: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| line.fields.get(field).and_then(Value::as_str) == Some(wanted))
        };
        rank(&line.level).is_some_and(|level| level <= self.level) && is("pipeline", &self.pipeline) && is("interceptor", &self.interceptor)
    }
}

fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|name| name.eq_ignore_ascii_case(level))
}

/// Bytes a line keeps, about.
fn size(line: &LogLine) -> usize {
    let value = |value: &Value| value.as_str().map_or(8, str::len);
    let fields: usize = line.fields.iter().map(|(name, text)| name.len() + value(text) + 64).sum();
    size_of::<Kept>() + line.target.len() + line.message.len() + fields
}

impl<S> Layer<S> for Tail
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        // Read before the span is locked: a value that is printed may log.
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<Fields>()
        {
            known.0.append(&mut fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let mut fields = Map::new();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(known) = span.extensions().get::<Fields>() {
                fields.extend(known.0.clone());
            }
        }
        let line = own.into_line(event, fields);
        self.lock().push(line);
    }
}

/// The fields of a span or of a line.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    /// The line's own fields go before those of its spans.
    fn into_line(mut self, event: &Event<'_>, mut fields: Map<String, Value>) -> LogLine {
        let mut text = |name: &str| match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            other => other.map(|value| value.to_string()),
        };
        let message = text("message").unwrap_or_default();
        // Lines of the `log` crate, librdkafka's among them, bring their target along.
        let target = text("log.target").unwrap_or_else(|| event.metadata().target().to_owned());
        self.0.retain(|name, _| !name.starts_with("log."));
        fields.append(&mut self.0);
        LogLine { time: now(), level: event.metadata().level().to_string(), target, message, fields }
    }

    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}
