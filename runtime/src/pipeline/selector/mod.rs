//! Which channels get a batch. Channels that are required share its ack: the source's offset moves when all of them are done with it. Optional
//! channels get what they have room for at once, and nobody waits for them.

mod spec;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub use spec::{Multiplexing, Policy, Spec};
use table::{Split, Table};
use tracing::{info, warn};

use crate::batch::Batch;
use crate::channel::Channel;
use crate::delivery::{Ack, Delivery};
use crate::telemetry::{Counter, SourceMetrics};

/// Puts deliveries into channels; cheap to clone.
#[derive(Clone)]
pub struct Selector(Arc<Shared>);

struct Shared {
    channels: Vec<Fed>,
    way: Way,
    /// Events that no channel was selected for.
    discarded: Counter,
    /// Events that an optional channel had no room for.
    dropped: Counter,
}

/// A channel that is fed.
struct Fed {
    name: String,
    channel: Arc<dyn Channel>,
    /// As an optional channel it had no room the last time.
    is_full: AtomicBool,
}

enum Way {
    All(Route),
    ByHeader(Table),
    Balanced { policy: Policy, next: AtomicUsize },
}

/// Channels by their place in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Route {
    required: Vec<usize>,
    optional: Vec<usize>,
}

impl Selector {
    /// What `spec` says, over these channels by name.
    pub fn new(spec: &Spec, channels: Vec<(String, Arc<dyn Channel>)>, metrics: &SourceMetrics) -> Selector {
        let names: Vec<&str> = channels.iter().map(|(name, _)| name.as_str()).collect();
        let way = match spec {
            Spec::Replicating { optional } => {
                let (optional, required) = (0..names.len()).partition(|index| optional.iter().any(|name| name == names[*index]));
                Way::All(Route { required, optional })
            }
            Spec::Multiplexing(table) => Way::ByHeader(Table::new(table, &names)),
            Spec::LoadBalancing { policy } => Way::Balanced { policy: *policy, next: AtomicUsize::new(0) },
        };
        let channels = channels.into_iter().map(|(name, channel)| Fed { name, channel, is_full: AtomicBool::new(false) }).collect();
        let (discarded, dropped) = (metrics.discarded_events.clone(), metrics.dropped_events.clone());
        Selector(Arc::new(Shared { channels, way, discarded, dropped }))
    }

    /// A selector that puts everything into each of these channels.
    pub fn replicating(channels: Vec<Arc<dyn Channel>>) -> Selector {
        let route = Route { required: (0..channels.len()).collect(), optional: Vec::new() };
        let fed = |channel| Fed { name: String::new(), channel, is_full: AtomicBool::new(false) };
        let channels = channels.into_iter().map(fed).collect();
        Selector(Arc::new(Shared { channels, way: Way::All(route), discarded: Counter::default(), dropped: Counter::default() }))
    }

    /// Waits until every required channel has its events. Cut off, it abandons the batch.
    pub async fn put(&self, delivery: Delivery) {
        let shared = &*self.0;
        match &shared.way {
            Way::All(route) => shared.send(route, delivery).await,
            Way::ByHeader(table) => shared.send_by_header(table, delivery).await,
            Way::Balanced { policy, next } => {
                let first = match policy {
                    Policy::RoundRobin => next.fetch_add(1, Ordering::Relaxed),
                    Policy::Random => fastrand::usize(..),
                };
                shared.send_to_one(first, delivery).await;
            }
        }
    }
}

impl Shared {
    /// All events of the batch go the same way.
    async fn send(&self, route: &Route, Delivery { batch, ack }: Delivery) {
        let Some((last, others)) = route.required.split_last() else {
            self.offer(&route.optional, batch);
            return ack.delivered();
        };
        let copy = (!route.optional.is_empty()).then(|| batch.clone());
        for index in others {
            self.channels[*index].channel.put(Delivery { batch: batch.clone(), ack: ack.share() }).await;
        }
        self.channels[*last].channel.put(Delivery { batch, ack }).await;
        if let Some(copy) = copy {
            self.offer(&route.optional, copy);
        }
    }

    async fn send_by_header(&self, table: &Table, Delivery { batch, ack }: Delivery) {
        let (required, optional) = match table.split(batch, self.channels.len()) {
            Split::Whole(route, batch) => {
                if route.required.is_empty() && route.optional.is_empty() {
                    self.discarded.inc_by(batch.len() as u64);
                }
                return self.send(route, Delivery { batch, ack }).await;
            }
            Split::Parts { required, optional, discarded } => {
                self.discarded.inc_by(discarded);
                (required, optional)
            }
        };
        for (fed, events) in self.channels.iter().zip(required).filter(|(_, events)| !events.is_empty()) {
            fed.channel.put(Delivery { batch: events.into(), ack: ack.share() }).await;
        }
        for (index, events) in optional.into_iter().enumerate().filter(|(_, events)| !events.is_empty()) {
            self.offer(&[index], events.into());
        }
        ack.delivered();
    }

    /// To the first channel from `first` on that has room; where none has, the first is waited for.
    async fn send_to_one(&self, first: usize, mut delivery: Delivery) {
        let count = self.channels.len();
        for step in 0..count {
            match self.channels[first.wrapping_add(step) % count].channel.offer(delivery) {
                Ok(()) => return,
                Err(back) => delivery = back,
            }
        }
        // With no channel the batch is abandoned.
        if count > 0 {
            self.channels[first % count].channel.put(delivery).await;
        }
    }

    /// To these optional channels, as far as they have room at once.
    fn offer(&self, optional: &[usize], batch: Batch) {
        let Some((last, others)) = optional.split_last() else { return };
        for index in others {
            self.offer_to(&self.channels[*index], batch.clone());
        }
        self.offer_to(&self.channels[*last], batch);
    }

    fn offer_to(&self, fed: &Fed, batch: Batch) {
        // Nobody waits for it: an ack of nothing.
        let refused = fed.channel.offer(Delivery { batch, ack: Ack::default() }).err();
        if let Some(back) = &refused {
            self.dropped.inc_by(back.batch.len() as u64);
        }
        let was_full = fed.is_full.swap(refused.is_some(), Ordering::Relaxed);
        match (was_full, &refused) {
            (false, Some(_)) => warn!(channel = %fed.name, "an optional channel has no room: its events are dropped, and counted"),
            (true, None) => info!(channel = %fed.name, "an optional channel has room again"),
            _ => {}
        }
    }
}
