//! The native form, TOML: strict, so that a wrong key is an error and not a surprise.
//!
//! Every component is read on its own, so that one mistake does not hide another's; unknown keys are all reported.

mod component;
mod fields;
mod interpolate;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

pub use fields::*;

use super::check;
use super::keys::Problems;
use super::load::Source;
use super::problem::{File, Place, Problem, closest, quoted};
use super::secret::is_secret;
use super::settings::{Plugins, Settings};
use super::spec::{ChannelSpec, InterceptorSpec, PipelineSpec, SinkGroupSpec, SinkSpec, SourceSpec};
use super::types::Kind;
use crate::interceptor;
use crate::pipeline::{dead_letter, selector};

/// Most syntax errors of one file that are reported.
const MOST_SYNTAX_ERRORS: usize = 20;

/// A TOML file, its strings completed.
pub(super) struct Document<'a> {
    file: Arc<File>,
    root: DeTable<'a>,
    /// Values that are secrets or come from elsewhere: no message shows them.
    hidden: Vec<Range<usize>>,
    environment: &'a dyn Fn(&str) -> Option<String>,
    problems: &'a Problems,
}

/// A component's name, where that is, and its table.
pub(super) type Entry<'a> = (String, Range<usize>, Spanned<DeValue<'a>>);

impl<'a> Document<'a> {
    /// Reads a file; one with wrong syntax is reported and empty.
    pub(super) fn parse(source: &'a Source, environment: &'a dyn Fn(&str) -> Option<String>, problems: &'a Problems) -> Document<'a> {
        let (root, errors) = DeTable::parse_recoverable(&source.text);
        let mut root = root.into_inner();
        let mut secrets = Vec::new();
        find_secrets(&root, false, &mut secrets);
        if !errors.is_empty() {
            secrets.extend(suspicious_lines(&source.text));
        }
        let file = Arc::new(File::new(source.name.clone(), &source.text, secrets.clone()));
        let mut document = Document { file, root: DeTable::new(), hidden: secrets, environment, problems };
        if !source.is_utf8 {
            document.report(Problem::error(format!("{} is not UTF-8", source.name)));
        } else if errors.is_empty() {
            document.complete(&mut root, &source.directory);
            document.root = root;
        }
        for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
            document.report(document.placed(Problem::error(error.message()), error.span().unwrap_or(0..0)));
        }
        document
    }

    fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place { file: self.file.clone(), span }
    }

    fn placed(&self, problem: Problem, span: Range<usize>) -> Problem {
        problem.at(self.place(span))
    }

    /// Completes `${…}` in all strings.
    fn complete(&mut self, root: &mut DeTable<'a>, directory: &Path) {
        let mut failures = Vec::new();
        let mut completed = Vec::new();
        for_each_string(root, &mut |span, text| match interpolate::interpolate(text, directory, self.environment) {
            Ok(None) => {}
            Ok(Some(complete)) => {
                *text = complete.into();
                completed.push(span);
            }
            Err(error) => failures.push((error.to_string(), span)),
        });
        for (message, span) in failures {
            self.report(self.placed(Problem::error(message), span));
        }
        self.hidden.extend(completed);
    }

    /// The `[agent]` table of a file that also has pipelines.
    pub(super) fn settings(&self) -> Settings {
        self.expect_keys(&self.root, &["agent", "pipelines"], "the file");
        self.agent()
    }

    /// The `[agent]` table of a file that has nothing else.
    pub(super) fn only_settings(&self) -> Settings {
        self.expect_keys(&self.root, &["agent"], "a settings file");
        self.agent()
    }

    /// The `[agent]` table, checked as a whole.
    fn agent(&self) -> Settings {
        let Some(settings) = self.table::<Settings>("agent") else { return Settings::default() };
        let agent = self.root.iter().find(|(name, _)| name.get_ref() == "agent").and_then(|(_, value)| value.get_ref().as_table());
        for flaw in settings.api.flaws(settings.admin) {
            let place = agent.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == flaw.key));
            let mut problem = Problem::error(flaw.message);
            problem.help.extend(flaw.help);
            self.report(match place {
                Some((key, _)) => self.placed(problem, key.span()),
                None => problem,
            });
        }
        settings
    }

    /// The `[plugins]` table of a file that has nothing else.
    pub(super) fn only_plugins(&self) -> BTreeMap<String, PathBuf> {
        self.expect_keys(&self.root, &["plugins"], "a plugin map");
        self.table("plugins").unwrap_or_default()
    }

    fn table<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let (_, value) = self.root.iter().find(|(name, _)| name.get_ref() == key)?;
        self.read(value)
    }

    fn expect_keys(&self, table: &DeTable<'a>, expected: &[&str], of: &str) {
        for (key, _) in table.iter().filter(|(key, _)| !expected.contains(&key.get_ref().as_ref())) {
            let problem = unknown_key(key.get_ref(), expected.iter().copied()).help(format!("{of} may have: {}", expected.join(", ")));
            self.report(self.placed(problem, key.span()));
        }
    }

    /// Reads a value. Serde stops at the first mistake: the key with it is taken out and the rest read again, until all are reported.
    fn read<T: DeserializeOwned>(&self, value: &Spanned<DeValue<'a>>) -> Option<T> {
        let mut value = value.clone();
        let mut removed: Vec<String> = Vec::new();
        loop {
            let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
                Ok(read) => return removed.is_empty().then_some(read),
                Err(error) => error,
            };
            // Serde tells kinds of mistakes by their text only.
            if removed.iter().any(|key| error.message().starts_with(&format!("missing field `{key}`"))) {
                return None;
            }
            let span = error.span().unwrap_or_else(|| value.span());
            let problem = match unknown_field(error.message()) {
                Some((unknown, expected)) => unknown_key(unknown, expected),
                None => Problem::error(self.message(error.message(), &span)),
            };
            self.report(self.placed(problem, span.clone()));
            removed.push(remove(value.get_mut(), &span)?);
        }
    }

    /// Serde's messages show values: not those that are secrets or come from elsewhere.
    fn message(&self, message: &str, span: &Range<usize>) -> String {
        if self.hidden.iter().any(|hidden| hidden.start <= span.start && span.end <= hidden.end) {
            // Of a word that is none of a few, the few are no secret.
            let few = message.strip_prefix("unknown variant").and_then(|rest| rest.rsplit_once("`, expected "));
            let few = few.map(|(_, few)| format!(" (expected {})", few.trim_end())).unwrap_or_default();
            return format!("this value cannot be used{few}; it is not shown, since it may be a secret");
        }
        message.trim_end().to_owned()
    }

    /// All pipelines, in the order of their names.
    pub(super) fn pipelines(&self, plugins: &Plugins<'_>) -> Vec<PipelineSpec> {
        let Some((key, value)) = self.root.iter().find(|(name, _)| name.get_ref() == "pipelines") else {
            if !self.problems.borrow().iter().any(|problem| problem.severity == super::Severity::Error) {
                self.report(
                    self.placed(Problem::error("there is no pipeline").help("begin one with [pipelines.NAME.sources.NAME.kafka]"), 0..0),
                );
            }
            return Vec::new();
        };
        let pipelines = self.entries(value);
        if pipelines.is_empty() {
            self.report(self.placed(Problem::error("there is no pipeline"), key.span()));
        }
        pipelines.into_iter().filter_map(|entry| self.pipeline(entry, plugins)).collect()
    }

    /// The keys of a table whose values are components.
    fn entries(&self, value: &Spanned<DeValue<'a>>) -> Vec<Entry<'a>> {
        let DeValue::Table(table) = value.get_ref() else {
            self.report(self.placed(Problem::error("expected a table"), value.span()));
            return Vec::new();
        };
        table.iter().map(|(key, value)| (key.get_ref().to_string(), key.span(), value.clone())).collect()
    }

    fn pipeline(&self, (name, span, value): Entry<'a>, plugins: &Plugins<'_>) -> Option<PipelineSpec> {
        let DeValue::Table(table) = value.get_ref() else {
            self.report(self.placed(Problem::error("expected a table"), value.span()));
            return None;
        };
        self.expect_keys(table, &["sources", "channels", "sinks", "sink_groups", "dead_letters"], "a pipeline");
        let section = |section: &str| {
            let found = table.iter().find(|(key, _)| key.get_ref() == section);
            found.map(|(_, value)| self.entries(value)).unwrap_or_default()
        };
        let (sources, channels, sinks) = (section("sources"), section("channels"), section("sinks"));
        let groups = section("sink_groups");
        if channels.is_empty() {
            self.report(self.placed(Problem::error(format!("pipeline {} has no channel", quoted(&name))), span.clone()));
        }
        let letters = table.iter().find(|(key, _)| key.get_ref() == "dead_letters");
        let dead_letters = letters.and_then(|(_, value)| self.read::<dead_letter::Spec>(value));
        let dead_letters = dead_letters.unwrap_or_else(|| plugins.settings.dead_letters(&name, self.environment));
        let names: Vec<&str> = channels.iter().map(|(name, ..)| name.as_str()).collect();
        let sink_names: Vec<&str> = sinks.iter().map(|(name, ..)| name.as_str()).collect();
        let mut pipeline = PipelineSpec {
            name,
            sources: sources.iter().filter_map(|entry| self.source(entry, &names, plugins)).collect(),
            channels: channels.iter().filter_map(|entry| self.channel(entry)).collect(),
            sinks: sinks.iter().filter_map(|entry| self.sink(entry, &names)).collect(),
            sink_groups: self.sink_groups(&groups, &sink_names),
            dead_letters,
        };
        let locate = |kind: Kind, component: &str, _: &str| {
            let list = match kind {
                Kind::Source => &sources,
                Kind::Channel => &channels,
                Kind::SinkProcessor => &groups,
                _ => &sinks,
            };
            list.iter().find(|(name, ..)| name == component).map(|(_, span, _)| self.place(span.clone()))
        };
        let is_whole =
            pipeline.sources.len() == sources.len() && pipeline.channels.len() == channels.len() && pipeline.sinks.len() == sinks.len();
        if is_whole {
            self.require_connections(&pipeline, &locate);
        }
        check::raise_capacities(&mut pipeline, &locate, &mut |problem| self.report(problem));
        check::topic_loops(&mut pipeline, false, &locate, &mut |problem| self.report(problem));
        check::fan_out(&pipeline, false, &locate, &mut |problem| self.report(problem));
        check::offset_names(&pipeline, &locate, &mut |problem| self.report(problem));
        Some(pipeline)
    }

    /// Every channel is filled and drained, but for one that others may fill or drain.
    fn require_connections(&self, pipeline: &PipelineSpec, locate: check::Locate<'_>) {
        for channel in &pipeline.channels {
            let name = &channel.name;
            let (filled, drained) = (
                pipeline.sources.iter().any(|source| source.channels.contains(name)),
                pipeline.sinks.iter().any(|sink| sink.channel == *name),
            );
            if channel.kind.is_shared() && (filled || drained) {
                continue;
            }
            let report = |message: String| {
                let problem = Problem::error(message);
                self.report(match locate(Kind::Channel, name, "") {
                    Some(place) => problem.at(place),
                    None => problem,
                });
            };
            if !filled {
                report(format!("channel `{name}` has no source"));
            }
            if !drained {
                report(format!("channel `{name}` has no sink"));
            }
        }
    }

    /// The document's root as a component of this name.
    pub(super) fn component(&self, name: &str) -> Entry<'a> {
        (name.to_owned(), 0..0, Spanned::new(0..0, DeValue::Table(self.root.clone())))
    }

    /// The document's root as an interceptor.
    pub(super) fn interceptor(&self, plugins: &Plugins<'_>) -> Option<interceptor::Spec> {
        self.whole::<component::Interceptor>()?.kind(plugins)
    }

    /// The document's root as one value.
    pub(super) fn whole<T: DeserializeOwned>(&self) -> Option<T> {
        self.read(&self.component("").2)
    }

    /// Reads a source, whose channels must be among `channels`.
    pub(super) fn source(&self, (name, span, value): &Entry<'a>, channels: &[&str], plugins: &Plugins<'_>) -> Option<SourceSpec> {
        let mut read: component::Source = self.read(value)?;
        let (kind, mut interceptors) = (read.kind(), Vec::new());
        for interceptor in read.interceptors {
            let (name, span) = (interceptor.name.get_ref().clone(), interceptor.name.span());
            match interceptor.kind(plugins) {
                Some(kind) => interceptors.push(InterceptorSpec { name, kind }),
                None => {
                    let problem = Problem::error(format!("interceptor {} is not exactly one of the kinds there are", quoted(&name)));
                    let kinds = "timestamp, host, static, remove_header, search_replace, regex_filter, regex_extractor, uuid, wasm";
                    self.report(self.placed(problem.help(format!("give it one of: {kinds}")), span));
                }
            }
        }
        if read.channels.is_empty() {
            self.report(self.placed(Problem::error(format!("source {} has no channel", quoted(name))), span.clone()));
        }
        for channel in &read.channels {
            self.expect(channel, "channel", channels.iter().copied());
        }
        let kind = self.kind(kind, "source", component::Source::KINDS, name, span)?;
        let channels: Vec<String> = read.channels.into_iter().map(Spanned::into_inner).collect();
        let selector = self.selector(read.selector, &channels);
        Some(SourceSpec { name: name.clone(), channels, selector, interceptors, kind })
    }

    /// Reads a channel.
    pub(super) fn channel(&self, (name, span, value): &Entry<'a>) -> Option<ChannelSpec> {
        let read: component::Channel = self.read(value)?;
        let kind = self.kind(read.kind(), "channel", component::Channel::KINDS, name, span)?;
        Some(ChannelSpec { name: name.clone(), kind })
    }

    /// Reads a sink, whose channel must be among `channels`.
    pub(super) fn sink(&self, (name, span, value): &Entry<'a>, channels: &[&str]) -> Option<SinkSpec> {
        let mut read: component::Sink = self.read(value)?;
        self.expect(&read.channel, "channel", channels.iter().copied());
        let kind = self.kind(read.kind(), "sink", component::Sink::KINDS, name, span)?;
        Some(SinkSpec { name: name.clone(), channel: read.channel.into_inner(), kind })
    }

    /// The selector, each of whose channels must be the source's.
    fn selector(&self, read: Option<Spanned<selector::Spec>>, channels: &[String]) -> selector::Spec {
        let Some(read) = read else { return selector::Spec::default() };
        let mut told: Vec<&str> = Vec::new();
        for name in read.get_ref().channels() {
            if told.contains(&name) || channels.iter().any(|channel| channel == name) {
                continue;
            }
            told.push(name);
            let problem = Problem::error(format!("channel {} of the selector is none of the source's", quoted(name)));
            let problem = match closest(name, channels.iter().map(String::as_str)) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem.help(format!("the source's channels: {}", channels.join(", "))),
            };
            self.report(self.placed(problem, read.span()));
        }
        read.into_inner()
    }

    fn sink_groups(&self, groups: &[Entry<'a>], sinks: &[&str]) -> Vec<SinkGroupSpec> {
        let mut read: Vec<SinkGroupSpec> = Vec::new();
        for entry in groups {
            if let Some(group) = self.sink_group(entry, sinks, &read) {
                read.push(group);
            }
        }
        read
    }

    /// Reads a sink group, whose sinks must be among `sinks` and in none of the others.
    pub(super) fn sink_group(&self, (name, span, value): &Entry<'a>, sinks: &[&str], others: &[SinkGroupSpec]) -> Option<SinkGroupSpec> {
        let read: component::SinkGroup = self.read(value)?;
        let mut members: Vec<String> = Vec::new();
        for sink in read.sinks {
            self.expect(&sink, "sink", sinks.iter().copied());
            let taken = others.iter().find(|group| group.sinks.contains(sink.get_ref())).map(|group| group.name.as_str());
            let taken = taken.or_else(|| members.contains(sink.get_ref()).then_some(name.as_str()));
            if let Some(group) = taken {
                let message = format!("sink {} is in sink group {} already", quoted(sink.get_ref()), quoted(group));
                self.report(self.placed(Problem::error(message), sink.span()));
            }
            members.push(sink.into_inner());
        }
        if members.is_empty() {
            self.report(self.placed(Problem::error(format!("sink group {} has no sink", quoted(name))), span.clone()));
        } else if let Some(flaw) = read.processor.get_ref().flaw(&members) {
            self.report(self.placed(Problem::error(flaw), read.processor.span()));
        }
        Some(SinkGroupSpec { name: name.clone(), sinks: members, processor: read.processor.into_inner() })
    }

    fn kind<T>(&self, kind: Option<T>, what: &str, kinds: &str, name: &str, span: &Range<usize>) -> Option<T> {
        if kind.is_none() {
            let problem = Problem::error(format!("{what} {} is not exactly one of the kinds there are", quoted(name)));
            self.report(self.placed(problem.help(format!("give it one of: {kinds}")), span.clone()));
        }
        kind
    }

    fn expect<'n>(&self, named: &Spanned<String>, what: &str, mut names: impl Iterator<Item = &'n str> + Clone) {
        let wanted = named.get_ref();
        if names.clone().any(|name| name == wanted) {
            return;
        }
        let mut problem = Problem::error(format!("there is no {what} {}", quoted(wanted)));
        if let Some(meant) = closest(wanted, names.by_ref()) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        self.report(self.placed(problem, named.span()));
    }
}

