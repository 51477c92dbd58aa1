//! From an event to a Kafka record: topic, partition, key, timestamp and headers as `KafkaSink` chooses them.

use std::borrow::Cow;

use rdkafka::message::OwnedHeaders;

use super::Spec;
use super::headers::RecordHeaders;
use crate::escape::{self, Template};
use crate::event::Event;
use crate::excerpt::excerpt;
use crate::flume_event;
use crate::source::kafka::Topics;

/// How a sink makes records.
pub(super) struct Format {
    spec: Spec,
    /// The configured topic, where it has escapes; Flume expands them only with a topic override.
    template: Option<Template>,
    /// Whether a topic is one that the header does not lead to.
    not_back_to: Vec<Matcher>,
}

/// Whether a topic is one of those.
type Matcher = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// A record to be written; borrows from its event.
pub(super) struct Record<'a> {
    pub(super) topic: Cow<'a, str>,
    /// The event named the topic, not the configuration.
    pub(super) chosen: bool,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<Cow<'a, [u8]>>,
    pub(super) body: Option<Cow<'a, [u8]>>,
    pub(super) timestamp: Option<i64>,
    pub(super) headers: Option<OwnedHeaders>,
}

impl Record<'_> {
    /// Whether it has nothing but a key and a body.
    pub(super) fn is_plain(&self) -> bool {
        self.headers.is_none() && self.timestamp.is_none() && self.partition.is_none()
    }
}

impl Format {
    pub(super) fn new(spec: &Spec) -> Result<Format, escape::Error> {
        let escapes = spec.topic_header.is_some() && spec.topic.contains('%');
        let template = if escapes { Some(Template::parse(&spec.topic)?) } else { None };
        let not_back_to = spec.not_back_to.iter().map(Topics::matcher).collect();
        Ok(Format { spec: spec.clone(), template, not_back_to })
    }

    /// The event's record.
    ///
    /// # Errors
    /// The reason why there can be none, for the dead letters: Flume would try the batch for ever.
    pub(super) fn record<'a>(&'a self, event: &'a Event) -> Result<Record<'a>, String> {
        let (topic, chosen) = self.topic(event)?;
        Ok(Record {
            topic,
            chosen,
            partition: self.partition(event)?,
            key: self.key(event),
            body: self.body(event),
            timestamp: self.timestamp(event),
            headers: self.headers(event)?,
        })
    }

    /// The topic, and whether the event has named it.
    fn topic<'a>(&'a self, event: &'a Event) -> Result<(Cow<'a, str>, bool), String> {
        let from_header = match &self.spec.topic_header {
            None => None,
            Some(header) if self.spec.ignore_source_topic => event.stored_header(header).map(String::from_utf8_lossy),
            Some(header) => event.header_text(header),
        };
        let topic = match (from_header, &self.template) {
            (Some(topic), _) if !topic.is_empty() && !self.not_back_to.iter().any(|reads| reads(&topic)) => topic,
            (_, Some(template)) => {
                template.expand(event, &escape::Options::default()).map(Cow::Owned).map_err(|error| error.to_string())?
            }
            (_, None) => return Ok((Cow::Borrowed(&self.spec.topic), false)),
        };
        if is_legal(&topic) { Ok((topic, true)) } else { Err(format!("{:?} is no topic's name", excerpt(&topic))) }
    }

    fn partition(&self, event: &Event) -> Result<Option<i32>, String> {
        let Some(header) = &self.spec.partition_header else { return Ok(self.spec.default_partition) };
        let Some(text) = event.header_text(header) else { return Ok(self.spec.default_partition) };
        match text.parse() {
            Ok(partition) if partition >= 0 => Ok(Some(partition)),
            _ => Err(format!("header {header:?} should hold a partition's number and holds {text:?}")),
        }
    }

    /// Flume's rule: the key is the header `key`.
    fn key<'a>(&self, event: &'a Event) -> Option<Cow<'a, [u8]>> {
        event.stored_header("key").or(event.key.as_deref()).map(Cow::Borrowed)
    }

    fn body<'a>(&self, event: &'a Event) -> Option<Cow<'a, [u8]>> {
        if !self.spec.flume_event_format {
            return event.body.as_deref().map(Cow::Borrowed);
        }
        let mut datum = Vec::with_capacity(event.size() + 64);
        flume_event::encode(event, &mut datum);
        Some(Cow::Owned(datum))
    }

    /// A header that is no number is ignored, as in Flume.
    fn timestamp(&self, event: &Event) -> Option<i64> {
        let header = self.spec.timestamp_header.as_ref()?;
        event.header_text(header)?.parse().ok().filter(|millis| *millis >= 0)
    }

    fn headers(&self, event: &Event) -> Result<Option<OwnedHeaders>, String> {
        let carried = if self.spec.record_headers { event.headers.records().count() } else { 0 };
        if carried + self.spec.header_mappings.len() == 0 {
            return Ok(None);
        }
        let mut headers = RecordHeaders::with_capacity(carried + self.spec.header_mappings.len());
        let mut added = true;
        if carried > 0 {
            for header in event.headers.records() {
                added &= headers.add(header.name, header.value);
            }
        }
        for (flume, kafka) in &self.spec.header_mappings {
            if let Some(value) = event.header(flume) {
                added &= headers.add(kafka.as_bytes(), Some(&value));
            }
        }
        if added { Ok(Some(headers.into_owned())) } else { Err("its headers were refused".to_owned()) }
    }
}

