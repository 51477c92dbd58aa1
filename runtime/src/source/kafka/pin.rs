//! Where a group begins that has no offset yet: settled once and for all, at the first assignment.
//!
//! With `auto.offset.reset = latest`, Flume's default, a consumer that dies before its first commit would begin at the end again,
//! past all that was written meanwhile. So the end that was met first is committed at once.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use tracing::warn;

use super::rebalance::Context;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Tries before a partition that does not answer ends the source.
const TRIES: usize = 3;

/// Commits the present end of every partition in `assigned` that the group has no offset for, and the beginning of those whose offset is no longer
/// there (librdkafka would begin at their end); says how many there were.
pub(super) fn ends(consumer: &BaseConsumer<Context>, assigned: &TopicPartitionList) -> KafkaResult<usize> {
    if assigned.count() == 0 {
        return Ok(0);
    }
    let known = again(|| consumer.committed_offsets(assigned.clone(), TIMEOUT))?;
    let mut pinned = TopicPartitionList::new();
    for element in known.elements() {
        // The call succeeds although a partition's offset could not be read; that is not a partition without one.
        element.error()?;
        let (begin, end) = again(|| consumer.fetch_watermarks(element.topic(), element.partition(), TIMEOUT))?;
        let from = match element.offset() {
            Offset::Offset(committed) if committed >= begin => continue,
            Offset::Offset(committed) => {
                warn!(
                    topic = element.topic(),
                    partition = element.partition(),
                    committed,
                    begin,
                    "events were deleted before they were read"
                );
                begin
            }
            _ => end,
        };
        pinned.add_partition_offset(element.topic(), element.partition(), Offset::Offset(from))?;
    }
    if pinned.count() > 0 {
        again(|| consumer.commit(&pinned, CommitMode::Sync))?;
    }
    Ok(pinned.count())
}

fn again<T>(mut ask: impl FnMut() -> KafkaResult<T>) -> KafkaResult<T> {
    let mut answer = ask();
    for _ in 1..TRIES {
        if answer.is_ok() {
            break;
        }
        answer = ask();
    }
    answer
}
