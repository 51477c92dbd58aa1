//! A letter as a Kafka record: the event's own key, body and record headers, and what befell it in headers of ours, or in those of Kafka Connect
//! (KIP-298), whichever the topic's other readers know.
//!
//! What replay and list need is written in both styles under `weir.dlq.`. Both styles are read, also where Connect itself has written.

use bytes::Bytes;

use super::address::Address;
use super::letter::Parked;
use super::line::Apart;
use super::spec::HeaderStyle;
use crate::batch::{Rejected, Rejection};
use crate::event::{Event, Headers, Origin, Scope};

const ID: &str = "weir.dlq.id";
const TIME: &str = "weir.dlq.time";
const ATTEMPT: &str = "weir.dlq.attempt";
/// Source in whose chain the event was refused.
const SOURCE: &str = "weir.dlq.source";
/// The event's own timestamp; the record's is when it was parked.
const TIMESTAMP: &str = "weir.dlq.timestamp";
/// What of the event a record has no place for, as JSON.
const APART: &str = "weir.dlq.event";
/// Names of letters, with commas: this record drops them.
const DROPPED: &str = "weir.dlq.dropped";
const BY: &str = "weir.dlq.by";
const PIPELINE: &str = "weir.pipeline";
const DIGEST: &str = "weir.plugin.digest";

/// A style's names for what both say.
struct Names {
    pipeline: &'static str,
    stage: &'static str,
    message: &'static str,
    backtrace: &'static str,
    topic: &'static str,
    partition: &'static str,
    offset: &'static str,
}

const WEIR: Names = Names {
    pipeline: PIPELINE,
    stage: "weir.error.stage",
    message: "weir.error.message",
    backtrace: "weir.error.backtrace",
    topic: "weir.source.topic",
    partition: "weir.source.partition",
    offset: "weir.source.offset",
};

/// `org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter`
const CONNECT: Names = Names {
    pipeline: "__connect.errors.connector.name",
    stage: "__connect.errors.class.name",
    message: "__connect.errors.exception.message",
    backtrace: "__connect.errors.exception.stacktrace",
    topic: "__connect.errors.topic",
    partition: "__connect.errors.partition",
    offset: "__connect.errors.offset",
};
const CONNECT_STAGE: &str = "__connect.errors.stage";
const CONNECT_TASK: &str = "__connect.errors.task.id";
const CONNECT_EXCEPTION: &str = "__connect.errors.exception.class.name";

/// What a record of the topic is.
pub(super) enum Record {
    /// A letter.
    Letter(Box<Parked>),
    /// These letters are dropped.
    Dropped(Vec<Address>),
    /// Neither.
    Unreadable,
}

/// A letter's record.
pub(super) fn letter(parked: &Parked, style: HeaderStyle) -> Event {
    let (event, rejection) = (&parked.rejected.event, &parked.rejected.rejection);
    let mut headers = Headers::default();
    let mut apart = false;
    for header in event.headers.iter() {
        // Ours would be taken for news of this refusal.
        let plain = header.scope == Scope::Record && !is_own(header.name);
        apart |= !plain;
        if header.scope != Scope::Event && !is_own(header.name) {
            headers.push(Bytes::copy_from_slice(header.name), header.value.map(Bytes::copy_from_slice), Scope::Record);
        }
    }
    let mut set = |name: &'static str, value: Option<&str>| {
        if let Some(value) = value {
            headers.push(name, Some(Bytes::copy_from_slice(value.as_bytes())), Scope::Record);
        }
    };
    let names = match style {
        HeaderStyle::Weir => &WEIR,
        HeaderStyle::Connect => &CONNECT,
    };
    set(names.pipeline, Some(&parked.pipeline));
    set(names.stage, Some(&rejection.stage));
    set(names.message, Some(&rejection.reason));
    set(names.backtrace, rejection.backtrace.as_deref());
    if let Some(origin) = &event.origin {
        set(names.topic, Some(&origin.topic));
        set(names.partition, Some(&origin.partition.to_string()));
        set(names.offset, Some(&origin.offset.to_string()));
    }
    if style == HeaderStyle::Connect {
        set(CONNECT_TASK, Some("0"));
        set(CONNECT_STAGE, Some(connect_stage(&rejection.stage)));
        set(CONNECT_EXCEPTION, Some(if rejection.backtrace.is_some() { "weir.Trap" } else { "weir.Rejection" }));
    }
    set(DIGEST, rejection.plugin.as_deref());
    set(ID, parked.id.map(|id| id.to_string()).as_deref());
    set(TIME, Some(&parked.time.to_string()));
    set(ATTEMPT, Some(&parked.attempt.to_string()));
    set(SOURCE, rejection.source.as_deref());
    set(TIMESTAMP, event.timestamp.map(|timestamp| timestamp.to_string()).as_deref());
    let apart = Apart::of(event, apart);
    if !apart.is_empty() {
        set(APART, serde_json::to_string(&apart).ok().as_deref());
    }
    Event { headers, key: event.key.clone(), body: event.body.clone(), ..Event::default() }
}

