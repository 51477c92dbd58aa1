//! One agent: its components read in Flume's order, the bad ones left out as Flume does, and the rest wired.
//!
//! Unlike Flume, a type that is unknown or not built is one error among others, an agent with nothing left to run is an error and not an idle
//! process, and a batch that is larger than its channel's transactions makes these larger.

use std::collections::{BTreeMap, BTreeSet};

use super::Surroundings;
use crate::config::check;
use crate::config::filter::{self, Filter};
use crate::config::keys::{Keys, Problems, Value};
use crate::config::problem::{Place, Problem, Severity, closest, quoted};
use crate::config::spec::{ChannelSpec, InterceptorSpec, PipelineSpec, SinkGroupSpec, SinkSpec, SourceSpec};
use crate::config::types::{Found, Kind, find};
use crate::pipeline::selector;
use crate::{channel, interceptor, sink, source};

/// The second parts of an agent's keys.
const KINDS: [&str; 5] = ["sources", "channels", "sinks", "sinkgroups", "configfilters"];

/// The keys of one agent (without its name) with the answers of its config filters in them. These come before everything else: they change
/// the values of all components but themselves.
pub(super) fn filtered(
    name: &str,
    values: BTreeMap<String, Value>,
    surroundings: &Surroundings<'_>,
    problems: &Problems,
) -> BTreeMap<String, Value> {
    let mut agent = Agent { name, values, surroundings, problems, read: Vec::new() };
    agent.apply_filters();
    agent.values
}

/// Reads one agent from its keys (without its name), filtered; `None` when nothing of it can run.
pub(in crate::config) fn read(
    name: &str,
    values: BTreeMap<String, Value>,
    surroundings: &Surroundings<'_>,
    problems: &Problems,
) -> Option<PipelineSpec> {
    let before = problems.borrow().len();
    let mut agent = Agent { name, values, surroundings, problems, read: Vec::new() };
    agent.report_strays();
    let mut channels = agent.channels();
    let valid: BTreeSet<String> = channels.iter().map(|channel| channel.name.clone()).collect();
    let sources = agent.sources(&valid);
    let mut sinks = agent.sinks(&valid);
    let sink_groups = agent.sink_groups(&mut sinks);
    for (_, _, keys) in &agent.read {
        keys.report_unknown();
    }
    let failed = problems.borrow()[before..].iter().any(|problem| problem.severity == Severity::Error);
    if !failed {
        agent.drop_unconnected(&mut channels, &sources, &sinks);
        agent.require_path(&channels, &sources, &sinks);
    }
    let dead_letters = surroundings.plugins.settings.dead_letters(name, surroundings.environment);
    let mut pipeline = PipelineSpec { name: name.to_owned(), sources, channels, sinks, sink_groups, dead_letters };
    let locate = |kind, component: &str, key: &str| agent.locate(kind, component, key);
    let mut report = |problem| problems.borrow_mut().push(problem);
    check::raise_capacities(&mut pipeline, &locate, &mut report);
    check::topic_loops(&mut pipeline, true, &locate, &mut report);
    check::fan_out(&pipeline, true, &locate, &mut report);
    check::offset_names(&pipeline, &locate, &mut report);
    Some(pipeline)
}

struct Agent<'a> {
    name: &'a str,
    values: BTreeMap<String, Value>,
    surroundings: &'a Surroundings<'a>,
    problems: &'a Problems,
    /// Components of supported types, for what is reported at the end.
    read: Vec<(Kind, String, Keys)>,
}

