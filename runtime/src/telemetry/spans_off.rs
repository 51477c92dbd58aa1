//! In place of `spans` in a build without the feature `otlp`: there are none, and nothing of them is left in the code.

use std::error::Error;

use super::Metrics;
use crate::batch::{Batch, Rejected};
use crate::plugin::Info;

/// No spans.
#[derive(Debug, Clone)]
pub enum Spans {}

/// None: this build sends no spans, whatever the environment says.
pub fn init(_: &Metrics) -> Option<Spans> {
    None
}

impl Spans {
    pub(crate) fn source(&self, _: &str, _: &str) -> SourceSpans {
        match *self {}
    }

    /// Nothing is there to send.
    pub async fn end(&self) {
        match *self {}
    }
}

#[derive(Debug, Clone)]
pub(crate) enum SourceSpans {}

pub(crate) struct BatchSpan;

impl BatchSpan {
    pub(crate) fn begin(_: Option<&SourceSpans>, _: &Batch, _: &[Rejected]) -> BatchSpan {
        BatchSpan
    }

    pub(crate) fn intercept(&self, _: &str, _: Option<&Info>) -> BatchSpan {
        BatchSpan
    }

    pub(crate) fn end<T, E: Error>(self, judged: Result<T, E>) -> Result<T, E> {
        judged
    }
}
