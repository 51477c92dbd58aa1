//! A producer that takes records in bulk and hears of their deliveries in bulk: one call into librdkafka for a run of records, one look at the
//! flights for a run of reports. The wrapper's own `send` and `delivery` look the topic up, read the clock and take a lock for each record.
//!
//! Bodies are not copied: librdkafka reads them where they are, in the flight's events, which stay until the last record is reported. Without
//! `RD_KAFKA_MSG_F_COPY` it does so until then and no longer.

#![expect(unsafe_code, reason = "librdkafka's batch calls have no binding but the raw one")]

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::bindings::{
    RD_KAFKA_EVENT_DR, RD_KAFKA_EVENT_ERROR, RD_KAFKA_MSG_F_COPY, rd_kafka_event_destroy, rd_kafka_event_error,
    rd_kafka_event_error_string, rd_kafka_event_message_next, rd_kafka_event_t, rd_kafka_event_type, rd_kafka_headers_t,
    rd_kafka_last_error, rd_kafka_message_t, rd_kafka_produce_batch, rd_kafka_producev, rd_kafka_queue_destroy, rd_kafka_queue_get_main,
    rd_kafka_queue_poll, rd_kafka_queue_t, rd_kafka_queue_yield, rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t,
    rd_kafka_vtype_t,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::RDKafkaRespErr;

use super::record::Record;
use super::reports::{Flight, Reports};

/// The partitioner chooses.
const ANY_PARTITION: i32 = -1;
/// Milliseconds that the thread waits for reports; it is woken when it is to end.
const WAIT: c_int = 1000;

/// A producer and the thread that hears its reports.
pub(super) struct Producer {
    client: Arc<BaseProducer<Reports>>,
    queue: Arc<Queue>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Producer {
    /// # Errors
    /// Settings that librdkafka refuses, or no thread.
    pub(super) fn new(config: &ClientConfig, reports: Reports) -> Result<Producer, KafkaError> {
        let client: Arc<BaseProducer<Reports>> = Arc::new(config.create_with_context(reports)?);
        let queue = Arc::new(Queue::main(&client)?);
        let stopping = Arc::new(AtomicBool::new(false));
        let listener = Listener { queue: queue.clone(), client: client.clone(), stopping: stopping.clone() };
        let thread = std::thread::Builder::new().name("reports".into()).spawn(move || listener.run());
        let thread = thread.map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Producer { client, queue, stopping, thread: Some(thread) })
    }

    pub(super) fn reports(&self) -> &Reports {
        self.client.context()
    }

    /// Why it refuses everything from now on (KIP-360).
    pub(super) fn fatal_error(&self) -> Option<String> {
        self.client.client().fatal_error().map(|(_, reason)| reason)
    }

    /// A topic to write to.
    ///
    /// # Errors
    /// A name that no topic can have.
    pub(super) fn topic(&self, name: &str) -> Result<Topic, KafkaError> {
        let name = CString::new(name)?;
        // SAFETY: the client is alive; without settings of its own the topic has the client's.
        let topic = unsafe { rd_kafka_topic_new(self.client.client().native_ptr(), name.as_ptr(), ptr::null_mut()) };
        // SAFETY: the call before is this thread's last one.
        let topic = NonNull::new(topic).ok_or_else(|| KafkaError::MessageProduction(unsafe { rd_kafka_last_error() }.into()));
        Ok(Topic { topic: topic?, _client: self.client.clone() })
    }

    /// Offers records in order, as far as the queue has room: how many it dealt with, of which `refused` is told those that were not taken.
    pub(super) fn offer(
        &self,
        topic: &Topic,
        flight: &Flight,
        records: &mut [(usize, Record<'_>)],
        refused: &mut dyn FnMut(usize, KafkaError),
    ) -> usize {
        let mut done = 0;
        let now = now();
        while done < records.len() {
            let (index, first) = &records[done];
            let flags = flags(flight, *index, first);
            let goes_along = |(index, record): &&(usize, Record<'_>)| record.is_plain() && self::flags(flight, *index, record) == flags;
            let plain = records[done..].iter().take_while(goes_along).count();
            let (offered, dealt) = match plain {
                0 => (1, self.offer_one(topic, flight, &mut records[done], flags, now, refused)),
                plain => (plain, offer_many(topic, flight, &records[done..done + plain], flags, refused)),
            };
            done += dealt;
            if dealt < offered {
                break;
            }
        }
        done
    }

    /// One record, with whatever it has; 0 when there is no room. One without a timestamp has the present one, which librdkafka would ask the
    /// clock for each time.
    fn offer_one(
        &self,
        topic: &Topic,
        flight: &Flight,
        (index, record): &mut (usize, Record<'_>),
        flags: c_int,
        now: i64,
        refused: &mut dyn FnMut(usize, KafkaError),
    ) -> usize {
        use rd_kafka_vtype_t as tag;
        let (body, key) = (record.body.as_deref(), record.key.as_deref());
        let headers =
            record.headers.as_ref().map_or(ptr::null(), |headers| ptr::from_ref(headers.as_borrowed()).cast::<rd_kafka_headers_t>());
        // SAFETY: the tags say what follows each of them; the key is copied, and the body if it does not stay where it is (see `flags`); the headers
        // are librdkafka's once it takes the record.
        let error = unsafe {
            rd_kafka_producev(
                self.client.client().native_ptr(),
                tag::RD_KAFKA_VTYPE_RKT,
                topic.topic.as_ptr(),
                tag::RD_KAFKA_VTYPE_PARTITION,
                record.partition.unwrap_or(ANY_PARTITION),
                tag::RD_KAFKA_VTYPE_MSGFLAGS,
                flags,
                tag::RD_KAFKA_VTYPE_VALUE,
                start(body),
                body.map_or(0, <[u8]>::len),
                tag::RD_KAFKA_VTYPE_KEY,
                start(key),
                key.map_or(0, <[u8]>::len),
                tag::RD_KAFKA_VTYPE_OPAQUE,
                flight.token(*index) as *mut c_void,
                tag::RD_KAFKA_VTYPE_TIMESTAMP,
                record.timestamp.unwrap_or(now),
                tag::RD_KAFKA_VTYPE_HEADERS,
                headers,
                tag::RD_KAFKA_VTYPE_END,
            )
        };
        match RDKafkaErrorCode::from(error) {
            RDKafkaErrorCode::NoError => std::mem::forget(record.headers.take()),
            RDKafkaErrorCode::QueueFull => return 0,
            code => refused(*index, KafkaError::MessageProduction(code)),
        }
        1
    }
}

/// How librdkafka is to treat a record's body: it is read where it is when the flight keeps it there, else copied.
fn flags(flight: &Flight, index: usize, record: &Record<'_>) -> c_int {
    match record.body.as_deref() {
        Some(body) if !flight.keeps(index, body) => RD_KAFKA_MSG_F_COPY,
        _ => 0,
    }
}

/// Milliseconds since the epoch; 0, which librdkafka takes for the present, on a machine that believes to be before it.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}

/// Records that have nothing but key and body, all with the same `flags`; fewer than all when there is no room for the others.
fn offer_many(
    topic: &Topic,
    flight: &Flight,
    records: &[(usize, Record<'_>)],
    flags: c_int,
    refused: &mut dyn FnMut(usize, KafkaError),
) -> usize {
    let mut messages: Vec<rd_kafka_message_t> = records.iter().map(|(index, record)| message(flight, *index, record)).collect();
    let count = c_int::try_from(messages.len()).unwrap_or(c_int::MAX);
    // SAFETY: there are so many messages; their keys are copied by the call, and their bodies if they do not stay where they are (see `flags`).
    unsafe { rd_kafka_produce_batch(topic.topic.as_ptr(), ANY_PARTITION, flags, messages.as_mut_ptr(), count) };
    for (dealt, (message, (index, _))) in messages.iter().zip(records).enumerate() {
        match RDKafkaErrorCode::from(message.err) {
            RDKafkaErrorCode::NoError => {}
            // Nor is there for any behind it.
            RDKafkaErrorCode::QueueFull => return dealt,
            code => refused(*index, KafkaError::MessageProduction(code)),
        }
    }
    records.len()
}

fn message(flight: &Flight, index: usize, record: &Record<'_>) -> rd_kafka_message_t {
    let (body, key) = (record.body.as_deref(), record.key.as_deref());
    rd_kafka_message_t {
        err: RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: ptr::null_mut(),
        partition: ANY_PARTITION,
        payload: start(body),
        len: body.map_or(0, <[u8]>::len),
        key: start(key),
        key_len: key.map_or(0, <[u8]>::len),
        offset: 0,
        _private: flight.token(index) as *mut c_void,
    }
}

/// Null is Kafka's null; an empty value is not.
fn start(bytes: Option<&[u8]>) -> *mut c_void {
    bytes.map_or(ptr::null_mut(), |bytes| bytes.as_ptr().cast_mut().cast())
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        self.queue.wake();
        if let Some(thread) = self.thread.take() {
            // It panics over nothing.
            let _ = thread.join();
        }
    }
}

/// A topic's handle, which the client must outlive.
pub(super) struct Topic {
    topic: NonNull<rd_kafka_topic_t>,
    _client: Arc<BaseProducer<Reports>>,
}

// SAFETY: librdkafka's topics have a lock of their own.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: this is the handle's one owner, and the client is alive.
        unsafe { rd_kafka_topic_destroy(self.topic.as_ptr()) };
    }
}

/// Where reports arrive.
struct Queue(NonNull<rd_kafka_queue_t>);

// SAFETY: librdkafka's queues have a lock of their own.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    fn main(client: &BaseProducer<Reports>) -> Result<Queue, KafkaError> {
        // SAFETY: the client is alive.
        let queue = unsafe { rd_kafka_queue_get_main(client.client().native_ptr()) };
        NonNull::new(queue).map(Queue).ok_or_else(|| KafkaError::ClientCreation("it has no queue".into()))
    }

    fn wake(&self) {
        // SAFETY: the queue is alive.
        unsafe { rd_kafka_queue_yield(self.0.as_ptr()) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: this is the handle's one owner; the queue itself is the client's.
        unsafe { rd_kafka_queue_destroy(self.0.as_ptr()) };
    }
}

/// The thread that hears of deliveries. Fields are dropped in order: the queue's handle before the client.
struct Listener {
    queue: Arc<Queue>,
    client: Arc<BaseProducer<Reports>>,
    stopping: Arc<AtomicBool>,
}

impl Listener {
    fn run(self) {
        while !self.stopping.load(Ordering::Acquire) {
            // SAFETY: the queue is alive, and what comes out of it is ours to destroy.
            unsafe {
                let event = rd_kafka_queue_poll(self.queue.0.as_ptr(), WAIT);
                if !event.is_null() {
                    self.hear(event);
                    rd_kafka_event_destroy(event);
                }
            }
        }
    }

    /// # Safety
    /// The event is alive.
    unsafe fn hear(&self, event: *mut rd_kafka_event_t) {
        // SAFETY: as the caller says.
        match unsafe { rd_kafka_event_type(event) } {
            RD_KAFKA_EVENT_DR => {
                // SAFETY: the reports are the event's, which is alive until they are read.
                let next = || unsafe { rd_kafka_event_message_next(event).as_ref() };
                let reports = std::iter::from_fn(next).map(|message| (message._private as usize, RDKafkaErrorCode::from(message.err)));
                self.client.context().delivered(reports);
            }
            RD_KAFKA_EVENT_ERROR => {
                // SAFETY: as the caller says; the text is the event's.
                let (error, reason) =
                    unsafe { (rd_kafka_event_error(event), CStr::from_ptr(rd_kafka_event_error_string(event)).to_string_lossy()) };
                self.client.context().error(KafkaError::Global(error.into()), reason.trim());
            }
            // Statistics, where somebody set an interval.
            _ => {}
        }
    }
}