/// The record that drops these letters.
pub(super) fn dropped(addresses: &[Address], pipeline: &str, time: u64, by: &str) -> Event {
    let mut event = Event::default();
    let mut set = |name: &'static str, value: String| event.headers.push(name, Some(value.into()), Scope::Record);
    set(DROPPED, addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(","));
    set(TIME, time.to_string());
    set(BY, by.to_owned());
    set(PIPELINE, pipeline.to_owned());
    event
}

/// Reads a record; `time` is its own timestamp.
pub(super) fn read(key: Option<Bytes>, body: Option<Bytes>, headers: Vec<(Bytes, Option<Bytes>)>, time: Option<i64>) -> Record {
    let found = Found { headers };
    if let Some(dropped) = found.text(DROPPED) {
        return Record::Dropped(dropped.split(',').filter_map(|address| address.parse().ok()).collect());
    }
    let Some((names, stage)) = found.stage() else { return Record::Unreadable };
    let origin = match (found.text(names.topic), found.number(names.partition), found.number(names.offset)) {
        (Some(topic), Some(partition), Some(offset)) => Some(Origin { topic: topic.into(), partition, offset }),
        _ => None,
    };
    let rejection = Rejection {
        stage,
        reason: found.text(names.message).unwrap_or_default(),
        backtrace: found.text(names.backtrace),
        plugin: found.text(DIGEST),
        source: found.text(SOURCE),
    };
    let mut event = Event { headers: found.of_the_event(), key, body, timestamp: found.number(TIMESTAMP), origin, ..Event::default() };
    if let Some(apart) = found.text(APART) {
        let restored = serde_json::from_str::<Apart>(&apart).map_err(|error| error.to_string()).and_then(|apart| apart.restore(&mut event));
        if restored.is_err() {
            return Record::Unreadable;
        }
    }
    Record::Letter(Box::new(Parked {
        id: found.number(ID),
        time: found.number(TIME).or_else(|| time.and_then(|time| u64::try_from(time).ok())).unwrap_or_default(),
        pipeline: found.text(names.pipeline).unwrap_or_default(),
        attempt: found.number(ATTEMPT).unwrap_or_default(),
        rejected: Rejected { event, rejection },
    }))
}

/// A record's headers.
struct Found {
    headers: Vec<(Bytes, Option<Bytes>)>,
}

impl Found {
    /// The last of a name counts, as everywhere.
    fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().rev().find(|(header, _)| header == name.as_bytes())?;
        Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// In which style a letter is, and which stage refused it.
    fn stage(&self) -> Option<(&'static Names, String)> {
        if let Some(stage) = self.text(WEIR.stage) {
            return Some((&WEIR, stage));
        }
        // Connect's own letters name a stage and, where an exception was the cause, a class.
        let (stage, class) = (self.text(CONNECT_STAGE)?, self.text(CONNECT.stage).unwrap_or_default());
        let ours = ["source ", "interceptor ", "sink "].iter().any(|kind| class.starts_with(kind));
        Some((&CONNECT, if ours { class } else { format!("{stage} {class}").trim_end().to_owned() }))
    }

    fn of_the_event(&self) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_own(name)) {
            headers.push(name.clone(), value.clone(), Scope::Record);
        }
        headers
    }
}