fn unknown_key<'k>(key: &str, expected: impl IntoIterator<Item = &'k str>) -> Problem {
    let problem = Problem::error(format!("unknown key {}", quoted(key))).key(key);
    match closest(key, expected) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    }
}

/// The key and the expected ones, of serde's "unknown field `x`, expected `a` or `b`".
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = rest.split_once("`, ").unwrap_or((rest.trim_end().trim_end_matches('`'), ""));
    Some((unknown, rest.split('`').skip(1).step_by(2).collect()))
}

/// Removes the key that is, or whose value is, at `span`, wherever below `value` that is; returns the key.
fn remove(value: &mut DeValue<'_>, span: &Range<usize>) -> Option<String> {
    match value {
        DeValue::Table(table) => {
            let found = table.iter().find(|(name, value)| name.span() == *span || value.span() == *span).map(|(name, _)| name.clone());
            if let Some(name) = found {
                table.remove(&name);
                return Some(name.into_inner().into_owned());
            }
            table.iter_mut().find_map(|(_, value)| remove(value.get_mut(), span))
        }
        DeValue::Array(array) => array.iter_mut().find_map(|value| remove(value.get_mut(), span)),
        _ => None,
    }
}

fn for_each_string<'a>(table: &mut DeTable<'a>, visit: &mut dyn FnMut(Range<usize>, &mut DeString<'a>)) {
    for (_, value) in table.iter_mut() {
        for_each_string_in(value, visit);
    }
}

