//! Fills a topic with transactions, so many of them or until somebody says stop.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::flume_events;
use super::topics::{Group, Topic, client};
use super::transactions::Transactions;

/// How long a sender waits for more of a batch, so that it fills topics fast.
const LINGER: Duration = Duration::from_millis(20);
/// The same where delays are measured, which it is a part of: as short as a small machine bears.
const SHORT_LINGER: Duration = Duration::from_millis(10);
/// How often a feed looks what is due.
const PAUSE: Duration = Duration::from_millis(10);
/// The same where delays are measured.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// Headers of a Flume event.
pub type EventHeaders = &'static [(&'static str, &'static str)];

/// Sends transactions `0..events` to their partitions and returns once the broker has acknowledged every one.
///
/// With a `pace`, in events a second, it takes its time. It outlives a broker's restart: an idempotent producer tries on without doubling or reordering,
/// so that the id at an offset stays what [`Transactions::id_at`] says.
pub fn fill(topic: &Topic, transactions: &Transactions, events: u64, pace: Option<u64>) {
    fill_on(topic, transactions, 0..events, pace);
}

/// As [`fill`], for the transactions that follow those of an earlier call.
pub fn fill_on(topic: &Topic, transactions: &Transactions, ids: Range<u64>, pace: Option<u64>) {
    send_all(Sender::new(topic, transactions), ids, pace);
}

/// As [`fill`], each transaction the body of a Flume event with these headers, as a Kafka channel holds them.
pub fn fill_channel(topic: &Topic, transactions: &Transactions, events: u64, pace: Option<u64>, headers: EventHeaders) {
    let sender = Sender { headers: Some(headers), ..Sender::new(topic, transactions) };
    send_all(sender, 0..events, pace);
}

fn send_all(mut sender: Sender<'_>, ids: Range<u64>, pace: Option<u64>) {
    let (start, first) = (Instant::now(), ids.start);
    for id in ids {
        if let Some(pace) = pace
            && id.is_multiple_of(pace.div_ceil(100))
        {
            let due = Duration::from_secs_f64((id - first) as f64 / pace as f64);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        sender.send(id);
    }
    sender.finish();
}

/// How fast a [`Feed`] sends.
#[derive(Debug, Clone)]
pub enum Supply {
    /// So many events a second, some at a time.
    Pace(u64),
    /// So many events a second, each within a millisecond or two of when it is due: for measuring delays.
    OnTime(u64),
    /// So fast that this consumer group stays so many events behind: its members never run dry, and no disk is filled for nothing.
    Ahead {
        /// The group.
        group: String,
        /// Events.
        events: u64,
    },
}

/// Transactions that are sent, from 0 on, until somebody says stop.
#[derive(Debug)]
pub struct Feed {
    begun: Instant,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Feed {
    /// Begins.
    pub fn start(topic: &Arc<Topic>, transactions: &Transactions, supply: Supply) -> Feed {
        Feed::start_as(None, topic, transactions, supply)
    }

    /// As [`Feed::start`], each transaction the body of a Flume event with these headers, where some are given.
    pub fn start_as(headers: Option<EventHeaders>, topic: &Arc<Topic>, transactions: &Transactions, supply: Supply) -> Feed {
        let stop = Arc::new(AtomicBool::new(false));
        let (topic, transactions, stopped) = (topic.clone(), transactions.clone(), stop.clone());
        let begun = Instant::now();
        let thread = std::thread::spawn(move || feed(headers, &topic, &transactions, &supply, begun, &stopped));
        Feed { begun, stop, thread: Some(thread) }
    }

    /// When transaction 0 was due.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Stops, and says how many transactions the broker has: `0..` that number.
    pub fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("the feed does not fail")
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // A test that failed does not wait for it.
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn feed(
    headers: Option<EventHeaders>,
    topic: &Topic,
    transactions: &Transactions,
    supply: &Supply,
    begun: Instant,
    stop: &AtomicBool,
) -> u64 {
    let (linger, pause) = match supply {
        Supply::OnTime(_) => (SHORT_LINGER, SHORT_PAUSE),
        Supply::Pace(_) | Supply::Ahead { .. } => (LINGER, PAUSE),
    };
    let mut sender = Sender { headers, ..Sender::lingering(topic, transactions, linger) };
    let group = match supply {
        Supply::Ahead { group, .. } => Some(Group::new(group, topic)),
        Supply::Pace(_) | Supply::OnTime(_) => None,
    };
    let mut next = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = match (supply, &group) {
            (Supply::Ahead { events, .. }, Some(group)) => group.total() + events,
            (Supply::Ahead { .. }, None) => unreachable!("it has its group"),
            (Supply::Pace(pace) | Supply::OnTime(pace), _) => (begun.elapsed().as_secs_f64() * *pace as f64) as u64,
        };
        for id in next..due {
            sender.send(id);
        }
        next = next.max(due);
        std::thread::sleep(pause);
    }
    sender.finish();
    next
}

struct Sender<'a> {
    topic: &'a Topic,
    transactions: &'a Transactions,
    producer: ThreadedProducer<Tally>,
    tally: Tally,
    sent: u64,
    body: Vec<u8>,
    /// A Flume event's; `None` sends the transaction as it is.
    headers: Option<EventHeaders>,
    event: Vec<u8>,
}

impl<'a> Sender<'a> {
    fn new(topic: &'a Topic, transactions: &'a Transactions) -> Sender<'a> {
        Sender::lingering(topic, transactions, LINGER)
    }

    fn lingering(topic: &'a Topic, transactions: &'a Transactions, linger: Duration) -> Sender<'a> {
        let tally = Tally::default();
        let producer = client(topic.bootstrap())
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("linger.ms", linger.as_millis().to_string())
            .set("batch.size", "500000")
            .set("queue.buffering.max.messages", "200000")
            .create_with_context(tally.clone())
            .unwrap();
        Sender { topic, transactions, producer, tally, sent: 0, body: Vec::new(), headers: None, event: Vec::new() }
    }

    fn send(&mut self, id: u64) {
        self.transactions.write(id, &mut self.body);
        let (key, partition) = (self.transactions.key(id), self.transactions.partition(id));
        let value = match self.headers {
            Some(headers) => {
                self.event.clear();
                flume_events::encode(headers, &self.body, &mut self.event);
                &self.event
            }
            None => &self.body,
        };
        let mut record = BaseRecord::<str, [u8]>::to(&self.topic.name).partition(partition).key(&key).payload(value);
        while let Err((error, refused)) = self.producer.send(record) {
            assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "send: {error}");
            record = refused;
            std::thread::sleep(Duration::from_millis(5));
        }
        self.sent += 1;
    }

    /// Waits for every acknowledgement.
    fn finish(self) {
        self.producer.flush(Duration::from_secs(120)).unwrap();
        assert_eq!(self.tally.failed.load(Ordering::Relaxed), 0, "events the broker did not take");
        assert_eq!(self.tally.acknowledged.load(Ordering::Relaxed), self.sent);
    }
}

#[derive(Debug, Clone, Default)]
struct Tally {
    acknowledged: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl ClientContext for Tally {
    fn error(&self, _: KafkaError, _: &str) {
        // Connections break when a test restarts the broker; what matters is counted by delivery.
    }
}

impl ProducerContext for Tally {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