impl Agent<'_> {
    fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// The names that a list key holds, with the list itself.
    fn listed(&self, list: &str) -> Vec<(String, Place)> {
        let Some(value) = self.values.get(list) else { return Vec::new() };
        let mut names: Vec<(String, Place)> = Vec::new();
        for name in value.text.split_whitespace() {
            if names.iter().all(|(known, _)| known != name) {
                names.push((name.to_owned(), value.place()));
            }
        }
        names
    }

    fn keys(&self, list: &str, name: &str, declared: Place) -> Keys {
        let prefix = format!("{list}.{name}.");
        let own = self.values.iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value.clone())));
        Keys::new(format!("{}.{list}.{name}", self.name), declared, own.collect(), self.problems.clone())
    }

    /// Keys of a component of a supported type, and the type's simple class name.
    fn component(&self, kind: Kind, list: &str, name: &str, declared: Place) -> Option<(Keys, &'static str)> {
        let mut keys = self.keys(list, name, declared);
        let what = kind.name();
        if keys.is_empty() {
            self.report(Problem::lenient(format!("{what} `{name}` has no properties and is left out")).at(keys.declared()));
            return None;
        }
        let Some(written) = keys.get("type") else {
            self.report(Problem::lenient(format!("{what} `{name}` has no type and is left out")).at(keys.declared()));
            return None;
        };
        match find(kind, &written.text) {
            Found::Built(found) => return Some((keys, found.simple_name())),
            Found::Known => {
                let message = format!("{what} type {} is known to Flume but not supported by this version", quoted(&written.text));
                let problem = Problem::error(message).help(format!("supported: {}", kind.supported()));
                self.report(problem.key(written.key.clone()).at(written.place()));
            }
            Found::Unknown(meant) => {
                let mut problem = Problem::error(format!("{what} type {} cannot be loaded", quoted(&written.text)));
                if let Some(meant) = meant {
                    problem = problem.help(format!("did you mean `{meant}`?"));
                }
                self.report(problem.help(format!("supported: {}", kind.supported())).key(written.key.clone()).at(written.place()));
            }
        }
        None
    }

    fn apply_filters(&mut self) {
        let mut filters = BTreeMap::new();
        for (name, declared) in self.listed("configfilters") {
            let Some((mut keys, class)) = self.component(Kind::ConfigFilter, "configfilters", &name, declared) else { continue };
            if let Some(filter) = config_filter(&mut keys, class) {
                filters.insert(name, filter);
            }
            keys.report_unknown();
        }
        let mut failures = Vec::new();
        for (key, value) in &mut self.values {
            if !key.contains('.') || key.starts_with("configfilters.") || !value.text.contains("${") {
                continue;
            }
            let mut errors = Vec::new();
            let filtered =
                filter::apply(&value.resolved(), |name| filters.get(name), self.surroundings.environment, |error| errors.push(error));
            value.set(filtered);
            for error in errors {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                let problem = Problem::lenient(format!("the config filter failed: {error}{cause}; the text stays as it is"));
                failures.push(problem.key(value.key.clone()).at(value.place()));
            }
        }
        self.problems.borrow_mut().append(&mut failures);
    }

    /// Reports keys that belong to nothing: unknown kinds, and components that are not listed.
    fn report_strays(&self) {
        let mut told = BTreeSet::new();
        for (key, value) in &self.values {
            let mut parts = key.splitn(3, '.');
            let (kind, name) = (parts.next().unwrap_or_default(), parts.next());
            let problem = if !KINDS.contains(&kind) {
                let problem = Problem::lenient(format!("{} is none of {}; ignored", quoted(kind), KINDS.join(", ")));
                suggest(problem, closest(kind, KINDS))
            } else if let Some(name) = name {
                let listed = self.listed(kind);
                if listed.iter().any(|(known, _)| known == name) || !told.insert((kind, name)) {
                    continue;
                }
                let problem =
                    Problem::lenient(format!("{} is not listed in `{}.{kind}`, so its keys are not used", quoted(name), self.name));
                suggest(problem, closest(name, listed.iter().map(|(known, _)| known.as_str())))
            } else {
                continue;
            };
            self.report(problem.key(value.key.clone()).at(value.key_place()));
        }
    }

    fn channels(&mut self) -> Vec<ChannelSpec> {
        let mut channels = Vec::new();
        for (name, declared) in self.listed("channels") {
            let Some((mut keys, class)) = self.component(Kind::Channel, "channels", &name, declared) else { continue };
            match channel_kind(&mut keys, class) {
                Some(kind) => channels.push(ChannelSpec { name: name.clone(), kind }),
                None => keys.report(Problem::lenient(format!("channel `{name}` cannot be configured and is left out")).at(keys.declared())),
            }
            self.read.push((Kind::Channel, name, keys));
        }
        channels
    }

    fn sources(&mut self, valid: &BTreeSet<String>) -> Vec<SourceSpec> {
        let mut sources = Vec::new();
        for (name, declared) in self.listed("sources") {
            let Some((mut keys, class)) = self.component(Kind::Source, "sources", &name, declared) else { continue };
            let channels = source_channels(&mut keys, &name, valid);
            let selector = selector(&mut keys, channels.as_deref().unwrap_or_default());
            let interceptors = chain(&mut keys, self.surroundings);
            let kind = source_kind(&mut keys, class);
            match (channels, selector, interceptors, kind) {
                (Some(channels), Some(selector), Some(interceptors), Some(kind)) => {
                    sources.push(SourceSpec { name: name.clone(), channels, selector, interceptors, kind });
                }
                _ => keys.report(Problem::lenient(format!("source `{name}` cannot be configured and is left out")).at(keys.declared())),
            }
            self.read.push((Kind::Source, name, keys));
        }
        sources
    }

    fn sinks(&mut self, valid: &BTreeSet<String>) -> Vec<SinkSpec> {
        let mut sinks = Vec::new();
        for (name, declared) in self.listed("sinks") {
            let Some((mut keys, class)) = self.component(Kind::Sink, "sinks", &name, declared) else { continue };
            let channel = sink_channel(&mut keys, &name, valid);
            let kind = sink_kind(&mut keys, class);
            match (channel, kind) {
                (Some(channel), Some(kind)) => sinks.push(SinkSpec { name: name.clone(), channel, kind }),
                _ => keys.report(Problem::lenient(format!("sink `{name}` cannot be configured and is left out")).at(keys.declared())),
            }
            self.read.push((Kind::Sink, name, keys));
        }
        sinks
    }

    /// Flume drops a group that cannot be configured, and its sinks with it.
    fn sink_groups(&mut self, sinks: &mut Vec<SinkSpec>) -> Vec<SinkGroupSpec> {
        let mut groups: Vec<SinkGroupSpec> = Vec::new();
        for (name, declared) in self.listed("sinkgroups") {
            let mut keys = self.keys("sinkgroups", &name, declared);
            let members = group_sinks(&mut keys, &name, sinks, &groups);
            let processor = sink::group::Processor::from_flume(&mut keys, &members);
            match processor.filter(|_| !members.is_empty()) {
                Some(processor) => groups.push(SinkGroupSpec { name: name.clone(), sinks: members, processor }),
                None => {
                    sinks.retain(|sink| !members.contains(&sink.name));
                    let message = format!("sink group `{name}` cannot be configured and is left out, and its sinks with it");
                    keys.report(Problem::lenient(message).at(keys.declared()));
                }
            }
            self.read.push((Kind::SinkProcessor, name, keys));
        }
        groups
    }

    /// Leaves out channels without source and sink, as Flume does.
    fn drop_unconnected(&self, channels: &mut Vec<ChannelSpec>, sources: &[SourceSpec], sinks: &[SinkSpec]) {
        channels.retain(|channel| {
            let filled = sources.iter().any(|source| source.channels.contains(&channel.name));
            let drained = sinks.iter().any(|sink| sink.channel == channel.name);
            let place = self.locate(Kind::Channel, &channel.name, "type");
            let problem = match (filled, drained) {
                (true, true) => None,
                (true, false) | (false, true) if channel.kind.is_shared() => None,
                (false, false) => Some(Problem::lenient(format!("channel `{}` has neither source nor sink and is left out", channel.name))),
                (true, false) => Some(Problem::error(format!("channel `{}` has no sink: once it is full, its sources stop", channel.name))),
                (false, true) => Some(Problem::lenient(format!("channel `{}` has no source: its sinks have nothing to do", channel.name))),
            };
            if let Some(problem) = problem {
                self.report(match place {
                    Some(place) => problem.at(place),
                    None => problem,
                });
            }
            filled || drained
        });
    }

    /// Flume runs on with nothing; here that is an error.
    fn require_path(&self, channels: &[ChannelSpec], sources: &[SourceSpec], sinks: &[SinkSpec]) {
        // A shared channel is a way by itself: others fill or drain it.
        let connected = channels.iter().any(|channel| {
            let filled = sources.iter().any(|source| source.channels.contains(&channel.name));
            let drained = sinks.iter().any(|sink| sink.channel == channel.name);
            (filled && drained) || (channel.kind.is_shared() && (filled || drained))
        });
        if !connected {
            let message = format!("agent `{}` has nothing to run: no source, channel and sink are connected", self.name);
            let list = LISTED.iter().find_map(|list| self.values.get(*list));
            let problem = Problem::error(message);
            self.report(match list {
                Some(list) => problem.key(list.key.clone()).at(list.key_place()),
                None => problem,
            });
        }
    }

    fn locate(&self, kind: Kind, component: &str, key: &str) -> Option<Place> {
        let (_, _, keys) = self.read.iter().find(|(read, name, _)| *read == kind && name == component)?;
        let old = if key == "kafka.topic" { "topic" } else { key };
        Some(if keys.has(key) { keys.place(key) } else { keys.place(old) })
    }
}

