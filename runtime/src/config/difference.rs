//! What differs between two readings of a configuration, by name only: a value may be a secret.

use std::collections::BTreeMap;

use super::spec::{ChannelSpec, InterceptorSpec, PipelineSpec, SinkSpec, SourceSpec};
use crate::{channel, interceptor, sink, source};

/// Names of the fields that differ. All fields must be listed, so that none is forgotten.
macro_rules! differing {
    ($old:expr, $new:expr, $type:path { $($field:ident),* $(,)? }) => {{
        let old: &$type = $old;
        let new: &$type = $new;
        let $type { $($field: _),* } = old;
        let mut names: Vec<String> = Vec::new();
        $(
            if old.$field != new.$field {
                names.push(stringify!($field).to_owned());
            }
        )*
        names
    }};
}

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
    let PipelineSpec { name: _, sources, channels, sinks, dead_letters } = old;
    let mut found = Vec::new();
    components("source", (sources, &new.sources), |spec| &spec.name, source, &mut found);
    components("channel", (channels, &new.channels), |spec| &spec.name, channel, &mut found);
    components("sink", (sinks, &new.sinks), |spec| &spec.name, sink, &mut found);
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
    let mut names = differing!(old, new, SourceSpec { name, channels, interceptors, kind });
    let (source::Spec::Kafka(present), source::Spec::Kafka(wanted)) = (&old.kind, &new.kind);
    let kind = differing!(
        present,
        wanted,
        source::kafka::Spec {
            brokers,
            topics,
            group,
            batch_size,
            batch_duration,
            flume_event_format,
            topic_header,
            header_mappings,
            migrate_offsets_from,
            client
        }
    );
    replace(&mut names, "kind", replaced(kind, "client", &present.client, &wanted.client));
    let mut steps = Vec::new();
    components("interceptor", (&old.interceptors, &new.interceptors), |spec| &spec.name, step, &mut steps);
    replace(&mut names, "interceptors", steps);
    names
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
    let (channel::Spec::Memory(present), channel::Spec::Memory(wanted)) = (&old.kind, &new.kind);
    let kind = differing!(
        present,
        wanted,
        channel::memory::Spec { capacity, transaction_capacity, keep_alive, byte_capacity, byte_capacity_buffer_percentage }
    );
    replace(&mut names, "kind", kind);
    names
}

fn sink(old: &SinkSpec, new: &SinkSpec) -> Vec<String> {
    let mut names = differing!(old, new, SinkSpec { name, channel, kind });
    let (sink::Spec::Kafka(present), sink::Spec::Kafka(wanted)) = (&old.kind, &new.kind);
    let kind = differing!(
        present,
        wanted,
        sink::kafka::Spec {
            brokers,
            topic,
            batch_size,
            flume_event_format,
            topic_header,
            ignore_source_topic,
            partition_header,
            default_partition,
            timestamp_header,
            header_mappings,
            record_headers,
            client
        }
    );
    replace(&mut names, "kind", replaced(kind, "client", &present.client, &wanted.client));
    names
}

/// In place of a map's name those of its keys that differ: `client.acks`.
fn replaced(mut names: Vec<String>, name: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
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
