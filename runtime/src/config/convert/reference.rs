//! What a file took from elsewhere stays there: the native text refers to it as Flume's did, and holds no secret that the file did not hold.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::island::Islands;
use super::origin::{Agent, component};
use super::tree::{Node, Path, escaped};
use crate::config::keys::Value;
use crate::config::resolved::{Foreign, Origin, Resolved};
use crate::config::secret::is_secret;

/// An environment variable that must be set for the native form, where Flume's had another source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// What it has to be.
    pub(super) value: String,
    /// The Flume key it is for.
    pub(super) key: String,
}

/// What was done to the values of an agent.
#[derive(Debug, Default)]
pub(super) struct Referred {
    /// Variables to set, by name.
    pub(super) variables: BTreeMap<String, Variable>,
    /// Keys whose value is written as it is now, though it comes from elsewhere.
    pub(super) frozen: BTreeSet<String>,
    /// Keys whose value is from a variable to set.
    pub(super) moved: BTreeMap<String, BTreeSet<String>>,
    /// Secrets that the Flume file holds, and so does the native one.
    pub(super) clear: BTreeSet<Path>,
    /// Values with references in them.
    pub(super) live: BTreeSet<Path>,
}

/// Puts references in place of what keys took from elsewhere. `became` has the native values of each key; `tree` is what is written.
pub(super) fn refer(
    islands: &Islands<'_>,
    became: &BTreeMap<String, BTreeSet<Path>>,
    tree: &mut Node,
    referred: &mut Referred,
) -> Result<(), Error> {
    for (key, paths) in became {
        let agent = islands.of(key);
        let Some(value) = agent.values.get(key) else { continue };
        for path in paths {
            let Some(node) = tree.at(path).filter(|node| !matches!(node, Node::Table(_))).cloned() else { continue };
            let is_secret = holds_secret(key, path);
            if value.foreign.is_empty() {
                if is_secret && matches!(node, Node::Text(_)) {
                    referred.clear.insert(path.clone());
                }
                continue;
            }
            if referred.live.contains(path) {
                // Another key has its references in this value already.
                if is_secret {
                    return Err(Error::Mixed { key: value.key.clone(), path: path.join(".") });
                }
                referred.frozen.insert(key.clone());
                continue;
            }
            let referring = Referring { agent, key, value, path, is_secret };
            if let Some(new) = referring.node(&node, referred)? {
                put(tree, path, new, referred);
            }
        }
    }
    hide_secrets(&islands.whole, tree, referred)
}

fn put(tree: &mut Node, path: &Path, new: Node, referred: &mut Referred) {
    if let Some(place) = tree.at_mut(path) {
        *place = new;
        referred.live.insert(path.clone());
    }
}

/// A login module's configuration is a secret as a whole, but the user's name in it is none.
fn holds_secret(key: &str, path: &Path) -> bool {
    path.iter().any(|part| is_secret(part)) || (is_secret(key) && !key.ends_with("sasl.jaas.config"))
}

/// One native value of one key.
struct Referring<'a> {
    agent: &'a Agent<'a>,
    key: &'a str,
    value: &'a Value,
    path: &'a Path,
    is_secret: bool,
}

