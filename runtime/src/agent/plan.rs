//! What a new configuration asks of a running agent: the changes, and nothing of how they are made.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fleet::{Stage, View};
use crate::config::Settings;
use crate::config::difference::{self, PluginChange};
use crate::config::spec::PipelineSpec;
use crate::control::Target;
use crate::interceptor::spec;

/// One planned change.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// What it is about: a pipeline, `PIPELINE/INTERCEPTOR`, or a setting such as `agent.admin`.
    pub(super) path: String,
    /// What differs, by name; holds no value.
    pub(super) detail: String,
    pub(super) action: Action,
}

/// What it takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Exchange a plugin between two batches; `pipeline` is what the pipeline's specification then is.
    Swap { target: Target, spec: Box<spec::Wasm>, pipeline: Arc<PipelineSpec> },
    /// Drain the pipeline and start this one.
    Restart(Arc<PipelineSpec>),
    /// Start a pipeline that does not run.
    Start(Arc<PipelineSpec>),
    /// Drain the pipeline and forget it.
    Stop,
    /// Take a setting over.
    Apply,
    /// Nothing: the setting counts from the agent's next start.
    NeedsRestart,
}

/// The changes of pipelines, by name. A pipeline that says what it said before is none, unless it had ended by itself: it gets another try.
pub(super) fn pipelines(standing: &[View], wanted: &[PipelineSpec]) -> Vec<Change> {
    let names: BTreeSet<&str> = standing.iter().map(|view| &view.spec.name).chain(wanted.iter().map(|spec| &spec.name)).map(String::as_str).collect();
    let change = |name: &str| {
        let present = standing.iter().find(|view| view.spec.name == name);
        let spec = wanted.iter().find(|spec| spec.name == name);
        match (present, spec) {
            (Some(present), Some(spec)) => differing(present, spec),
            (None, Some(spec)) => vec![of_pipeline(spec, "it is new".to_owned(), Action::Start)],
            (Some(_), None) => vec![Change { path: name.to_owned(), detail: "it is no longer configured".to_owned(), action: Action::Stop }],
            (None, None) => Vec::new(),
        }
    };
    names.into_iter().flat_map(change).collect()
}

fn differing(present: &View, spec: &PipelineSpec) -> Vec<Change> {
    if let Stage::Ended(why) = &present.stage {
        let why = if why.is_empty() { "it had ended".to_owned() } else { format!("it had ended: {why}") };
        return vec![of_pipeline(spec, why, Action::Start)];
    }
    if *present.spec == *spec {
        return Vec::new();
    }
    if present.in_place.is_some()
        && let Some(plugins) = difference::plugins(&present.spec, spec)
    {
        let pipeline = Arc::new(spec.clone());
        return plugins.into_iter().map(|plugin| swap(plugin, &pipeline)).collect();
    }
    vec![of_pipeline(spec, difference::pipelines(&present.spec, spec).join("; "), Action::Restart)]
}

fn of_pipeline(spec: &PipelineSpec, detail: String, action: fn(Arc<PipelineSpec>) -> Action) -> Change {
    Change { path: spec.name.clone(), detail, action: action(Arc::new(spec.clone())) }
}

fn swap(plugin: PluginChange, pipeline: &Arc<PipelineSpec>) -> Change {
    let target = target(pipeline, &plugin.source, &plugin.interceptor);
    let action = Action::Swap { target: target.clone(), spec: Box::new(plugin.spec), pipeline: pipeline.clone() };
    Change { path: target.to_string(), detail: plugin.names, action }
}

/// How an interceptor is addressed: with its source only where another source has an interceptor of its name.
pub(super) fn target(pipeline: &PipelineSpec, source: &str, interceptor: &str) -> Target {
    let named = pipeline.sources.iter().filter(|source| source.interceptors.iter().any(|step| step.name == interceptor)).count();
    let source = (named > 1).then(|| source.to_owned());
    Target { pipeline: pipeline.name.clone(), source, interceptor: interceptor.to_owned() }
}

/// The changes of the agent's own settings. Those that are defaults of pipelines show in the pipelines they change.
pub(super) fn settings(present: &Settings, wanted: &Settings) -> Vec<Change> {
    // All are listed, so that none is forgotten.
    let Settings { admin, flume_metrics, cache, state, drain_limit, reload_interval, plugins: _, limits: _, on_error: _, dead_letters: _ } =
        present;
    let named = [
        ("admin", *admin != wanted.admin, Action::NeedsRestart),
        ("flume_metrics", *flume_metrics != wanted.flume_metrics, Action::NeedsRestart),
        ("cache", *cache != wanted.cache, Action::NeedsRestart),
        ("state", *state != wanted.state, Action::NeedsRestart),
        ("drain_limit", *drain_limit != wanted.drain_limit, Action::Apply),
        ("reload_interval", *reload_interval != wanted.reload_interval, Action::Apply),
    ];
    let change = |(name, _, action): (&str, bool, Action)| {
        let detail = match action {
            Action::Apply => "taken over".to_owned(),
            _ => "counts from the agent's next start".to_owned(),
        };
        Change { path: format!("agent.{name}"), detail, action }
    };
    named.into_iter().filter(|(_, differs, _)| *differs).map(change).collect()
}

/// The settings that are in force once a plan's [`Action::Apply`]s are done.
pub(super) fn in_force(present: &Settings, wanted: &Settings) -> Settings {
    Settings { drain_limit: wanted.drain_limit, reload_interval: wanted.reload_interval, ..present.clone() }
}
