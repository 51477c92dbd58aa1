//! From a source's specification to its chain: every interceptor made, plugins compiled, configured and started.

use std::sync::Arc;

use super::{
    Chain, Interceptor, Place, Step, Taps, Wasm, host, regex_extractor, regex_filter, remove_header, search_replace, spec, static_header,
    timestamp, uuid,
};
use crate::config::spec::SourceSpec;
use crate::control::swap::{SwapResult, VersionStatus};
use crate::pipeline::{self, Services};
use crate::plugin::{self, FailureKind, Info, Judgement, Observer};
use crate::telemetry::{InterceptorMetrics, SwapOutcome, VersionMetrics};

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

/// A source's chain, and the plugins in it, by the names of their interceptors.
pub struct Built {
    /// What batches go through.
    pub chain: Chain,
    /// The plugins.
    pub plugins: Vec<(String, Wasm)>,
}

/// Makes the chain of a source.
///
/// # Errors
/// The first interceptor that cannot be made.
pub async fn build(pipeline: &str, source: &SourceSpec, services: &Services) -> Result<Built, pipeline::Error> {
    let (mut steps, mut plugins) = (Vec::new(), Vec::new());
    for spec in &source.interceptors {
        let metrics = services.metrics.interceptor(pipeline, &source.name, &spec.name, spec.kind.name());
        let place = Place { pipeline: pipeline.to_owned(), source: source.name.clone(), interceptor: spec.name.clone() };
        let taps = services.taps.of(&place, &metrics.tap_dropped_events);
        let counts = Counts { metrics: metrics.clone(), taps: taps.clone(), version: None };
        let failed = |error| pipeline::Error::Interceptor { interceptor: spec.name.clone(), origin: source.name.clone(), source: error };
        let interceptor = make(&spec.kind, place, services, counts, &mut plugins).await.map_err(failed)?;
        steps.push(Step { stage: format!("interceptor {}", spec.name), interceptor, metrics, taps });
    }
    Ok(Built { chain: Chain::new(steps), plugins })
}

async fn start(spec: &spec::Wasm, place: Place, services: &Services, counts: Counts) -> Result<Wasm, BuildError> {
    let (host, spec, state) = (services.plugins.clone(), spec.clone(), services.state.clone());
    let started = tokio::task::spawn_blocking(move || Wasm::start(&host, place, &spec, Arc::new(counts), state.as_deref()));
    Ok(started.await.map_err(|panic| BuildError::Panicked(panic.to_string()))??)
}

/// Makes one interceptor; a plugin is added to `plugins`, too.
async fn make(
    spec: &spec::Spec,
    place: Place,
    services: &Services,
    counts: Counts,
    plugins: &mut Vec<(String, Wasm)>,
) -> Result<Box<dyn Interceptor>, BuildError> {
    Ok(match spec {
        spec::Spec::Wasm(spec) => {
            let name = place.interceptor.clone();
            let wasm = start(spec, place, services, counts).await?;
            plugins.push((name, wasm.clone()));
            Box::new(wasm)
        }
        spec::Spec::Timestamp(spec) => Box::new(timestamp::Timestamp::new(spec)),
        spec::Spec::Host(spec) => Box::new(host::Host::new(spec)),
        spec::Spec::Static(spec) => Box::new(static_header::StaticHeader::new(spec)),
        spec::Spec::RemoveHeader(spec) => Box::new(remove_header::RemoveHeader::new(spec).map_err(BuildError::RemoveHeader)?),
        spec::Spec::SearchReplace(spec) => Box::new(search_replace::SearchReplace::new(spec).map_err(BuildError::SearchReplace)?),
        spec::Spec::RegexFilter(spec) => Box::new(regex_filter::RegexFilter::new(spec)),
        spec::Spec::RegexExtractor(spec) => Box::new(regex_extractor::RegexExtractor::new(spec).map_err(BuildError::RegexExtractor)?),
        spec::Spec::Uuid(spec) => Box::new(uuid::Uuid::new(spec)),
    })
}

/// What a plugin's host sees, as metrics. The interceptor's events are counted by the chain, as for every other.
#[derive(Clone)]
struct Counts {
    metrics: InterceptorMetrics,
    taps: Taps,
    /// Of one version; `None` for what concerns them all.
    version: Option<VersionMetrics>,
}

impl Observer for Counts {
    fn of(&self, plugin: &Info) -> Option<Arc<dyn Observer>> {
        let version = self.metrics.version(&plugin.digest, &plugin.name, &plugin.version);
        Some(Arc::new(Counts { version: Some(version), ..self.clone() }))
    }
    fn judged(&self, judgement: Judgement) {
        if let Some(version) = &self.version {
            version.judged(&judgement);
        }
    }
    fn switched(&self, from: Option<&VersionStatus>, to: &VersionStatus) {
        self.metrics.plugin(&to.name, &to.version, &to.digest);
        self.taps.swapped(from, to);
    }
    fn swap_ended(&self, result: Option<SwapResult>) {
        self.metrics.swap(match result {
            Some(SwapResult::Swapped | SwapResult::Waiting) => SwapOutcome::Swapped,
            Some(SwapResult::RolledBack) => SwapOutcome::RolledBack,
            Some(SwapResult::Unchanged) => SwapOutcome::Unchanged,
            None => SwapOutcome::Refused,
        });
    }
    fn failed(&self, kind: FailureKind) {
        self.metrics.trap(kind);
        if let Some(version) = &self.version {
            version.failed(kind);
        }
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
    fn counted(&self, name: &str, by: u64) {
        if let Some(version) = &self.version {
            version.counted(name, by);
        }
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