impl Referring<'_> {
    /// The value with references; `None` when it is to stay as it is.
    fn node(&self, node: &Node, referred: &mut Referred) -> Result<Option<Node>, Error> {
        let resolved = self.value.resolved();
        if *node == Node::Text(escaped(&resolved.text)) {
            return Ok(self.text(&resolved, referred).map(Node::Text));
        }
        let located = Located::of(node, &resolved);
        let changes = self.reread(&resolved)?;
        let other = changes.as_ref().and_then(|tree| tree.at(self.path));
        if other == Some(node) {
            // Of a part of the key that is the file's own.
            return Ok(None);
        }
        let is_confirmed = other.is_some_and(|other| *other == located.node(&mut |text| Some(escaped(&other_text(text))), ""));
        if located.is_empty() || (!is_confirmed && !self.is_secret) {
            if self.is_secret {
                return Ok(self.moved(node, referred));
            }
            referred.frozen.insert(self.key.to_owned());
            return Ok(None);
        }
        let mut is_whole = true;
        let new = located.node(
            &mut |text| {
                let new = self.text(text, referred);
                is_whole &= new.is_some();
                new
            },
            "",
        );
        if is_whole { Ok(Some(new)) } else { Ok(None) }
    }

    /// What the file means when everything from elsewhere is something else.
    fn reread(&self, resolved: &Resolved) -> Result<Option<Node>, Error> {
        self.agent.with(self.key, other_text(resolved))
    }

    /// A text with references; `None` when it is to stay as it is.
    fn text(&self, resolved: &Resolved, referred: &mut Referred) -> Option<String> {
        let mut template = Template { out: String::new(), literal: String::new() };
        let mut frozen = false;
        let mut done = 0;
        for piece in &resolved.foreign {
            template.literal.push_str(&resolved.text[done..piece.range.start]);
            let text = &resolved.text[piece.range.clone()];
            match self.reference(&piece.origin, text, referred) {
                Some(reference) if template.push(&reference) => {}
                _ if self.is_secret => return self.variable(&resolved.text, referred),
                Some(_) => {
                    referred.frozen.insert(self.key.to_owned());
                    return None;
                }
                None => {
                    template.literal.push_str(text);
                    frozen = true;
                }
            }
            done = piece.range.end;
        }
        template.literal.push_str(&resolved.text[done..]);
        if frozen {
            referred.frozen.insert(self.key.to_owned());
        }
        Some(template.end())
    }

    fn reference(&self, origin: &Origin, text: &str, referred: &mut Referred) -> Option<String> {
        match origin {
            Origin::Environment { name, default } => {
                let is_name = !name.is_empty() && !name.contains(['}', '$', '{']) && !name.contains(":-");
                let default = match default {
                    None => String::new(),
                    Some(default) if !default.contains(['}', '$', '{']) => format!(":-{default}"),
                    Some(_) => return None,
                };
                is_name.then(|| format!("${{env:{name}{default}}}"))
            }
            Origin::Command(key) => Some(self.set(key, text, referred)),
            Origin::System(key) if self.is_secret => Some(self.set(key, text, referred)),
            Origin::System(_) | Origin::Part => None,
        }
    }

    /// A secret that cannot be referred to becomes a variable that must be set.
    fn moved(&self, node: &Node, referred: &mut Referred) -> Option<Node> {
        let Node::Text(text) = node else { return None };
        self.variable(&text.replace("$${", "${"), referred).map(Node::Text)
    }

    fn variable(&self, text: &str, referred: &mut Referred) -> Option<String> {
        Some(self.set(&format!("{}.{}", self.agent.name, self.path.join(".")), text, referred))
    }

    fn set(&self, name: &str, text: &str, referred: &mut Referred) -> String {
        let base = variable_name(name);
        let mut name = base.clone();
        let mut number = 1;
        while referred.variables.get(&name).is_some_and(|known| known.value != text) {
            number += 1;
            name = format!("{base}_{number}");
        }
        referred.moved.entry(self.key.to_owned()).or_default().insert(name.clone());
        let reference = format!("${{env:{name}}}");
        referred.variables.entry(name).or_insert_with(|| Variable { value: text.to_owned(), key: self.value.key.clone() });
        reference
    }
}

/// A text under construction: what stands in it as it is, and references.
struct Template {
    out: String,
    literal: String,
}

impl Template {
    /// False where a dollar before the reference would make it text.
    fn push(&mut self, reference: &str) -> bool {
        if self.literal.ends_with('$') {
            return false;
        }
        self.out.push_str(&escaped(&std::mem::take(&mut self.literal)));
        self.out.push_str(reference);
        true
    }

    fn end(self) -> String {
        self.out + &escaped(&self.literal)
    }
}

/// A value in which the pieces of a key's text have been found again.
enum Located {
    Text(Resolved),
    List(Vec<Located>),
    Other(Node),
}

