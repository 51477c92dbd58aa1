//! What is said about a conversion: the report, a line for each of the files', and the comments in what is written.

use std::collections::{BTreeMap, BTreeSet};

use super::Converted;
use super::origin::Effect;
use super::reference;
use super::report::{Line, Report, Variable, Verdict};
use super::text::{Comments, key as written};
use super::tree::{Node, Path};
use crate::config::flume::Files;
use crate::config::keys::Value;
use crate::config::load::Source;
use crate::config::problem::{Problem, Severity};
use crate::config::properties;
use crate::config::types::{Found, Kind, find};

/// Most keys that a comment names.
const MOST_KEYS: usize = 3;

/// All that is known of a conversion.
pub(super) struct Annotated<'a> {
    pub(super) files: &'a Files,
    pub(super) sources: &'a [Source],
    pub(super) agents: &'a [Converted],
    pub(super) problems: &'a [Problem],
    pub(super) variables: &'a BTreeMap<String, reference::Variable>,
}

/// The report.
pub(super) fn report(all: &Annotated<'_>) -> Report {
    let mut lines = Vec::new();
    let mut told = BTreeSet::new();
    let mut elsewhere = BTreeSet::new();
    for source in all.sources {
        for property in properties::parse(&source.text).properties {
            let Some(value) = all.value(&property.key) else {
                told.extend(
                    all.problems
                        .iter()
                        .enumerate()
                        .filter(|(_, problem)| problem.key.as_ref() == Some(&property.key))
                        .map(|(index, _)| index),
                );
                lines.push(all.empty(source, &property));
                continue;
            };
            let first = property.key.split('.').next().unwrap_or_default();
            if all.agent(first).is_none() && all.files.agents.contains(first) && !all.files.used.contains(&property.key) {
                elsewhere.insert(first.to_owned());
                continue;
            }
            let is_it = value.key_place().span == property.key_span && value.key_place().file.name == source.name;
            lines.push(if is_it {
                told.extend(all.about(value).map(|(index, _)| index));
                all.line(value)
            } else {
                let place = value.key_place();
                let why = vec![format!("{}:{} sets it again", place.file.name, place.line())];
                Line { file: source.name.clone(), line: line_of(source, property.key_span.start), ..line(value, Verdict::Exact, why) }
            });
        }
    }
    let problems = all.problems.iter().enumerate().filter(|(index, _)| !told.contains(index)).map(|(_, problem)| problem.clone());
    let others = elsewhere
        .into_iter()
        .map(|name| Problem::note(format!("agent `{name}` is not converted")).help(format!("convert it with -n {name}")));
    let variables = all.variables.iter().map(|(name, variable)| Variable { name: name.clone(), key: variable.key.clone() });
    Report { lines, problems: problems.chain(others).collect(), variables: variables.collect() }
}

