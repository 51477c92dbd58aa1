//! An event: Flume's unit of data, cheap to keep and to pass on. Headers, an optional key, an optional body, a timestamp and the place it came from.
//!
//! A Kafka record with no value (a tombstone) is an event whose body is absent, so that it is still a tombstone when a Kafka sink writes it;
//! to everything of Flume's it looks like an empty body, as in `org.apache.flume.event.EventBuilder`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

pub use crate::headers::{Header, Headers, Scope};

/// One event. Cloning copies no bytes.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// Explicit headers, in order. See [`Event::header`] for those a source implies.
    pub headers: Headers,
    /// The Kafka record key, or what an interceptor set.
    pub key: Option<Bytes>,
    /// The payload; `None` is Kafka's null value.
    pub body: Option<Bytes>,
    /// Milliseconds since the epoch; `None` when the source knows none.
    pub timestamp: Option<i64>,
    /// Where the event was read; kept through every interceptor, and by the events derived from it.
    pub origin: Option<Origin>,
    /// Headers that Flume's source would have set, worked out only when somebody asks.
    pub implied: Option<Arc<Implied>>,
    /// Set on an event that was a dead letter and goes through its chain again; kept as the origin is.
    pub replay: Option<Arc<Replay>>,
}

/// What an event brings along from its dead letter.
#[derive(Debug, Default)]
pub struct Replay {
    /// How often it has been replayed, this time included.
    pub attempt: u32,
    /// Source in whose chain it was refused; `None` where the letter does not say.
    pub source: Option<String>,
    parked: AtomicBool,
}

impl Replay {
    /// The replay of a letter, not parked anew yet.
    pub fn new(attempt: u32, source: Option<String>) -> Replay {
        Replay { attempt, source, parked: AtomicBool::new(false) }
    }

    /// Notes that the event, or one derived from it, was refused again.
    pub(crate) fn park(&self) {
        self.parked.store(true, Ordering::Release);
    }

    /// Whether it was refused again.
    pub(crate) fn is_parked(&self) -> bool {
        self.parked.load(Ordering::Acquire)
    }
}

/// A place in a Kafka topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number.
    pub partition: i32,
    /// Offset of the record itself (not the next one).
    pub offset: i64,
}

/// Which headers of `org.apache.flume.source.kafka.KafkaSource` an event carries without storing them:
/// `timestamp`, `partition`, `offset`, `key` and the topic header. An explicit header of the same name wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Implied {
    /// Name of the topic header (`topicHeader`); `None` with `setTopicHeader = false`.
    pub topic_header: Option<String>,
    /// All but `key` are there only for those who ask by name, such as the escapes of a path, and are not listed or written with the event's headers:
    /// the event comes from a Kafka channel, where Flume sets `key` alone.
    pub by_name_only: bool,
}

/// A header's name and its value, null or not, as a guest sees them.
pub type SeenHeader<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

impl Event {
    /// An event with a body and nothing else.
    pub fn new(body: impl Into<Bytes>) -> Event {
        Event { body: Some(body.into()), ..Event::default() }
    }

