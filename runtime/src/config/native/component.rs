//! The tables of the native form: sources, channels, sinks and interceptors, each with one key that says which.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::config::settings::Plugins;
use crate::config::size;
use crate::interceptor::spec::{
    Ability, Host, Limits, OnError, RegexExtractor, RegexFilter, RemoveHeader, SearchReplace, Spec, Static, Swaps, Timestamp, Uuid, Wasm,
    factor, percent,
};
use crate::pipeline::selector;
use crate::{channel, sink, source};

/// `[pipelines.NAME.sources.NAME]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) channels: Vec<Spanned<String>>,
    pub(super) selector: Option<Spanned<selector::Spec>>,
    #[serde(default)]
    pub(super) interceptors: Vec<Interceptor>,
    kafka: Option<source::kafka::Spec>,
    sequence: Option<source::sequence::Spec>,
    stress: Option<source::stress::Spec>,
    netcat: Option<source::netcat::Spec>,
}

impl Source {
    /// The kinds there are.
    pub(super) const KINDS: &str = "kafka, sequence, stress, netcat";

    /// Which source it is; `None` unless it is exactly one.
    pub(super) fn kind(&mut self) -> Option<source::Spec> {
        one([
            self.kafka.take().map(|kafka| source::Spec::Kafka(Box::new(kafka))),
            self.sequence.take().map(source::Spec::Sequence),
            self.stress.take().map(source::Spec::Stress),
            self.netcat.take().map(source::Spec::Netcat),
        ])
    }
}

/// `[pipelines.NAME.channels.NAME]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Channel {
    memory: Option<channel::memory::Spec>,
    file: Option<channel::file::Spec>,
    spillable_memory: Option<channel::spillable::Spec>,
    kafka: Option<channel::kafka::Spec>,
}

impl Channel {
    /// The kinds there are.
    pub(super) const KINDS: &str = "memory, file, spillable_memory, kafka";

    /// Which channel it is; `None` unless it is exactly one.
    pub(super) fn kind(self) -> Option<channel::Spec> {
        one([
            self.memory.map(channel::Spec::Memory),
            self.file.map(|file| channel::Spec::File(Box::new(file))),
            self.spillable_memory.map(|spillable| channel::Spec::Spillable(Box::new(spillable))),
            self.kafka.map(|kafka| channel::Spec::Kafka(Box::new(kafka))),
        ])
    }
}

/// `[pipelines.NAME.sinks.NAME]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sink {
    pub(super) channel: Spanned<String>,
    kafka: Option<sink::kafka::Spec>,
    hdfs: Option<sink::hdfs::Spec>,
    file_roll: Option<sink::file_roll::Spec>,
    logger: Option<sink::logger::Spec>,
    null: Option<sink::null::Spec>,
}

impl Sink {
    /// The kinds there are.
    pub(super) const KINDS: &str = "kafka, hdfs, file_roll, logger, null";

    /// Which sink it is; `None` unless it is exactly one.
    pub(super) fn kind(&mut self) -> Option<sink::Spec> {
        one([
            self.kafka.take().map(|kafka| sink::Spec::Kafka(Box::new(kafka))),
            self.hdfs.take().map(|hdfs| sink::Spec::Hdfs(Box::new(hdfs))),
            self.file_roll.take().map(|roll| sink::Spec::FileRoll(Box::new(roll))),
            self.logger.take().map(sink::Spec::Logger),
            self.null.take().map(sink::Spec::Null),
        ])
    }
}

/// `[pipelines.NAME.sink_groups.NAME]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkGroup {
    pub(super) sinks: Vec<Spanned<String>>,
    pub(super) processor: Spanned<sink::group::Processor>,
}

/// The one that is there; `None` where there are several, or none.
fn one<T>(kinds: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut kinds = kinds.into_iter().flatten();
    kinds.next().filter(|_| kinds.next().is_none())
}

/// `[[pipelines.NAME.sources.NAME.interceptors]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interceptor {
    pub(super) name: Spanned<String>,
    timestamp: Option<Timestamp>,
    host: Option<Host>,
    r#static: Option<Static>,
    remove_header: Option<RemoveHeader>,
    search_replace: Option<SearchReplace>,
    regex_filter: Option<RegexFilter>,
    regex_extractor: Option<RegexExtractor>,
    uuid: Option<Uuid>,
    wasm: Option<NativeWasm>,
}

