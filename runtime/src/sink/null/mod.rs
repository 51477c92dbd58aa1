//! Drops all events: `org.apache.flume.sink.NullSink`.

mod spec;

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
pub use spec::Spec;
use tracing::info;

use super::{Error, Sink, Writing, Written};
use crate::batch::Batch;

/// The sink.
pub struct Null {
    name: String,
    log_every: u64,
    dropped: u64,
}

impl Null {
    /// One that has dropped nothing yet.
    pub fn new(name: &str, spec: &Spec) -> Null {
        Null { name: name.to_owned(), log_every: spec.log_every_events.get(), dropped: 0 }
    }
}

impl Sink for Null {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, Error>> {
        let lines = self.dropped / self.log_every;
        self.dropped += batch.len() as u64;
        if self.dropped / self.log_every > lines {
            info!(sink = %self.name, events = self.dropped, "events dropped");
        }
        Box::pin(ready(Ok(Box::pin(ready(Ok(Written::default()))) as Writing)))
    }
}
