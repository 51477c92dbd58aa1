//! A letter as a line of JSON, and the line that says which letters were dropped.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::letter::{Parked, bytes, text};
use crate::batch::{Rejected, Rejection};
use crate::control::tap::Text;
use crate::event::{Event, Headers, Implied, Origin, Scope};

/// What every line that drops letters begins with.
const DROPPED: &[u8] = b"{\"dropped\":";

/// What a line is.
pub(super) enum Entry {
    /// A letter.
    Letter(Box<Parked>),
    /// These letters before it are dropped.
    Dropped(Vec<Address>),
    /// Neither: torn, or somebody else's.
    Unreadable,
}

impl Entry {
    /// Reads a line without its end.
    pub(super) fn read(line: &[u8]) -> Entry {
        if line.starts_with(DROPPED) {
            let dropped = serde_json::from_slice::<Dropped<String>>(line);
            return dropped
                .map_or(Entry::Unreadable, |line| Entry::Dropped(line.dropped.iter().filter_map(|id| id.parse().ok()).collect()));
        }
        let letter = serde_json::from_slice::<Line>(line).map_err(|error| error.to_string()).and_then(Parked::try_from);
        letter.map_or(Entry::Unreadable, |letter| Entry::Letter(Box::new(letter)))
    }
}

#[derive(Serialize, Deserialize)]
struct Dropped<Id> {
    dropped: Vec<Id>,
    time: u64,
    by: String,
}

/// Appends the line that drops these letters.
pub(super) fn write_dropped(addresses: &[Address], time: u64, by: &str, lines: &mut Vec<u8>) {
    append(&Dropped { dropped: addresses.iter().map(Address::to_string).collect(), time, by: by.to_owned() }, lines);
}

/// Appends a letter's line.
pub(super) fn write(parked: &Parked, lines: &mut Vec<u8>) {
    append(&Line::from(parked), lines);
}

fn append(line: &impl Serialize, lines: &mut Vec<u8>) {
    // Strings and numbers only: this cannot fail but for want of memory.
    if serde_json::to_writer(&mut *lines, line).is_ok() {
        lines.push(b'\n');
    }
}

/// One letter. Values that are not UTF-8 are in base64, in a field of that name.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<uuid_text::Id>,
    time: u64,
    pipeline: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    stage: String,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backtrace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    #[serde(default)]
    attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    timestamp: Option<i64>,
    key: Option<Text>,
    headers: Vec<HeaderLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    implied: Option<ImpliedLine>,
    body: Option<Text>,
}

/// `[name, value]` for a Kafka record's header, `[name, value, "event" | "both"]` for the others.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderLine {
    Record(Text, Option<Text>),
    Scoped(Text, Option<Text>, ScopeName),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScopeName {
    Event,
    Both,
}

/// The source implies Flume's headers for this event.
#[derive(Serialize, Deserialize)]
struct ImpliedLine {
    topic_header: Option<String>,
    /// Written where it is so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    by_name_only: bool,
}

/// What of an event a Kafka record has no place for; both are left out where there is nothing to say.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Apart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<HeaderLine>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    implied: Option<ImpliedLine>,
}

impl Apart {
    /// `all_headers`: the record's own do not tell everything.
    pub(super) fn of(event: &Event, all_headers: bool) -> Apart {
        Apart { headers: all_headers.then(|| header_lines(&event.headers)), implied: implied_line(event) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.headers.is_none() && self.implied.is_none()
    }

    /// Sets on the event what was kept apart.
    pub(super) fn restore(self, event: &mut Event) -> Result<(), String> {
        if let Some(headers) = self.headers {
            event.headers = read_headers(headers)?;
        }
        event.implied = self.implied.map(implied);
        Ok(())
    }
}

fn header_lines(headers: &Headers) -> Vec<HeaderLine> {
    let line = |header: crate::event::Header<'_>| {
        let (name, value) = (text(header.name), header.value.map(text));
        match header.scope {
            Scope::Record => HeaderLine::Record(name, value),
            Scope::Event => HeaderLine::Scoped(name, value, ScopeName::Event),
            Scope::Both => HeaderLine::Scoped(name, value, ScopeName::Both),
        }
    };
    headers.iter().map(line).collect()
}

fn read_headers(lines: Vec<HeaderLine>) -> Result<Headers, String> {
    let mut headers = Headers::default();
    for line in lines {
        let (name, value, scope) = match line {
            HeaderLine::Record(name, value) => (name, value, Scope::Record),
            HeaderLine::Scoped(name, value, ScopeName::Event) => (name, value, Scope::Event),
            HeaderLine::Scoped(name, value, ScopeName::Both) => (name, value, Scope::Both),
        };
        headers.push(bytes(name)?, value.map(bytes).transpose()?, scope);
    }
    Ok(headers)
}

fn implied_line(event: &Event) -> Option<ImpliedLine> {
    event.implied.as_ref().map(|implied| ImpliedLine { topic_header: implied.topic_header.clone(), by_name_only: implied.by_name_only })
}

fn implied(line: ImpliedLine) -> Arc<Implied> {
    Arc::new(Implied { topic_header: line.topic_header, by_name_only: line.by_name_only })
}

