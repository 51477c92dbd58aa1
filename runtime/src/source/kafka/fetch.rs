//! Records in bulk. Partitions deliver into a queue of our own, which is emptied with one call for many records; the client's queue keeps what else
//! happens (rebalances, commits, errors). The wrapper's own `poll` makes an event, two allocations and two looks at the clock of every record.

#![expect(unsafe_code, reason = "librdkafka's batch call and its queues have no binding but the raw one")]

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_message_destroy, rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_queue_destroy,
    rd_kafka_queue_forward, rd_kafka_queue_get_partition, rd_kafka_queue_new, rd_kafka_queue_t, rd_kafka_queue_yield,
    rd_kafka_timestamp_type_t, rd_kafka_topic_name,
};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;

/// Where the records of every partition arrive. It must be gone before its consumer is.
pub(super) struct Queue(NonNull<rd_kafka_queue_t>);

// SAFETY: librdkafka's queues have a lock of their own.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// An empty queue; `None` when there is no memory for it.
    pub(super) fn new<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<Queue> {
        // SAFETY: the client is alive.
        NonNull::new(unsafe { rd_kafka_queue_new(consumer.client().native_ptr()) }).map(Queue)
    }

    /// From now on the records of these partitions arrive here. To be called before they are assigned, so that none goes elsewhere.
    pub(super) fn take_over<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, partitions: &TopicPartitionList) {
        for partition in partitions.elements() {
            // A name with a NUL is no topic's.
            let Ok(topic) = CString::new(partition.topic()) else { continue };
            // SAFETY: the client is alive; the partition's queue holds on to this one by itself, and the handle is given back.
            unsafe {
                let queue = rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition.partition());
                if !queue.is_null() {
                    rd_kafka_queue_forward(queue, self.0.as_ptr());
                    rd_kafka_queue_destroy(queue);
                }
            }
        }
    }

    /// Takes up to `most` records; when none is there, waits for one.
    pub(super) fn take(&self, wait: Duration, most: usize, into: &mut Fetched) {
        self.take_now(most, into);
        if into.is_empty() && !wait.is_zero() {
            // The call waits until it has as many as it is asked for: one, then.
            self.fill(wait, 1, into);
            self.take_now(most - into.len(), into);
        }
    }

    fn take_now(&self, most: usize, into: &mut Fetched) {
        self.fill(Duration::ZERO, most, into);
    }

    fn fill(&self, wait: Duration, most: usize, into: &mut Fetched) {
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let spare = into.spare(most);
        // SAFETY: the queue is alive, and there is room for as many pointers.
        let taken = unsafe { rd_kafka_consume_batch_queue(self.0.as_ptr(), wait, spare.as_mut_ptr().cast(), spare.len()) };
        // SAFETY: so many were written. An error is -1.
        unsafe { into.grow(usize::try_from(taken).unwrap_or(0)) };
    }

    /// Whoever waits in [`Queue::take`] looks around.
    pub(super) fn wake(&self) {
        // SAFETY: the queue is alive.
        unsafe { rd_kafka_queue_yield(self.0.as_ptr()) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more; partitions that still point here have their records thrown away.
        unsafe { rd_kafka_queue_destroy(self.0.as_ptr()) };
    }
}

/// Records that were taken out of a queue and belong to whoever holds this.
#[derive(Default)]
pub(super) struct Fetched(Vec<*mut rd_kafka_message_t>);

// SAFETY: a message may be read and given back on any thread.
unsafe impl Send for Fetched {}

impl Fetched {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Result<Record<'_>, KafkaError>> {
        self.0.iter().map(|message| {
            // SAFETY: the message is alive until `clear`.
            let record = Record { message: unsafe { &**message }, of: PhantomData };
            match record.message.err {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(record),
                error => Err(KafkaError::MessageConsumption(error.into())),
            }
        })
    }

    /// Gives the records back to librdkafka.
    pub(super) fn clear(&mut self) {
        for message in self.0.drain(..) {
            // SAFETY: it came from the batch call, and nothing borrows from it any more.
            unsafe { rd_kafka_message_destroy(message) };
        }
    }

    fn spare(&mut self, most: usize) -> &mut [std::mem::MaybeUninit<*mut rd_kafka_message_t>] {
        self.0.reserve(most);
        &mut self.0.spare_capacity_mut()[..most]
    }

    /// # Safety
    /// So many more are written.
    unsafe fn grow(&mut self, more: usize) {
        // SAFETY: as the caller says.
        unsafe { self.0.set_len(self.0.len() + more) };
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        self.clear();
    }
}

/// One record, borrowed from librdkafka.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    message: &'a rd_kafka_message_t,
    of: PhantomData<&'a Fetched>,
}

impl<'a> Record<'a> {
    pub(super) fn of(message: &'a BorrowedMessage<'_>) -> Record<'a> {
        // SAFETY: the message is alive as long as the borrow.
        Record { message: unsafe { &*message.ptr() }, of: PhantomData }
    }

    pub(super) fn topic(self) -> &'a str {
        // SAFETY: a record holds on to its topic, whose name is a C string of ASCII.
        let name = unsafe { CStr::from_ptr::<'a>(rd_kafka_topic_name(self.message.rkt)) };
        name.to_str().unwrap_or_default()
    }

    pub(super) fn partition(self) -> i32 {
        self.message.partition
    }

    pub(super) fn offset(self) -> i64 {
        self.message.offset
    }

    pub(super) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka's word for what is there, alive as long as the record.
        unsafe { bytes(self.message.key.cast(), self.message.key_len) }
    }

    pub(super) fn body(self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.message.payload.cast(), self.message.len) }
    }

    /// Bytes of its key and body.
    pub(super) fn size(self) -> usize {
        self.message.key_len + self.message.len
    }

    /// Milliseconds since the epoch.
    pub(super) fn timestamp(self) -> Option<i64> {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the record is alive.
        let millis = unsafe { rd_kafka_message_timestamp(self.message, &mut kind) };
        (millis != -1 && kind != rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE).then_some(millis)
    }

    pub(super) fn as_ptr(self) -> *const rd_kafka_message_t {
        ptr::from_ref(self.message)
    }
}

/// # Safety
/// Nothing, or `len` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller says.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, len) })
}