/// The comments.
pub(super) fn comments(all: &Annotated<'_>) -> Comments {
    let mut comments = Comments::default();
    let files: Vec<&str> = all.sources.iter().map(|source| source.name.as_str()).collect();
    comments.top.push(format!("Converted by weir {} from {}.", env!("CARGO_PKG_VERSION"), files.join(", ")));
    if all.problems.iter().any(|problem| problem.severity == Severity::Error) {
        comments.top.push("Not all of it could be converted: see what is left out.".to_owned());
    }
    for (name, variable) in all.variables {
        comments.top.push(format!("Needs the environment variable {name}, for {}.", variable.key));
    }
    for agent in all.agents {
        let mut origins: BTreeMap<Path, Vec<&Value>> = BTreeMap::new();
        let mut vague: BTreeSet<Path> = BTreeSet::new();
        for (key, value) in &agent.values {
            let Some(effect) = agent.effects.get(key) else { continue };
            let line = all.line(value);
            // That Flume does the same is for the report.
            let same: Vec<&str> =
                all.about(value).filter(|(_, problem)| problem.same).map(|(_, problem)| problem.message.as_str()).collect();
            let why = line.why.iter().filter(|why| !same.contains(&why.as_str())).cloned().collect::<Vec<_>>().join("; ");
            match effect {
                Effect::Values(paths) | Effect::Default(paths) if !paths.is_empty() => {
                    for path in paths.iter().filter(|path| agent.tree.at(path).is_some()) {
                        origins.entry(path.clone()).or_default().push(value);
                        if line.verdict != Verdict::Exact {
                            comments.add_above(&whole(agent, path), format!("{}: {why}", line.verdict.name()));
                        }
                    }
                }
                Effect::Component(path) => {
                    if agent.tree.at(path).is_some_and(|node| !matches!(node, Node::Table(_))) {
                        origins.entry(path.clone()).or_default().push(value);
                    } else if own_key(value).rsplit('.').next() != Some("type") {
                        vague.extend(path.get(..2).map(<[String]>::to_vec));
                    }
                    let text = format!("{}: {}, line {}: {why}", line.verdict.name(), own_key(value), line.line);
                    match line.verdict {
                        Verdict::Exact => {}
                        _ if path.len() > 1 => comments.add_above(&whole(agent, path), text),
                        _ => comments.top.push(text),
                    }
                }
                Effect::Values(_) | Effect::Default(_) => vague.extend(component(key)),
                Effect::LeftOut => comments.top.push(format!("Left out: {} (line {}): {why}", value.key, line.line)),
                Effect::Nothing => {
                    let place = component(key).filter(|component| agent.tree.at(component).is_some());
                    let text = format!("{}: {}, line {}: {why}", line.verdict.name(), own_key(value), line.line);
                    if line.verdict != Verdict::Exact {
                        match place {
                            Some(place) => comments.add_above(&whole(agent, &place), text),
                            None => comments.top.push(text),
                        }
                    }
                }
            }
        }
        for (path, _) in agent.tree.leaves() {
            if let Some(values) = origins.get(&path) {
                comments.beside.insert(whole(agent, &path), sources(values, all.sources.len() > 1));
            } else if !path.get(..2).is_some_and(|component| vague.contains(component)) && path.len() > 3 {
                comments.beside.insert(whole(agent, &path), "Flume's default".to_owned());
            }
        }
        for path in &agent.referred.clear {
            let text = "a secret in clear: ${env:NAME} or ${file:PATH} keeps it out of this file";
            comments.add_above(&whole(agent, path), text.to_owned());
        }
    }
    comments
}

/// `batchSize, line 9`
fn sources(values: &[&Value], with_file: bool) -> String {
    let mut values = values.to_vec();
    values.sort_by_key(|value| value.key_place().span.start);
    let place = |value: &&Value| {
        let place = value.key_place();
        let file = if with_file { format!("{} ", place.file.name) } else { String::new() };
        format!("{}, {file}line {}", own_key(value), place.line())
    };
    let mut text = values.iter().take(MOST_KEYS).map(place).collect::<Vec<_>>().join("; ");
    if values.len() > MOST_KEYS {
        text.push_str("; …");
    }
    text
}

/// The key without agent and component.
fn own_key(value: &Value) -> &str {
    value.key.splitn(4, '.').nth(3).unwrap_or(&value.key)
}

fn whole(agent: &Converted, path: &[String]) -> Path {
    [vec!["pipelines".to_owned(), agent.name.clone()], path.to_vec()].concat()
}

/// The native component that a Flume key belongs to.
fn component(key: &str) -> Option<Path> {
    let mut parts = key.splitn(3, '.');
    let list = parts.next()?;
    let section = if list == "sinkgroups" { "sink_groups" } else { list };
    Some(vec![section.to_owned(), parts.next()?.to_owned()])
}

fn line(value: &Value, verdict: Verdict, why: Vec<String>) -> Line {
    let place = value.key_place();
    Line { file: place.file.name.clone(), line: place.line(), key: value.key.clone(), verdict, native: Vec::new(), why, is_error: false }
}

fn line_of(source: &Source, offset: usize) -> usize {
    source.text[..offset.min(source.text.len())].matches('\n').count() + 1
}

