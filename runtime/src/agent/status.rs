//! What the agent says of itself: names and states from its specification, its fleet and its checks.

use std::collections::BTreeMap;

use super::fleet::{Stage, View};
use super::plan::target;
use crate::config::spec::{ChannelSpec, InterceptorSpec, PipelineSpec, SinkSpec, SourceSpec};
use crate::control::status::{ChannelStatus, InterceptorStatus, PipelineState, PipelineStatus, SinkStatus, SourceStatus};
use crate::control::{Refusal, Target};
use crate::interceptor;
use crate::pipeline::{Services, parts};
use crate::telemetry::health::Check;
use crate::telemetry::status::{count_interceptor, pipeline_numbers};

/// A pipeline, with its numbers.
pub(super) fn pipeline(view: &View, services: &Services) -> PipelineStatus {
    let spec = &view.spec;
    let (_, checks) = services.health.readiness();
    let (state, detail) = state(view, &checks);
    let numbers = pipeline_numbers(&services.metrics, &spec.name);
    PipelineStatus {
        name: spec.name.clone(),
        state,
        detail,
        started: view.started,
        sources: named(&numbers.sources, &spec.sources, |source| &source.name, |numbers| &numbers.name, source),
        interceptors: spec.sources.iter().flat_map(|source| chain(view, source, services)).collect(),
        channels: named(&numbers.channels, &spec.channels, |channel| &channel.name, |numbers| &numbers.name, channel),
        sinks: named(&numbers.sinks, &spec.sinks, |sink| &sink.name, |numbers| &numbers.name, sink),
        dead_letters: numbers.dead_letters,
    }
}

/// What is configured, in its order, with its numbers, or without where there are none yet.
fn named<'a, Spec, Numbers: Clone>(
    numbers: &[Numbers],
    specs: &'a [Spec],
    name: impl Fn(&'a Spec) -> &'a String,
    named: impl Fn(&Numbers) -> &String,
    without: impl Fn(&Spec) -> Numbers,
) -> Vec<Numbers> {
    let of = |spec: &'a Spec| numbers.iter().find(|numbers| named(numbers) == name(spec)).cloned();
    specs.iter().map(|spec| of(spec).unwrap_or_else(|| without(spec))).collect()
}

fn chain(view: &View, source: &SourceSpec, services: &Services) -> Vec<InterceptorStatus> {
    let spec = &view.spec;
    let of = |step: &InterceptorSpec| {
        let mut status = interceptor(spec, source, step);
        count_interceptor(&services.metrics.interceptor(&spec.name, &source.name, &step.name, step.kind.name()), &mut status);
        let place = Target { pipeline: spec.name.clone(), source: Some(source.name.clone()), interceptor: step.name.clone() };
        if let Some(Ok(wasm)) = view.controls.as_ref().map(|controls| controls.plugin(&place)) {
            wasm.tell(&mut status);
        }
        status
    };
    source.interceptors.iter().map(of).collect()
}

/// The interceptor at a place, built-in or not.
pub(super) fn find<'a>(spec: &'a PipelineSpec, target: &Target) -> Result<(&'a SourceSpec, &'a InterceptorSpec), Refusal> {
    let steps = spec.sources.iter().flat_map(|source| source.interceptors.iter().map(move |step| (source, step)));
    target.resolve("interceptor", steps.map(|(source, step)| (source.name.as_str(), step.name.as_str(), (source, step))))
}

/// What it is doing, and why: what is not well, with the name of each part.
fn state(view: &View, checks: &BTreeMap<String, Check>) -> (PipelineState, String) {
    let spec = &view.spec;
    let checked = parts(spec).into_iter().filter_map(|part| Some((part.name, checks.get(&part.check)?)));
    let unwell: Vec<(String, &Check)> = checked.filter(|(_, check)| !check.ok).collect();
    let detail = unwell.iter().map(|(part, check)| format!("{part}: {}", check.detail)).collect::<Vec<_>>().join("; ");
    let paused = view.controls.as_ref().and_then(|controls| controls.gate.paused());
    match &view.stage {
        Stage::Running if paused.is_some() => {
            (PipelineState::Paused, paused.map(|pause| format!("paused by {}", pause.by)).unwrap_or_default())
        }
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
    ChannelStatus {
        name: spec.name.clone(),
        kind: spec.kind.name().to_owned(),
        capacity_events: spec.kind.capacity(),
        ..ChannelStatus::default()
    }
}

fn sink(spec: &SinkSpec) -> SinkStatus {
    SinkStatus { name: spec.name.clone(), kind: spec.kind.name().to_owned(), ..SinkStatus::default() }
}

fn interceptor(pipeline: &PipelineSpec, source: &SourceSpec, step: &InterceptorSpec) -> InterceptorStatus {
    let memory_limit_bytes = match &step.kind {
        interceptor::Spec::Wasm(wasm) => wasm.limits.memory_limit() as u64,
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
