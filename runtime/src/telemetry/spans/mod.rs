//! Spans to an OpenTelemetry collector: one a batch on its way through the chain, below it one an interceptor.
//!
//! A batch holds events of many traces, so its span belongs to none of them; it links to them, as OpenTelemetry's messaging conventions have
//! it. The events' own `traceparent` and `tracestate` pass on untouched. Without a collector in the environment (`settings`) there are no
//! spans, and a batch costs one look at an `Option`; a batch that is not sampled costs a random number. The pipeline never waits for the
//! collector: what does not fit into a bounded queue is dropped and counted (`export`).

mod collector;
mod export;
mod names;
mod settings;
#[cfg(test)]
mod tests;
mod trace_context;

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use tracing::{info, warn};

use super::{Metrics, SpanMetrics};
use crate::batch::{Batch, Counts, Judged, Rejected};
use crate::error_chain;
use crate::event::Event;
use crate::plugin::Info;
use settings::Settings;

/// Traces of events that a batch's span links to.
const LINKS: usize = 128;
/// How long the end of the agent waits for the last spans to be taken.
const LAST: Duration = Duration::from_secs(5);

/// Where spans go. Cloning gives another handle.
#[derive(Debug, Clone)]
pub struct Spans {
    provider: SdkTracerProvider,
}

/// Spans as the environment asks for them; `None` where it names no collector, or what it says cannot be done, which is logged: an agent runs
/// without spans rather than not at all. To be called within the runtime, which does the sending.
pub fn init(metrics: &Metrics) -> Option<Spans> {
    let settings = Settings::read(|name| std::env::var(name).ok());
    let started = settings.and_then(|settings| settings.map(|settings| Spans::start(settings, metrics.spans())).transpose());
    match started {
        Ok(spans) => spans,
        Err(error) => {
            warn!(error = %error_chain(&error), "no spans are sent");
            None
        }
    }
}

impl Spans {
    fn start(settings: Settings, metrics: SpanMetrics) -> Result<Spans, settings::Error> {
        let collector = settings.place();
        let provider = export::provider(settings, metrics)?;
        info!(collector, "spans are sent");
        Ok(Spans { provider })
    }

    /// The spans of one source's batches.
    pub(crate) fn source(&self, pipeline: &str, source: &str) -> SourceSpans {
        SourceSpans { tracer: self.provider.tracer(names::SCOPE), pipeline: pipeline.into(), source: source.into() }
    }

    /// Sends what is there, as far as the collector takes it within a few seconds; spans made later are lost.
    pub async fn end(&self) {
        let provider = self.provider.clone();
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST)).await;
        if let Ok(Err(error)) = ended {
            warn!(%error, "the last spans were not sent");
        }
    }
}

/// Makes the spans of one source's batches.
#[derive(Debug, Clone)]
pub(crate) struct SourceSpans {
    tracer: SdkTracer,
    pipeline: Arc<str>,
    source: Arc<str>,
}

/// A batch on its way through the chain; nothing where it is not sampled. Dropped without an end it was abandoned, and says so.
pub(crate) struct BatchSpan {
    sampled: Option<Sampled>,
}

struct Sampled {
    span: Unfinished,
    /// Makes spans its children.
    context: Context,
    tracer: SdkTracer,
}

impl BatchSpan {
    /// Of these events, and those that the source could not decode.
    pub(crate) fn begin(spans: Option<&SourceSpans>, batch: &Batch, rejected: &[Rejected]) -> BatchSpan {
        let sampled = spans.and_then(|spans| spans.sampled(batch.events.iter().chain(rejected.iter().map(|rejected| &rejected.event))));
        BatchSpan { sampled }
    }

    /// The part of an interceptor in it; `stage` is its name as dead letters say it.
    pub(crate) fn intercept(&self, stage: &str, plugin: Option<&Info>) -> InterceptSpan {
        let span = self.sampled.as_ref().map(|sampled| {
            let name = stage.strip_prefix("interceptor ").unwrap_or(stage);
            let mut attributes = vec![KeyValue::new(names::INTERCEPTOR, name.to_owned())];
            if let Some(plugin) = plugin {
                attributes.push(KeyValue::new(names::PLUGIN_NAME, plugin.name.clone()));
                attributes.push(KeyValue::new(names::PLUGIN_VERSION, plugin.version.clone()));
                attributes.push(KeyValue::new(names::PLUGIN_DIGEST, plugin.digest.clone()));
            }
            let builder = sampled.tracer.span_builder(format!("{} {name}", names::INTERCEPT)).with_attributes(attributes);
            Unfinished(Some(builder.start_with_context(&sampled.tracer, &sampled.context)))
        });
        InterceptSpan { span }
    }