impl Annotated<'_> {
    fn agent(&self, name: &str) -> Option<&Converted> {
        self.agents.iter().find(|agent| agent.name == name)
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.files.values.get(key)
    }

    /// What was said about a key: by name, or by a place in its line.
    fn about<'b>(&'b self, value: &'b Value) -> impl Iterator<Item = (usize, &'b Problem)> {
        let is_about = move |problem: &&Problem| match &problem.key {
            Some(key) if self.value(key).is_some() => *key == value.key,
            _ => problem.place.as_ref().is_some_and(|place| value.holds(place)),
        };
        self.problems.iter().enumerate().filter(move |(_, problem)| is_about(problem))
    }

    /// What became of a key.
    fn line(&self, value: &Value) -> Line {
        let problems: Vec<&Problem> = self.about(value).map(|(_, problem)| problem).collect();
        let differs = problems.iter().any(|problem| !problem.same);
        let is_lost = problems.iter().any(|problem| !problem.same && problem.severity != Severity::Note);
        let mut why: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
        let (first, rest) = value.key.split_once('.').unwrap_or((&value.key, ""));
        let Some(agent) = self.agent(first) else {
            let verdict = if self.files.used.contains(&value.key) { Verdict::Exact } else { Verdict::Unsupported };
            if verdict == Verdict::Exact {
                why.push("its text stands where it is used".to_owned());
            }
            return line(value, verdict, why);
        };
        if rest.starts_with("configfilters") {
            return self.filter(agent, value, why);
        }
        let effect = agent.effects.get(rest).unwrap_or(&Effect::Nothing);
        let is_left_out = component(rest).is_some_and(|component| agent.left_out.contains(&component));
        let (mut verdict, native) = match effect {
            Effect::LeftOut => (Verdict::Unsupported, BTreeSet::new()),
            _ if is_left_out => {
                why.push("nothing fills the channel, so that it has nothing to do and is left out".to_owned());
                (Verdict::Unsupported, BTreeSet::new())
            }
            Effect::Nothing if problems.is_empty() => {
                why.push("has no effect here".to_owned());
                (Verdict::Approximate, BTreeSet::new())
            }
            Effect::Nothing if is_lost => (Verdict::Unsupported, BTreeSet::new()),
            Effect::Nothing => (Verdict::Exact, BTreeSet::new()),
            Effect::Component(path) => (Verdict::Exact, BTreeSet::from([path.clone()])),
            Effect::Default(paths) | Effect::Values(paths) => (Verdict::Exact, paths.clone()),
        };
        if matches!(effect, Effect::LeftOut) && why.is_empty() {
            why.push("its component is left out".to_owned());
        }
        if matches!(effect, Effect::Default(_)) && native.iter().all(|path| agent.tree.at(path).is_none()) {
            why.push("the default".to_owned());
        }
        if agent.referred.frozen.contains(rest) {
            why.push("it comes from elsewhere and is written as it is now".to_owned());
        }
        if let Some(names) = agent.referred.moved.get(rest) {
            why.push(format!("set {} in the environment", names.iter().cloned().collect::<Vec<_>>().join(", ")));
        }
        let is_moved = agent.referred.frozen.contains(rest) || agent.referred.moved.contains_key(rest);
        if verdict == Verdict::Exact && (differs || is_moved) {
            verdict = Verdict::Approximate;
        }
        let is_error = problems.iter().any(|problem| problem.severity == Severity::Error);
        if is_error {
            verdict = Verdict::Unsupported;
        }
        if native.iter().any(|path| agent.referred.clear.contains(path)) {
            why.push("a secret in clear".to_owned());
        }
        let native = native.iter().map(|path| whole(agent, path).iter().map(|part| written(part)).collect::<Vec<_>>().join("."));
        Line { native: native.collect(), is_error, ..line(value, verdict, why) }
    }

    /// A config filter: its answers are in the values of other keys.
    fn filter(&self, agent: &Converted, value: &Value, mut why: Vec<String>) -> Line {
        let name = value.key.split('.').nth(2).unwrap_or_default();
        let kind = agent.values.get(&format!("configfilters.{name}.type")).map(|kind| find(Kind::ConfigFilter, &kind.text));
        let is_command = matches!(kind, Some(Found::Built(found)) if found.simple_name() == "ExternalProcessConfigFilter");
        if is_command {
            why.push("what it answers has to be in the environment".to_owned());
            return line(value, Verdict::Approximate, why);
        }
        let lost = self.about(value).any(|(_, problem)| !problem.same);
        if !lost {
            why.push("what refers to it refers to the environment".to_owned());
        }
        line(value, if lost { Verdict::Unsupported } else { Verdict::Exact }, why)
    }

    /// A key without a value.
    fn empty(&self, source: &Source, property: &properties::Property) -> Line {
        let line = line_of(source, property.key_span.start);
        let why = vec!["it has no value; Flume ignores it, too".to_owned()];
        Line {
            file: source.name.clone(),
            line,
            key: property.key.clone(),
            verdict: Verdict::Exact,
            native: Vec::new(),
            why,
            is_error: false,
        }
    }
}
