//! Leaves out what the native form takes for granted. No list of defaults is needed: a key that can go without changing what is read is one.

use std::collections::BTreeSet;

use super::text::{Comments, render};
use super::tree::{CHAIN, Node, Path};
use crate::config::keys::Problems;
use crate::config::load::Source;
use crate::config::native::Document;
use crate::config::settings::Plugins;
use crate::config::spec::{PipelineSpec, SourceSpec};

/// The tree of `spec` without defaults, but for the values that are to be kept; `plugins` and `environment` are what the native form will be
/// read with.
pub(super) fn leave_out(
    tree: &mut Node,
    spec: &PipelineSpec,
    plugins: &Plugins<'_>,
    environment: &dyn Fn(&str) -> Option<String>,
    keep: &BTreeSet<Path>,
) {
    let prune = |tree: &mut Node, path: &Path, is_same: &dyn Fn(&Document<'_>) -> bool| prune(tree, path, keep, is_same);
    let section = |section: &str, name: &str| vec![section.to_owned(), name.to_owned()];
    for source in &spec.sources {
        let path = section("sources", &source.name);
        // The chain is read step by step: one long chain would otherwise be read once for each of its keys.
        let bare = SourceSpec { interceptors: Vec::new(), ..source.clone() };
        let channels: Vec<&str> = source.channels.iter().map(String::as_str).collect();
        prune(tree, &path, &|document| document.source(&document.component(&source.name), &channels, plugins).as_ref() == Some(&bare));
        for step in &source.interceptors {
            let path = [path.clone(), vec![CHAIN.to_owned(), step.name.clone()]].concat();
            prune(tree, &path, &|document| document.interceptor(plugins).as_ref() == Some(&step.kind));
        }
    }
    for channel in &spec.channels {
        let path = section("channels", &channel.name);
        prune(tree, &path, &|document| document.channel(&document.component(&channel.name)).as_ref() == Some(channel));
    }
    for sink in &spec.sinks {
        let path = section("sinks", &sink.name);
        prune(tree, &path, &|document| document.sink(&document.component(&sink.name), &[&sink.channel]).as_ref() == Some(sink));
    }
    for group in &spec.sink_groups {
        let sinks: Vec<&str> = group.sinks.iter().map(String::as_str).collect();
        let path = section("sink_groups", &group.name);
        prune(tree, &path, &|document| document.sink_group(&document.component(&group.name), &sinks, &[]).as_ref() == Some(group));
    }
    let letters = vec!["dead_letters".to_owned()];
    if plugins.settings.dead_letters(&spec.name, environment) == spec.dead_letters {
        *tree = tree.without(&letters);
    }
    prune(tree, &letters, &|document| document.whole().as_ref() == Some(&spec.dead_letters));
}

/// Takes every key below `path` out without which the component is read as it is with it.
fn prune(tree: &mut Node, path: &Path, keep: &BTreeSet<Path>, is_same: &dyn Fn(&Document<'_>) -> bool) {
    let Some(component) = tree.at_mut(path) else { return };
    // A chain is not the component's own: it is pruned step by step.
    let chain = component.at(&[CHAIN.to_owned()]).cloned();
    let mut bare = component.without(&[CHAIN.to_owned()]);
    let keep = keep.iter().filter_map(|kept| kept.strip_prefix(path.as_slice())).map(<[String]>::to_vec).collect();
    prune_below(&mut bare, &mut Vec::new(), &keep, &|tree| {
        let mut tree = tree.clone();
        if let (Node::Table(entries), true) = (&mut tree, path.get(2).is_some_and(|key| key == CHAIN)) {
            entries.push(("name".to_owned(), Node::Text(String::new())));
        }
        let text = render(&tree, &Comments::default());
        let source = Source { name: String::new(), directory: Default::default(), text, is_utf8: true };
        let problems = Problems::default();
        is_same(&Document::parse(&source, &|_| None, &problems))
    });
    if let (Node::Table(entries), Some(chain)) = (&mut bare, chain) {
        entries.push((CHAIN.to_owned(), chain));
    }
    *component = bare;
}

fn prune_below(tree: &mut Node, path: &mut Path, keep: &BTreeSet<Path>, is_same: &dyn Fn(&Node) -> bool) {
    let keys: Vec<String> = tree.at(path).map(|node| node.keys().into_iter().cloned().collect()).unwrap_or_default();
    for key in keys {
        path.push(key);
        let candidate = tree.without(path);
        let is_kept = keep.iter().any(|kept| kept.starts_with(path));
        if !is_kept && is_same(&candidate) {
            *tree = candidate;
        } else {
            prune_below(tree, path, keep, is_same);
        }
        path.pop();
    }
}
