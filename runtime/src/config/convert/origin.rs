//! Which native keys a key of a Flume file became. No table says so: the file is read again without the key, or with another value, and what
//! is different then is what the key became.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::tree::{self, CHAIN, Node, Path};
use crate::config::flume::{Surroundings, agent};
use crate::config::keys::{Problems, Value};
use crate::config::spec::PipelineSpec;

/// What a Flume key became.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// These values.
    Values(BTreeSet<Path>),
    /// It says what is so anyway: these values, if they are known.
    Default(BTreeSet<Path>),
    /// It is what makes this component, or a list of them.
    Component(Path),
    /// Its component is not there.
    LeftOut,
    /// Nothing: the pipeline is the same without it and with any other value.
    Nothing,
}

/// One agent of a Flume file that can be read again and again.
pub(super) struct Agent<'a> {
    pub(super) name: &'a str,
    /// Keys without the agent's name, variables and filters resolved.
    pub(super) values: BTreeMap<String, Value>,
    pub(super) surroundings: &'a Surroundings<'a>,
    /// What all of them mean.
    pub(super) tree: Node,
}

/// Kinds of components: Flume's list, and the native section.
const SECTIONS: [(&str, &str); 4] = [("sources", "sources"), ("channels", "channels"), ("sinks", "sinks"), ("sinkgroups", "sink_groups")];

impl<'a> Agent<'a> {
    pub(super) fn new(
        name: &'a str,
        values: BTreeMap<String, Value>,
        surroundings: &'a Surroundings<'a>,
        spec: &PipelineSpec,
    ) -> Result<Agent<'a>, Error> {
        Ok(Agent { name, values, surroundings, tree: tree::pipeline(spec)? })
    }

    /// The agent with these keys only.
    pub(super) fn of(&self, values: BTreeMap<String, Value>) -> Result<Agent<'a>, Error> {
        let tree = self.read(values.clone())?.unwrap_or(Node::Table(Vec::new()));
        Ok(Agent { values, tree, ..*self })
    }

    /// What a key became.
    pub(super) fn effect(&self, key: &str) -> Result<Effect, Error> {
        let Some(own) = component(key) else { return Ok(Effect::Nothing) };
        if own.len() == 1 {
            return Ok(Effect::Component(own));
        }
        if self.tree.at(&own).is_none() {
            return Ok(Effect::LeftOut);
        }
        if let Some(wiring) = wiring(key, &own) {
            return Ok(Effect::Component(wiring));
        }
        if names_kind(key, &own) {
            return Ok(Effect::Component(self.kind(own)));
        }
        let Some(without) = self.reread(|values| drop(values.remove(key)))? else { return Ok(Effect::Component(self.kind(own))) };
        let gone = self.changed(&without);
        if self.is_whole(&without) && !gone.is_empty() && gone.iter().all(|path| path.starts_with(&own)) {
            return Ok(Effect::Values(gone));
        }
        // It is needed, or the default, or without it other components change, too: which other values change less?
        let mut least = (self.is_whole(&without) && !gone.is_empty()).then(|| gone.clone());
        let (mut breaks, mut is_idle) = (false, false);
        for (text, is_kin) in self.values.get(key).map(|value| others(&value.text)).unwrap_or_default() {
            let Some(with_other) = self.with(key, text)? else { continue };
            let changed = self.changed(&with_other);
            if !self.is_whole(&with_other) {
                breaks = true;
            } else if changed.is_empty() {
                is_idle |= is_kin;
            } else if least.as_ref().is_none_or(|least| changed.len() < least.len()) {
                least = Some(changed);
            }
        }
        Ok(match least {
            Some(changed) if gone.is_empty() => Effect::Default(changed),
            Some(changed) => Effect::Values(changed),
            None if !gone.is_empty() => Effect::Component(self.kind(own)),
            // No other value is accepted, so it is read; and without it, it is so anyway.
            None if breaks && !is_idle => Effect::Default(BTreeSet::new()),
            None => Effect::Nothing,
        })
    }

    /// What the file would mean with another value of this key.
    pub(super) fn with(&self, key: &str, text: String) -> Result<Option<Node>, Error> {
        self.reread(|values| {
            if let Some(value) = values.get_mut(key) {
                value.text = text;
            }
        })
    }

    fn reread(&self, change: impl FnOnce(&mut BTreeMap<String, Value>)) -> Result<Option<Node>, Error> {
        let mut values = self.values.clone();
        change(&mut values);
        self.read(values)
    }

    fn read(&self, values: BTreeMap<String, Value>) -> Result<Option<Node>, Error> {
        let spec = agent::read(self.name, values, self.surroundings, &Problems::default());
        spec.map(|spec| tree::pipeline(&spec)).transpose()
    }

    /// Values that are other ones in `tree`.
    fn changed(&self, tree: &Node) -> BTreeSet<Path> {
        let (present, other) = (self.tree.leaves(), tree.leaves());
        let gone = present.iter().filter(|(path, node)| other.get(*path) != Some(*node)).map(|(path, _)| path.clone());
        let new = other.keys().filter(|path| !present.contains_key(*path)).cloned();
        let changed: BTreeSet<Path> = gone.chain(new).collect();
        // A table that was or becomes empty says no more than what is or was in it.
        let holds_another = |path: &Path| changed.iter().any(|other| other.len() > path.len() && other.starts_with(path));
        let all: BTreeSet<Path> = changed.iter().filter(|path| !holds_another(path)).cloned().collect();
        // What another value would bring says less than what is there.
        let there: BTreeSet<Path> = all.iter().filter(|path| present.contains_key(*path)).cloned().collect();
        if there.is_empty() { all } else { there }
    }

    /// Whether `tree` has every component and every step that there is.
    fn is_whole(&self, tree: &Node) -> bool {
        let mut paths = Vec::new();
        for section in self.tree.keys() {
            for name in self.tree.at(std::slice::from_ref(section)).map(Node::keys).unwrap_or_default() {
                let component = vec![section.clone(), name.clone()];
                let chain = [component.clone(), vec![CHAIN.to_owned()]].concat();
                for step in self.tree.at(&chain).map(Node::keys).unwrap_or_default() {
                    paths.push([chain.clone(), vec![step.clone()]].concat());
                }
                paths.push(component);
            }
        }
        paths.iter().all(|path| tree.at(path).is_some())
    }

    /// A component with the key that says which kind it is.
    fn kind(&self, mut component: Path) -> Path {
        let kinds = self.tree.at(&component).map(Node::keys).unwrap_or_default();
        let wiring = ["channels", "channel", "selector", "sinks", CHAIN];
        component.extend(kinds.into_iter().find(|key| !wiring.contains(&key.as_str())).cloned());
        component
    }
}

