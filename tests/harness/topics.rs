//! Topics and consumer groups, seen from outside the agent.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::wait;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// How long a broker that was just started may take to do what it is asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client's configuration for this cluster.
pub fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("log_level", "0");
    config
}

/// Whether a broker answers a metadata request, and counts itself among the living.
pub fn answers(bootstrap: &str) -> bool {
    let consumer: BaseConsumer = client(bootstrap).create().unwrap();
    consumer.fetch_metadata(None, Duration::from_secs(2)).is_ok_and(|metadata| {
        let leaders = metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.leader());
        !metadata.brokers().is_empty() && leaders.into_iter().all(|leader| leader >= 0)
    })
}

/// A name nobody else in this run uses.
pub fn unique(label: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{label}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A topic that is deleted when its test ends.
#[derive(Debug)]
pub struct Topic {
    bootstrap: String,
    /// Its name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
}

impl Topic {
    /// A new topic with a unique name that starts with `label`.
    pub fn create(bootstrap: &str, label: &str, partitions: i32) -> Topic {
        Topic::named(bootstrap, &unique(label), partitions, &[])
    }

    /// A new topic of this very name, with these settings.
    ///
    /// # Panics
    /// When there is one already.
    pub fn named(bootstrap: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Topic {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let created = run(admin(bootstrap).create_topics([&topic], &options())).unwrap();
        created.into_iter().next().unwrap().unwrap_or_else(|(name, error)| panic!("create topic {name}: {error}"));
        let topic = Topic { bootstrap: bootstrap.to_owned(), name: name.to_owned(), partitions };
        // The answer comes from the controller; the broker's own view follows.
        let consumer: BaseConsumer = client(bootstrap).create().unwrap();
        wait::until("the new topic has leaders", PATIENCE, || {
            let metadata = consumer.fetch_metadata(Some(name), REQUEST).unwrap();
            let found = metadata.topics()[0].partitions();
            found.len() == partitions as usize && found.iter().all(|partition| partition.leader() >= 0)
        });
        topic
    }

    /// The cluster it is in.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The offset after the last record, per partition. Waits for a broker that is starting.
    pub fn ends(&self) -> Vec<i64> {
        let consumer: BaseConsumer = client(&self.bootstrap).create().unwrap();
        self.ends_by(&consumer)
    }

    /// As [`Topic::ends`], over a connection that is there already.
    pub fn ends_by(&self, consumer: &BaseConsumer) -> Vec<i64> {
        (0..self.partitions)
            .map(|partition| patiently("high watermark", || consumer.fetch_watermarks(&self.name, partition, REQUEST)).1)
            .collect()
    }

    /// Number of records, in a topic nothing was deleted from.
    pub fn len(&self) -> u64 {
        self.ends().iter().sum::<i64>().cast_unsigned()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // Only to save disk: the broker goes away with the run.
        let _ = run(admin(&self.bootstrap).delete_topics(&[&self.name], &options()));
    }
}

/// What a consumer group has committed for one topic.
pub struct Group<'a> {
    consumer: BaseConsumer,
    topic: &'a Topic,
}

impl<'a> Group<'a> {
    /// Looks at a group without joining it.
    pub fn new(name: &str, topic: &'a Topic) -> Group<'a> {
        let consumer = client(&topic.bootstrap).set("group.id", name).set("enable.auto.commit", "false").create().unwrap();
        Group { consumer, topic }
    }

    /// The committed offset of every partition, 0 where there is none. Waits for a broker that is starting.
    pub fn committed(&self) -> Vec<i64> {
        let committed = patiently("committed offsets", || self.consumer.committed_offsets(self.list(Offset::Invalid), REQUEST));
        let offsets = committed.elements().into_iter().map(|element| element.offset());
        offsets.map(|offset| if let Offset::Offset(offset) = offset { offset } else { 0 }).collect()
    }

    /// Sum of [`Group::committed`].
    pub fn total(&self) -> u64 {
        self.committed().iter().sum::<i64>().cast_unsigned()
    }

    /// Waits until it has committed everything that the topic holds: every event is settled.
    ///
    /// # Panics
    /// When it commits nothing for two minutes.
    pub fn wait_until_settled(&self) {
        wait::while_moving(&format!("events of {} settled", self.topic.name), self.topic.len(), Duration::from_secs(120), || self.total());
    }

    /// Commits offset 0 everywhere: the group begins there whatever its members say about groups without offsets.
    pub fn begin(&self) {
        patiently("commit", || self.consumer.commit(&self.list(Offset::Offset(0)), CommitMode::Sync));
    }

    /// Commits the end of every partition: the group begins with what comes next.
    pub fn begin_at_end(&self) {
        let mut list = TopicPartitionList::new();
        for (partition, end) in self.topic.ends_by(&self.consumer).into_iter().enumerate() {
            list.add_partition_offset(&self.topic.name, partition as i32, Offset::Offset(end)).unwrap();
        }
        patiently("commit", || self.consumer.commit(&list, CommitMode::Sync));
    }

    fn list(&self, offset: Offset) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.topic.partitions {
            list.add_partition_offset(&self.topic.name, partition, offset).unwrap();
        }
        list
    }
}

/// Tries again while a broker or a coordinator is starting.
fn patiently<T>(what: &str, mut request: impl FnMut() -> Result<T, rdkafka::error::KafkaError>) -> T {
    let mut answer = None;
    wait::until(what, PATIENCE, || {
        answer = request().ok();
        answer.is_some()
    });
    answer.expect("until returns once there is an answer")
}

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    client(bootstrap).create().unwrap()
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