impl Located {
    fn of(node: &Node, value: &Resolved) -> Located {
        match node {
            Node::Text(text) => Located::Text(find(&text.replace("$${", "${"), value)),
            Node::List(list) => Located::List(list.iter().map(|node| Located::of(node, value)).collect()),
            other => Located::Other(other.clone()),
        }
    }

    /// Nothing was found.
    fn is_empty(&self) -> bool {
        match self {
            Located::Text(resolved) => resolved.foreign.is_empty(),
            Located::List(list) => list.iter().all(Located::is_empty),
            Located::Other(_) => true,
        }
    }

    /// The value with every text as `text` gives it, or else `fallback`.
    fn node(&self, text: &mut dyn FnMut(&Resolved) -> Option<String>, fallback: &str) -> Node {
        match self {
            Located::Text(resolved) if resolved.foreign.is_empty() => Node::Text(escaped(&resolved.text)),
            Located::Text(resolved) => Node::Text(text(resolved).unwrap_or_else(|| fallback.to_owned())),
            Located::List(list) => Node::List(list.iter().map(|located| located.node(text, fallback)).collect()),
            Located::Other(node) => node.clone(),
        }
    }
}

/// Where the pieces of `value` that come from elsewhere are in `text`.
fn find(text: &str, value: &Resolved) -> Resolved {
    let piece_text = |piece: &Foreign| value.text[piece.range.clone()].to_owned();
    let mut pieces: Vec<(String, Origin)> = value.foreign.iter().map(|piece| (piece_text(piece), piece.origin.clone())).collect();
    pieces.retain(|(text, _)| !text.is_empty());
    pieces.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    let mut found = Resolved::default();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        match pieces.iter().find(|(piece, _)| rest.starts_with(piece)) {
            Some((piece, origin)) => {
                found.push(Resolved::of(piece.clone(), origin.clone()));
                rest = &rest[piece.len()..];
            }
            None => {
                found.push(Resolved::plain(next));
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    found
}

/// The text with another one in place of each piece from elsewhere.
fn other_text(resolved: &Resolved) -> String {
    let mut out = String::new();
    let mut done = 0;
    for piece in &resolved.foreign {
        out.push_str(&resolved.text[done..piece.range.start]);
        let text = &resolved.text[piece.range.clone()];
        match text.parse::<i64>() {
            Ok(number) => out.push_str(&number.saturating_add(1).to_string()),
            Err(_) => out.push_str(&format!("{text}x")),
        }
        done = piece.range.end;
    }
    out + &resolved.text[done..]
}

/// A name that every shell can set.
fn variable_name(name: &str) -> String {
    let upper = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(upper).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Shortest piece of a secret that is looked for where it was not expected.
const SHORTEST: usize = 4;

/// Whatever became of a secret from elsewhere, it is not written: where its text is found in its own component, a reference stands.
fn hide_secrets(agent: &Agent<'_>, tree: &mut Node, referred: &mut Referred) -> Result<(), Error> {
    for (key, value) in agent.values.iter().filter(|(key, value)| is_secret(key) && !value.foreign.is_empty()) {
        let resolved = value.resolved();
        let long = |piece: &&Foreign| piece.range.len() >= SHORTEST;
        let secrets = Resolved { foreign: resolved.foreign.iter().filter(long).cloned().collect(), ..resolved.clone() };
        let Some(component) = component(key).filter(|component| component.len() > 1) else { continue };
        let Some(leaves) = tree.at(&component).map(Node::leaves) else { continue };
        let mut found = Vec::new();
        for (path, node) in leaves {
            let located = Located::of(node, &secrets);
            if !located.is_empty() {
                found.push(([component.clone(), path].concat(), located));
            }
        }
        for (path, located) in found {
            if referred.live.contains(&path) {
                return Err(Error::Mixed { key: value.key.clone(), path: path.join(".") });
            }
            let referring = Referring { agent, key, value, path: &path, is_secret: true };
            let new = located.node(&mut |text| referring.text(text, referred), "");
            put(tree, &path, new, referred);
        }
    }
    Ok(())
}
