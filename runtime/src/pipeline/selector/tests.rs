//! What reaches which channel, and when the source hears of it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::*;
use crate::channel::memory::{Memory, Spec as MemorySpec};
use crate::event::{Event, Scope};
use crate::pipeline::ledger::{Ledger, Limit, Partition};
use crate::telemetry::Metrics;

struct Fanned {
    channels: Vec<Arc<dyn Channel>>,
    selector: Selector,
    ledger: Ledger,
    metrics: SourceMetrics,
}

/// A selector over the channels `c0`, `c1`, ... of these capacities.
fn fanned(spec: &Spec, capacities: &[usize]) -> Fanned {
    let metrics = Metrics::new();
    let open = |(index, capacity): (usize, &usize)| {
        let spec = MemorySpec { capacity: NonZeroUsize::new(*capacity).expect("not zero"), ..MemorySpec::default() };
        let name = format!("c{index}");
        let channel: Arc<dyn Channel> = Arc::new(Memory::new(&spec, metrics.channel("p", &name, "memory", 0, 0)));
        (name, channel)
    };
    let named: Vec<_> = capacities.iter().enumerate().map(open).collect();
    let channels = named.iter().map(|(_, channel)| channel.clone()).collect();
    let metrics = metrics.source("p", "s", "fake");
    Fanned { channels, selector: Selector::new(spec, named, &metrics), ledger: Ledger::new(Limit::default()), metrics }
}

impl Fanned {
    /// Events as `state:body`; without a colon the header is not set.
    fn delivery(&mut self, events: &[&str]) -> Delivery {
        let event = |text: &&str| match text.split_once(':') {
            Some((state, body)) => {
                let mut event = Event::new(body.to_owned());
                event.set_header("state", state.to_owned(), Scope::Event);
                event
            }
            None => Event::new((*text).to_owned()),
        };
        let batch = Batch::from(events.iter().map(event).collect::<Vec<_>>());
        let partition = Partition { topic: "t".into(), number: 0 };
        let ack = self.ledger.track(batch.len(), 1, [(partition, 1)].into());
        Delivery { batch, ack }
    }

    async fn put(&mut self, events: &[&str]) {
        let delivery = self.delivery(events);
        self.selector.put(delivery).await;
    }

    /// What waits in a channel, which is then done with it.
    async fn drain(&self, channel: usize) -> Vec<String> {
        self.channels[channel].close();
        let mut bodies = Vec::new();
        while let Some(taken) = self.channels[channel].take(100).await {
            bodies.extend(taken.batch().events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()));
            taken.commit();
        }
        bodies
    }

    async fn is_settled(&mut self) -> bool {
        let settled = tokio::time::timeout(Duration::from_millis(1), async {
            while self.ledger.is_open(&[]) {
                self.ledger.settled().await.expect("not abandoned");
            }
        });
        settled.await.is_ok()
    }
}