/// Lists to point at when nothing is left.
const LISTED: [&str; 3] = ["sinks", "sources", "channels"];

fn suggest(problem: Problem, meant: Option<&str>) -> Problem {
    match meant {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    }
}

fn config_filter(keys: &mut Keys, class: &str) -> Option<Filter> {
    if class == "EnvironmentVariableConfigFilter" {
        return Some(Filter::Environment);
    }
    keys.ignore(&["charset"]);
    let Some(command) = keys.get("command") else {
        keys.refuse(
            Problem::lenient(format!("`{}` is needed and not set; the filter is not used", keys.full("command"))).at(keys.declared()),
        );
        return None;
    };
    Some(Filter::External { command: command.text.split_whitespace().map(str::to_owned).collect() })
}

/// The source's channels that there are; `None` when none is left, for which Flume drops the source.
fn source_channels(keys: &mut Keys, name: &str, valid: &BTreeSet<String>) -> Option<Vec<String>> {
    let value = keys.get("channels");
    let mut channels = Vec::new();
    for channel in value.iter().flat_map(|value| value.text.split_whitespace()) {
        if valid.contains(channel) {
            channels.push(channel.to_owned());
        } else {
            let problem = Problem::lenient(format!("source `{name}`: there is no usable channel {}", quoted(channel)));
            keys.report(
                suggest(problem, closest(channel, valid.iter().map(String::as_str))).key(keys.full("channels")).at(keys.place("channels")),
            );
        }
    }
    channels.dedup();
    if channels.is_empty() {
        keys.refuse(Problem::lenient(format!("source `{name}` has no channel")).key(keys.full("channels")).at(keys.place("channels")));
        return None;
    }
    Some(channels)
}

