//! The desk over a topic of librdkafka's mock broker, in both styles of headers, and over the file of what the topic refuses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::address::Address;
use super::reading::Place;
use super::wanted::Wanted;
use super::{DeadLetters, Defaults, Desk, HeaderStyle, Spec, Topic};
use crate::batch::{Batch, Rejected, Rejection};
use crate::config::Brokers;
use crate::control::letters::{LetterChoice, LetterQuery};
use crate::control::{Caller, Inject, Refusal};
use crate::event::{Event, Implied, Origin, Scope};
use crate::pipeline::ledger::{Checkpoint, Ledger, Limit};
use crate::telemetry::Metrics;

type Broker = MockCluster<'static, DefaultProducerContext>;

fn broker(partitions: i32) -> Broker {
    let broker = MockCluster::new(1).expect("a broker");
    broker.create_topic("dead", partitions, 1).expect("a topic");
    broker
}

fn topic(broker: &Broker, header_style: HeaderStyle) -> Topic {
    let brokers = Some(Brokers::List(broker.bootstrap_servers()));
    Topic { brokers, topic: "dead".into(), header_style, client: BTreeMap::new() }
}

async fn open(broker: &Broker, pipeline: &str, style: HeaderStyle) -> (DeadLetters, Desk) {
    let metrics = Metrics::new().dead_letters(pipeline);
    let (letters, desk, _) =
        DeadLetters::open(pipeline, &Spec::Topic(topic(broker, style)), Defaults::default(), metrics).await.expect("dead letters");
    (letters, desk)
}

async fn park(letters: &DeadLetters, events: impl IntoIterator<Item = Event>) {
    let rejection = Rejection { stage: "interceptor i".into(), reason: "no".into(), source: Some("s".into()), ..Rejection::default() };
    let rejected = events.into_iter().map(|event| Rejected { event, rejection: rejection.clone() }).collect();
    let mut ledger = Ledger::new(Limit::default());
    letters.put(rejected, ledger.track(1, 1, Checkpoint::new())).await;
    ledger.settled().await.expect("parked");
}

fn event(number: usize) -> Event {
    let mut event = Event {
        key: Some(format!("key {number}").into()),
        timestamp: Some(7),
        origin: Some(Origin { topic: "txn".into(), partition: 1, offset: number as i64 }),
        implied: Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: false })),
        ..Event::new(number.to_string())
    };
    event.headers.push("record", Some("1".into()), Scope::Record);
    event.headers.push("flume", Some("2".into()), Scope::Event);
    event
}

fn all() -> LetterChoice {
    LetterChoice { all: true, ..LetterChoice::default() }
}

#[derive(Default)]
struct Chain(Mutex<Vec<Event>>);

impl Inject for Chain {
    fn inject(&self, batch: Batch, _: Duration) -> BoxFuture<'_, Result<(), Refusal>> {
        self.0.lock().expect("lock").extend(batch.events);
        Box::pin(async { Ok(()) })
    }
}

