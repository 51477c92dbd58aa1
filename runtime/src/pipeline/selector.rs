//! Which channels get a batch: `org.apache.flume.channel.ReplicatingChannelSelector`, every one of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::config::keys::Keys;
use crate::delivery::Delivery;

/// Which of its channels a source's event goes to.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// Every one.
    Replicating {},
}

impl Default for Spec {
    fn default() -> Spec {
        Spec::Replicating {}
    }
}

impl Spec {
    /// Reads Flume's keys `selector.*`; `None` when Flume would drop the source, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys, _channels: &[String]) -> Option<Spec> {
        (!keys.is_refused()).then(Spec::default)
    }
}

/// Puts every delivery into every channel; the source's offset moves when all of them are done with it.
#[derive(Clone)]
pub struct Selector {
    channels: Arc<[Arc<dyn Channel>]>,
}

impl Selector {
    /// What `spec` says, over these channels by name.
    pub fn new(_spec: &Spec, channels: Vec<(String, Arc<dyn Channel>)>) -> Selector {
        Selector::replicating(channels.into_iter().map(|(_, channel)| channel).collect())
    }

    /// A selector that puts everything into each of these channels.
    pub fn replicating(channels: Vec<Arc<dyn Channel>>) -> Selector {
        Selector { channels: channels.into() }
    }

    /// Waits until every channel has the events. With no channel, they are dropped and the batch is abandoned.
    pub async fn put(&self, delivery: Delivery) {
        let Some((last, others)) = self.channels.split_last() else { return };
        for channel in others {
            channel.put(Delivery { batch: delivery.batch.clone(), ack: delivery.ack.share() }).await;
        }
        last.put(delivery).await;
    }
}
