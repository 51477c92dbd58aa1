//! The wish that what sinks hold open be made safe now: partitions are to be given up, the pipeline is paused or drained, or a ledger is full.
//!
//! It matters only to sinks that settle late, such as one whose events are safe once their file is closed.

use std::sync::Arc;

use tokio::sync::watch;

/// One a pipeline; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Hurry {
    raised: Arc<watch::Sender<u64>>,
}

/// A sink's view of it.
#[derive(Debug)]
pub(crate) struct Hurried(watch::Receiver<u64>);

impl Hurry {
    pub(crate) fn new() -> Hurry {
        Hurry { raised: Arc::new(watch::Sender::new(0)) }
    }

    /// Asks every sink that listens.
    pub(crate) fn raise(&self) {
        self.raised.send_modify(|times| *times += 1);
    }

    /// Hears of every wish from now on.
    pub(crate) fn listen(&self) -> Hurried {
        Hurried(self.raised.subscribe())
    }
}

impl Hurried {
    /// Resolves when it was asked for since the last time; cancel safe.
    pub(crate) async fn asked(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left to ask.
            std::future::pending::<()>().await;
        }
    }
}
