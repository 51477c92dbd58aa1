//! A pipeline as the tree of keys and values that its native form has, in the order of the specifications' fields.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::de::{DeTable, DeValue};

use super::Error;
use crate::config::spec::{InterceptorSpec, PipelineSpec};
use crate::pipeline::selector;
use crate::{channel, interceptor, sink, source};

/// Names from the pipeline down to a value; the steps of a chain go by their names.
pub(super) type Path = Vec<String>;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A string as the native form has it, `${…}` and all.
    Text(String),
    /// A number or a boolean.
    Bare(String),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// What a specification is written as, defaults included.
    pub(super) fn of(value: &impl Serialize) -> Result<Node, Error> {
        let text = toml::to_string(value)?;
        let table = DeTable::parse(&text).map_err(|error| Error::Unreadable(error.to_string()))?;
        Ok(ordered(table.get_ref(), &escaped))
    }

    /// The table of a file that is in the native form.
    pub(super) fn of_table(table: &DeTable<'_>) -> Node {
        ordered(table, &str::to_owned)
    }

    /// The value at this path.
    pub(super) fn at(&self, path: &[String]) -> Option<&Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        let Node::Table(entries) = self else { return None };
        entries.iter().find(|(key, _)| key == first)?.1.at(rest)
    }

    /// The same, to change it.
    pub(super) fn at_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        let Node::Table(entries) = self else { return None };
        entries.iter_mut().find(|(key, _)| key == first)?.1.at_mut(rest)
    }

    /// The same tree without what is at this path.
    pub(super) fn without(&self, path: &[String]) -> Node {
        let mut tree = self.clone();
        if let Some((last, parents)) = path.split_last()
            && let Some(Node::Table(entries)) = tree.at_mut(parents)
        {
            entries.retain(|(key, _)| key != last);
        }
        tree
    }

    /// Names of a table's entries.
    pub(super) fn keys(&self) -> Vec<&String> {
        match self {
            Node::Table(entries) => entries.iter().map(|(key, _)| key).collect(),
            _ => Vec::new(),
        }
    }

    /// Everything that is no table, or an empty one, by its path.
    pub(super) fn leaves(&self) -> BTreeMap<Path, &Node> {
        let mut leaves = BTreeMap::new();
        self.gather(&mut Vec::new(), &mut leaves);
        leaves
    }

    fn gather<'a>(&'a self, path: &mut Path, leaves: &mut BTreeMap<Path, &'a Node>) {
        match self {
            Node::Table(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    path.push(key.clone());
                    value.gather(path, leaves);
                    path.pop();
                }
            }
            leaf => {
                leaves.insert(path.clone(), leaf);
            }
        }
    }
}

/// `${` in a text that is to be read as it is.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A table's entries as they stand in the text, which the parser sorts.
fn ordered(table: &DeTable<'_>, text: &dyn Fn(&str) -> String) -> Node {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    Node::Table(entries.into_iter().map(|(key, value)| (key.get_ref().to_string(), node(value.get_ref(), text))).collect())
}

fn node(value: &DeValue<'_>, text: &dyn Fn(&str) -> String) -> Node {
    match value {
        DeValue::String(string) => Node::Text(text(string)),
        DeValue::Integer(number) => Node::Bare(number.to_string()),
        DeValue::Float(number) => Node::Bare(number.to_string()),
        DeValue::Boolean(boolean) => Node::Bare(boolean.to_string()),
        DeValue::Datetime(time) => Node::Bare(time.to_string()),
        DeValue::Array(array) => Node::List(array.iter().map(|value| node(value.get_ref(), text)).collect()),
        DeValue::Table(table) => ordered(table, text),
    }
}

#[derive(Serialize)]
struct Source<'a> {
    channels: &'a [String],
    selector: &'a selector::Spec,
    #[serde(flatten)]
    kind: &'a source::Spec,
}

#[derive(Serialize)]
struct Channel<'a> {
    #[serde(flatten)]
    kind: &'a channel::Spec,
}

#[derive(Serialize)]
struct Sink<'a> {
    channel: &'a str,
    #[serde(flatten)]
    kind: &'a sink::Spec,
}

#[derive(Serialize)]
struct Group<'a> {
    sinks: &'a [String],
    processor: &'a sink::group::Processor,
}

#[derive(Serialize)]
struct Step<'a> {
    #[serde(flatten)]
    kind: &'a interceptor::Spec,
}

/// The key of a source that holds its chain.
pub(super) const CHAIN: &str = "interceptors";

/// A pipeline: sections, in them components by name, the chain of a source as a table like the others.
pub(super) fn pipeline(spec: &PipelineSpec) -> Result<Node, Error> {
    let named = |name: &String, node: Node| (name.clone(), node);
    let mut sources = Vec::new();
    for source in &spec.sources {
        let mut node = Node::of(&Source { channels: &source.channels, selector: &source.selector, kind: &source.kind })?;
        if let (Node::Table(entries), false) = (&mut node, source.interceptors.is_empty()) {
            entries.push((CHAIN.to_owned(), chain(&source.interceptors)?));
        }
        sources.push(named(&source.name, node));
    }
    let mut channels = Vec::new();
    for channel in &spec.channels {
        channels.push(named(&channel.name, Node::of(&Channel { kind: &channel.kind })?));
    }
    let mut sinks = Vec::new();
    for sink in &spec.sinks {
        sinks.push(named(&sink.name, Node::of(&Sink { channel: &sink.channel, kind: &sink.kind })?));
    }
    let mut groups = Vec::new();
    for group in &spec.sink_groups {
        groups.push(named(&group.name, Node::of(&Group { sinks: &group.sinks, processor: &group.processor })?));
    }
    let sections = [("sources", sources), ("channels", channels), ("sinks", sinks), ("sink_groups", groups)];
    let sections = sections.into_iter().filter(|(_, components)| !components.is_empty());
    let mut tree: Vec<_> = sections.map(|(section, components)| (section.to_owned(), Node::Table(components))).collect();
    tree.push(("dead_letters".to_owned(), Node::of(&spec.dead_letters)?));
    Ok(Node::Table(tree))
}

fn chain(steps: &[InterceptorSpec]) -> Result<Node, Error> {
    let mut nodes = Vec::new();
    for step in steps {
        nodes.push((step.name.clone(), Node::of(&Step { kind: &step.kind })?));
    }
    Ok(Node::Table(nodes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_text_is_not_taken_for_a_reference() {
        #[derive(Serialize)]
        struct Written {
            b: &'static str,
            a: Inner,
            c: Vec<u8>,
        }
        #[derive(Serialize)]
        struct Inner {
            z: Option<bool>,
            y: f64,
        }
        let tree = Node::of(&Written { b: "${env:X}", a: Inner { z: None, y: 1.5 }, c: vec![1] }).expect("a tree");
        assert_eq!(tree.at(&["b".to_owned()]), Some(&Node::Text("$${env:X}".to_owned())));
        let leaves = tree.leaves();
        let paths: Vec<String> = leaves.keys().map(|path| path.join(".")).collect();
        assert_eq!(paths, ["a.y", "b", "c"]);
        assert_eq!(tree.without(&["a".to_owned(), "y".to_owned()]).at(&["a".to_owned()]), Some(&Node::Table(Vec::new())));
    }
}
