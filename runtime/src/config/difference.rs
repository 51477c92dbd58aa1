//! What differs between two readings of a configuration, by name only: a value may be a secret.

use std::collections::BTreeMap;

use super::spec::{ChannelSpec, InterceptorSpec, PipelineSpec, SinkGroupSpec, SinkSpec, SourceSpec};
use crate::{channel, interceptor, sink, source};

/// Names of the fields that differ. All fields must be listed, so that none is forgotten.
macro_rules! differing {
    ($old:expr, $new:expr, $type:path { $($field:ident),* $(,)? }) => {{
        let old: &$type = $old;
        let new: &$type = $new;
        let $type { $($field: _),* } = old;
        #[allow(unused_mut, unused_variables, reason = "a type may have no field")]
        let mut names: Vec<String> = Vec::new();
        $(
            if old.$field != new.$field {
                names.push(stringify!($field).to_owned());
            }
        )*
        let _ = new;
        names
    }};
}
pub(crate) use differing;

/// A plugin of a pipeline that is to run with another file or other settings.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginChange {
    /// Its source.
    pub source: String,
    /// Its interceptor.
    pub interceptor: String,
    /// What is to run.
    pub spec: interceptor::spec::Wasm,
    /// What differs, such as `plugin, settings.threshold`.
    pub names: String,
}

/// The plugins that differ, where nothing else does; `None` where something else does too.
#[must_use]
pub fn plugins(old: &PipelineSpec, new: &PipelineSpec) -> Option<Vec<PluginChange>> {
    let mut adapted = old.clone();
    let mut changes = Vec::new();
    for (source, wanted) in adapted.sources.iter_mut().zip(&new.sources) {
        for (step, wanted) in source.interceptors.iter_mut().zip(&wanted.interceptors) {
            let (interceptor::Spec::Wasm(present), interceptor::Spec::Wasm(spec)) = (&mut step.kind, &wanted.kind) else { continue };
            if step.name != wanted.name || present == spec {
                continue;
            }
            let names = wasm(present, spec).join(", ");
            changes.push(PluginChange { source: source.name.clone(), interceptor: step.name.clone(), spec: (**spec).clone(), names });
            present.clone_from(spec);
        }
    }
    (adapted == *new).then_some(changes)
}

/// What differs between two pipelines, a component an entry, such as `sink kafka-sink-1: topic, client.acks`.
#[must_use]
pub fn pipelines(old: &PipelineSpec, new: &PipelineSpec) -> Vec<String> {
    // The name is what the two have in common.
    let PipelineSpec { name: _, sources, channels, sinks, sink_groups, dead_letters } = old;
    let mut found = Vec::new();
    components("source", (sources, &new.sources), |spec| &spec.name, source, &mut found);
    components("channel", (channels, &new.channels), |spec| &spec.name, channel, &mut found);
    components("sink", (sinks, &new.sinks), |spec| &spec.name, sink, &mut found);
    components("sink group", (sink_groups, &new.sink_groups), |spec| &spec.name, sink_group, &mut found);
    if *dead_letters != new.dead_letters {
        found.push("dead letters".to_owned());
    }
    found
}

fn components<T>(
    kind: &str,
    (old, new): (&[T], &[T]),
    name: impl Fn(&T) -> &String,
    differing: impl Fn(&T, &T) -> Vec<String>,
    found: &mut Vec<String>,
) {
    let known = found.len();
    for wanted in new {
        match old.iter().find(|present| name(present) == name(wanted)) {
            None => found.push(format!("{kind} {}: new", name(wanted))),
            Some(present) => {
                let names = differing(present, wanted);
                if !names.is_empty() {
                    found.push(format!("{kind} {}: {}", name(wanted), names.join(", ")));
                }
            }
        }
    }
    for present in old.iter().filter(|present| new.iter().all(|wanted| name(wanted) != name(present))) {
        found.push(format!("{kind} {}: gone", name(present)));
    }
    if found.len() == known && !old.iter().map(&name).eq(new.iter().map(&name)) {
        found.push(format!("{kind}s in another order"));
    }
}

fn source(old: &SourceSpec, new: &SourceSpec) -> Vec<String> {
    let mut names = differing!(old, new, SourceSpec { name, channels, selector, interceptors, kind });
    let kind = match (&old.kind, &new.kind) {
        (source::Spec::Kafka(present), source::Spec::Kafka(wanted)) => kafka_source(present, wanted),
        (source::Spec::Sequence(present), source::Spec::Sequence(wanted)) => present.differing(wanted),
        (source::Spec::Stress(present), source::Spec::Stress(wanted)) => present.differing(wanted),
        (source::Spec::Netcat(present), source::Spec::Netcat(wanted)) => present.differing(wanted),
        _ => vec!["type".to_owned()],
    };
    replace(&mut names, "kind", kind);
    let mut steps = Vec::new();
    components("interceptor", (&old.interceptors, &new.interceptors), |spec| &spec.name, step, &mut steps);
    replace(&mut names, "interceptors", steps);
    names
}

