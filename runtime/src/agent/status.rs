//! What the agent says of itself: names and states from its specification, its fleet and its checks.

use std::collections::BTreeMap;

use super::fleet::{Stage, View};
use super::plan::target;
use crate::channel;
use crate::config::spec::{ChannelSpec, InterceptorSpec, PipelineSpec, SinkSpec, SourceSpec};
use crate::control::status::{ChannelStatus, InterceptorStatus, PipelineState, PipelineStatus, SinkStatus, SourceStatus};
use crate::interceptor;
use crate::pipeline::{sink_check, source_check};
use crate::telemetry::health::Check;

/// A pipeline, without its numbers.
pub(super) fn pipeline(view: &View, checks: &BTreeMap<String, Check>) -> PipelineStatus {
    let spec = &view.spec;
    let (state, detail) = state(view, checks);
    PipelineStatus {
        name: spec.name.clone(),
        state,
        detail,
        started: view.started,
        sources: spec.sources.iter().map(source).collect(),
        interceptors: spec
            .sources
            .iter()
            .flat_map(|source| source.interceptors.iter().map(|step| interceptor(spec, source, step)))
            .collect(),
        channels: spec.channels.iter().map(channel).collect(),
        sinks: spec.sinks.iter().map(sink).collect(),
        dead_letters: 0,
    }
}

/// What it is doing, and why: what is not well, with the name of each part.
fn state(view: &View, checks: &BTreeMap<String, Check>) -> (PipelineState, String) {
    let spec = &view.spec;
    let sources = spec.sources.iter().map(|source| (format!("source {}", source.name), source_check(&spec.name, &source.name)));
    let sinks = spec.sinks.iter().map(|sink| (format!("sink {}", sink.name), sink_check(&spec.name, &sink.name)));
    let unwell: Vec<(String, &Check)> =
        sources.chain(sinks).filter_map(|(part, name)| Some((part, checks.get(&name)?))).filter(|(_, check)| !check.ok).collect();
    let detail = unwell.iter().map(|(part, check)| format!("{part}: {}", check.detail)).collect::<Vec<_>>().join("; ");
    match &view.stage {
        Stage::Ended(why) => (PipelineState::Stopped, why.clone()),
        Stage::Draining => (PipelineState::Draining, detail),
        Stage::Running if unwell.is_empty() => (PipelineState::Running, detail),
        Stage::Running if unwell.iter().all(|(_, check)| check.starting) => (PipelineState::Starting, detail),
        Stage::Running => (PipelineState::Failing, detail),
    }
}

fn source(spec: &SourceSpec) -> SourceStatus {
    SourceStatus { name: spec.name.clone(), kind: spec.kind.name().to_owned(), ..SourceStatus::default() }
}

fn channel(spec: &ChannelSpec) -> ChannelStatus {
    let channel::Spec::Memory(memory) = &spec.kind;
    ChannelStatus {
        name: spec.name.clone(),
        kind: spec.kind.name().to_owned(),
        capacity_events: memory.capacity.get() as u64,
        ..ChannelStatus::default()
    }
}

fn sink(spec: &SinkSpec) -> SinkStatus {
    SinkStatus { name: spec.name.clone(), kind: spec.kind.name().to_owned(), ..SinkStatus::default() }
}

fn interceptor(pipeline: &PipelineSpec, source: &SourceSpec, step: &InterceptorSpec) -> InterceptorStatus {
    let memory_limit_bytes = match &step.kind {
        interceptor::Spec::Wasm(wasm) => wasm.limits.memory as u64,
        _ => 0,
    };
    InterceptorStatus {
        path: target(pipeline, &source.name, &step.name).to_string(),
        source: source.name.clone(),
        name: step.name.clone(),
        kind: step.kind.name().to_owned(),
        memory_limit_bytes,
        ..InterceptorStatus::default()
    }
}
