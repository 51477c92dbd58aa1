//! A letter between the pipeline and its place, and what it is to the API and to a replay.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use uuid::Uuid;

use super::address::Address;
use crate::batch::Rejected;
use crate::control;
use crate::control::letters::Letter;
use crate::control::tap::{EventView, Text};
use crate::event::{Event, Replay};

/// A refused event, named and dated.
#[derive(Debug, Clone)]
pub(super) struct Parked {
    /// `None` in a line of a version that gave no ids, and in what others wrote to a topic.
    pub(super) id: Option<Uuid>,
    /// Milliseconds since the epoch when it was refused.
    pub(super) time: u64,
    pub(super) pipeline: String,
    /// How often it had been replayed before.
    pub(super) attempt: u32,
    pub(super) rejected: Rejected,
}

impl Parked {
    /// A new letter. An event that came from a letter notes that it is one again.
    pub(super) fn new(pipeline: &str, rejected: Rejected) -> Parked {
        let replay = rejected.event.replay.as_deref();
        replay.inspect(|replay| replay.park());
        let attempt = replay.map_or(0, |replay| replay.attempt);
        Parked { id: Some(Uuid::now_v7()), time: control::now(), pipeline: pipeline.to_owned(), attempt, rejected }
    }

    /// As the API shows it.
    pub(super) fn letter(&self, address: Address) -> Letter {
        let rejection = &self.rejected.rejection;
        Letter {
            id: address.to_string(),
            time: self.time,
            stage: rejection.stage.clone(),
            reason: rejection.reason.clone(),
            backtrace: rejection.backtrace.clone(),
            plugin: rejection.plugin.clone(),
            attempt: self.attempt,
            event: view(&self.rejected.event),
        }
    }

    /// The event as it was when it was refused, and what a replay keeps of its letter.
    pub(super) fn replay(self) -> (Event, Arc<Replay>) {
        let replay = Arc::new(Replay::new(self.attempt + 1, self.rejected.rejection.source));
        (Event { replay: Some(replay.clone()), ..self.rejected.event }, replay)
    }
}

fn view(event: &Event) -> EventView {
    let origin = event.origin.as_ref();
    EventView {
        topic: origin.map(|origin| origin.topic.to_string()),
        partition: origin.map(|origin| origin.partition),
        offset: origin.map(|origin| origin.offset),
        timestamp: event.timestamp,
        key: event.key.as_deref().map(text),
        headers: event.headers.iter().map(|header| (text(header.name), header.value.map(text))).collect(),
        body: event.body.as_deref().map(text),
    }
}

/// Text where the bytes are, base64 otherwise.
pub(super) fn text(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) => Text::Plain(text.to_owned()),
        Err(_) => Text::Binary { base64: STANDARD.encode(bytes) },
    }
}

/// The bytes again; an error says what is wrong with them.
pub(super) fn bytes(text: Text) -> Result<Bytes, String> {
    match text {
        Text::Plain(text) => Ok(text.into()),
        Text::Binary { base64 } => STANDARD.decode(base64).map(Bytes::from).map_err(|error| format!("not base64: {error}")),
    }
}