fn multiplexing(mappings: &[(&str, &[&str])], default: Option<&[&str]>, optional: &[(&str, &[&str])]) -> Spec {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let table = |table: &[(&str, &[&str])]| -> BTreeMap<_, _> {
        table.iter().map(|(value, listed)| ((*value).to_owned(), names(listed))).collect()
    };
    Spec::Multiplexing(Multiplexing {
        header: "state".to_owned(),
        mappings: table(mappings),
        default: default.map(names),
        optional: table(optional),
    })
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_settled_when_every_required_channel_is_done_with_it() {
    let mut fanned = fanned(&Spec::default(), &[10, 10]);
    fanned.put(&["a", "b"]).await;
    assert_eq!(fanned.drain(0).await, ["a", "b"]);
    assert!(!fanned.is_settled().await);
    assert_eq!(fanned.drain(1).await, ["a", "b"]);
    assert!(fanned.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn a_full_optional_channel_holds_nobody_up_and_what_it_misses_is_counted() {
    let mut fanned = fanned(&Spec::Replicating { optional: vec!["c1".to_owned()] }, &[100, 2]);
    for events in [["a", "b"], ["c", "d"], ["e", "f"]] {
        fanned.put(&events).await;
    }
    assert_eq!(fanned.drain(0).await, ["a", "b", "c", "d", "e", "f"]);
    assert!(fanned.is_settled().await, "nobody waits for the optional channel");
    assert_eq!(fanned.drain(1).await, ["a", "b"]);
    assert_eq!((fanned.metrics.dropped_events.get(), fanned.metrics.discarded_events.get()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn with_optional_channels_only_a_batch_is_settled_at_once() {
    let mut fanned = fanned(&Spec::Replicating { optional: vec!["c0".to_owned()] }, &[10]);
    fanned.put(&["a"]).await;
    assert!(fanned.is_settled().await);
    assert_eq!(fanned.drain(0).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_multiplexed_batch_is_split_in_order_and_settled_as_one() {
    let spec = multiplexing(&[("CZ", &["c0"]), ("US", &["c1", "c2"])], Some(&["c3"]), &[]);
    let mut fanned = fanned(&spec, &[10, 10, 10, 10]);
    fanned.put(&["CZ:1", "US:2", "3", "CZ:4", "cz:5", " :6", "US:7"]).await;
    assert_eq!(fanned.drain(0).await, ["1", "4"]);
    assert_eq!(fanned.drain(1).await, ["2", "7"]);
    assert_eq!(fanned.drain(2).await, ["2", "7"]);
    assert!(!fanned.is_settled().await);
    assert_eq!(fanned.drain(3).await, ["3", "5", "6"]);
    assert!(fanned.is_settled().await);
    assert_eq!(fanned.metrics.discarded_events.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_one_value_goes_its_way_whole() {
    let mut fanned = fanned(&multiplexing(&[("CZ", &["c1"])], None, &[]), &[10, 10]);
    fanned.put(&["CZ:1", "CZ:2"]).await;
    assert_eq!(fanned.drain(1).await, ["1", "2"]);
    assert!(fanned.is_settled().await);
    assert_eq!(fanned.drain(0).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_default_what_no_mapping_knows_is_discarded_and_counted() {
    let mut fanned = fanned(&multiplexing(&[("CZ", &["c0"])], None, &[]), &[10]);
    fanned.put(&["PL:1", "2"]).await;
    assert!(fanned.is_settled().await, "a discarded event is settled");
    fanned.put(&["CZ:3", "PL:4"]).await;
    assert_eq!(fanned.drain(0).await, ["3"]);
    assert!(fanned.is_settled().await);
    assert_eq!(fanned.metrics.discarded_events.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn optional_channels_of_a_value_come_on_top_of_its_own_or_the_default() {
    let spec = multiplexing(&[("CZ", &["c0"])], Some(&["c1"]), &[("CZ", &["c0", "c2"]), ("PL", &["c1", "c2"])]);
    let mut fanned = fanned(&spec, &[10, 10, 10]);
    fanned.put(&["CZ:1", "PL:2", "US:3"]).await;
    assert_eq!(fanned.drain(0).await, ["1"]);
    assert_eq!(fanned.drain(1).await, ["2", "3"]);
    assert!(fanned.is_settled().await);
    assert_eq!(fanned.drain(2).await, ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn load_balancing_takes_turns_and_passes_a_full_channel_over() {
    let mut fanned = fanned(&Spec::LoadBalancing { policy: Policy::RoundRobin }, &[100, 2]);
    for batch in [["1", "2"], ["3", "4"], ["5", "6"], ["7", "8"]] {
        fanned.put(&batch).await;
    }
    assert_eq!(fanned.drain(0).await, ["1", "2", "5", "6", "7", "8"]);
    assert_eq!(fanned.drain(1).await, ["3", "4"]);
    assert!(fanned.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn load_balancing_waits_where_no_channel_has_room() {
    let mut fanned = fanned(&Spec::LoadBalancing { policy: Policy::Random }, &[1, 1]);
    fanned.put(&["1"]).await;
    fanned.put(&["2"]).await;
    let third = fanned.delivery(&["3"]);
    let selector = fanned.selector.clone();
    let waiting = tokio::spawn(async move { selector.put(third).await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!waiting.is_finished());
    let mut all = fanned.drain(0).await;
    all.extend(fanned.drain(1).await);
    waiting.await.expect("put");
    all.extend(fanned.drain(0).await);
    all.extend(fanned.drain(1).await);
    all.sort();
    assert_eq!(all, ["1", "2", "3"]);
}