fn written(event: &Event) -> String {
    format!("{:?}", Event { replay: None, ..event.clone() })
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_in_a_topic_are_listed_replayed_as_they_were_and_gone() {
    for style in [HeaderStyle::Weir, HeaderStyle::Connect] {
        let broker = broker(3);
        let (letters, desk) = open(&broker, "p", style).await;
        // Another pipeline's letters in the same topic are none of this one's business.
        let (others, other_desk) = open(&broker, "q", HeaderStyle::Weir).await;
        park(&letters, (0..40).map(event)).await;
        park(&others, (0..5).map(event)).await;
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = desk.list(LetterQuery { after, limit: Some(15), ..LetterQuery::default() }).await.expect("a page");
            assert_eq!((page.place.as_str(), page.unreadable), ("topic dead", 0));
            ids.extend(page.letters.into_iter().map(|letter| letter.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids.len(), 40);
        let some = LetterChoice { ids: ids[..3].to_vec(), ..LetterChoice::default() };
        assert_eq!(desk.drop(some, &Caller::new("alice")).await.expect("dropped").dropped, 3);
        let gone = LetterQuery { ids: ids[..4].to_vec(), ..LetterQuery::default() };
        let left: Vec<String> = desk.list(gone).await.expect("a page").letters.into_iter().map(|letter| letter.id).collect();
        assert_eq!(left, ids[3..4]);
        let chain = Arc::new(Chain::default());
        let report = desk.replay(all(), chain.clone(), &Caller::new("alice")).await.expect("replayed");
        assert_eq!((report.replayed, report.remaining), (37, 0));
        let mut seen = chain.0.lock().expect("lock").clone();
        seen.sort_by_key(|event| event.origin.as_ref().map(|origin| origin.offset));
        for event in &seen {
            let replay = event.replay.as_ref().expect("a replay");
            assert_eq!((replay.attempt, replay.source.as_deref()), (1, Some("s")));
        }
        let numbers: Vec<usize> = seen.iter().map(|event| String::from_utf8_lossy(event.body()).parse().expect("a number")).collect();
        assert_eq!(seen.iter().map(written).collect::<Vec<_>>(), numbers.iter().map(|number| written(&event(*number))).collect::<Vec<_>>());
        assert!(desk.list(LetterQuery::default()).await.expect("a page").letters.is_empty());
        assert_eq!(other_desk.list(LetterQuery::default()).await.expect("a page").letters.len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_topic_refused_lies_in_a_file_and_is_listed_and_dropped_with_the_rest() {
    let broker = broker(1);
    let place = topic(&broker, HeaderStyle::Weir);
    let brokers = place.brokers.clone().expect("brokers");
    let folder = tempfile::tempdir().expect("folder");
    let overflow = folder.path().join("overflow.jsonl");
    let mut producer = super::topic::Topic::connect(&place, &brokers).await.expect("a producer");
    let parked = |number| {
        let rejection = Rejection { stage: "sink k".into(), ..Rejection::default() };
        super::letter::Parked::new("p", Rejected { event: event(number), rejection })
    };
    assert!(producer.write(&[parked(1), parked(2)]).await.expect("written").is_empty());
    let read = Place::Topic { topic: Box::new(place), brokers, overflow: overflow.clone() };
    let look = || read.look(Wanted { pipeline: "p".into(), ..Wanted::default() }, Instant::now() + Duration::from_secs(30));
    assert_eq!(read.name(&look().await.expect("look")), "topic dead");
    super::file::File::lazy(overflow.clone()).write(&[parked(3)]).await.expect("written");
    let reading = look().await.expect("look");
    assert_eq!(read.name(&reading), format!("topic dead, and {} for what it refused", overflow.display()));
    let addresses = reading.addresses();
    assert!(matches!(addresses[..], [Address::Record { .. }, Address::Record { .. }, Address::Id(_)]), "{addresses:?}");
    let (_, letters) = read.load(reading, &addresses[1..], Instant::now() + Duration::from_secs(30)).await.expect("load");
    assert_eq!(letters.iter().map(|(_, letter)| letter.rejected.event.body()).collect::<Vec<_>>(), [b"2", b"3"]);
    producer.forget(&addresses[..1], "p", "alice").await.expect("dropped");
    super::file::File::lazy(overflow).forget(&addresses[2..], "alice").await.expect("dropped");
    assert_eq!(look().await.expect("look").addresses(), addresses[1..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_was_written_twice_is_one() {
    let broker = broker(2);
    let place = topic(&broker, HeaderStyle::Weir);
    let brokers = place.brokers.clone().expect("brokers");
    let mut producer = super::topic::Topic::connect(&place, &brokers).await.expect("a producer");
    let twice = super::letter::Parked::new("p", Rejected { event: event(1), rejection: Rejection::default() });
    producer.write(std::slice::from_ref(&twice)).await.expect("written");
    producer.write(std::slice::from_ref(&twice)).await.expect("written");
    let read = Place::Topic { topic: Box::new(place), brokers, overflow: "no-such-file.jsonl".into() };
    let look = || read.look(Wanted { pipeline: "p".into(), ..Wanted::default() }, Instant::now() + Duration::from_secs(30));
    let addresses = look().await.expect("look").addresses();
    assert_eq!(addresses.len(), 1);
    producer.forget(&addresses, "p", "alice").await.expect("dropped");
    assert!(look().await.expect("look").addresses().is_empty());
}