fn kafka_source(old: &source::kafka::Spec, new: &source::kafka::Spec) -> Vec<String> {
    let names = differing!(
        old,
        new,
        source::kafka::Spec {
            brokers,
            topics,
            group,
            batch_size,
            batch_duration,
            flume_event_format,
            topic_header,
            header_mappings,
            of_channel,
            migrate_offsets_from,
            client
        }
    );
    replaced(names, "client", &old.client, &new.client)
}

fn step(old: &InterceptorSpec, new: &InterceptorSpec) -> Vec<String> {
    match (&old.kind, &new.kind) {
        (interceptor::Spec::Wasm(old), interceptor::Spec::Wasm(new)) => wasm(old, new),
        (old, new) if old == new => Vec::new(),
        (old, new) if old.name() == new.name() => vec!["settings".to_owned()],
        _ => vec!["type".to_owned()],
    }
}

fn wasm(old: &interceptor::spec::Wasm, new: &interceptor::spec::Wasm) -> Vec<String> {
    let names = differing!(old, new, interceptor::spec::Wasm { plugin, settings, instances, limits, on_error, grants, swaps });
    replaced(names, "settings", &old.settings, &new.settings)
}

fn channel(old: &ChannelSpec, new: &ChannelSpec) -> Vec<String> {
    let mut names = differing!(old, new, ChannelSpec { name, kind });
    let kind = match (&old.kind, &new.kind) {
        (channel::Spec::Memory(present), channel::Spec::Memory(wanted)) => differing!(
            present,
            wanted,
            channel::memory::Spec { capacity, transaction_capacity, keep_alive, byte_capacity, byte_capacity_buffer_percentage }
        ),
        (channel::Spec::File(present), channel::Spec::File(wanted)) => present.differing(wanted),
        (channel::Spec::Spillable(present), channel::Spec::Spillable(wanted)) => present.differing(wanted),
        (channel::Spec::Kafka(present), channel::Spec::Kafka(wanted)) => present.differing(wanted),
        _ => vec!["type".to_owned()],
    };
    replace(&mut names, "kind", kind);
    names
}

fn sink(old: &SinkSpec, new: &SinkSpec) -> Vec<String> {
    let mut names = differing!(old, new, SinkSpec { name, channel, kind });
    let kind = match (&old.kind, &new.kind) {
        (sink::Spec::Kafka(present), sink::Spec::Kafka(wanted)) => kafka_sink(present, wanted),
        (sink::Spec::Hdfs(present), sink::Spec::Hdfs(wanted)) => present.differing(wanted),
        (sink::Spec::FileRoll(present), sink::Spec::FileRoll(wanted)) => present.differing(wanted),
        (sink::Spec::Logger(present), sink::Spec::Logger(wanted)) => present.differing(wanted),
        (sink::Spec::Null(present), sink::Spec::Null(wanted)) => present.differing(wanted),
        _ => vec!["type".to_owned()],
    };
    replace(&mut names, "kind", kind);
    names
}

fn kafka_sink(old: &sink::kafka::Spec, new: &sink::kafka::Spec) -> Vec<String> {
    let names = differing!(
        old,
        new,
        sink::kafka::Spec {
            brokers,
            topic,
            batch_size,
            flume_event_format,
            topic_header,
            ignore_source_topic,
            not_back_to,
            partition_header,
            default_partition,
            timestamp_header,
            header_mappings,
            record_headers,
            client
        }
    );
    replaced(names, "client", &old.client, &new.client)
}

fn sink_group(old: &SinkGroupSpec, new: &SinkGroupSpec) -> Vec<String> {
    differing!(old, new, SinkGroupSpec { name, sinks, processor })
}

/// In place of a map's name those of its keys that differ: `client.acks`.
pub(crate) fn replaced(mut names: Vec<String>, name: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let of_either = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    let keys = of_either.filter(|key| old.get(*key) != new.get(*key)).map(|key| format!("{name}.{key}")).collect();
    replace(&mut names, name, keys);
    names
}

/// A name gives way to what says more.
fn replace(names: &mut Vec<String>, name: &str, by: Vec<String>) {
    names.retain(|present| present != name);
    names.extend(by);
}
