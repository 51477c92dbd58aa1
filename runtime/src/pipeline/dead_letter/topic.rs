//! Dead letters in a Kafka topic: a producer that is made anew when it fails for good.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Error;
use super::address::Address;
use super::letter::Parked;
use super::record;
use super::spec::HeaderStyle;
use crate::batch::Batch;
use crate::config::Brokers;
use crate::control;
use crate::event::Event;
use crate::sink::{self, Disposition, Sink, Written, kafka};

/// Letters that one record drops.
const DROPPED_A_RECORD: usize = 500;

/// A producer to the dead-letter topic.
pub(super) struct Topic {
    spec: kafka::Spec,
    sink: kafka::Kafka,
    style: HeaderStyle,
}

impl Topic {
    pub(super) async fn connect(place: &super::spec::Topic, brokers: &Brokers) -> Result<Topic, Error> {
        let spec = kafka::Spec {
            brokers: brokers.clone(),
            topic: place.topic.clone(),
            batch_size: NonZeroUsize::MIN,
            flume_event_format: false,
            topic_header: None,
            ignore_source_topic: true,
            not_back_to: Vec::new(),
            partition_header: None,
            default_partition: None,
            timestamp_header: None,
            header_mappings: Vec::new(),
            record_headers: true,
            client: place.client.clone(),
        };
        let sink = kafka::Kafka::connect(&spec).await.map_err(Error::Topic)?;
        Ok(Topic { spec, sink, style: place.header_style })
    }

    /// Writes all; what the broker refuses comes back.
    pub(super) async fn write(&mut self, letters: &[Parked]) -> Result<Vec<Parked>, Error> {
        let mut refused = Vec::new();
        // One at a time where the broker refuses several, so that each is judged by itself.
        let mut groups = vec![letters.to_vec()];
        while let Some(group) = groups.pop() {
            let records: Vec<Event> = group.iter().map(|letter| record::letter(letter, self.style)).collect();
            for one in self.send(records).await?.refused {
                match one.certain || group.len() == 1 {
                    true => refused.push(group[one.event].clone()),
                    false => groups.push(vec![group[one.event].clone()]),
                }
            }
        }
        Ok(refused)
    }

    /// Drops letters of this topic.
    pub(super) async fn forget(&mut self, addresses: &[Address], pipeline: &str, by: &str) -> Result<(), Error> {
        let now = control::now();
        let records = addresses.chunks(DROPPED_A_RECORD).map(|some| record::dropped(some, pipeline, now, by)).collect();
        match self.send(records).await?.refused.pop() {
            Some(refused) => Err(Error::Refused(refused.reason)),
            None => Ok(()),
        }
    }

    /// All are durable but for those refused. A producer that failed for good is replaced, for the next try.
    async fn send(&mut self, records: Vec<Event>) -> Result<Written, Error> {
        let written = self.try_send(records.into()).await;
        if let Err(error) = &written
            && error.disposition() == Disposition::Fatal
        {
            self.sink = kafka::Kafka::connect(&self.spec).await.map_err(Error::Topic)?;
        }
        written.map_err(Error::Topic)
    }

    async fn try_send(&mut self, records: Batch) -> Result<Written, sink::Error> {
        let mut written = self.sink.write(&Arc::new(records)).await?.await?;
        match written.cause.take() {
            Some(cause) => Err(cause),
            None => Ok(written),
        }
    }
}
