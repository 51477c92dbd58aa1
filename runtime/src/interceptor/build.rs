//! From a source's specification to its chain: every interceptor made, plugins compiled, configured and started.

use std::sync::Arc;

use super::{
    Chain, Interceptor, Place, Step, Wasm, host, regex_extractor, regex_filter, remove_header, search_replace, spec, static_header,
    timestamp, uuid,
};
use crate::config::spec::{InterceptorSpec, SourceSpec};
use crate::pipeline::{self, Services};
use crate::plugin::{self, FailureKind, Judgement, Observer};
use crate::telemetry::{InterceptorMetrics, VersionMetrics};

/// An interceptor cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Its plugin is refused.
    #[error(transparent)]
    Plugin(#[from] plugin::Error),
    /// Its list of names cannot be made a pattern.
    #[error("read the names to remove")]
    RemoveHeader(#[source] regex::Error),
    /// Its replacement makes no sense.
    #[error("read the replacement")]
    SearchReplace(#[source] search_replace::Error),
    /// Its date pattern makes no sense.
    #[error("read the date pattern")]
    RegexExtractor(#[source] regex_extractor::PatternError),
    /// The task that was compiling it panicked.
    #[error("compile the plugin: {0}")]
    Panicked(String),
}

/// Makes the chain of a source.
///
/// # Errors
/// The first interceptor that cannot be made.
pub async fn build(pipeline: &str, source: &SourceSpec, services: &Services) -> Result<Chain, pipeline::Error> {
    let mut steps = Vec::new();
    for spec in &source.interceptors {
        let metrics = services.metrics.interceptor(pipeline, &source.name, &spec.name, spec.kind.name());
        let place = Place { pipeline: pipeline.to_owned(), source: source.name.clone(), interceptor: spec.name.clone() };
        let taps = services.taps.of(&place, &metrics.tap_dropped_events);
        let interceptor = make(spec, place, services, &metrics).await;
        let interceptor = interceptor.map_err(|error| pipeline::Error::Interceptor {
            interceptor: spec.name.clone(),
            origin: source.name.clone(),
            source: error,
        })?;
        steps.push(Step { stage: format!("interceptor {}", spec.name), interceptor, metrics, taps });
    }
    Ok(Chain::new(steps))
}

async fn make(
    spec: &InterceptorSpec,
    place: Place,
    services: &Services,
    metrics: &InterceptorMetrics,
) -> Result<Box<dyn Interceptor>, BuildError> {
    Ok(match &spec.kind {
        spec::Spec::Timestamp(spec) => Box::new(timestamp::Timestamp::new(spec)),
        spec::Spec::Host(spec) => Box::new(host::Host::new(spec)),
        spec::Spec::Static(spec) => Box::new(static_header::StaticHeader::new(spec)),
        spec::Spec::RemoveHeader(spec) => Box::new(remove_header::RemoveHeader::new(spec).map_err(BuildError::RemoveHeader)?),
        spec::Spec::SearchReplace(spec) => Box::new(search_replace::SearchReplace::new(spec).map_err(BuildError::SearchReplace)?),
        spec::Spec::RegexFilter(spec) => Box::new(regex_filter::RegexFilter::new(spec)),
        spec::Spec::RegexExtractor(spec) => Box::new(regex_extractor::RegexExtractor::new(spec).map_err(BuildError::RegexExtractor)?),
        spec::Spec::Uuid(spec) => Box::new(uuid::Uuid::new(spec)),
        spec::Spec::Wasm(spec) => {
            let (host, spec, metrics) = (services.plugins.clone(), spec.clone(), metrics.clone());
            let started = tokio::task::spawn_blocking(move || {
                let plugin = host.load(&spec.plugin, spec.settings.clone(), &spec.limits)?;
                let plugin::Info { name, version, digest, .. } = plugin.info();
                metrics.plugin(name, version, digest);
                let version = metrics.version(digest, name, version);
                Wasm::run(plugin, place, &spec, Arc::new(Counts { metrics, version }))
            });
            Box::new(started.await.map_err(|panic| BuildError::Panicked(panic.to_string()))??)
        }
    })
}

/// What a plugin's host sees, as metrics. The interceptor's events are counted by the chain, as for every other.
struct Counts {
    metrics: InterceptorMetrics,
    version: VersionMetrics,
}

impl Observer for Counts {
    fn judged(&self, judgement: Judgement) {
        self.version.judged(&judgement);
    }
    fn failed(&self, kind: FailureKind) {
        self.metrics.trap(kind);
        self.version.failed(kind);
    }
    fn recycled(&self) {
        self.metrics.recycled.inc();
    }
    fn memory(&self, bytes: usize) {
        self.metrics.memory(bytes);
    }
    fn log_suppressed(&self, lines: u64) {
        self.metrics.suppressed_log_lines.inc_by(lines);
    }
}

impl spec::Spec {
    /// The interceptor's type, as metrics and the log say it.
    pub fn name(&self) -> &'static str {
        match self {
            spec::Spec::Timestamp(_) => "timestamp",
            spec::Spec::Host(_) => "host",
            spec::Spec::Static(_) => "static",
            spec::Spec::RemoveHeader(_) => "remove_header",
            spec::Spec::SearchReplace(_) => "search_replace",
            spec::Spec::RegexFilter(_) => "regex_filter",
            spec::Spec::RegexExtractor(_) => "regex_extractor",
            spec::Spec::Uuid(_) => "uuid",
            spec::Spec::Wasm(_) => "wasm",
        }
    }
}
