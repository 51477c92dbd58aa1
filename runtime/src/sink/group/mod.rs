//! Several sinks as one: Flume's sink processors (`org.apache.flume.sink.FailoverSinkProcessor`, `LoadBalancingSinkProcessor`).
//!
//! A group is a sink itself, over members that are connected when their turn comes. A member that cannot be connected, whose write fails or whose
//! write leaves events unwritten, rests; what it left goes back to the sink loop as failed without a cause, which means at once, and then to
//! another member. Only when no member is left has the failure a cause, and the loop waits. So one write at a time is tried again, in order and
//! before all later ones, and nothing is kept here.
//!
//! Failover stays in order where a sink alone would: the next member begins once all writes of the last have ended. With load balancing there is
//! no order among members, as in Flume. A member that fails for good is made anew when its turn comes again; the group goes on.

mod flight;
mod roster;
mod spec;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flight::{Flight, rewritten};
use futures_util::future::BoxFuture;
use roster::{Pick, Roster};
pub use spec::{Processor, Turn};
use tokio::time::Instant;
use tracing::warn;

use super::{Connect, Error, Sink, Spec, Writing};
use crate::batch::Batch;
use crate::config::kafka_properties;
use crate::error_chain;
use crate::telemetry::{Health, SinkMetrics};

/// What a Kafka client takes for the longest life of a record, and what Java's takes unless it is told: milliseconds.
const DELIVERY_TIMEOUT: (&str, &str) = ("message.timeout.ms", "120000");

/// A member: how it is made, and who hears of it.
pub struct Member {
    /// Its name, for the log and the dead letters.
    pub name: String,
    /// Makes it.
    pub connect: Connect,
    /// Its own numbers.
    pub metrics: SinkMetrics,
    /// Its check.
    pub check: String,
}

/// What makes a group, each time that it is made anew.
pub struct Plan {
    /// Which member writes.
    pub processor: Processor,
    /// Its members, in their order.
    pub members: Vec<Member>,
    /// Most events of a batch.
    pub batch_size: usize,
    /// Where members say how they are.
    pub health: Health,
}

/// The group.
pub struct Group {
    members: Vec<Connected>,
    roster: Arc<Mutex<Roster>>,
    batch_size: usize,
}

struct Connected {
    about: Arc<About>,
    connect: Connect,
    sink: Option<Box<dyn Sink>>,
}

/// What a write needs of its member while it is under way.
struct About {
    name: String,
    metrics: SinkMetrics,
    check: String,
    health: Health,
    /// It failed for good: a new one is needed.
    is_broken: AtomicBool,
}

impl Spec {
    /// This sink as a member of a group. A Kafka sink by itself waits for its cluster for ever; here it must fail, so that another member gets the
    /// events: after as long as Java's producer, unless it is told.
    #[must_use]
    pub fn as_member(&self) -> Spec {
        let mut spec = self.clone();
        if let Spec::Kafka(kafka) = &mut spec {
            let (key, millis) = DELIVERY_TIMEOUT;
            if kafka_properties::find(&kafka.client, key).is_none() {
                kafka.client.insert(key.to_owned(), millis.to_owned());
            }
        }
        spec
    }
}

impl Plan {
    /// A group none of whose members is connected yet.
    pub fn start(&self) -> Group {
        let names: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
        let roster = Arc::new(Mutex::new(Roster::new(&self.processor, &names)));
        let connected = |member: &Member| {
            let Member { name, connect, metrics, check } = member;
            let (name, metrics, check) = (name.clone(), metrics.clone(), check.clone());
            let about = Arc::new(About { name, metrics, check, health: self.health.clone(), is_broken: AtomicBool::new(false) });
            Connected { about, connect: connect.clone(), sink: None }
        };
        Group { members: self.members.iter().map(connected).collect(), roster, batch_size: self.batch_size }
    }
}

impl Group {
    fn pick(&self) -> Pick {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner).pick(Instant::now())
    }

    async fn hand_over(&mut self, batch: &Arc<Batch>) -> Writing {
        loop {
            let chosen = match self.pick() {
                Pick::Member(chosen) => chosen,
                Pick::AfterFlight => return rewritten(batch.len(), None),
                Pick::Nobody => return rewritten(batch.len(), Some(Error::Group("all its sinks rest after a failure".to_owned()))),
            };
            let member = &mut self.members[chosen.member];
            let flight = Flight::begin(self.roster.clone(), chosen, member.about.clone(), batch, self.batch_size);
            match member.write(batch).await {
                Ok(writing) => return Box::pin(flight.follow(writing)),
                Err(error) => {
                    member.sink = None;
                    if let Some(cause) = flight.failed(&error) {
                        return rewritten(batch.len(), Some(cause));
                    }
                }
            }
        }
    }
}

impl Connected {
    async fn write(&mut self, batch: &Arc<Batch>) -> Result<Writing, Error> {
        self.sink().await?.write(batch).await
    }

    /// The sink, a new one where there is none that works.
    async fn sink(&mut self) -> Result<&mut Box<dyn Sink>, Error> {
        let present = self.sink.take().filter(|_| !self.about.is_broken.swap(false, Ordering::Relaxed));
        let sink = match present {
            Some(sink) => sink,
            None => (self.connect)().await?,
        };
        Ok(self.sink.insert(sink))
    }
}

impl Sink for Group {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, Error>> {
        Box::pin(async move { Ok(self.hand_over(batch).await) })
    }

    fn hurry(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            for member in &mut self.members {
                let Some(sink) = &mut member.sink else { continue };
                if let Err(error) = sink.hurry().await {
                    // What it held is abandoned with it, and comes again.
                    warn!(sink = %member.about.name, error = %error_chain(&error), "a sink of the group failed, a new one will be made");
                    member.sink = None;
                }
            }
            Ok(())
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            let mut finished = Ok(());
            for sink in self.members.iter_mut().filter_map(|member| member.sink.as_mut()) {
                let ended = sink.finish().await;
                finished = finished.and(ended);
            }
            finished
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(client: &str) -> (Option<String>, Option<String>) {
        let kafka = toml::from_str(&format!("brokers = 'b:9092'\ntopic = 't'\nclient = {{ {client} }}")).expect("a Kafka sink");
        let Spec::Kafka(kafka) = Spec::Kafka(Box::new(kafka)).as_member() else { panic!("a Kafka sink") };
        let value = |key: &str| kafka.client.get(key).cloned();
        (value("message.timeout.ms"), value("delivery.timeout.ms"))
    }

    #[test]
    fn a_kafka_sink_of_a_group_gives_up_a_record_in_time_unless_it_is_told_when() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(timeout(""), (text("120000"), None));
        assert_eq!(timeout("'message.timeout.ms' = '5000'"), (text("5000"), None));
        assert_eq!(timeout("'delivery.timeout.ms' = '5000'"), (None, text("5000")));
    }
}
