//! Offsets of a Flume 1.6 agent, from ZooKeeper to Kafka: `migrateZookeeperOffsets` of `KafkaSource`. Done only for a single topic
//! and a group that has no offset in Kafka yet.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tracing::{info, warn};

use super::{Error, Spec, Topics, ZOOKEEPER_TIMEOUT, client, zookeeper};

const KAFKA_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes the offsets over where there are any to take. An unreachable ZooKeeper is an error, since reading from elsewhere could skip events.
pub(super) async fn offsets(spec: &Spec, brokers: &str) -> Result<(), Error> {
    let (Some(connect), Topics::Names(topics)) = (&spec.migrate_offsets_from, &spec.topics) else { return Ok(()) };
    let [topic] = &topics[..] else {
        warn!("offsets in ZooKeeper are taken over for a single topic only");
        return Ok(());
    };
    let old = zookeeper::offsets(connect, &spec.group, topic, ZOOKEEPER_TIMEOUT).await.map_err(Error::Brokers)?;
    if old.is_empty() {
        return Ok(());
    }
    let mut wanted = TopicPartitionList::new();
    for (partition, next) in &old {
        wanted.add_partition_offset(topic, *partition, Offset::Offset(*next)).map_err(Error::Kafka)?;
    }
    let client = client(spec, brokers);
    let stored = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = client.create()?;
        let known = consumer.committed_offsets(wanted.clone(), KAFKA_TIMEOUT)?;
        known.elements().iter().try_for_each(|element| element.error())?;
        if known.elements().iter().any(|element| matches!(element.offset(), Offset::Offset(_))) {
            return Ok(false);
        }
        consumer.commit(&wanted, CommitMode::Sync).map(|()| true)
    });
    match stored.await {
        Ok(Ok(true)) => info!(group = spec.group, topic, partitions = old.len(), "offsets taken over from ZooKeeper"),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => return Err(Error::Kafka(error)),
        Err(_) => return Err(Error::Ended),
    }
    Ok(())
}