impl From<&Parked> for Line {
    fn from(parked: &Parked) -> Line {
        let (event, rejection) = (&parked.rejected.event, &parked.rejected.rejection);
        let origin = event.origin.as_ref();
        Line {
            id: parked.id.map(uuid_text::Id),
            time: parked.time,
            pipeline: parked.pipeline.clone(),
            source: rejection.source.clone(),
            stage: rejection.stage.clone(),
            reason: rejection.reason.clone(),
            backtrace: rejection.backtrace.clone(),
            plugin: rejection.plugin.clone(),
            attempt: parked.attempt,
            topic: origin.map(|origin| origin.topic.to_string()),
            partition: origin.map(|origin| origin.partition),
            offset: origin.map(|origin| origin.offset),
            timestamp: event.timestamp,
            key: event.key.as_deref().map(text),
            headers: header_lines(&event.headers),
            implied: implied_line(event),
            body: event.body.as_deref().map(text),
        }
    }
}

impl TryFrom<Line> for Parked {
    type Error = String;

    fn try_from(line: Line) -> Result<Parked, String> {
        let origin = match (line.topic, line.partition, line.offset) {
            (Some(topic), Some(partition), Some(offset)) => Some(Origin { topic: topic.into(), partition, offset }),
            _ => None,
        };
        let event = Event {
            headers: read_headers(line.headers)?,
            key: line.key.map(bytes).transpose()?,
            body: line.body.map(bytes).transpose()?,
            timestamp: line.timestamp,
            origin,
            implied: line.implied.map(implied),
            replay: None,
        };
        let rejection =
            Rejection { stage: line.stage, reason: line.reason, backtrace: line.backtrace, plugin: line.plugin, source: line.source };
        let rejected = Rejected { event, rejection };
        Ok(Parked { id: line.id.map(|id| id.0), time: line.time, pipeline: line.pipeline, attempt: line.attempt, rejected })
    }
}

/// A line of a version that gave no ids, with one.
pub(super) fn with_id(line: &[u8], id: uuid::Uuid) -> Bytes {
    let rest = line.strip_prefix(b"{").unwrap_or(line);
    [format!("{{\"id\":\"{id}\",").as_bytes(), rest].concat().into()
}

mod uuid_text {
    //! A UUID as text; the crate's own way would ask for another of its features.

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
    use uuid::Uuid;

    pub(super) struct Id(pub(super) Uuid);

    impl Serialize for Id {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&self.0)
        }
    }

    impl<'de> Deserialize<'de> for Id {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
            String::deserialize(deserializer)?.parse().map(Id).map_err(de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parked() -> Parked {
        let mut event = Event {
            key: Some(Bytes::from_static(b"\xff\x00")),
            timestamp: Some(7),
            origin: Some(Origin { topic: "txn".into(), partition: 1, offset: 99 }),
            implied: Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: true })),
            ..Event::new("text")
        };
        event.headers.push("x", Some("1".into()), Scope::Record);
        event.headers.push(Bytes::from_static(b"\xfe"), None, Scope::Event);
        event.headers.push("y", Some(Bytes::new()), Scope::Both);
        let rejection =
            Rejection { stage: "interceptor int-1".into(), reason: "trapped".into(), source: Some("s".into()), ..Rejection::default() };
        Parked { attempt: 2, ..Parked::new("p", Rejected { event, rejection }) }
    }

    fn read(line: &[u8]) -> Parked {
        match Entry::read(line) {
            Entry::Letter(parked) => *parked,
            _ => panic!("no letter: {}", String::from_utf8_lossy(line)),
        }
    }

    #[test]
    fn a_letter_is_read_as_it_was_written() {
        let (written, mut line) = (parked(), Vec::new());
        write(&written, &mut line);
        let read = read(line.strip_suffix(b"\n").expect("a line"));
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
    }

    #[test]
    fn a_line_of_an_earlier_version_is_a_letter_and_can_be_given_an_id() {
        let line = br#"{"time":1,"pipeline":"p","stage":"sink k","reason":"r","topic":"t","partition":0,"offset":5,"timestamp":null,"key":null,"headers":[["a",null]],"body":{"base64":"/w=="}}"#;
        let old = read(line);
        assert_eq!((old.id, old.attempt, old.rejected.event.body()), (None, 0, &b"\xff"[..]));
        let id = uuid::Uuid::now_v7();
        assert_eq!(read(&with_id(line, id)).id, Some(id));
    }

    #[test]
    fn what_is_no_letter_is_told_from_what_drops_some() {
        let mut dropped = Vec::new();
        write_dropped(&[Address::Line(3)], 1, "alice", &mut dropped);
        assert!(matches!(Entry::read(&dropped), Entry::Dropped(addresses) if addresses == [Address::Line(3)]));
        for line in [&b""[..], b"{", b"{\"dropped\":3}", b"{\"time\":1}", b"null"] {
            assert!(matches!(Entry::read(line), Entry::Unreadable), "{}", String::from_utf8_lossy(line));
        }
        let (mut torn, whole) = (Vec::new(), parked());
        write(&whole, &mut torn);
        assert!(matches!(Entry::read(&torn[..torn.len() / 2]), Entry::Unreadable));
    }
}