/// Kafka's rule for topic names (`org.apache.kafka.common.internals.Topic`).
pub(crate) fn is_legal(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    use super::*;
    use crate::config::Brokers;
    use crate::event::{Implied, Origin, Scope};

    fn spec() -> Spec {
        Spec {
            brokers: Brokers::List("b:9092".into()),
            topic: "auths".into(),
            batch_size: NonZeroUsize::MIN,
            flume_event_format: false,
            topic_header: Some("topic".into()),
            ignore_source_topic: true,
            not_back_to: Vec::new(),
            partition_header: Some("p".into()),
            default_partition: None,
            timestamp_header: None,
            header_mappings: vec![("score".into(), "x-score".into())],
            record_headers: true,
            client: Default::default(),
        }
    }

    fn event() -> Event {
        Event {
            key: Some("k".into()),
            origin: Some(Origin { topic: "txn".into(), partition: 0, offset: 1 }),
            implied: Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: false })),
            ..Event::new("b")
        }
    }

    fn topic(spec: Spec, event: &Event) -> String {
        let format = Format::new(&spec).expect("format");
        format.record(event).expect("record").topic.into_owned()
    }

    #[test]
    fn a_topic_header_routes_unless_it_is_only_where_the_event_came_from() {
        let mut event = event();
        assert_eq!(topic(spec(), &event), "auths");
        assert_eq!(topic(Spec { ignore_source_topic: false, ..spec() }, &event), "txn");
        event.set_header("topic", "vip", Scope::Both);
        assert_eq!(topic(spec(), &event), "vip");
        assert_eq!(topic(Spec { topic_header: None, ..spec() }, &event), "auths");
    }

    #[test]
    fn a_topic_header_does_not_lead_back_to_what_is_read_before_a_kafka_channel() {
        let not_back_to = vec![Topics::Names(vec!["txn".into()]), Topics::Pattern("raw-.*".into())];
        let spec = Spec { not_back_to, ..spec() };
        for (header, wanted) in [("txn", "auths"), ("raw-1", "auths"), ("raw", "raw"), ("vip", "vip")] {
            let mut event = event();
            event.set_header("topic", header, Scope::Event);
            assert_eq!(topic(spec.clone(), &event), wanted, "{header}");
        }
    }

    #[test]
    fn a_name_that_no_topic_can_have_is_the_events_fault() {
        let format = Format::new(&spec()).expect("format");
        for name in ["a b", "..", "nul\0", &"x".repeat(250)] {
            let mut event = event();
            event.set_header("topic", name.to_owned(), Scope::Both);
            assert!(format.record(&event).is_err(), "{name}");
        }
    }

    #[test]
    fn a_partition_header_that_is_no_partition_is_the_events_fault() {
        let mut event = event();
        event.set_header("p", "-1", Scope::Event);
        let format = Format::new(&spec()).expect("format");
        let refused = format.record(&event).err().expect("refused");
        assert!(refused.contains("\"-1\""), "{refused}");
    }

    #[test]
    fn the_key_is_the_header_of_that_name() {
        let format = Format::new(&spec()).expect("format");
        let mut event = event();
        assert_eq!(format.record(&event).expect("record").key.as_deref(), Some(&b"k"[..]));
        event.remove_headers(|name| name == b"key");
        assert_eq!(format.record(&event).expect("record").key, None);
        event.set_header("key", "other", Scope::Event);
        assert_eq!(format.record(&event).expect("record").key.as_deref(), Some(&b"other"[..]));
    }

    #[test]
    fn only_record_headers_and_mapped_ones_travel() {
        let format = Format::new(&spec()).expect("format");
        let mut event = event();
        event.set_header("flume", "no", Scope::Event);
        assert!(format.record(&event).expect("record").headers.is_none_or(|headers| rdkafka::message::Headers::count(&headers) == 0));
        event.set_header("score", "0.5", Scope::Both);
        let headers = format.record(&event).expect("record").headers.expect("headers");
        let names: Vec<_> = rdkafka::message::Headers::iter(&headers).map(|header| header.key.to_owned()).collect();
        assert_eq!(names, ["score", "x-score"]);
    }
}
