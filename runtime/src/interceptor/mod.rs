//! A step of a source's chain: looks at a batch and says what becomes of its events.

mod build;
pub mod chain;
mod each;
mod flume;
pub mod host;
pub mod regex_extractor;
pub mod regex_filter;
pub mod remove_header;
pub mod search_replace;
pub mod spec;
pub mod static_header;
mod tap;
pub mod timestamp;
pub mod uuid;
pub mod wasm;

use std::sync::Arc;

pub use build::{BuildError, Built, build};
pub use chain::{Chain, Step};
pub use spec::Spec;
pub use tap::{TapDirectory, Taps};
pub use wasm::{Place, Supervision, Wasm};

use crate::batch::{Batch, Outcome};
use crate::plugin::Info;

/// One step of the chain.
///
/// Called once per batch, for several batches at a time; order is restored after the chain, so an implementation need not keep any
/// between batches. An event that cannot be judged is a rejection in the outcome, never an error.
pub trait Interceptor: Send + Sync {
    /// Judges a batch. The outcome's verdicts fit the batch: their indexes ascend and are below its length.
    ///
    /// # Errors
    /// Only when the pipeline must stop (`on_error = halt`, a host that cannot run the guest at all).
    fn intercept(&self, batch: Arc<Batch>) -> Judging;

    /// What judges a batch that is read now, where that can change, at most so many of its events at a time; it is asked for in source order, so that
    /// versions change in source order, too.
    fn pin(&self, most: usize) -> Option<Arc<dyn Interceptor>> {
        let _ = most;
        None
    }

    /// The plugin that judges; `None` for a built-in.
    fn version(&self) -> Option<&Info> {
        None
    }
}

/// The outcome, now or later.
pub enum Judging {
    /// Made on the spot, by a built-in.
    Now(Result<Outcome, Error>),
    /// Being made on a guest's thread.
    Later(tokio::sync::oneshot::Receiver<Result<Outcome, Error>>),
}

/// The chain cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `on_error = halt` met an event that the plugin could not judge.
    #[error("halted at {place}: {reason}")]
    Halted {
        /// Topic, partition and offset, or the event's index.
        place: String,
        /// What the guest did.
        reason: String,
    },
    /// No instance of the plugin can be made, or its threads are gone.
    #[error("the plugin cannot run: {0}")]
    Unavailable(String),
}
