//! The Kafka sink: `org.apache.flume.sink.kafka.KafkaSink`, idempotent and with many batches in flight.

mod headers;
mod producer;
mod record;
mod reports;
mod spec;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use producer::{Producer, Topic};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
pub(crate) use record::is_legal as is_topic_name;
use reports::Flight;
pub use spec::*;

use super::{Error, Refused, Sink, Writing, Written};
use crate::batch::Batch;
use crate::config::kafka_properties::{self, one_name};
use crate::source::kafka::find;

/// Wait before a record is offered again to a full queue.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(1);

/// Topics whose handles are kept; events may name any number.
const TOPICS: usize = 1000;

/// A producer with its thread.
pub struct Kafka {
    topics: Topics,
    producer: Arc<Producer>,
    format: Arc<record::Format>,
}

/// The client's settings: the safe defaults, over them the user's, over them the brokers.
pub(crate) fn client(spec: &Spec, brokers: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    // Unless the user chose fewer acknowledgements, which an idempotent producer does not take.
    if kafka_properties::find(&spec.client, "acks").is_none_or(|acks| acks == "all" || acks == "-1") {
        client.set("enable.idempotence", "true");
    }
    for (key, value) in [
        ("client.id", "weir"),
        ("linger.ms", "5"),
        // Where Java's producer, and so Flume, puts a key.
        ("partitioner", "murmur2_random"),
        // A record that times out in the queue would leave a gap; the sink waits as long as it takes.
        ("message.timeout.ms", "0"),
        ("queue.buffering.max.messages", "200000"),
        ("queue.buffering.max.kbytes", "65536"),
        ("socket.keepalive.enable", "true"),
        // An unknown topic fails its records after this, so that the log says so; they are tried again.
        ("topic.metadata.propagation.max.ms", "10000"),
    ] {
        client.set(key, value);
    }
    for (key, value) in &spec.client {
        client.set(one_name(key), value);
    }
    client.set("bootstrap.servers", brokers);
    client
}

impl Kafka {
    /// Makes the producer. A cluster that is merely away is no error.
    ///
    /// # Errors
    /// No broker registered in ZooKeeper, settings that librdkafka refuses, or a topic with a bad escape.
    pub async fn connect(spec: &Spec) -> Result<Kafka, Error> {
        let format = record::Format::new(spec).map_err(Error::Topic)?;
        let brokers = find(&spec.brokers, &spec.client).await.map_err(Error::Brokers)?;
        let reports = reports::Reports::new(&spec.topic);
        let producer = Producer::new(&client(spec, &brokers), reports).map_err(Error::Client)?;
        Ok(Kafka { topics: Topics::default(), producer: Arc::new(producer), format: Arc::new(format) })
    }

    /// Queues the records of a run, waiting for room as long as it takes; how many of them were refused.
    async fn send(&mut self, flight: &Flight, run: &mut Run<'_>, written: &mut Written) -> usize {
        if run.records.is_empty() {
            return 0;
        }
        let (mut dealt, mut unsent) = (0, 0);
        let chosen = run.chosen;
        let mut refuse = |event, error: KafkaError| {
            unsent += 1;
            let code = error.rdkafka_error_code();
            if code.is_some_and(|code| blames_event(code) || (chosen && is_unknown_topic(code))) {
                written.refused.push(Refused { event, reason: error.to_string(), certain: true });
            } else {
                written.failed.push(event);
                written.cause = Some(Error::Write(error));
            }
        };
        match self.topics.handle(&self.producer, &run.topic) {
            Err(error) => run.records.iter().for_each(|(event, _)| refuse(*event, error.clone())),
            Ok(topic) => loop {
                dealt += self.producer.offer(topic, flight, &mut run.records[dealt..], &mut refuse);
                if dealt == run.records.len() {
                    break;
                }
                tokio::time::sleep(QUEUE_FULL_WAIT).await;
            },
        }
        run.records.clear();
        unsent
    }
}

