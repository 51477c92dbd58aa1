//! The same pipeline for a file in another directory: plugins are named from there, and nothing is left that has nothing to do.

use std::path::{Path, PathBuf};

use crate::config::settings::Plugins;
use crate::config::spec::PipelineSpec;
use crate::interceptor;
use crate::pipeline::{self, dead_letter};

/// How the file names its plugins, and what is read when it does.
pub(super) struct Relocated {
    /// With the plugins as they are written.
    pub(super) written: PipelineSpec,
    /// With the plugins as they are found.
    pub(super) read: PipelineSpec,
}

/// Names plugins from the directory that `plugins` looks in: from within it as relative files, and by their whole path otherwise.
pub(super) fn relocate(spec: &PipelineSpec, plugins: &Plugins<'_>) -> Relocated {
    let mut relocated = Relocated { written: spec.clone(), read: spec.clone() };
    // The cluster that a dead-letter topic has by default is that of the first sink, and sinks are read in another order there.
    let cluster = pipeline::cluster(spec);
    if let dead_letter::Spec::Topic(topic) = &mut relocated.written.dead_letters
        && topic.brokers.is_none()
        && pipeline::cluster(&sorted(spec.clone())) != cluster
    {
        topic.brokers = cluster;
    }
    let steps = |spec: &mut PipelineSpec, place: &mut dyn FnMut(&mut PathBuf)| {
        for step in spec.sources.iter_mut().flat_map(|source| &mut source.interceptors) {
            if let interceptor::Spec::Wasm(wasm) = &mut step.kind {
                place(&mut wasm.plugin);
            }
        }
    };
    steps(&mut relocated.written, &mut |plugin| *plugin = written(plugin, plugins));
    relocated.read = relocated.written.clone();
    steps(&mut relocated.read, &mut |plugin| *plugin = plugins.find(&plugin.to_string_lossy()));
    relocated
}

fn written(plugin: &Path, plugins: &Plugins<'_>) -> PathBuf {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_found = |written: &Path| whole(&plugins.find(&written.to_string_lossy())) == whole(plugin);
    match plugin.strip_prefix(plugins.directory) {
        Ok(relative) if is_found(relative) => relative.to_owned(),
        _ => whole(plugin),
    }
}

/// Takes out channels that nothing fills, with their sinks: Flume runs them idle, and the native form refuses them. Returns their paths.
pub(super) fn leave_out_idle(spec: &mut PipelineSpec) -> Vec<Vec<String>> {
    let sources = &spec.sources;
    let is_idle = |channel: &str| sources.iter().all(|source| !source.channels.iter().any(|name| name == channel));
    let idle: Vec<String> = spec
        .channels
        .iter()
        .filter(|channel| !channel.kind.is_shared() && is_idle(&channel.name))
        .map(|channel| channel.name.clone())
        .collect();
    let mut left_out: Vec<Vec<String>> = idle.iter().map(|name| vec!["channels".to_owned(), name.clone()]).collect();
    let sinks = spec.sinks.iter().filter(|sink| idle.contains(&sink.channel)).map(|sink| sink.name.clone());
    let sinks: Vec<String> = sinks.collect();
    left_out.extend(sinks.iter().map(|name| vec!["sinks".to_owned(), name.clone()]));
    spec.channels.retain(|channel| !idle.contains(&channel.name));
    spec.sinks.retain(|sink| !sinks.contains(&sink.name));
    for group in &mut spec.sink_groups {
        group.sinks.retain(|sink| !sinks.contains(sink));
    }
    let empty = spec.sink_groups.iter().filter(|group| group.sinks.is_empty());
    left_out.extend(empty.map(|group| vec!["sink_groups".to_owned(), group.name.clone()]));
    spec.sink_groups.retain(|group| !group.sinks.is_empty());
    left_out
}

/// In the order in which the native form is read, by names.
pub(super) fn sorted(mut spec: PipelineSpec) -> PipelineSpec {
    spec.sources.sort_by(|one, other| one.name.cmp(&other.name));
    spec.channels.sort_by(|one, other| one.name.cmp(&other.name));
    spec.sinks.sort_by(|one, other| one.name.cmp(&other.name));
    spec.sink_groups.sort_by(|one, other| one.name.cmp(&other.name));
    spec
}
