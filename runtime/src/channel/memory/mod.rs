//! The memory channel: `org.apache.flume.channel.MemoryChannel`, but nothing is lost with it, since the ack travels with the events.
//!
//! Capacity bounds the events that wait; those a sink has taken and not yet committed are bounded by the sink loop.

mod spec;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
pub use spec::Spec;
use tokio::sync::Notify;
pub(in crate::channel) use waiting::Waiting;

use super::{Channel, PutBack, Taken};
use crate::delivery::Delivery;
use crate::telemetry::ChannelMetrics;

/// A memory channel; clones are the same channel.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    capacity: usize,
    byte_capacity: usize,
    state: Mutex<State>,
    room: Notify,
    filled: Notify,
    metrics: ChannelMetrics,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    closed: bool,
}

impl Memory {
    /// An empty channel.
    pub fn new(spec: &Spec, metrics: ChannelMetrics) -> Memory {
        let byte_capacity = match spec.byte_capacity {
            0 => usize::MAX,
            bytes => (bytes as usize / 100).saturating_mul(100 - usize::from(spec.byte_capacity_buffer_percentage.min(99))),
        };
        let shared = Shared {
            capacity: spec.capacity.get(),
            byte_capacity,
            state: Mutex::default(),
            room: Notify::new(),
            filled: Notify::new(),
            metrics,
        };
        Memory { shared: Arc::new(shared) }
    }
}

impl Channel for Memory {
    fn put(&self, delivery: Delivery) -> BoxFuture<'_, ()> {
        Box::pin(self.shared.put(delivery))
    }

    fn offer(&self, delivery: Delivery) -> Result<(), Delivery> {
        let (events, bytes) = (delivery.batch.len(), delivery.batch.size());
        match self.shared.try_put(delivery, events, bytes) {
            Some(delivery) => Err(delivery),
            None => {
                self.shared.arrived(events);
                Ok(())
            }
        }
    }

    fn take(&self, max_events: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(async move {
            let delivery = self.shared.take(max_events).await?;
            Some(Taken::new(delivery, self.shared.clone()))
        })
    }

    fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_waiters();
        self.shared.filled.notify_one();
    }
}

impl Shared {
    async fn put(&self, delivery: Delivery) {
        let (events, bytes) = (delivery.batch.len(), delivery.batch.size());
        let mut delivery = Some(delivery);
        let mut waited = false;
        while let Some(waiting) = delivery.take() {
            delivery = self.try_put(waiting, events, bytes);
            if delivery.is_some() {
                if !waited {
                    self.metrics.put_waits.inc();
                    waited = true;
                }
                self.room.notified().await;
            }
        }
        self.arrived(events);
    }

    fn arrived(&self, events: usize) {
        self.metrics.put_events.inc_by(events as u64);
        self.filled.notify_one();
    }

    /// Gives the delivery back when there is no room. A batch larger than the channel passes when the channel is empty.
    fn try_put(&self, delivery: Delivery, events: usize, bytes: usize) -> Option<Delivery> {
        let mut state = self.lock();
        let waiting = &mut state.waiting;
        let fits = waiting.events() + events <= self.capacity && waiting.bytes().saturating_add(bytes) <= self.byte_capacity;
        if !fits && !waiting.is_empty() {
            return Some(delivery);
        }
        waiting.push_back(delivery);
        self.measure(&state);
        None
    }

    async fn take(&self, max_events: usize) -> Option<Delivery> {
        loop {
            let filled = self.filled.notified();
            if let Some(delivery) = self.try_take(max_events) {
                return Some(delivery);
            }
            if self.lock().closed {
                // Wake the next taker: it must learn of the end too.
                self.filled.notify_one();
                return None;
            }
            filled.await;
        }
    }

    fn try_take(&self, max_events: usize) -> Option<Delivery> {
        let mut state = self.lock();
        let taken = state.waiting.take(max_events)?;
        self.measure(&state);
        let more = !state.waiting.is_empty();
        drop(state);
        self.metrics.take_events.inc_by(taken.batch.len() as u64);
        self.room.notify_one();
        if more {
            self.filled.notify_one();
        }
        Some(taken)
    }

