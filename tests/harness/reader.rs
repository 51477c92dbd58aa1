//! Reads a topic from its beginning without a group, so that what is read does not hang on anybody's commits.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::topics::{Topic, client};

/// How long a broker may send nothing although there is more.
const SILENCE: Duration = Duration::from_secs(60);

/// A place in every partition of a topic.
pub struct Reader<'a> {
    topic: &'a Topic,
    consumer: BaseConsumer,
    next: Vec<i64>,
}

impl<'a> Reader<'a> {
    /// At the beginning.
    pub fn new(topic: &'a Topic) -> Reader<'a> {
        let consumer: BaseConsumer = client(topic.bootstrap())
            .set("group.id", "weir-tests-reader")
            .set("enable.auto.commit", "false")
            .set("check.crcs", "true")
            .set("fetch.queue.backoff.ms", "10")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..topic.partitions {
            list.add_partition_offset(&topic.name, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        Reader { topic, consumer, next: vec![0; topic.partitions as usize] }
    }

    /// Reads what is there now and was not read before: up to the high watermark of the moment of the call.
    ///
    /// # Panics
    /// When the broker stops sending for a minute.
    pub fn catch_up(&mut self, mut each: impl FnMut(&BorrowedMessage<'_>)) {
        let ends = self.topic.ends_by(&self.consumer);
        let mut heard = Instant::now();
        while self.next.iter().zip(&ends).any(|(next, end)| next < end) {
            assert!(heard.elapsed() < SILENCE, "{}: at {:?} of {ends:?} for {SILENCE:?}", self.topic.name, self.next);
            // An error is a connection that librdkafka mends, or silence in the end.
            let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) else { continue };
            heard = Instant::now();
            self.next[message.partition() as usize] = message.offset() + 1;
            each(&message);
        }
    }
}

/// Reads a whole topic.
pub fn read(topic: &Topic, each: impl FnMut(&BorrowedMessage<'_>)) {
    Reader::new(topic).catch_up(each);
}
