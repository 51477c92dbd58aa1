//! Flume's files: which keys belong to which agent (`org.apache.flume.conf.FlumeConfiguration`).

pub(super) mod agent;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::brokers::Brokers;
use super::keys::{Keys, Problems, Value};
use super::load::{Source, missing};
use super::problem::{File, Place, Problem, closest, quoted};
use super::properties::{self, Property};
use super::secret::is_secret;
use super::settings::Plugins;
use super::spec::PipelineSpec;
use super::substitute::Substitution;

/// The lists that make a first part of a key an agent's name.
const LISTS: [&str; 3] = ["sources", "channels", "sinks"];

/// What a file's meaning depends on, beside its text.
pub(super) struct Surroundings<'a> {
    pub(super) plugins: Plugins<'a>,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) system: &'a BTreeMap<String, String>,
}

/// A value for a list of brokers; refuses the component when it is malformed.
pub fn brokers(keys: &mut Keys, value: &Value) -> Option<Brokers> {
    let brokers = Brokers::list(&value.text);
    brokers.map_err(|error| keys.refuse(Problem::error(error.to_string()).key(value.key.clone()).at(value.place()))).ok()
}

/// Reads the agents of these names, or the only one there is.
pub(super) fn read(sources: &[Source], names: &[String], surroundings: &Surroundings<'_>, problems: &Problems) -> Vec<PipelineSpec> {
    let files = Files::read(sources, surroundings, problems);
    let read_agent = |name: &String| agent::read(name, files.agent(name, surroundings, problems), surroundings, problems);
    files.select(names, problems).iter().filter_map(read_agent).collect()
}

/// The keys of all files, their variables resolved.
pub(super) struct Files {
    /// By whole key.
    pub(super) values: BTreeMap<String, Value>,
    /// First parts of keys that are agents.
    pub(super) agents: BTreeSet<String>,
    /// Keys that a variable names.
    pub(super) used: BTreeSet<String>,
    names: String,
}

impl Files {
    /// Reads them; later files override.
    pub(super) fn read(sources: &[Source], surroundings: &Surroundings<'_>, problems: &Problems) -> Files {
        let mut values = BTreeMap::new();
        for source in sources {
            read_file(source, &mut values, problems);
        }
        let used = substitute(&mut values, surroundings, problems);
        let agents: BTreeSet<String> = values.keys().filter_map(|key| declared_agent(key)).map(str::to_owned).collect();
        report_strays(&values, &agents, &used, problems);
        let names = sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
        Files { values, agents, used, names }
    }

    /// The agents of these names, or the only one there is.
    pub(super) fn select(&self, names: &[String], problems: &Problems) -> Vec<String> {
        select(names, &self.agents, &self.names, problems)
    }

    /// The keys of an agent, without its name and filtered.
    pub(super) fn agent(&self, name: &str, surroundings: &Surroundings<'_>, problems: &Problems) -> BTreeMap<String, Value> {
        let prefix = format!("{name}.");
        let own = self.values.iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value.clone())));
        agent::filtered(name, own.collect(), surroundings, problems)
    }
}

fn declared_agent(key: &str) -> Option<&str> {
    let (agent, list) = key.split_once('.')?;
    LISTS.contains(&list).then_some(agent)
}

fn read_file(source: &Source, values: &mut BTreeMap<String, Value>, problems: &Problems) {
    let found = properties::parse(&source.text);
    let secrets = found.properties.iter().filter(|property| is_secret(&property.key)).map(|property| property.value.span.clone());
    let file = Arc::new(File::new(source.name.clone(), &source.text, secrets.collect()));
    let report = |problem| problems.borrow_mut().push(problem);
    for span in found.malformed {
        report(Problem::error("`\\u` needs four hexadecimal digits").at(Place { file: file.clone(), span }));
    }
    let mut seen = BTreeSet::new();
    for Property { key, key_span, value } in found.properties {
        let place = Place { file: file.clone(), span: key_span.clone() };
        if !seen.insert(key.clone()) {
            report(
                Problem::warning(format!("{} is set before in this file; the last one counts", quoted(&key)))
                    .same()
                    .key(key.clone())
                    .at(place.clone()),
            );
        }
        if value.text.is_empty() {
            report(Problem::lenient(format!("{} has no value, ignored", quoted(&key))).same().key(key.clone()).at(place));
            continue;
        }
        values.insert(key.clone(), Value::new(key, value, key_span, file.clone()));
    }
}

/// Resolves `${…}` everywhere; returns the properties that were referred to.
fn substitute(values: &mut BTreeMap<String, Value>, surroundings: &Surroundings<'_>, problems: &Problems) -> BTreeSet<String> {
    let written: BTreeMap<String, String> = values.iter().map(|(key, value)| (key.clone(), value.text.clone())).collect();
    let mut substitution = Substitution::new(&written, surroundings.system, surroundings.environment);
    for (key, value) in values.iter_mut().filter(|(_, value)| value.text.contains("${")) {
        match substitution.resolve(key, &value.text) {
            Ok(resolved) => {
                value.set(resolved);
                for variable in substitution.unresolved.iter().filter(|variable| !is_filter_reference(variable)) {
                    let problem = Problem::lenient(format!("{} cannot be resolved and stays as it is", quoted(variable))).same();
                    problems.borrow_mut().push(problem.key(key.clone()).at(value.place()));
                }
            }
            Err(error) => problems.borrow_mut().push(Problem::error(error.to_string()).key(key.clone()).at(value.place())),
        }
    }
    substitution.used
}

/// `${filter['key']}` is for the agent's config filters, later.
fn is_filter_reference(variable: &str) -> bool {
    variable.ends_with("]}") && variable.contains('[')
}

/// Reports keys of no agent.
fn report_strays(values: &BTreeMap<String, Value>, agents: &BTreeSet<String>, used: &BTreeSet<String>, problems: &Problems) {
    let mut told = BTreeSet::new();
    for (key, value) in values {
        let (first, is_dotted) = key.split_once('.').map_or((key.as_str(), false), |(first, _)| (first, true));
        if agents.contains(first) || used.contains(key) || !told.insert(first) {
            continue;
        }
        let message = match is_dotted {
            true => format!("{} is no agent: it lists no sources, channels or sinks; its keys are ignored", quoted(first)),
            false => format!("{} is not of the form <agent>.<kind>, ignored", quoted(key)),
        };
        let mut problem = Problem::lenient(message).key(key.clone()).at(value.key_place());
        if let Some(meant) = closest(first, agents.iter().map(String::as_str)) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        problems.borrow_mut().push(problem);
    }
}

fn select(names: &[String], agents: &BTreeSet<String>, files: &str, problems: &Problems) -> Vec<String> {
    if names.is_empty() {
        return match agents.len() {
            1 => agents.iter().cloned().collect(),
            0 => {
                let problem = Problem::error(format!("there is no agent in {files}: nothing lists sources, channels or sinks"));
                problems.borrow_mut().push(problem.help("a first line may be `agent1.sources = source1`"));
                Vec::new()
            }
            _ => {
                let list = agents.iter().cloned().collect::<Vec<_>>().join(", ");
                problems
                    .borrow_mut()
                    .push(Problem::error(format!("there are several agents in {files}: {list}")).help("name one with -n NAME"));
                Vec::new()
            }
        };
    }
    let mut selected: Vec<String> = Vec::new();
    for name in names {
        if !agents.contains(name) {
            problems.borrow_mut().push(missing("agent", name, files, agents));
        } else if !selected.contains(name) {
            selected.push(name.clone());
        }
    }
    selected
}
