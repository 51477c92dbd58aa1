//! Dead letters in a Kafka topic: the event's own key, body and headers, and the reason in record headers.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use bytes::Bytes;

use super::Error;
use crate::batch::{Batch, Rejected};
use crate::config::Brokers;
use crate::event::{Event, Scope};
use crate::sink::{self, Disposition, Sink, kafka};

/// A producer to the dead-letter topic.
pub(super) struct Topic {
    spec: kafka::Spec,
    sink: kafka::Kafka,
    pipeline: String,
}

impl Topic {
    pub(super) async fn connect(
        brokers: Option<Brokers>,
        topic: &str,
        client: &BTreeMap<String, String>,
        pipeline: &str,
    ) -> Result<Topic, Error> {
        let brokers = brokers.unwrap_or_else(|| Brokers::List(String::new()));
        let spec = kafka::Spec {
            brokers,
            topic: topic.to_owned(),
            batch_size: NonZeroUsize::MIN,
            flume_event_format: false,
            topic_header: None,
            ignore_source_topic: true,
            partition_header: None,
            default_partition: None,
            timestamp_header: None,
            header_mappings: Vec::new(),
            record_headers: true,
            client: client.clone(),
        };
        let sink = kafka::Kafka::connect(&spec).await.map_err(Error::Topic)?;
        Ok(Topic { spec, sink, pipeline: pipeline.to_owned() })
    }

    /// Writes all; what the broker refuses comes back. A producer that failed for good is replaced, for the next try.
    pub(super) async fn write(&mut self, rejected: &[Rejected]) -> Result<Vec<Rejected>, Error> {
        let written = self.try_write(rejected).await;
        if let Err(error) = &written
            && error.disposition() == Disposition::Fatal
        {
            self.sink = kafka::Kafka::connect(&self.spec).await.map_err(Error::Topic)?;
        }
        written.map_err(Error::Topic)
    }

    async fn try_write(&mut self, rejected: &[Rejected]) -> Result<Vec<Rejected>, sink::Error> {
        let mut refused = Vec::new();
        // One at a time where the broker refuses several, so that each is judged by itself.
        let mut groups = vec![rejected.to_vec()];
        while let Some(group) = groups.pop() {
            let batch = Batch::from(group.iter().map(|one| self.letter(one)).collect::<Vec<_>>());
            let written = self.sink.write(&batch).await?.await?;
            if let Some(cause) = written.cause {
                return Err(cause);
            }
            for one in written.refused {
                match one.certain || group.len() == 1 {
                    true => refused.push(group[one.event].clone()),
                    false => groups.push(vec![group[one.event].clone()]),
                }
            }
        }
        Ok(refused)
    }

    fn letter(&self, rejected: &Rejected) -> Event {
        let mut event = rejected.event.clone();
        let rejection = &rejected.rejection;
        let mut set = |name: &'static str, value: Option<&str>| {
            if let Some(value) = value {
                event.set_header(name, Bytes::copy_from_slice(value.as_bytes()), Scope::Both);
            }
        };
        set("weir.pipeline", Some(&self.pipeline));
        set("weir.error.stage", Some(&rejection.stage));
        set("weir.error.message", Some(&rejection.reason));
        set("weir.error.backtrace", rejection.backtrace.as_deref());
        set("weir.plugin.digest", rejection.plugin.as_deref());
        if let Some(origin) = &rejected.event.origin {
            set("weir.source.topic", Some(&origin.topic));
            set("weir.source.partition", Some(&origin.partition.to_string()));
            set("weir.source.offset", Some(&origin.offset.to_string()));
        }
        event
    }
}