    /// The body, empty where it is absent.
    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// The Flume header of this name: the last explicit one, else what the source implies.
    pub fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        match self.headers.last(name.as_bytes(), Scope::is_event) {
            Some(header) => Some(Cow::Borrowed(header.value.unwrap_or_default())),
            None => self.implied_header(name),
        }
    }

    /// The Flume header of this name that somebody set, without what the source implies.
    pub fn stored_header(&self, name: &str) -> Option<&[u8]> {
        self.headers.last(name.as_bytes(), Scope::is_event).map(|header| header.value.unwrap_or_default())
    }

    /// As [`Event::header`], as text; bytes that are not UTF-8 are replaced, as Flume's string headers do.
    pub fn header_text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.header(name).map(|value| match value {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }

    /// What a guest sees under this name: the last header of any scope, else what the source implies.
    pub fn any_header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        match self.headers.last(name.as_bytes(), |_| true) {
            Some(header) => header.value.map(Cow::Borrowed),
            None => self.implied_header(name),
        }
    }

    /// Every header a guest sees: the stored ones in order, then the implied ones that no stored event header shadows.
    pub fn all_headers(&self) -> Vec<SeenHeader<'_>> {
        let mut all: Vec<_> = self.headers.iter().map(|header| (Cow::Borrowed(header.name), header.value.map(Cow::Borrowed))).collect();
        for name in self.implied_names() {
            if self.headers.last(name.as_bytes(), |_| true).is_none()
                && let Some(value) = self.implied_header(name)
            {
                all.push((Cow::Borrowed(name.as_bytes()), Some(value)));
            }
        }
        all
    }

    /// Every Flume header by name, once each, sorted: the last explicit one, else what the source implies.
    pub fn event_headers(&self) -> BTreeMap<Cow<'_, [u8]>, Cow<'_, [u8]>> {
        let by_name_only = self.implied.as_ref().is_some_and(|implied| implied.by_name_only);
        let listed = self.implied_names().filter(|name| !by_name_only || *name == "key");
        let implied = listed.filter_map(|name| Some((Cow::Borrowed(name.as_bytes()), self.implied_header(name)?)));
        let stored = self.headers.iter().filter(|header| header.scope.is_event());
        let stored = stored.map(|header| (Cow::Borrowed(header.name), Cow::Borrowed(header.value.unwrap_or_default())));
        implied.chain(stored).collect()
    }

    /// Sets a header, replacing every one of that name. With [`Scope::Event`] the Kafka record's own headers are left alone: Flume does not see them.
    pub fn set_header(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>, scope: Scope) {
        self.headers.set(name.into(), value.into(), scope);
    }

    /// Removes the headers whose name the test accepts, implied ones too.
    pub fn remove_headers(&mut self, mut goes: impl FnMut(&[u8]) -> bool) {
        if self.implied_names().any(|name| goes(name.as_bytes())) {
            self.store_implied();
        }
        // To Flume the record's key is the header `key`.
        if goes(b"key") {
            self.key = None;
        }
        self.headers.retain(|header| !goes(header.name));
    }

    /// Whether both came of the same record.
    pub fn is_of_record(&self, other: &Event) -> bool {
        self.origin.is_some() && self.origin == other.origin
    }

    /// Bytes this event keeps alive, about: what budgets count.
    pub fn size(&self) -> usize {
        self.headers.size() + self.key.as_ref().map_or(0, Bytes::len) + self.body().len()
    }

    /// From here on the implied headers are ordinary ones, which can be removed one by one.
    fn store_implied(&mut self) {
        let names: Vec<String> = self.implied_names().map(str::to_owned).collect();
        for name in names {
            if self.headers.last(name.as_bytes(), Scope::is_event).is_none()
                && let Some(value) = self.implied_header(&name).map(Cow::into_owned)
            {
                self.headers.push(name, Some(value.into()), Scope::Event);
            }
        }
        self.implied = None;
    }

    fn implied_names(&self) -> impl Iterator<Item = &str> {
        self.implied
            .iter()
            .flat_map(|implied| ["timestamp", "partition", "offset", "key"].into_iter().chain(implied.topic_header.as_deref()))
    }

    fn implied_header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let implied = self.implied.as_ref()?;
        let origin = self.origin.as_ref()?;
        let number = |value: i64| Some(Cow::Owned(value.to_string().into_bytes()));
        if implied.topic_header.as_deref() == Some(name) {
            return Some(Cow::Borrowed(origin.topic.as_bytes()));
        }
        match name {
            // KafkaSource writes -1 for a record without a timestamp.
            "timestamp" => number(self.timestamp.unwrap_or(-1)),
            "partition" => number(origin.partition.into()),
            "offset" => number(origin.offset),
            "key" => self.key.as_deref().map(Cow::Borrowed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_kafka() -> Event {
        Event {
            key: Some("card-1".into()),
            timestamp: Some(1_700_000_000_000),
            origin: Some(Origin { topic: "flume.txn".into(), partition: 3, offset: 42 }),
            implied: Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: false })),
            ..Event::new("body")
        }
    }

    fn text(event: &Event, name: &str) -> Option<String> {
        event.header_text(name).map(Cow::into_owned)
    }

    #[test]
    fn the_source_implies_flumes_headers() {
        let event = from_kafka();
        let seen = ["timestamp", "topic", "partition", "offset", "key", "other"].map(|name| text(&event, name));
        let wanted = [Some("1700000000000"), Some("flume.txn"), Some("3"), Some("42"), Some("card-1"), None];
        assert_eq!(seen, wanted.map(|value| value.map(str::to_owned)));
    }

    #[test]
    fn an_explicit_header_shadows_an_implied_one_and_removal_takes_both() {
        let mut event = from_kafka();
        event.set_header("topic", "elsewhere", Scope::Event);
        assert_eq!(text(&event, "topic").as_deref(), Some("elsewhere"));
        event.remove_headers(|name| name == b"topic");
        assert_eq!(text(&event, "topic"), None);
        assert_eq!(text(&event, "offset").as_deref(), Some("42"));
    }

    #[test]
    fn the_event_headers_are_the_explicit_and_the_implied_ones() {
        let mut event = from_kafka();
        event.set_header("topic", "elsewhere", Scope::Both);
        event.headers.push("traceparent", Some("x".into()), Scope::Record);
        let headers = event.event_headers();
        let names: Vec<&[u8]> = headers.keys().map(|name| &name[..]).collect();
        assert_eq!(names, [&b"key"[..], b"offset", b"partition", b"timestamp", b"topic"]);
        assert_eq!(&headers[&b"topic"[..]][..], b"elsewhere");
    }

    #[test]
    fn headers_implied_by_name_only_are_found_and_not_listed_but_for_the_key() {
        let mut event = from_kafka();
        event.implied = Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: true }));
        assert_eq!(text(&event, "topic").as_deref(), Some("flume.txn"));
        assert_eq!(text(&event, "timestamp").as_deref(), Some("1700000000000"));
        event.set_header("timestamp", "5", Scope::Event);
        assert_eq!(text(&event, "timestamp").as_deref(), Some("5"));
        let headers = event.event_headers();
        let names: Vec<&[u8]> = headers.keys().map(|name| &name[..]).collect();
        assert_eq!(names, [&b"key"[..], b"timestamp"]);
    }

    #[test]
    fn a_record_header_is_no_event_header() {
        let mut event = from_kafka();
        event.headers.push("topic", Some("attacker".into()), Scope::Record);
        assert_eq!(text(&event, "topic").as_deref(), Some("flume.txn"));
        assert_eq!(event.any_header("topic").as_deref(), Some(&b"attacker"[..]));
        assert_eq!(event.headers.records().count(), 1);
    }
}
