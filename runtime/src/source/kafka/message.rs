//! From Kafka's records to events, a batch at a time: keys and bodies are copied once, into one allocation for the whole batch.

use std::ops::Range;
use std::sync::Arc;

use super::{Spec, fetch, headers};
use crate::batch::{Batch, Rejected, Rejection};
use crate::event::{Event, Headers, Implied, Origin, Scope};
use crate::flume_event;
use crate::pipeline::ledger::{Checkpoint, Partition};
use crate::source::PolledBatch;
use bytes::Bytes;

/// What of a source's settings concerns its records.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) flume_event_format: bool,
    pub(super) header_mappings: Vec<(String, String)>,
    pub(super) implied: Implied,
}

impl Format {
    pub(super) fn new(spec: &Spec) -> Format {
        Format {
            flume_event_format: spec.flume_event_format,
            header_mappings: spec.header_mappings.clone(),
            implied: Implied { topic_header: spec.topic_header.clone(), by_name_only: spec.of_channel },
        }
    }
}

/// Records on their way to a batch.
#[derive(Debug, Default)]
pub(super) struct Builder {
    arena: Vec<u8>,
    records: Vec<Record>,
    /// Of this batch alone: a count of owners that all batches shared would go from core to core with each event.
    topics: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Record {
    origin: Origin,
    key: Option<Range<usize>>,
    body: Option<Range<usize>>,
    timestamp: Option<i64>,
    headers: Vec<(Bytes, Option<Bytes>)>,
}

impl Builder {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn push(&mut self, record: fetch::Record<'_>) {
        let origin = Origin { topic: self.topic(record.topic()), partition: record.partition(), offset: record.offset() };
        let key = record.key().map(|key| self.copy(key));
        let body = record.body().map(|body| self.copy(body));
        self.records.push(Record { origin, key, body, timestamp: record.timestamp(), headers: headers::of(record) });
    }

    /// Forgets the records of partitions that were taken away: another consumer reads them.
    pub(super) fn forget(&mut self, partitions: &[Partition]) {
        self.records
            .retain(|record| !partitions.iter().any(|gone| gone.number == record.origin.partition && gone.topic == record.origin.topic));
    }

    /// The batch; the builder is empty again.
    pub(super) fn build(&mut self, format: &Format) -> PolledBatch {
        let next = Vec::with_capacity(self.arena.len());
        let arena = Bytes::from(std::mem::replace(&mut self.arena, next));
        let implied = Arc::new(format.implied.clone());
        self.topics.clear();
        let batch = Batch::from(Vec::with_capacity(self.records.len()));
        let mut built = PolledBatch { batch, ..PolledBatch::default() };
        let mut last: Option<Origin> = None;
        for record in self.records.drain(..) {
            // Records of a partition come in runs; one entry a run will do.
            match &mut last {
                Some(last) if last.partition == record.origin.partition && last.topic == record.origin.topic => {
                    last.offset = record.origin.offset;
                }
                _ => {
                    if let Some(before) = last.replace(record.origin.clone()) {
                        reach(&mut built.reached, before);
                    }
                }
            }
            match record.into_event(&arena, &implied, format) {
                Ok(event) => built.batch.events.push(event),
                Err(rejected) => built.rejected.push(*rejected),
            }
        }
        if let Some(last) = last {
            reach(&mut built.reached, last);
        }
        built
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        start..self.arena.len()
    }

    fn topic(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.topics.iter().find(|known| &***known == name) {
            return known.clone();
        }
        let topic: Arc<str> = name.into();
        self.topics.push(topic.clone());
        topic
    }
}

/// Kafka commits the next offset to read, not the last one read.
fn reach(reached: &mut Checkpoint, origin: Origin) {
    let partition = Partition { topic: origin.topic, number: origin.partition };
    reached.insert(partition, origin.offset + 1);
}

impl Record {
    fn into_event<'a>(self, arena: &Bytes, implied: &Arc<Implied>, format: &'a Format) -> Result<Event, Box<Rejected>> {
        let mut event = Event {
            headers: Headers::default(),
            key: self.key.map(|range| arena.slice(range)),
            body: self.body.map(|range| arena.slice(range)),
            timestamp: self.timestamp,
            origin: Some(self.origin),
            implied: Some(implied.clone()),
            replay: None,
        };
        let own = self.headers;
        let mapped = |(flume, kafka): &'a (String, String)| {
            let (_, value) = own.iter().rev().find(|(name, _)| *name == kafka.as_bytes())?;
            Some((flume.as_str(), value.clone().unwrap_or_default()))
        };
        let mapped: Vec<(&str, Bytes)> = format.header_mappings.iter().filter_map(mapped).collect();
        for (name, value) in own {
            event.headers.push(name, value, Scope::Record);
        }
        if format.flume_event_format {
            event = decode(event)?;
        }
        for (flume, value) in mapped {
            event.set_header(flume.to_owned(), value, Scope::Event);
        }
        Ok(event)
    }
}

/// The value is an Avro `AvroFlumeEvent`: its headers and its body are the event's. The record's key wins over a `key` header in it (KafkaSource,
/// KafkaChannel).
fn decode(mut event: Event) -> Result<Event, Box<Rejected>> {
    let decoded = match &event.body {
        Some(body) => flume_event::decode(body).map_err(|error| error.to_string()),
        None => Err("the record has no value".to_owned()),
    };
    match decoded {
        Ok(decoded) => {
            for (name, value) in decoded.headers {
                if event.key.is_none() || name != "key" {
                    event.headers.push(name, Some(value), Scope::Event);
                }
            }
            event.body = Some(decoded.body);
            Ok(event)
        }
        Err(reason) => {
            // The loop that the event comes through knows what it is called.
            let rejection = Rejection { reason: format!("not an Avro Flume event: {reason}"), ..Rejection::default() };
            Err(Box::new(Rejected { event, rejection }))
        }
    }
}