    fn measure(&self, state: &State) {
        self.metrics.size_events.set(state.waiting.events() as i64);
        self.metrics.size_bytes.set(state.waiting.bytes() as i64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics between two changes of the state, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    /// What a pipeline that was given up leaves behind is no backlog.
    fn drop(&mut self) {
        self.metrics.size_events.set(0);
        self.metrics.size_bytes.set(0);
    }
}

impl PutBack for Shared {
    fn put_back(&self, delivery: Delivery) {
        let mut state = self.lock();
        state.waiting.push_front(delivery);
        self.measure(&state);
        drop(state);
        self.filled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::*;
    use crate::batch::Batch;
    use crate::event::Event;
    use crate::pipeline::ledger::{Ledger, Limit, Partition};
    use crate::telemetry::Metrics;

    fn channel(capacity: usize) -> Memory {
        let size = NonZeroUsize::new(capacity).expect("not zero");
        let spec = Spec {
            capacity: size,
            transaction_capacity: size,
            keep_alive: Duration::from_secs(3),
            byte_capacity: 0,
            byte_capacity_buffer_percentage: 20,
        };
        Memory::new(&spec, Metrics::new().channel("p", "c", "memory", capacity as u64, 0))
    }

    fn delivery(ledger: &mut Ledger, bodies: &[&'static str]) -> Delivery {
        let batch = Batch::from(bodies.iter().map(|body| Event::new(*body)).collect::<Vec<_>>());
        let reached = [(Partition { topic: "t".into(), number: 0 }, ledger.open_batches() as i64)].into();
        let ack = ledger.track(batch.len(), batch.size(), reached);
        Delivery { batch, ack }
    }

    async fn settle(ledger: &mut Ledger) {
        while ledger.is_open(&[]) {
            ledger.settled().await.expect("nothing was abandoned");
        }
    }

    fn bodies(taken: &Taken) -> Vec<String> {
        taken.batch().events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()).collect()
    }

    #[tokio::test]
    async fn takes_merge_and_split_deliveries_in_order() {
        let mut ledger = Ledger::new(Limit::default());
        let channel = channel(100);
        channel.put(delivery(&mut ledger, &["a", "b"])).await;
        channel.put(delivery(&mut ledger, &["c", "d", "e"])).await;
        let first = channel.take(3).await.expect("open");
        assert_eq!(bodies(&first), ["a", "b", "c"]);
        first.commit();
        let rest = channel.take(3).await.expect("open");
        assert_eq!(bodies(&rest), ["d", "e"]);
        rest.commit();
        settle(&mut ledger).await;
    }

    #[tokio::test]
    async fn a_large_delivery_is_taken_in_small_parts_and_settles_with_the_last() {
        let mut ledger = Ledger::new(Limit::default());
        let channel = channel(100);
        channel.put(delivery(&mut ledger, &["a", "b", "c", "d", "e", "f", "g"])).await;
        let (first, second) = (channel.take(2).await.expect("open"), channel.take(2).await.expect("open"));
        assert_eq!((bodies(&first), bodies(&second)), (vec!["a".into(), "b".into()], vec!["c".into(), "d".into()]));
        first.commit();
        drop(second);
        assert_eq!(ledger.open_events(), 7);
        let rest = channel.take(9).await.expect("open");
        assert_eq!(bodies(&rest), ["c", "d", "e", "f", "g"]);
        rest.commit();
        settle(&mut ledger).await;
    }

    #[tokio::test]
    async fn what_is_dropped_is_back_at_the_front() {
        let mut ledger = Ledger::new(Limit::default());
        let channel = channel(100);
        channel.put(delivery(&mut ledger, &["a", "b", "c"])).await;
        drop(channel.take(2).await.expect("open"));
        let all = channel.take(9).await.expect("open");
        assert_eq!(bodies(&all), ["a", "b", "c"]);
        all.commit();
        settle(&mut ledger).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_channel_makes_the_source_wait_and_loses_nothing() {
        let mut ledger = Ledger::new(Limit::default());
        let channel = channel(2);
        channel.put(delivery(&mut ledger, &["a", "b"])).await;
        let second = delivery(&mut ledger, &["c"]);
        let putter = tokio::spawn({
            let channel = channel.clone();
            async move { channel.put(second).await }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!putter.is_finished());
        channel.take(1).await.expect("open").commit();
        putter.await.expect("put");
        assert_eq!(bodies(&channel.take(9).await.expect("open")), ["b", "c"]);
    }

    #[tokio::test]
    async fn an_offer_finds_room_or_comes_back_whole_and_never_waits() {
        let mut ledger = Ledger::new(Limit::default());
        let channel = channel(2);
        channel.offer(delivery(&mut ledger, &["a", "b"])).expect("room");
        let back = channel.offer(delivery(&mut ledger, &["c"])).expect_err("no room");
        assert_eq!(back.batch.len(), 1);
        channel.take(9).await.expect("open").commit();
        channel.offer(back).expect("room again");
        let all = channel.take(9).await.expect("open");
        assert_eq!(bodies(&all), ["c"]);
        all.commit();
        settle(&mut ledger).await;
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_channel_passes_when_it_is_empty() {
        let mut ledger = Ledger::new(Limit::default());
        let channel = channel(1);
        channel.put(delivery(&mut ledger, &["a", "b", "c"])).await;
        assert_eq!(bodies(&channel.take(9).await.expect("open")).len(), 3);
    }

    #[tokio::test]
    async fn a_closed_channel_gives_what_is_left_to_every_taker_and_then_ends() {
        let mut ledger = Ledger::new(Limit::default());
        let channel = channel(10);
        let idle = tokio::spawn({
            let channel = channel.clone();
            async move { channel.take(1).await.is_none() }
        });
        tokio::task::yield_now().await;
        channel.close();
        assert!(idle.await.expect("taker"));
        channel.put(delivery(&mut ledger, &["a"])).await;
        channel.take(1).await.expect("what is left").commit();
        assert!(channel.take(1).await.is_none());
        assert!(channel.take(1).await.is_none());
    }
}
