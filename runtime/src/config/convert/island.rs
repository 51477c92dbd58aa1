//! An agent's components in groups that have nothing to do with each other: a key is looked at among its own only, so that a file of many
//! flows does not take the square of the time.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::origin::{Agent, component};
use super::tree::Path;
use crate::config::keys::Value;
use crate::config::spec::PipelineSpec;

/// The groups, and the agent as a whole for the keys that are of none.
pub(super) struct Islands<'a> {
    pub(super) whole: Agent<'a>,
    islands: Vec<Agent<'a>>,
    /// Which one a component is on.
    homes: BTreeMap<Path, usize>,
}

impl<'a> Islands<'a> {
    pub(super) fn new(whole: Agent<'a>, spec: &PipelineSpec) -> Result<Islands<'a>, Error> {
        let (mut islands, mut homes) = (Vec::new(), BTreeMap::new());
        for group in groups(spec) {
            let values: BTreeMap<String, Value> = whole
                .values
                .iter()
                .filter(|(key, _)| component(key).is_some_and(|path| path.len() == 1 || group.contains(&path[..2])))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let island = whole.of(values)?;
            // Read alone it must be what it is among the others.
            let is_same = |path: &Path| island.tree.at(path).is_some() && island.tree.at(path) == whole.tree.at(path);
            if group.iter().all(is_same) {
                homes.extend(group.into_iter().map(|path| (path, islands.len())));
                islands.push(island);
            }
        }
        Ok(Islands { whole, islands, homes })
    }

    /// Where a key is to be looked at.
    pub(super) fn of(&self, key: &str) -> &Agent<'a> {
        let home = component(key).and_then(|path| self.homes.get(path.get(..2)?));
        home.and_then(|home| self.islands.get(*home)).unwrap_or(&self.whole)
    }
}

/// Components that are connected.
fn groups(spec: &PipelineSpec) -> Vec<BTreeSet<Path>> {
    let path = |section: &str, name: &str| vec![section.to_owned(), name.to_owned()];
    let sources = spec
        .sources
        .iter()
        .flat_map(|source| source.channels.iter().map(move |channel| [path("sources", &source.name), path("channels", channel)]));
    let sinks = spec.sinks.iter().map(|sink| [path("sinks", &sink.name), path("channels", &sink.channel)]);
    let members = spec
        .sink_groups
        .iter()
        .flat_map(|group| group.sinks.iter().map(move |sink| [path("sink_groups", &group.name), path("sinks", sink)]));
    let mut groups: Vec<BTreeSet<Path>> = Vec::new();
    for pair in sources.chain(sinks).chain(members) {
        let (touched, rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| pair.iter().any(|path| group.contains(path)));
        groups = rest;
        groups.push(touched.into_iter().flatten().chain(pair).collect());
    }
    groups
}
