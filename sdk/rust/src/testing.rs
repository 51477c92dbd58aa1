//! Runs an interceptor natively, on events made up for a test: no WebAssembly, no host.
//!
//! ```
//! use weir_interceptor::testing::{Events, Fate};
//! use weir_interceptor::{Event, Interceptor, Settings, Verdict};
//!
//! struct NoEmptyOnes;
//!
//! impl Interceptor for NoEmptyOnes {
//!     fn configure(_settings: &Settings) -> Result<NoEmptyOnes, String> {
//!         Ok(NoEmptyOnes)
//!     }
//!     fn intercept(&mut self, event: &Event) -> Verdict {
//!         if event.body().is_none_or(<[u8]>::is_empty) { Verdict::reject("empty") } else { Verdict::Keep }
//!     }
//! }
//!
//! let judged = Events::of_bodies(["one", ""]).judge(&mut NoEmptyOnes).unwrap();
//! assert_eq!(judged[0].fate, Fate::Kept);
//! assert_eq!(judged[1].fate, Fate::Rejected("empty".into()));
//! ```

use std::cell::RefCell;

use crate::batch::Batch;
use crate::bindings::weir::interceptor::events::{Column, Edits, HeaderTable, NumberColumn, Span};
use crate::changes::Changes;
use crate::column::Source;
use crate::counters;
use crate::settings::Settings;
use crate::{Fault, Interceptor};

/// Makes an instance as the host does: unknown settings are refused, defaults filled in.
///
/// # Errors
/// What the host or the interceptor's own `configure` says of the settings.
pub fn configure<I: Interceptor>(given: &[(&str, &str)]) -> Result<I, String> {
    if let Some((name, _)) = given.iter().find(|(name, _)| I::PARAMETERS.iter().all(|parameter| parameter.name != *name)) {
        return Err(format!("`{name}` is unknown"));
    }
    let mut pairs = Vec::new();
    for parameter in I::PARAMETERS {
        let value = given.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| *value).or(parameter.default);
        match value {
            Some(value) => pairs.push((parameter.name.to_owned(), value.to_owned())),
            None if parameter.required => return Err(format!("`{}` is required", parameter.name)),
            None => {}
        }
    }
    I::configure(&Settings::new(pairs))
}

/// What was counted under this name so far, by this test's thread.
#[must_use]
pub fn counted(name: &str) -> u64 {
    counters::so_far(name)
}

