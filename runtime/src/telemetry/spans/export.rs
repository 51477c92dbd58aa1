//! From finished spans to the collector: a bounded queue, a thread of its own that empties it, and a count of what became of each span.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor};

use super::collector::Collector;
use super::names;
use super::settings::{Error, Settings};
use crate::telemetry::SpanMetrics;

/// Spans that wait for the collector. With a span a batch and one an interceptor this is a second or so of a busy agent whose every batch is
/// sampled.
pub(super) const QUEUE: usize = 8_192;

pub(super) fn provider(settings: Settings, metrics: SpanMetrics) -> Result<SdkTracerProvider, Error> {
    let exporter = OtlpExporter::builder()
        .with_http()
        .with_http_client(Collector::new(&settings)?)
        .with_endpoint(settings.endpoint.to_string())
        .with_timeout(settings.timeout)
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(Error::Exporter)?;
    let waiting = Arc::<AtomicUsize>::default();
    let exporter = Counted { exporter, waiting: waiting.clone(), metrics: metrics.clone() };
    // Its queue is never the one that is full, since it would not say how much it dropped.
    let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE + 1).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    Ok(SdkTracerProvider::builder()
        .with_sampler(settings.sampler)
        .with_resource(resource(settings.service_name))
        .with_span_processor(Bounded { processor, waiting, metrics })
        .build())
}

/// Who sends: what the environment says goes before what is known here.
fn resource(service_name: Option<String>) -> Resource {
    let known = [KeyValue::new(names::SERVICE_NAME, "weir"), KeyValue::new(names::SERVICE_VERSION, env!("CARGO_PKG_VERSION"))];
    let resource = Resource::builder_empty()
        .with_attributes(known)
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match service_name {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// Lets no more spans wait than the queue holds.
#[derive(Debug)]
struct Bounded {
    processor: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    metrics: SpanMetrics,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.processor.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.metrics.dropped_for_room.inc();
            return;
        }
        self.processor.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.processor.set_resource(resource);
    }
}

/// Counts what the exporter gets and what it loses.
#[derive(Debug)]
struct Counted {
    exporter: OtlpExporter,
    waiting: Arc<AtomicUsize>,
    metrics: SpanMetrics,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let exported = self.exporter.export(batch).await;
        let counter = if exported.is_ok() { &self.metrics.exported } else { &self.metrics.dropped_in_export };
        counter.inc_by(spans as u64);
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
