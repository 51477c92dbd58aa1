//! A task that ends with its owner: dropping it stops it at its next await, and what it holds is dropped, so that its acks fall silent.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

/// A running task and its result.
#[derive(Debug)]
#[must_use = "a task that is dropped is stopped"]
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Starts it, within the current span.
    pub(crate) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        Task(tokio::spawn(work.in_current_span()))
    }
}

impl<T> From<JoinHandle<T>> for Task<T> {
    fn from(running: JoinHandle<T>) -> Task<T> {
        Task(running)
    }
}

impl<T> Future for Task<T> {
    /// An error is a panic.
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
