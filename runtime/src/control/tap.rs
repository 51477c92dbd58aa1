//! Listening at an interceptor: `GET /api/v1/.../tap`, a server-sent event an item.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::swap::VersionStatus;
use crate::event::Event;

/// What a listener wants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TapRequest {
    /// End after so many events; `None` is until the listener leaves.
    pub limit: Option<u64>,
    /// Events a second at most; the others are counted as dropped. Default: 100.
    pub rate: Option<u32>,
    /// Only events that the interceptor changed, discarded, rejected or derived from.
    pub changed: bool,
    /// Only events whose body or a header value contained this text as they came.
    pub contains: Option<String>,
}

/// One thing heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "the large one is rare, and a listener's queue is short")]
pub enum TapItem {
    /// An event, before and after.
    Event(Box<TappedEvent>),
    /// From here on another version judges.
    Swapped {
        /// What judged.
        from: Option<VersionStatus>,
        /// What judges.
        to: VersionStatus,
    },
    /// So many more events were not shown, for the rate or because the listener is slow.
    Dropped {
        /// How many since this was last said.
        events: u64,
    },
    /// The pipeline goes on without this interceptor, or ends.
    Ended {
        /// Why.
        detail: String,
    },
}

/// An event at an interceptor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TappedEvent {
    /// When it was judged.
    pub time: u64,
    /// Digest of the version that judged it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
    /// As it came.
    pub before: EventView,
    /// What the interceptor decided: `keep`, `discard` or `reject`.
    pub fate: String,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What goes on in its place: itself as it is now, and what was derived from it.
    pub after: Vec<EventView>,
}

/// An event for people: text where it is UTF-8, base64 otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Topic it was read from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub topic: Option<String>,
    /// Partition it was read from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub partition: Option<i32>,
    /// Its offset there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<i64>,
    /// Its timestamp.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timestamp: Option<i64>,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<Text>,
    /// Its headers in order, the source's own not among them.
    #[serde(default)]
    pub headers: Vec<(Text, Option<Text>)>,
    /// Its body; `None` is a tombstone.
    #[serde(default)]
    pub body: Option<Text>,
}

/// Bytes that are text, or `{"base64": "..."}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// UTF-8.
    Plain(String),
    /// Anything else.
    Binary {
        /// The bytes.
        base64: String,
    },
}

/// A listener's end: items come until the sender is gone. Dropping it stops the tap.
#[derive(Debug)]
pub struct Listening {
    /// What is heard.
    pub items: mpsc::Receiver<TapItem>,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> EventView {
        let origin = event.origin.as_ref();
        EventView {
            topic: origin.map(|origin| origin.topic.as_ref().to_owned()),
            partition: origin.map(|origin| origin.partition),
            offset: origin.map(|origin| origin.offset),
            timestamp: event.timestamp,
            key: event.key.as_deref().map(Text::from),
            headers: event.headers.iter().map(|header| (Text::from(header.name), header.value.map(Text::from))).collect(),
            body: event.body.as_deref().map(Text::from),
        }
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Text {
        match std::str::from_utf8(bytes) {
            Ok(text) => Text::Plain(text.to_owned()),
            Err(_) => Text::Binary { base64: STANDARD.encode(bytes) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Origin, Scope};

    #[test]
    fn an_event_is_shown_as_text_where_it_is_text_and_in_base64_otherwise() {
        let mut event =
            Event {
                key: Some("card-1".into()), origin: Some(Origin { topic: "txn".into(), partition: 3, offset: 42 }), ..Event::new("é")
            };
        event.set_header("trace", vec![0xff, 0x00], Scope::Record);
        event.headers.push("empty", None, Scope::Event);
        let json = serde_json::to_value(EventView::from(&event)).expect("JSON");
        let wanted = serde_json::json!({
            "topic": "txn", "partition": 3, "offset": 42, "key": "card-1", "body": "é",
            "headers": [["trace", {"base64": "/wA="}], ["empty", null]],
        });
        assert_eq!(json, wanted);
        assert_eq!(EventView::from(&Event::default()).body, None);
    }
}
