//! Settings of the interceptors: Flume's own, and plugins.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::config::secret::Masked;
use crate::config::{native, size};
use crate::plugin::Language;

/// Which interceptor. The built-ins take Flume's keys and defaults (`org.apache.flume.interceptor`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// `timestamp`
    Timestamp(Timestamp),
    /// `host`
    Host(Host),
    /// `static`
    Static(Static),
    /// `remove_header`
    RemoveHeader(RemoveHeader),
    /// `search_replace`
    SearchReplace(SearchReplace),
    /// `regex_filter`
    RegexFilter(RegexFilter),
    /// `regex_extractor`
    RegexExtractor(RegexExtractor),
    /// `org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder`
    Uuid(Uuid),
    /// A WebAssembly component.
    Wasm(Box<Wasm>),
}

/// Sets a header to the current time, milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timestamp {
    /// Keep a header that is there already. Default: false.
    pub preserve_existing: bool,
    /// Default: `timestamp`.
    pub header: String,
}

/// Sets a header to this host's address or name.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Host {
    /// Keep a header that is there already. Default: false.
    pub preserve_existing: bool,
    /// The IP address, not the canonical name. Default: true.
    pub use_ip: bool,
    /// Default: `host`.
    pub header: String,
}

/// Sets one header to one value.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Static {
    /// Keep a header that is there already. Default: true.
    pub preserve_existing: bool,
    /// Default: `key`.
    pub key: String,
    /// Default: `value`.
    pub value: String,
}

/// Removes headers: those of one name, those of a list, and those whose whole name matches.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveHeader {
    /// `withName`
    pub name: Option<String>,
    /// `fromList`, split at `fromListSeparator` (default `\s*,\s*`).
    pub list: Vec<String>,
    /// `matching`: a regular expression over the whole name.
    #[serde(deserialize_with = "native::optional_regex", serialize_with = "native::write_optional_text")]
    pub matching: Option<regex::Regex>,
}

/// Replaces what matches in the body; `$1` in the replacement is a group.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SearchReplace {
    /// `searchPattern`
    #[serde(deserialize_with = "native::regex", serialize_with = "native::write_text")]
    pub pattern: regex::Regex,
    /// `replaceString`, as Java's `Matcher.replaceAll` reads it. Default: empty.
    #[serde(default)]
    pub replacement: String,
    /// Charset of the body. Default: UTF-8.
    #[serde(default)]
    pub charset: Charset,
}

/// Charsets a body may be read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub enum Charset {
    /// UTF-8
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// ISO-8859-1
    #[serde(rename = "iso-8859-1")]
    Latin1,
    /// US-ASCII
    #[serde(rename = "us-ascii")]
    Ascii,
}

/// Keeps (or drops) the events whose body contains a match.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegexFilter {
    /// Default: `.*`.
    #[serde(default = "native::match_all", deserialize_with = "native::bytes_regex", serialize_with = "native::write_text")]
    pub regex: regex::bytes::Regex,
    /// Drop what matches. Default: false.
    #[serde(default)]
    pub exclude: bool,
}

/// Copies the groups of the first match in the body to headers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegexExtractor {
    /// `regex`
    #[serde(deserialize_with = "native::bytes_regex", serialize_with = "native::write_text")]
    pub regex: regex::bytes::Regex,
    /// Group n goes through the n-th serializer to its header.
    pub serializers: Vec<ExtractorSerializer>,
}

/// Where a group goes and how.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExtractorSerializer {
    /// Header name (`serializers.<s>.name`).
    pub header: String,
    /// How the text is changed. Default: not at all.
    #[serde(default)]
    pub kind: ExtractorKind,
}

/// How `regex_extractor` writes a group.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtractorKind {
    /// As it is (`DEFAULT`).
    #[default]
    Text,
    /// A date in this Joda pattern, as milliseconds since the epoch in the system's time zone
    /// (`org.apache.flume.interceptor.RegexExtractorInterceptorMillisSerializer`).
    Millis(String),
}

/// Sets a header to a random UUID.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uuid {
    /// Default: `id`.
    pub header: String,
    /// Keep a header that is there already. Default: true.
    pub preserve_existing: bool,
    /// Put before the UUID. Default: empty.
    pub prefix: String,
}

/// A plugin: a `.wasm` component behind the contract `weir:interceptor`.
#[derive(Clone, PartialEq, Serialize)]
pub struct Wasm {
    /// The file.
    pub plugin: PathBuf,
    /// Handed to the plugin's `configure`, checked against the parameters it describes.
    pub settings: BTreeMap<String, String>,
    /// How many instances are asked for (Flume plugins' `threadNum`); the host caps it at its cores. Default: the cores.
    pub instances: Option<usize>,
    /// What one call may use.
    pub limits: Limits,
    /// What becomes of the event that traps, spins or eats memory.
    pub on_error: OnError,
    /// Abilities it may import beside the events themselves. Default: `logging`.
    pub grants: Vec<Ability>,
    /// How new versions are found, tried and watched.
    pub swaps: Swaps,
}

/// What the host can do for a plugin, each an interface of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// `weir:interceptor/logging`: lines of its own in the agent's log.
    Logging,
}