/// The native component that a key belongs to, or its section.
pub(super) fn component(key: &str) -> Option<Path> {
    let mut parts = key.splitn(3, '.');
    let list = parts.next()?;
    let (_, section) = SECTIONS.iter().find(|(flume, _)| *flume == list)?;
    let mut path = vec![(*section).to_owned()];
    path.extend(parts.next().map(str::to_owned));
    // A step of a chain is a component of its own.
    if let Some(step) = parts.next().and_then(|rest| rest.strip_prefix("interceptors.")) {
        path.extend([CHAIN.to_owned(), step.split('.').next().unwrap_or(step).to_owned()]);
    }
    Some(path)
}

/// Keys that connect components have the same name in both forms.
fn wiring(key: &str, component: &Path) -> Option<Path> {
    let last = key.rsplit('.').next()?;
    let is_own = key.split('.').count() == 3 && component.len() == 2;
    let is_wiring = match component[0].as_str() {
        "sources" => last == "channels" || last == CHAIN,
        "sinks" => last == "channel",
        "sink_groups" => last == "sinks",
        _ => false,
    };
    (is_own && is_wiring).then(|| [component.clone(), vec![last.to_owned()]].concat())
}

/// `sources.NAME.type`, `sources.NAME.interceptors.NAME.type`
fn names_kind(key: &str, component: &Path) -> bool {
    key.split('.').next_back() == Some("type") && key.split('.').count() == component.len() + 1
}

/// Other values that a key may have, and whether they are of its kind: the opposite, a neighbour, and more text before and behind.
fn others(text: &str) -> Vec<(String, bool)> {
    if text.eq_ignore_ascii_case("true") {
        return vec![("false".to_owned(), true)];
    }
    if text.eq_ignore_ascii_case("false") {
        return vec![("true".to_owned(), true)];
    }
    let mut others = Vec::new();
    if let Ok(number) = text.parse::<i64>() {
        // A large one, too: a small step may be within what something else asks for.
        let large = number.saturating_add(1).saturating_mul(1_000_000);
        others.extend([number.saturating_add(1), number.saturating_sub(1), large].map(|number| (number.to_string(), true)));
    }
    others.extend([format!("{text}x"), format!("x{text}")].map(|text| (text, false)));
    others
}