fn is_own(name: &[u8]) -> bool {
    let starts = [&b"weir.error."[..], b"weir.plugin.", b"weir.source.", b"weir.dlq.", b"__connect.errors."];
    name == PIPELINE.as_bytes() || starts.iter().any(|start| name.starts_with(start))
}

/// The nearest of Connect's stages.
fn connect_stage(stage: &str) -> &'static str {
    match stage.split_whitespace().next() {
        Some("source" | "channel") => "VALUE_CONVERTER",
        Some("sink") => "TASK_PUT",
        _ => "TRANSFORMATION",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Implied;

    fn parked() -> Parked {
        let mut event = Event {
            key: Some("k".into()),
            timestamp: Some(7),
            origin: Some(Origin { topic: "txn".into(), partition: 1, offset: 99 }),
            implied: Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: false })),
            ..Event::new("text")
        };
        event.headers.push("x", Some("1".into()), Scope::Record);
        let rejection = Rejection {
            stage: "interceptor int-1".into(),
            reason: "trapped".into(),
            backtrace: Some("0: f".into()),
            plugin: Some("abc".into()),
            source: Some("s".into()),
        };
        Parked { attempt: 2, ..Parked::new("p", Rejected { event, rejection }) }
    }

    fn headers(event: &Event) -> Vec<(Bytes, Option<Bytes>)> {
        event.headers.iter().map(|header| (Bytes::copy_from_slice(header.name), header.value.map(Bytes::copy_from_slice))).collect()
    }

    fn again(event: &Event) -> Parked {
        match read(event.key.clone(), event.body.clone(), headers(event), Some(5)) {
            Record::Letter(letter) => *letter,
            _ => panic!("no letter: {event:?}"),
        }
    }

    #[test]
    fn a_letter_is_read_as_it_was_written_in_both_styles() {
        let mut odd = parked();
        odd.rejected.event.headers.push("flume", Some("2".into()), Scope::Event);
        odd.rejected.event.headers.push("set", None, Scope::Both);
        // A letter of another pipeline, which this one reads.
        odd.rejected.event.headers.push("weir.dlq.attempt", Some("9".into()), Scope::Record);
        for letter in [parked(), odd] {
            for style in [HeaderStyle::Weir, HeaderStyle::Connect] {
                assert_eq!(format!("{:?}", again(&super::letter(&letter, style))), format!("{letter:?}"));
            }
        }
    }

    #[test]
    fn connects_style_has_connects_names_and_none_of_ours_that_say_the_same() {
        let event = letter(&parked(), HeaderStyle::Connect);
        let names: Vec<String> = headers(&event).iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        let of_connect = ["topic", "partition", "offset", "connector.name", "task.id", "stage", "class.name"];
        let of_exceptions = ["exception.class.name", "exception.message", "exception.stacktrace"];
        for name in of_connect.iter().chain(&of_exceptions) {
            assert!(names.contains(&format!("__connect.errors.{name}")), "{name} in {names:?}");
        }
        assert!(!names.iter().any(|name| name.starts_with("weir.error.") || name.starts_with("weir.source.")), "{names:?}");
    }

    #[test]
    fn what_connect_itself_has_written_is_a_letter() {
        let header = |name: &str, value: &str| (Bytes::from(format!("__connect.errors.{name}")), Some(Bytes::from(value.to_owned())));
        let headers = vec![header("stage", "VALUE_CONVERTER"), header("class.name", "org.x.Json"), header("connector.name", "orders")];
        let Record::Letter(letter) = read(None, None, headers, Some(5)) else { panic!("no letter") };
        assert_eq!((letter.id, letter.time, &*letter.pipeline), (None, 5, "orders"));
        assert_eq!(letter.rejected.rejection.stage, "VALUE_CONVERTER org.x.Json");
        assert!(matches!(read(None, None, vec![("x".into(), None)], None), Record::Unreadable));
    }

    #[test]
    fn a_record_that_drops_letters_names_them() {
        let addresses = [Address::Record { partition: 0, offset: 7 }, Address::Record { partition: 2, offset: 0 }];
        let event = dropped(&addresses, "p", 1, "alice");
        assert!(matches!(read(None, None, headers(&event), None), Record::Dropped(read) if read == addresses));
    }
}
