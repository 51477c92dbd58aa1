//! Which channels get a batch: `org.apache.flume.channel.ReplicatingChannelSelector`, every one of them.

use std::sync::Arc;

use crate::channel::Channel;
use crate::delivery::Delivery;

/// Puts every delivery into every channel; the source's offset moves when all of them are done with it.
#[derive(Clone)]
pub struct Selector {
    channels: Arc<[Arc<dyn Channel>]>,
}

impl Selector {
    /// A selector over these channels.
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