/// Records of one topic, in order, with the places of their events.
#[derive(Default)]
struct Run<'a> {
    topic: Cow<'a, str>,
    /// Its events named the topic, not the configuration.
    chosen: bool,
    records: Vec<(usize, record::Record<'a>)>,
}

impl<'a> Run<'a> {
    /// Whether the record belongs to this run.
    fn goes_with(&self, record: &record::Record<'_>) -> bool {
        !self.records.is_empty() && self.topic == record.topic && self.chosen == record.chosen
    }

    /// Begins anew.
    fn begin(&mut self, topic: Cow<'a, str>, chosen: bool) {
        (self.topic, self.chosen) = (topic, chosen);
    }
}

/// Handles of topics, so that none is looked up for each record.
#[derive(Default)]
struct Topics(HashMap<String, Topic>);

impl Topics {
    fn handle(&mut self, producer: &Producer, name: &str) -> Result<&Topic, KafkaError> {
        if self.0.len() >= TOPICS && !self.0.contains_key(name) {
            self.0.clear();
        }
        match self.0.entry(name.to_owned()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(producer.topic(name)?)),
        }
    }
}

/// A topic that is not there. The configured one is waited for; one that an event names is the event's fault.
fn is_unknown_topic(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
}

/// Errors that the same record would meet again for ever.
fn blames_event(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{
        InvalidMessageSize, InvalidRecord, InvalidTimestamp, InvalidTopic, MessageSizeTooLarge, PolicyViolation, UnknownPartition,
    };
    matches!(
        code,
        MessageSizeTooLarge | InvalidMessageSize | InvalidRecord | InvalidTimestamp | InvalidTopic | PolicyViolation | UnknownPartition
    )
}

impl Sink for Kafka {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, Error>> {
        Box::pin(async move {
            let (flight, landing) = self.producer.reports().open(batch);
            let format = self.format.clone();
            let mut written = Written::default();
            let mut chosen = Vec::new();
            let mut run = Run::default();
            for (index, event) in batch.events.iter().enumerate() {
                let mut record = match format.record(event) {
                    Ok(record) => record,
                    Err(reason) => {
                        written.refused.push(Refused { event: index, reason, certain: true });
                        flight.done(1);
                        continue;
                    }
                };
                if record.chosen {
                    chosen.push(index);
                }
                if !run.goes_with(&record) {
                    flight.done(self.send(&flight, &mut run, &mut written).await);
                    run.begin(std::mem::take(&mut record.topic), record.chosen);
                }
                run.records.push((index, record));
            }
            flight.done(self.send(&flight, &mut run, &mut written).await);
            flight.done(1);
            let producer = self.producer.clone();
            Ok(Box::pin(async move {
                // The sender lives in the flight, which is held here: it cannot go silently.
                let _ = landing.await;
                producer.reports().close(&flight);
                written.report(flight.failures(), &chosen);
                written.check(&producer)
            }) as Writing)
        })
    }
}

impl Written {
    /// Sorts failed deliveries into those to write again and those the broker refuses.
    fn report(&mut self, failures: Vec<(usize, RDKafkaErrorCode)>, chosen: &[usize]) {
        for (event, code) in failures {
            if is_unknown_topic(code) && chosen.binary_search(&event).is_ok() {
                self.refused.push(Refused { event, reason: KafkaError::MessageProduction(code).to_string(), certain: true });
            } else if blames_event(code) {
                // A broker refuses a whole record batch: its neighbours may be to blame.
                self.refused.push(Refused { event, reason: KafkaError::MessageProduction(code).to_string(), certain: false });
            } else {
                self.failed.push(event);
                self.cause = Some(Error::Write(KafkaError::MessageProduction(code)));
            }
        }
        self.failed.sort_unstable();
        self.refused.sort_by_key(|refused| refused.event);
    }

    /// After a fatal error the producer refuses everything (KIP-360): only a new one helps.
    fn check(self, producer: &Producer) -> Result<Written, Error> {
        match producer.fatal_error() {
            Some(reason) if !self.failed.is_empty() => Err(Error::Fatal(reason)),
            _ => Ok(self),
        }
    }
}
