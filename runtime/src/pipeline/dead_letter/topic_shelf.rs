//! Reading a dead-letter topic, with a consumer of the reader's own: no group is joined, nothing is committed, and only what is committed is seen.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::Error;
use super::address::Address;
use super::letter::Parked;
use super::record::{self, Record};
use super::spec::Topic;
use super::wanted::Wanted;
use crate::source::kafka::read_headers;

/// How long one request to the cluster may take.
const REQUEST: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// The wanted letters of a topic, found and not loaded. Its calls block.
pub(super) struct TopicShelf {
    // Leaves in the background: closing a consumer waits for its connections.
    consumer: Option<BaseConsumer>,
    topic: String,
    found: Vec<Address>,
    pub(super) unreadable: u64,
}

impl Drop for TopicShelf {
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        // Without a thread it is closed here, which is slow and no worse.
        let _ = std::thread::Builder::new().name("leave dead letters".into()).spawn(move || drop(consumer));
    }
}

impl TopicShelf {
    /// Looks through the topic, from its beginning to where it ends now.
    pub(super) fn look(place: &Topic, bootstrap: &str, wanted: &Wanted, deadline: Instant) -> Result<TopicShelf, Error> {
        let failed = |source| Error::ReadTopic { topic: place.topic.clone(), source };
        let consumer = client(place, bootstrap).create().map_err(failed)?;
        let mut shelf = TopicShelf { consumer: Some(consumer), topic: place.topic.clone(), found: Vec::new(), unreadable: 0 };
        let stretches = shelf.stretches().map_err(failed)?;
        let (mut found, mut dropped, mut unreadable) = (Vec::new(), HashSet::new(), 0);
        shelf.read(stretches, deadline, |address, record| match record {
            Record::Letter(letter) if wanted.pipeline == letter.pipeline => {
                found.push((address, letter.id, wanted.takes(address, &letter)))
            }
            Record::Letter(_) => {}
            Record::Dropped(addresses) => dropped.extend(addresses),
            Record::Unreadable => unreadable += 1,
        })?;
        // A write that was tried again may have left a letter twice: both are dropped with one, and the first stands for both.
        let dropped_ids: HashSet<_> = found.iter().filter(|(address, ..)| dropped.contains(address)).filter_map(|(_, id, _)| *id).collect();
        found.sort_unstable_by_key(|(address, ..)| *address);
        let mut seen = HashSet::new();
        for (address, id, wanted_too) in found {
            let first = id.is_none_or(|id| !dropped_ids.contains(&id) && seen.insert(id));
            if first && wanted_too && !dropped.contains(&address) && wanted.after.is_none_or(|after| address > after) {
                shelf.found.push(address);
            }
        }
        shelf.unreadable = unreadable;
        Ok(shelf)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.found.iter().copied()
    }

    /// Loads these; one that the topic has let go of meanwhile is left out.
    pub(super) fn load(&self, addresses: &HashSet<Address>, deadline: Instant) -> Result<Vec<(Address, Parked)>, Error> {
        let mut stretches: BTreeMap<i32, Range<i64>> = BTreeMap::new();
        for address in addresses {
            if let Address::Record { partition, offset } = *address {
                let stretch = stretches.entry(partition).or_insert(offset..offset + 1);
                *stretch = stretch.start.min(offset)..stretch.end.max(offset + 1);
            }
        }
        let mut letters = Vec::new();
        self.read(stretches, deadline, |address, record| {
            if let Record::Letter(letter) = record
                && addresses.contains(&address)
            {
                letters.push((address, *letter));
            }
        })?;
        letters.sort_unstable_by_key(|(address, _)| *address);
        Ok(letters)
    }

    /// Where each partition begins and ends; a topic that is not there yet has none.
    fn stretches(&self) -> Result<BTreeMap<i32, Range<i64>>, KafkaError> {
        let Some(consumer) = &self.consumer else { return Ok(BTreeMap::new()) };
        let metadata = consumer.fetch_metadata(Some(&self.topic), REQUEST)?;
        let partitions = metadata.topics().iter().filter(|topic| topic.name() == self.topic).flat_map(|topic| topic.partitions());
        let mut stretches = BTreeMap::new();
        for partition in partitions.map(|partition| partition.id()) {
            let (low, high) = consumer.fetch_watermarks(&self.topic, partition, REQUEST)?;
            if low < high {
                stretches.insert(partition, low..high);
            }
        }
        Ok(stretches)
    }

    /// Hands over every record of these stretches.
    fn read(&self, stretches: BTreeMap<i32, Range<i64>>, deadline: Instant, mut each: impl FnMut(Address, Record)) -> Result<(), Error> {
        let Some(consumer) = &self.consumer else { return Ok(()) };
        let failed = |source| Error::ReadTopic { topic: self.topic.clone(), source };
        let mut list = TopicPartitionList::with_capacity(stretches.len());
        for (partition, stretch) in &stretches {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(stretch.start)).map_err(failed)?;
        }
        consumer.assign(&list).map_err(failed)?;
        let mut open: BTreeSet<i32> = stretches.keys().copied().collect();
        let mut last = None;
        while !open.is_empty() {
            if Instant::now() >= deadline {
                return Err(Error::SlowTopic { topic: self.topic.clone(), source: last });
            }
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let Some(stretch) = stretches.get(&partition).filter(|_| open.contains(&partition)) else { continue };
                    if offset < stretch.end {
                        each(Address::Record { partition, offset }, read(&message));
                    }
                    if offset + 1 >= stretch.end {
                        open.remove(&partition);
                    }
                }
                // What is missing before a partition's end was compacted, or is a transaction's mark.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                Some(Err(error)) if is_final(&error) => return Err(failed(error)),
                Some(Err(error)) => last = Some(error),
                None => {}
            }
        }
        Ok(())
    }
}

fn client(place: &Topic, bootstrap: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    // The producer's properties say how to reach the cluster; a consumer ignores those that concern producing.
    for (key, value) in &place.client {
        client.set(key, value);
    }
    // librdkafka assigns nothing to a consumer without a group's name; the group itself is never joined.
    client.set("bootstrap.servers", bootstrap).set("client.id", "weir").set("group.id", "weir-dead-letters");
    client.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false").set("enable.partition.eof", "true");
    client.set("isolation.level", "read_committed").set("auto.offset.reset", "earliest").set("check.crcs", "true");
    client.set("fetch.queue.backoff.ms", "10");
    client
}

fn read(message: &BorrowedMessage<'_>) -> Record {
    let (key, body) = (message.key().map(Bytes::copy_from_slice), message.payload().map(Bytes::copy_from_slice));
    record::read(key, body, read_headers(message), message.timestamp().to_millis())
}

/// Waiting helps against every other error.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{Fatal, TopicAuthorizationFailed};
    matches!(error.rdkafka_error_code(), Some(Fatal | TopicAuthorizationFailed))
}
