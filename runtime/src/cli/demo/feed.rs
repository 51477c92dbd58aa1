//! The stream of card transactions: made up, but the same each time, with ids from 0 on. Some are no transactions at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::broker::Broker;

/// One in so many is cut short, and must end in the dead letters.
const MALFORMED_EVERY: u64 = 500;
/// The record header that carries the id, so that a body nobody can read is counted too.
pub(super) const ID: &str = "demo.id";

/// The producer's thread.
pub(super) struct Feed {
    shared: Arc<Shared>,
    events: Option<u64>,
    thread: std::sync::Mutex<Option<JoinHandle<anyhow::Result<()>>>>,
    moved: std::sync::Mutex<(u64, Instant)>,
}

#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    settled: AtomicU64,
    stop: AtomicBool,
}

impl Feed {
    /// Produces up to `rate` events a second, `backlog` ahead of what has come out at most.
    pub(super) fn start(broker: &Broker, events: Option<u64>, rate: u64, backlog: u64) -> anyhow::Result<Feed> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &broker.bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()
            .context("set up a producer")?;
        let shared = Arc::new(Shared::default());
        let producing =
            Producing { producer, topic: broker.input.clone(), shared: shared.clone(), events: events.unwrap_or(u64::MAX), rate, backlog };
        let thread = std::thread::Builder::new().name("transactions".into()).spawn(move || producing.run())?;
        Ok(Feed { shared, events, thread: Some(thread).into(), moved: (0, Instant::now()).into() })
    }

    /// Events given to the broker so far.
    pub(super) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Acquire)
    }

    /// Tells how many have come out, which lets more in.
    pub(super) fn settled(&self, events: u64) {
        self.shared.settled.store(events, Ordering::Release);
        let mut moved = self.moved.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if moved.0 != events {
            *moved = (events, Instant::now());
        }
    }

    /// Whether every event that was asked for is in and out.
    pub(super) fn is_done(&self) -> bool {
        self.events.is_some_and(|events| self.shared.settled.load(Ordering::Acquire) >= events)
    }

    /// Whether nothing came out for so long.
    pub(super) fn is_stuck(&self, silence: Duration) -> bool {
        self.moved.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1.elapsed() > silence
    }

    /// Ends it; what was sent has been acknowledged by the broker then.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        self.shared.stop.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        match thread {
            Some(thread) => super::join(thread).await,
            None => Ok(()),
        }
    }
}

struct Producing {
    producer: BaseProducer,
    topic: String,
    shared: Arc<Shared>,
    events: u64,
    rate: u64,
    backlog: u64,
}

impl Producing {
    fn run(self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut id = 0;
        while id < self.events && !self.shared.stop.load(Ordering::Acquire) {
            let due = (begun.elapsed().as_secs_f64() * self.rate as f64) as u64;
            let allowed = due.min(self.shared.settled.load(Ordering::Acquire) + self.backlog).min(self.events);
            if id >= allowed {
                self.producer.poll(Duration::from_millis(1));
                continue;
            }
            self.send(id)?;
            id += 1;
            self.shared.sent.store(id, Ordering::Release);
            if id % 64 == 0 {
                self.producer.poll(Duration::ZERO);
            }
        }
        self.producer.flush(Duration::from_secs(30)).context("the broker does not acknowledge the transactions")
    }

    fn send(&self, id: u64) -> anyhow::Result<()> {
        let transaction = transaction(id);
        let text = id.to_string();
        let card = card(id);
        let headers = OwnedHeaders::new().insert(Header { key: ID, value: Some(&text) });
        let mut record = BaseRecord::<str, str>::to(&self.topic).key(&card).payload(&transaction).headers(headers);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    record = again;
                    self.producer.poll(Duration::from_millis(5));
                }
                Err((error, _)) => bail!("produce a transaction: {error}"),
            }
        }
    }
}

/// A number from the id that looks random and is not.
fn scatter(id: u64, salt: u64) -> u64 {
    let mixed = (id ^ salt.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

/// The card of a transaction, which is its key.
pub(in crate::cli) fn card(id: u64) -> String {
    format!("card-{:05}", scatter(id, 1) % 5_000)
}

/// The body of a transaction, as `plugins/fraud-score` reads it.
pub(in crate::cli) fn transaction(id: u64) -> String {
    const COUNTRIES: [&str; 8] = ["US", "US", "US", "US", "US", "DE", "BR", "JP"];
    const CODES: [&str; 10] = ["5411", "5812", "5541", "5999", "4111", "5732", "5411", "5812", "7995", "6051"];
    let pick = |salt, from: &[&'static str]| from[(scatter(id, salt) % from.len() as u64) as usize];
    let amount = match scatter(id, 3) % 50 {
        0 => 800 + scatter(id, 4) % 4_000,
        _ => 3 + scatter(id, 4) % 180,
    };
    let body = format!(
        r#"{{"id":{id},"card":"{}","amount":{amount}.{:02},"currency":"USD","merchant":"merchant-{:04}","mcc":"{}","country":"{}","home":"US","ts":{}}}"#,
        card(id),
        scatter(id, 5) % 100,
        scatter(id, 6) % 10_000,
        pick(7, &CODES),
        pick(8, &COUNTRIES),
        1_700_000_000_000 + id,
    );
    match id % MALFORMED_EVERY {
        499 => body[..body.len() / 2].to_owned(),
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_json_unless_it_is_meant_to_be_broken() {
        let parsed: serde_json::Value = serde_json::from_str(&transaction(7)).expect("JSON");
        assert_eq!(parsed["id"], 7);
        assert!(parsed["amount"].as_f64().is_some_and(|amount| amount > 0.0));
        assert!(serde_json::from_str::<serde_json::Value>(&transaction(499)).is_err());
        assert_eq!(transaction(7), transaction(7));
    }
}