/// The sink's channel; it names exactly one.
fn sink_channel(keys: &mut Keys, name: &str, valid: &BTreeSet<String>) -> Option<String> {
    let Some(value) = keys.get("channel") else {
        keys.refuse(Problem::lenient(format!("sink `{name}` has no channel")).help("a sink's key is `channel`").at(keys.declared()));
        return None;
    };
    if valid.contains(&value.text) {
        return Some(value.text);
    }
    let problem = Problem::lenient(format!("sink `{name}`: there is no usable channel {}", quoted(&value.text)));
    keys.refuse(suggest(problem, closest(&value.text, valid.iter().map(String::as_str))).key(value.key.clone()).at(value.place()));
    None
}

/// The sinks of a group: those there are and that are in no other, as in Flume.
fn group_sinks(keys: &mut Keys, name: &str, sinks: &[SinkSpec], groups: &[SinkGroupSpec]) -> Vec<String> {
    let Some(value) = keys.get("sinks") else {
        keys.refuse(Problem::lenient(format!("sink group `{name}` has no sinks")).at(keys.declared()));
        return Vec::new();
    };
    let mut members: Vec<String> = Vec::new();
    for sink in value.text.split_whitespace() {
        let problem = if sinks.iter().all(|known| known.name != sink) {
            let problem = Problem::lenient(format!("sink group `{name}`: there is no usable sink {}", quoted(sink)));
            suggest(problem, closest(sink, sinks.iter().map(|sink| sink.name.as_str())))
        } else if let Some(group) = groups.iter().find(|group| group.sinks.iter().any(|member| member == sink)) {
            Problem::lenient(format!("sink `{sink}` is in group `{}` already and is left out of group `{name}`", group.name))
        } else {
            if !members.iter().any(|member| member == sink) {
                members.push(sink.to_owned());
            }
            continue;
        };
        keys.report(problem.key(value.key.clone()).at(value.place()));
    }
    members
}

