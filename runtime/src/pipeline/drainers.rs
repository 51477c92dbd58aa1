//! What drains the channels of a pipeline: sinks, and groups of sinks, each of which is one sink to the sink loop.

use std::sync::Arc;

use super::Services;
use crate::config::spec::{PipelineSpec, SinkGroupSpec, SinkSpec};
use crate::sink::group::{Member, Plan};
use crate::sink::{self, Connect, Sink};
use crate::telemetry::SinkMetrics;

/// A sink or a group.
pub(super) struct Drainer {
    /// `sink NAME` or `sink group NAME`, as dead letters and checks say it.
    pub(super) stage: String,
    /// The channel it drains.
    pub(super) channel: String,
    /// Most events of a batch.
    pub(super) batch_size: usize,
    /// Events to take at once.
    pub(super) at_once: usize,
    /// Of a group nobody's: its members count.
    pub(super) metrics: SinkMetrics,
    pub(super) connect: Connect,
}

/// All of a pipeline, a group in the place of its first member.
pub(super) fn all(spec: &PipelineSpec, services: &Services) -> Vec<Drainer> {
    let mut drainers = Vec::new();
    for sink in &spec.sinks {
        match spec.sink_groups.iter().find(|group| group.sinks.contains(&sink.name)) {
            None => drainers.push(lone(spec, sink, services)),
            Some(group) if group.sinks.first() == Some(&sink.name) => drainers.push(grouped(spec, group, services)),
            Some(_) => {}
        }
    }
    drainers
}

fn lone(spec: &PipelineSpec, sink: &SinkSpec, services: &Services) -> Drainer {
    let metrics = services.metrics.sink(&spec.name, &sink.name, sink.kind.name());
    Drainer {
        stage: format!("sink {}", sink.name),
        channel: sink.channel.clone(),
        batch_size: sink.kind.batch_size().get(),
        at_once: at_once(&sink.kind),
        connect: connector(&spec.name, &sink.name, sink.kind.clone(), metrics.clone()),
        metrics,
    }
}

fn grouped(spec: &PipelineSpec, group: &SinkGroupSpec, services: &Services) -> Drainer {
    let sinks: Vec<&SinkSpec> = group.sinks.iter().filter_map(|name| spec.sinks.iter().find(|sink| sink.name == *name)).collect();
    let member = |sink: &&SinkSpec| {
        let metrics = services.metrics.sink(&spec.name, &sink.name, sink.kind.name());
        let connect = connector(&spec.name, &sink.name, sink.kind.as_member(), metrics.clone());
        Member { name: sink.name.clone(), connect, metrics, check: format!("{}/sink {}", spec.name, sink.name) }
    };
    // So that every member can take it.
    let batch_size = sinks.iter().map(|sink| sink.kind.batch_size().get()).min().unwrap_or(1);
    let plan = Plan {
        processor: group.processor.clone(),
        members: sinks.iter().map(member).collect(),
        batch_size,
        health: services.health.clone(),
    };
    let plan = Arc::new(plan);
    Drainer {
        stage: format!("sink group {}", group.name),
        channel: sinks.first().map(|sink| sink.channel.clone()).unwrap_or_default(),
        batch_size,
        at_once: batch_size,
        metrics: SinkMetrics::default(),
        connect: Arc::new(move || {
            let plan = plan.clone();
            Box::pin(async move { Ok(Box::new(plan.start()) as Box<dyn Sink>) })
        }),
    }
}

/// To a Kafka sink a batch is nothing but what it takes at once: it writes record by record.
fn at_once(kind: &sink::Spec) -> usize {
    let batch_size = kind.batch_size().get();
    match kind {
        sink::Spec::Kafka(_) => batch_size.max(super::AT_ONCE),
        _ => batch_size,
    }
}

/// Makes a sink of this kind, each time anew.
pub(super) fn connector(pipeline: &str, name: &str, kind: sink::Spec, metrics: SinkMetrics) -> Connect {
    let context = sink::Context { pipeline: pipeline.to_owned(), name: name.to_owned(), metrics };
    let kind = Arc::new(kind);
    Arc::new(move || {
        let (kind, context) = (kind.clone(), context.clone());
        Box::pin(async move { kind.connect(&context).await })
    })
}