impl Ability {
    /// All there are.
    pub const ALL: [Ability; 1] = [Ability::Logging];

    /// Its name in configurations and in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Ability::Logging => "logging",
        }
    }
}

/// How new versions of a plugin are found, tried before they judge, and watched afterwards.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Swaps {
    /// How often the plugin's file or directory is looked at; 0 is never. Default: 1 s.
    #[serde(with = "humantime_serde")]
    pub watch: Duration,
    /// How many of the last batches seen a new version judges before it is let in; 0 is none. Default: 16.
    pub rehearsal: usize,
    /// How long a new version is on trial, compared with the one before it; 0 is no trial. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub trial: Duration,
    /// It is rolled back when it takes more than so many times the CPU per event. Default: 5.
    #[serde(deserialize_with = "factor")]
    pub slower: f64,
    /// It is rolled back when it discards and rejects more than so many times the share of events (and one in a hundred more). Default: 1.5.
    #[serde(deserialize_with = "factor")]
    pub discards: f64,
    /// It is rolled back when an instance of it grows beyond this share of its memory limit, in percent, and the one before did not. Default: 70.
    #[serde(deserialize_with = "percent")]
    pub memory: u8,
}

impl Default for Swaps {
    fn default() -> Swaps {
        Swaps { watch: Duration::from_secs(1), rehearsal: 16, trial: Duration::from_secs(30), slower: 5.0, discards: 1.5, memory: 70 }
    }
}

/// For `#[serde(deserialize_with)]`: a factor of at least 1.
pub(crate) fn factor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let factor = f64::deserialize(deserializer)?;
    if factor.is_finite() && factor >= 1.0 { Ok(factor) } else { Err(de::Error::custom("expected a factor of at least 1")) }
}

/// For `#[serde(deserialize_with)]`: a percentage.
pub(crate) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let percent = u8::deserialize(deserializer)?;
    if (1..=100).contains(&percent) { Ok(percent) } else { Err(de::Error::custom("expected a percentage from 1 to 100")) }
}

/// What a guest may use.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Time for one batch; each event adds 20 µs. Default: 250 ms.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Linear memory of one instance, bytes. Default: by what the plugin is written in, as its file says: 256 MiB for Python, 128 MiB for Go,
    /// JavaScript and TypeScript, else 64 MiB.
    #[serde(
        deserialize_with = "size::optional_in_memory",
        serialize_with = "size::serialize_optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub memory: Option<usize>,
    /// Bytes one call may hand to the host (edits, errors, logs). Default: 32 MiB.
    #[serde(deserialize_with = "size::in_memory", serialize_with = "size::serialize")]
    pub result: usize,
    /// An instance is replaced after this many batches. Default: 1,000,000.
    pub recycle_after: u64,
}

impl Limits {
    /// Linear memory of one instance; where none is given, that of a plugin which does not say what it is written in.
    #[must_use]
    pub fn memory_limit(&self) -> usize {
        self.memory.unwrap_or_else(|| Language::memory(None))
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { deadline: Duration::from_millis(250), memory: None, result: 32 << 20, recycle_after: 1_000_000 }
    }
}

// A plugin's settings may hold a password.
impl fmt::Debug for Wasm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Wasm");
        out.field("plugin", &self.plugin).field("settings", &Masked(&self.settings)).field("instances", &self.instances);
        out.field("limits", &self.limits).field("on_error", &self.on_error).field("grants", &self.grants);
        out.field("swaps", &self.swaps).finish()
    }
}

impl Default for Timestamp {
    fn default() -> Timestamp {
        Timestamp { preserve_existing: false, header: "timestamp".to_owned() }
    }
}

impl Default for Host {
    fn default() -> Host {
        Host { preserve_existing: false, use_ip: true, header: "host".to_owned() }
    }
}

impl Default for Static {
    fn default() -> Static {
        Static { preserve_existing: true, key: "key".to_owned(), value: "value".to_owned() }
    }
}

impl Default for Uuid {
    fn default() -> Uuid {
        Uuid { header: "id".to_owned(), preserve_existing: true, prefix: String::new() }
    }
}

/// What becomes of an event that a plugin cannot judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// To the dead letters.
    #[default]
    DeadLetter,
    /// Dropped, and counted.
    Discard,
    /// Goes on unchanged.
    Pass,
    /// The pipeline stops; nothing is committed past it.
    Halt,
}

// A regex has no equality of its own; its text is what the user wrote.
impl PartialEq for RemoveHeader {
    fn eq(&self, other: &RemoveHeader) -> bool {
        let matching = |spec: &RemoveHeader| spec.matching.as_ref().map(|regex| regex.as_str().to_owned());
        self.name == other.name && self.list == other.list && matching(self) == matching(other)
    }
}

impl PartialEq for SearchReplace {
    fn eq(&self, other: &SearchReplace) -> bool {
        self.pattern.as_str() == other.pattern.as_str() && self.replacement == other.replacement && self.charset == other.charset
    }
}

impl PartialEq for RegexFilter {
    fn eq(&self, other: &RegexFilter) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.exclude == other.exclude
    }
}

impl PartialEq for RegexExtractor {
    fn eq(&self, other: &RegexExtractor) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.serializers == other.serializers
    }
}