fn channel_kind(keys: &mut Keys, class: &str) -> Option<channel::Spec> {
    match class {
        "FileChannel" => Some(channel::Spec::File(Box::new(channel::file::Spec::from_flume(keys)?))),
        "SpillableMemoryChannel" => Some(channel::Spec::Spillable(Box::new(channel::spillable::Spec::from_flume(keys)?))),
        "KafkaChannel" => Some(channel::Spec::Kafka(Box::new(channel::kafka::Spec::from_flume(keys)?))),
        _ => Some(channel::Spec::Memory(channel::memory::Spec::from_flume(keys))),
    }
}

fn source_kind(keys: &mut Keys, class: &str) -> Option<source::Spec> {
    match class {
        "SequenceGeneratorSource" => source::sequence::Spec::from_flume(keys).map(source::Spec::Sequence),
        "StressSource" => source::stress::Spec::from_flume(keys).map(source::Spec::Stress),
        "NetcatSource" => source::netcat::Spec::from_flume(keys).map(source::Spec::Netcat),
        _ => Some(source::Spec::Kafka(Box::new(source::kafka::Spec::from_flume(keys)?))),
    }
}

fn sink_kind(keys: &mut Keys, class: &str) -> Option<sink::Spec> {
    match class {
        "HDFSEventSink" => Some(sink::Spec::Hdfs(Box::new(sink::hdfs::Spec::from_flume(keys)?))),
        "RollingFileSink" => Some(sink::Spec::FileRoll(Box::new(sink::file_roll::Spec::from_flume(keys)?))),
        "LoggerSink" => sink::logger::Spec::from_flume(keys).map(sink::Spec::Logger),
        "NullSink" => sink::null::Spec::from_flume(keys).map(sink::Spec::Null),
        _ => Some(sink::Spec::Kafka(Box::new(sink::kafka::Spec::from_flume(keys)?))),
    }
}

/// Which of its channels an event goes to; `None` when it cannot be told, for which Flume drops the source.
fn selector(keys: &mut Keys, channels: &[String]) -> Option<selector::Spec> {
    if let Some(kind) = keys.get("selector.type")
        && let Found::Unknown(_) | Found::Known = find(Kind::Selector, &kind.text)
    {
        let problem = Problem::error(format!("channel selector {} cannot be loaded", quoted(&kind.text)));
        keys.refuse(problem.help(format!("supported: {}", Kind::Selector.supported())).key(kind.key.clone()).at(kind.place()));
        keys.take("selector.");
        return None;
    }
    selector::Spec::from_flume(keys, channels)
}

/// The chain in its order; `None` when one interceptor cannot be built, for which Flume drops the source.
fn chain(keys: &mut Keys, surroundings: &Surroundings<'_>) -> Option<Vec<InterceptorSpec>> {
    let Some(names) = keys.get("interceptors") else { return Some(Vec::new()) };
    let mut chain = Vec::new();
    let mut complete = true;
    for name in names.text.split_whitespace() {
        let mut nested = keys.nested(&format!("interceptors.{name}"), names.place());
        match interceptor::Spec::from_flume(&mut nested, &surroundings.plugins) {
            Some(kind) => chain.push(InterceptorSpec { name: name.to_owned(), kind }),
            None => complete = false,
        }
        nested.report_unknown();
    }
    complete.then_some(chain)
}