impl Interceptor {
    /// Which interceptor it is; `None` unless it is exactly one.
    pub(super) fn kind(self, plugins: &Plugins<'_>) -> Option<Spec> {
        one([
            self.timestamp.map(Spec::Timestamp),
            self.host.map(Spec::Host),
            self.r#static.map(Spec::Static),
            self.remove_header.map(Spec::RemoveHeader),
            self.search_replace.map(Spec::SearchReplace),
            self.regex_filter.map(Spec::RegexFilter),
            self.regex_extractor.map(Spec::RegexExtractor),
            self.uuid.map(Spec::Uuid),
            self.wasm.map(|wasm| Spec::Wasm(Box::new(wasm.complete(plugins)))),
        ])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NativeWasm {
    /// Relative to the file, else to the working directory.
    plugin: String,
    #[serde(default)]
    settings: BTreeMap<String, Setting>,
    instances: Option<NonZeroUsize>,
    #[serde(default)]
    limits: SomeLimits,
    on_error: Option<OnError>,
    grants: Option<Vec<Ability>>,
    #[serde(default)]
    swaps: SomeSwaps,
}

/// A plugin is told its settings as text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string, a number or a boolean")]
enum Setting {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
}

impl Setting {
    fn text(self) -> String {
        match self {
            Setting::Text(text) => text,
            Setting::Integer(number) => number.to_string(),
            Setting::Float(number) => number.to_string(),
            Setting::Boolean(boolean) => boolean.to_string(),
        }
    }
}

/// Limits that differ from the agent's.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SomeLimits {
    #[serde(with = "humantime_serde")]
    deadline: Option<Duration>,
    #[serde(deserialize_with = "size::optional_in_memory")]
    memory: Option<usize>,
    #[serde(deserialize_with = "size::optional_in_memory")]
    result: Option<usize>,
    recycle_after: Option<u64>,
}

/// What of swapping differs from the agent's.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SomeSwaps {
    #[serde(with = "humantime_serde")]
    watch: Option<Duration>,
    rehearsal: Option<usize>,
    #[serde(with = "humantime_serde")]
    trial: Option<Duration>,
    slower: Option<Factor>,
    discards: Option<Factor>,
    memory: Option<Percent>,
}

#[derive(Deserialize)]
struct Factor(#[serde(deserialize_with = "factor")] f64);

#[derive(Deserialize)]
struct Percent(#[serde(deserialize_with = "percent")] u8);

impl SomeSwaps {
    fn or(self, agent: &Swaps) -> Swaps {
        Swaps {
            watch: self.watch.unwrap_or(agent.watch),
            rehearsal: self.rehearsal.unwrap_or(agent.rehearsal),
            trial: self.trial.unwrap_or(agent.trial),
            slower: self.slower.map_or(agent.slower, |Factor(factor)| factor),
            discards: self.discards.map_or(agent.discards, |Factor(factor)| factor),
            memory: self.memory.map_or(agent.memory, |Percent(percent)| percent),
        }
    }
}

impl NativeWasm {
    fn complete(self, plugins: &Plugins<'_>) -> Wasm {
        let agent = &plugins.settings.limits;
        Wasm {
            plugin: plugins.find(&self.plugin),
            settings: self.settings.into_iter().map(|(key, setting)| (key, setting.text())).collect(),
            instances: self.instances.map(Into::into),
            limits: Limits {
                deadline: self.limits.deadline.unwrap_or(agent.deadline),
                memory: self.limits.memory.or(agent.memory),
                result: self.limits.result.unwrap_or(agent.result),
                recycle_after: self.limits.recycle_after.unwrap_or(agent.recycle_after),
            },
            on_error: self.on_error.unwrap_or(plugins.settings.on_error),
            grants: self.grants.unwrap_or_else(|| Ability::ALL.to_vec()),
            swaps: self.swaps.or(&plugins.settings.swaps),
        }
    }
}
