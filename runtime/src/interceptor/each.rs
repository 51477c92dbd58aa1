//! What the built-in interceptors share: they look at one event at a time and answer on the spot.

use bytes::Bytes;

use super::Judging;
use crate::batch::{Batch, Change, Outcome, Verdict};
use crate::event::{Event, Scope};

/// An outcome from a verdict on each event, where there is one.
pub(super) fn judge(batch: &Batch, mut verdict: impl FnMut(&Event) -> Option<Verdict>) -> Judging {
    let verdicts = batch.events.iter().enumerate().filter_map(|(index, event)| Some((index, verdict(event)?))).collect();
    Judging::Now(Ok(Outcome { verdicts }))
}

/// A header to be set, perhaps only where it is not there yet (`preserveExisting`).
#[derive(Debug)]
pub(super) struct Target {
    header: String,
    name: Bytes,
    preserve_existing: bool,
}

impl Target {
    pub(super) fn new(header: String, preserve_existing: bool) -> Target {
        Target { name: Bytes::from(header.clone()), header, preserve_existing }
    }

    /// The verdict that sets it, if it is to be set on this event.
    pub(super) fn set(&self, event: &Event, value: impl FnOnce() -> Bytes) -> Option<Verdict> {
        if self.preserve_existing && event.header(&self.header).is_some() {
            return None;
        }
        Some(Verdict::changes(vec![self.change(value())]))
    }

    /// Its name.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// The change that sets it.
    pub(super) fn change(&self, value: Bytes) -> Change {
        Change::SetHeader { name: self.name.clone(), value, scope: Scope::Event }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::super::Interceptor;
    use super::*;
    use crate::batch::Judged;

    /// What becomes of these events.
    pub(in super::super) fn judged(interceptor: &impl Interceptor, events: Vec<Event>) -> Judged {
        let batch = Arc::new(Batch::from(events));
        let Judging::Now(outcome) = interceptor.intercept(batch.clone()) else {
            panic!("a built-in answers at once");
        };
        let outcome = outcome.expect("an outcome");
        assert!(outcome.verdicts.is_sorted_by(|a, b| a.0 < b.0));
        outcome.apply(Arc::unwrap_or_clone(batch))
    }

    /// What becomes of this event, which goes on.
    pub(in super::super) fn kept(interceptor: &impl Interceptor, event: Event) -> Event {
        judged(interceptor, vec![event]).batch.events.pop().expect("the event goes on")
    }

    /// An event with an empty body and this header.
    pub(in super::super) fn with_header(name: &'static str, value: &'static str) -> Event {
        let mut event = Event::new("");
        event.set_header(name, value, Scope::Event);
        event
    }

    /// The header as text.
    pub(in super::super) fn header(event: &Event, name: &str) -> Option<String> {
        event.header_text(name).map(|text| text.into_owned())
    }
}
