//! The Kafka source: `org.apache.flume.source.kafka.KafkaSource`, with offsets committed only when the events are safe.
//!
//! One thread of its own polls, so that the group's callbacks are served whatever the pipeline does. Offsets are stored with
//! librdkafka as they settle; it commits them every second, when partitions are revoked, and at the end.

mod fetch;
mod headers;
mod message;
mod migrate;
mod pin;
mod poll;
mod rebalance;
mod spec;
#[cfg(test)]
mod tests;
pub mod zookeeper;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::BoxFuture;
pub(crate) use headers::read as read_headers;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
pub use rebalance::Assigned;
pub use spec::*;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{Error, Polled, Source};
use crate::config::Brokers;
use crate::config::kafka_properties::one_name;
use crate::pipeline::ledger::Checkpoint;
use crate::telemetry::SourceMetrics;

/// How long finding the brokers may take.
const ZOOKEEPER_TIMEOUT: Duration = Duration::from_secs(30);
/// Hand-overs between the poll thread and the source loop.
const HANDED_OVER: usize = 2;

/// A consumer in its group, with its poll thread.
pub struct Kafka {
    consumer: Arc<BaseConsumer<rebalance::Context>>,
    polled: mpsc::Receiver<Result<Polled, Error>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The client's settings: the safe defaults, over them the user's, over them what delivery depends on.
pub(crate) fn client(spec: &Spec, brokers: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (key, value) in [
        ("client.id", "weir"),
        ("auto.offset.reset", "earliest"),
        ("isolation.level", "read_committed"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("session.timeout.ms", "45000"),
        ("check.crcs", "true"),
        ("socket.keepalive.enable", "true"),
        ("auto.commit.interval.ms", "1000"),
        ("statistics.interval.ms", "5000"),
        // librdkafka's 1000 stops a fast consumer for a second each time its queue was full.
        ("fetch.queue.backoff.ms", "10"),
        // Bounds the memory of prefetched records.
        ("queued.max.messages.kbytes", "16384"),
    ] {
        client.set(key, value);
    }
    for (key, value) in &spec.client {
        client.set(one_name(key), value);
    }
    client.set("bootstrap.servers", brokers).set("group.id", &spec.group);
    // Only what is settled is stored, and only what is stored is committed.
    client.set("enable.auto.commit", "true").set("enable.auto.offset.store", "false").set("enable.partition.eof", "false");
    client
}

/// The bootstrap list, looked up in ZooKeeper where that is what the configuration names.
pub(crate) async fn find(brokers: &Brokers, client: &BTreeMap<String, String>) -> Result<String, zookeeper::Error> {
    let protocol = client.get("security.protocol").map_or("PLAINTEXT", String::as_str);
    match brokers {
        Brokers::List(list) => Ok(list.clone()),
        Brokers::ZooKeeper(connect) => zookeeper::brokers(connect, protocol, ZOOKEEPER_TIMEOUT).await,
    }
}

impl Kafka {
    /// Joins the group and begins to poll; hands over `at_once` events where so many are there; `assigned` hears of every assignment.
    ///
    /// # Errors
    /// No broker registered in ZooKeeper, or settings that librdkafka refuses. A cluster that is merely away is no error.
    pub async fn connect(name: &str, spec: &Spec, at_once: usize, metrics: SourceMetrics, assigned: Assigned) -> Result<Kafka, Error> {
        let brokers = find(&spec.brokers, &spec.client).await.map_err(Error::Brokers)?;
        migrate::offsets(spec, &brokers).await?;
        let client = client(spec, &brokers);
        let (sender, polled) = mpsc::channel(HANDED_OVER);
        let stopping = Arc::new(AtomicBool::new(false));
        let context = rebalance::Context {
            name: name.to_owned(),
            intake: Default::default(),
            records: OnceLock::new(),
            polled: sender,
            runtime: tokio::runtime::Handle::current(),
            settle_limit: settle_limit(&client),
            metrics,
            assigned,
            pins_end: matches!(client.get("auto.offset.reset"), Some("latest" | "largest" | "end")),
            stopping: stopping.clone(),
            paused: AtomicBool::new(false),
        };
        let mut consumer: BaseConsumer<rebalance::Context> = client.create_with_context(context).map_err(Error::Client)?;
        let no_queue = || Error::Client(KafkaError::ClientCreation("no memory for a queue".into()));
        let records = Arc::new(fetch::Queue::new(&consumer).ok_or_else(no_queue)?);
        // Nobody holds it but the poll thread, which ends before the consumer does.
        let weak = Arc::downgrade(&records);
        let _ = consumer.context().records.set(weak.clone());
        // Whoever waits for records must hear of a rebalance too.
        consumer.set_nonempty_callback(move || {
            if let Some(records) = weak.upgrade() {
                records.wake();
            }
        });
        match &spec.topics {
            Topics::Names(names) => consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>()),
            // librdkafka takes a topic for a pattern when it begins with ^.
            Topics::Pattern(pattern) => consumer.subscribe(&[&format!("^({pattern})$")]),
        }
        .map_err(Error::Kafka)?;
        let consumer = Arc::new(consumer);
        let poller = poll::Poller {
            fetched: fetch::Fetched::default(),
            records,
            consumer: consumer.clone(),
            format: message::Format::new(spec),
            at_once,
            batch_duration: spec.batch_duration,
        };
        let sender = consumer.context().polled.clone();
        let polling = move || {
            let _last_word = LastWord(sender);
            poller.run();
        };
        let thread = std::thread::Builder::new().name(format!("poll {name}")).spawn(polling).map_err(|_| Error::Ended)?;
        Ok(Kafka { consumer, polled, stopping, thread: Some(thread) })
    }
}

/// Tells the source loop that the poll thread has ended, by a panic too. A loop that closed its side hears nothing.
struct LastWord(mpsc::Sender<Result<Polled, Error>>);

impl Drop for LastWord {
    fn drop(&mut self) {
        let _ = self.0.blocking_send(Err(Error::Ended));
    }
}

/// A third of the time after which the group gives up on a member, so that settling never costs the membership.
fn settle_limit(client: &ClientConfig) -> Duration {
    let session = client.get("session.timeout.ms").and_then(|text| text.parse().ok()).unwrap_or(45_000);
    Duration::from_millis(session / 3)
}

impl Source for Kafka {
    fn poll(&mut self) -> BoxFuture<'_, Result<Polled, Error>> {
        Box::pin(async { self.polled.recv().await.unwrap_or(Err(Error::Ended)) })
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let mut offsets = TopicPartitionList::with_capacity(checkpoint.len());
        for (partition, next) in checkpoint {
            offsets.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*next)).map_err(Error::Kafka)?;
        }
        match self.consumer.store_offsets(&offsets) {
            // Some partition was revoked meanwhile; the others were stored.
            Err(KafkaError::StoreOffset(RDKafkaErrorCode::State)) => {
                debug!("offsets of a partition that is no longer ours were not stored")
            }
            Err(error) => return Err(Error::Kafka(error)),
            Ok(()) => {}
        }
        Ok(())
    }

    fn pause(&mut self) {
        self.consumer.context().paused.store(true, Ordering::Release);
    }

    fn resume(&mut self) {
        self.consumer.context().paused.store(false, Ordering::Release);
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move {
            self.stop();
            let (consumer, thread) = (self.consumer.clone(), self.thread.take());
            drop(self);
            let closed = tokio::task::spawn_blocking(move || {
                if let Some(thread) = thread {
                    let _ = thread.join();
                }
                let stored = consumer.commit_consumer_state(CommitMode::Sync);
                // The last owner: leaves the group.
                drop(consumer);
                stored
            });
            match closed.await {
                Ok(Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset))) | Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(Error::Kafka(error)),
                Err(_) => Err(Error::Ended),
            }
        })
    }
}

impl Kafka {
    fn stop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the poll thread should it wait for room.
        self.polled.close();
    }
}

impl Drop for Kafka {
    /// Without [`Source::close`]: leaves the group in the background; what is not committed comes again.
    fn drop(&mut self) {
        self.stop();
        let Some(thread) = self.thread.take() else { return };
        let consumer = self.consumer.clone();
        let left = std::thread::Builder::new().name("leave group".into()).spawn(move || {
            let _ = thread.join();
            drop(consumer);
        });
        if let Err(error) = left {
            warn!(%error, "no thread to leave the group with");
        }
    }
}