/// An event for a test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Given {
    /// An event with a body and nothing else.
    #[must_use]
    pub fn body(body: impl Into<Vec<u8>>) -> Given {
        Given { body: Some(body.into()), ..Given::default() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Given {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A batch for a test.
#[derive(Debug, Clone, Default)]
pub struct Events(Vec<Given>);

impl Events {
    /// A batch of these events.
    #[must_use]
    pub fn new(events: impl IntoIterator<Item = Given>) -> Events {
        Events(events.into_iter().collect())
    }

    /// A batch of events with these bodies.
    #[must_use]
    pub fn of_bodies<B: Into<Vec<u8>>>(bodies: impl IntoIterator<Item = B>) -> Events {
        Events::new(bodies.into_iter().map(Given::body))
    }

    /// What the interceptor makes of each.
    ///
    /// # Errors
    /// The reason, where the interceptor fails the batch.
    pub fn judge<I: Interceptor>(&self, interceptor: &mut I) -> Result<Vec<Judged>, String> {
        let changes = RefCell::new(Changes::new());
        interceptor.intercept_batch(&Batch::new(self, &changes)).map_err(Fault::into_reason)?;
        let mut judged: Vec<Judged> = self.0.iter().map(Judged::untouched).collect();
        if let Some(edits) = changes.borrow_mut().finish() {
            apply(edits, &mut judged);
        }
        Ok(judged)
    }
}

/// Whether an event goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It does.
    Kept,
    /// Dropped on purpose.
    Discarded,
    /// To the dead letters, with this reason.
    Rejected(String),
}

/// An event after the interceptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether it goes on.
    pub fate: Fate,
    /// The event with its changes.
    pub event: Given,
    /// New events right after it: body, and the headers set on top.
    pub derived: Vec<Given>,
}

impl Judged {
    fn untouched(event: &Given) -> Judged {
        Judged { fate: Fate::Kept, event: event.clone(), derived: Vec::new() }
    }

    /// The last header of this name, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.event.headers.iter().rev().find(|(known, _)| known == name);
        header.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

fn apply(edits: &Edits, judged: &mut [Judged]) {
    let bytes = |span: Span| edits.bytes[span.offset as usize..][..span.len as usize].to_vec();
    let text = |span: Span| String::from_utf8_lossy(&bytes(span)).into_owned();
    for edit in &edits.remove_headers {
        judged[edit.event as usize].event.headers.retain(|(name, _)| *name != text(edit.at));
    }
    for edit in &edits.set_headers {
        let headers = &mut judged[edit.event as usize].event.headers;
        headers.retain(|(name, _)| *name != text(edit.name));
        headers.push((text(edit.name), bytes(edit.value)));
    }
    for edit in &edits.set_keys {
        judged[edit.event as usize].event.key = Some(bytes(edit.at));
    }
    for event in &edits.clear_keys {
        judged[*event as usize].event.key = None;
    }
    for edit in &edits.set_bodies {
        judged[edit.event as usize].event.body = Some(bytes(edit.at));
    }
    for event in &edits.clear_bodies {
        judged[*event as usize].event.body = None;
    }
    for derived in &edits.derived {
        let headers = derived.headers.iter().map(|(name, value)| (text(*name), bytes(*value))).collect();
        judged[derived.event as usize].derived.push(Given { body: Some(bytes(derived.body)), headers, ..Given::default() });
    }
    for event in &edits.discards {
        judged[*event as usize].fate = Fate::Discarded;
    }
    for edit in &edits.rejects {
        judged[edit.event as usize].fate = Fate::Rejected(text(edit.at));
    }
}

impl Source for Events {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn timestamps(&self) -> Vec<i64> {
        self.0.iter().map(|event| event.timestamp.unwrap_or(-1)).collect()
    }

    fn keys(&self) -> Column {
        column(self.0.iter().map(|event| event.key.clone()))
    }

    fn bodies(&self) -> Column {
        column(self.0.iter().map(|event| event.body.clone()))
    }

    fn body_ranges(&self, offset: u32, len: u32) -> Column {
        let (offset, len) = (offset as usize, len as usize);
        column(self.0.iter().map(|event| Some(event.body.as_ref()?.iter().skip(offset).take(len).copied().collect())))
    }

    fn header(&self, name: &str) -> Column {
        column(self.0.iter().map(|event| event.headers.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())))
    }

    fn headers(&self) -> HeaderTable {
        let counts = self.0.iter().map(|event| u32::try_from(event.headers.len()).unwrap_or(u32::MAX)).collect();
        let all = || self.0.iter().flat_map(|event| &event.headers);
        let names = column(all().map(|(name, _)| Some(name.clone().into_bytes())));
        HeaderTable { counts, names, values: column(all().map(|(_, value)| Some(value.clone()))) }
    }

    fn json_texts(&self, pointer: &str) -> Column {
        column(self.0.iter().map(|event| match json(event, pointer)? {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.into_bytes()),
            other => Some(other.to_string().into_bytes()),
        }))
    }

    fn json_numbers(&self, pointer: &str) -> NumberColumn {
        let mut column = NumberColumn { values: Vec::new(), nulls: Vec::new() };
        for (index, event) in (0..).zip(&self.0) {
            let number = json(event, pointer).and_then(|value| value.as_f64());
            column.values.push(number.unwrap_or_default());
            column.nulls.extend(number.is_none().then_some(index));
        }
        column
    }
}

fn json(event: &Given, pointer: &str) -> Option<serde_json::Value> {
    serde_json::from_slice::<serde_json::Value>(event.body.as_deref()?).ok()?.pointer(pointer).cloned()
}

fn column(values: impl Iterator<Item = Option<Vec<u8>>>) -> Column {
    let mut column = Column { bytes: Vec::new(), ends: Vec::new(), nulls: Vec::new() };
    for (index, value) in (0..).zip(values) {
        match value {
            Some(value) => column.bytes.extend(value),
            None => column.nulls.push(index),
        }
        column.ends.push(u32::try_from(column.bytes.len()).unwrap_or(u32::MAX));
    }
    column
}
