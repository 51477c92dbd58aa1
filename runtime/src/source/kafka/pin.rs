//! Where a group begins that has no offset yet: settled once and for all, at the first assignment.
//!
//! With `auto.offset.reset = latest`, Flume's default, a consumer that dies before its first commit would begin at the end again,
//! past all that was written meanwhile. So the end that was met first is committed at once.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::rebalance::Context;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Commits the present end of every partition in `assigned` that the group has no offset for; says how many there were.
pub(super) fn ends(consumer: &BaseConsumer<Context>, assigned: &TopicPartitionList) -> KafkaResult<usize> {
    if assigned.count() == 0 {
        return Ok(0);
    }
    let known = consumer.committed_offsets(assigned.clone(), TIMEOUT)?;
    let mut pinned = TopicPartitionList::new();
    for element in known.elements().iter().filter(|element| !matches!(element.offset(), Offset::Offset(_))) {
        let (_, end) = consumer.fetch_watermarks(element.topic(), element.partition(), TIMEOUT)?;
        pinned.add_partition_offset(element.topic(), element.partition(), Offset::Offset(end))?;
    }
    if pinned.count() > 0 {
        consumer.commit(&pinned, CommitMode::Sync)?;
    }
    Ok(pinned.count())
}