    /// Out of the chain.
    pub(crate) fn end<E: Error>(mut self, judged: Result<Judged, E>) -> Result<Judged, E> {
        if let Some(sampled) = self.sampled.take() {
            sampled.span.end(judged.as_ref().map(Judged::counts));
        }
        judged
    }
}

/// A batch in the hands of an interceptor.
pub(crate) struct InterceptSpan {
    span: Option<Unfinished>,
}

impl InterceptSpan {
    /// The interceptor has judged it, or could not.
    pub(crate) fn end<E: Error>(self, judged: Result<Counts, E>) -> Result<Counts, E> {
        if let Some(span) = self.span {
            span.end(judged.as_ref().copied());
        }
        judged
    }
}

impl SourceSpans {
    fn sampled<'a>(&self, events: impl Iterator<Item = &'a Event> + Clone) -> Option<Sampled> {
        let topic = topic(events.clone());
        let name = match topic {
            Some(topic) => format!("{} {topic}", names::PROCESS),
            None => names::PROCESS.to_owned(),
        };
        // A trace of its own: not below whatever span the task may be in.
        let mut span = self.tracer.span_builder(name).with_kind(SpanKind::Consumer).start_with_context(&self.tracer, &Context::new());
        if !span.is_recording() {
            return None;
        }
        span.set_attribute(KeyValue::new(names::SYSTEM, names::KAFKA));
        span.set_attribute(KeyValue::new(names::OPERATION_NAME, names::PROCESS));
        span.set_attribute(KeyValue::new(names::OPERATION_TYPE, names::PROCESS));
        if let Some(topic) = topic {
            span.set_attribute(KeyValue::new(names::DESTINATION, topic.to_owned()));
        }
        let count = i64::try_from(events.clone().count()).unwrap_or(i64::MAX);
        span.set_attribute(KeyValue::new(names::MESSAGE_COUNT, count));
        span.set_attribute(KeyValue::new(names::PIPELINE, self.pipeline.clone()));
        span.set_attribute(KeyValue::new(names::SOURCE, self.source.clone()));
        link(&mut span, events);
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        Some(Sampled { span: Unfinished(Some(span)), context, tracer: self.tracer.clone() })
    }
}

/// The topic that all of them are from.
fn topic<'a>(mut events: impl Iterator<Item = &'a Event>) -> Option<&'a str> {
    let topic = |event: &'a Event| event.origin.as_ref().map(|origin| origin.topic.as_ref());
    let first = topic(events.next()?)?;
    events.all(|event| topic(event) == Some(first)).then_some(first)
}

/// Links to the traces that the events are of, to each once.
fn link<'a>(span: &mut Span, events: impl Iterator<Item = &'a Event>) {
    let mut linked = HashSet::new();
    for context in events.filter_map(trace_context::of) {
        if linked.insert((context.trace_id(), context.span_id())) {
            span.add_link(context, Vec::new());
        }
        if linked.len() == LINKS {
            return;
        }
    }
}

/// A span that is an error unless it is ended.
struct Unfinished(Option<Span>);

impl Unfinished {
    fn end<E: Error>(mut self, judged: Result<Counts, &E>) {
        let Some(mut span) = self.0.take() else { return };
        match judged {
            Ok(judged) => {
                let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
                span.set_attribute(KeyValue::new(names::PASSED, count(judged.passed)));
                span.set_attribute(KeyValue::new(names::DISCARDED, count(judged.discarded)));
                span.set_attribute(KeyValue::new(names::REJECTED, count(judged.rejected)));
            }
            Err(error) => span.set_status(Status::error(error_chain(error))),
        }
        span.end();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mut span) = self.0.take() {
            span.set_status(Status::error("abandoned: its events will come again"));
            span.end();
        }
    }
}