fn for_each_string_in<'a>(value: &mut Spanned<DeValue<'a>>, visit: &mut dyn FnMut(Range<usize>, &mut DeString<'a>)) {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(text) => visit(span, text),
        DeValue::Array(array) => array.iter_mut().for_each(|value| for_each_string_in(value, visit)),
        DeValue::Table(table) => for_each_string(table, visit),
        _ => {}
    }
}

/// Where the values of secret keys are.
fn find_secrets(table: &DeTable<'_>, below_secret: bool, secrets: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        find_secrets_in(value, below_secret || is_secret(key.get_ref()), secrets);
    }
}

fn find_secrets_in(value: &Spanned<DeValue<'_>>, is_secret: bool, secrets: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => find_secrets(table, is_secret, secrets),
        DeValue::Array(array) => array.iter().for_each(|value| find_secrets_in(value, is_secret, secrets)),
        _ if is_secret => secrets.push(value.span()),
        _ => {}
    }
}

/// In a file with wrong syntax: what stands behind the `=` of lines that name a secret, and all lines after one that opens a longer string.
fn suspicious_lines(text: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let end = offset + line.trim_end().len();
        if is_secret(line) {
            let start = offset + line.find('=').map_or(0, |at| at + 1);
            let is_long = ["\"\"\"", "'''"].iter().any(|quote| line.contains(quote));
            lines.push(start.min(end)..if is_long { text.len() } else { end });
        }
        offset += line.len();
    }
    lines
}
