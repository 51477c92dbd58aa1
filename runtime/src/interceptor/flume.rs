//! Interceptors as Flume's files have them: `<source>.interceptors.<name>.*`.

use std::path::PathBuf;
use std::time::Duration;

use super::spec::{
    Ability, Charset, ExtractorKind, ExtractorSerializer, Host, Limits, OnError, RegexExtractor, RegexFilter, RemoveHeader, SearchReplace,
    Spec, Static, Swaps, Timestamp, Uuid, Wasm,
};
use crate::config::keys::{Keys, Value};
use crate::config::problem::{Problem, quoted};
use crate::config::types::{Found, Kind, find};
use crate::config::{Plugins, java_regex, size};

/// `regex_extractor`'s serializer that parses a date.
const MILLIS: &str = "org.apache.flume.interceptor.RegexExtractorInterceptorMillisSerializer";
/// The one that `DEFAULT` stands for.
const TEXT: &str = "org.apache.flume.interceptor.RegexExtractorInterceptorPassThroughSerializer";

impl Spec {
    /// Reads one interceptor: a built-in by alias or class, `wasm` with its `plugin`, or a Java class that the plugin map binds to a plugin.
    /// `None` when it cannot be built; `keys` is told why.
    pub fn from_flume(keys: &mut Keys, plugins: &Plugins<'_>) -> Option<Spec> {
        let Some(kind) = keys.get("type") else {
            keys.refuse(Problem::lenient("the interceptor has no type").at(keys.declared()));
            return None;
        };
        if kind.text.eq_ignore_ascii_case("wasm") {
            return wasm(keys, plugins).map(|wasm| Spec::Wasm(Box::new(wasm)));
        }
        if let Some(plugin) = plugins.settings.plugins.get(&kind.text) {
            return Some(Spec::Wasm(Box::new(mapped(keys, plugins, plugin.clone()))));
        }
        match find(Kind::Interceptor, &kind.text) {
            Found::Built(found) => built_in(keys, found.simple_name()),
            Found::Known => refuse_type(keys, &kind, "is known to Flume but not supported by this version", None),
            Found::Unknown(meant) => refuse_type(keys, &kind, "cannot be loaded", meant),
        }
    }
}

fn refuse_type(keys: &mut Keys, kind: &Value, what: &str, meant: Option<String>) -> Option<Spec> {
    let mut problem = Problem::error(format!("interceptor type {} {what}", quoted(&kind.text))).key(kind.key.clone()).at(kind.place());
    match meant {
        Some(meant) => problem = problem.help(format!("did you mean `{meant}`?")),
        // Single quotes keep the shell from reading `$Builder`.
        None => problem = problem.help(format!("a Java class runs as a plugin: --plugin-map '{}=FILE.wasm'", kind.text)),
    }
    keys.refuse(problem.help(format!("supported: wasm, {}", Kind::Interceptor.supported())));
    None
}

fn built_in(keys: &mut Keys, class: &str) -> Option<Spec> {
    let spec = match class {
        "TimestampInterceptor$Builder" => Spec::Timestamp(Timestamp {
            preserve_existing: keys.boolean("preserveExisting", false),
            header: keys.text("headerName", "timestamp"),
        }),
        "HostInterceptor$Builder" => Spec::Host(Host {
            preserve_existing: keys.boolean("preserveExisting", false),
            use_ip: keys.boolean("useIP", true),
            header: keys.text("hostHeader", "host"),
        }),
        "StaticInterceptor$Builder" => Spec::Static(Static {
            preserve_existing: keys.boolean("preserveExisting", true),
            key: keys.text("key", "key"),
            value: keys.text("value", "value"),
        }),
        "UUIDInterceptor$Builder" => Spec::Uuid(Uuid {
            header: keys.text("headerName", "id"),
            preserve_existing: keys.boolean("preserveExisting", true),
            prefix: keys.text("prefix", ""),
        }),
        "RemoveHeaderInterceptor$Builder" => Spec::RemoveHeader(remove_header(keys)?),
        "SearchAndReplaceInterceptor$Builder" => Spec::SearchReplace(search_replace(keys)?),
        "RegexFilteringInterceptor$Builder" => {
            let regex = match keys.get("regex") {
                Some(value) => bytes_regex(keys, &value)?,
                None => crate::config::native::match_all(),
            };
            Spec::RegexFilter(RegexFilter { regex, exclude: keys.boolean("excludeEvents", false) })
        }
        _ => Spec::RegexExtractor(regex_extractor(keys)?),
    };
    (!keys.is_refused()).then_some(spec)
}

fn remove_header(keys: &mut Keys) -> Option<RemoveHeader> {
    let separator = match keys.get("fromListSeparator") {
        Some(value) => regex(keys, &value)?,
        None => regex::Regex::new(r"\s*,\s*").expect("the pattern is a constant"),
    };
    let list = keys.text("fromList", "");
    let matching = match keys.get("matching") {
        Some(value) => Some(regex(keys, &value)?),
        None => None,
    };
    let list = separator.split(&list).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(RemoveHeader { name: keys.get("withName").map(|value| value.text), list, matching })
}

fn search_replace(keys: &mut Keys) -> Option<SearchReplace> {
    let pattern = required(keys, "searchPattern")?;
    let pattern = regex(keys, &pattern)?;
    let charset = match keys.get("charset") {
        None => Charset::Utf8,
        Some(value) => match value.text.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Charset::Utf8,
            "iso-8859-1" | "iso8859_1" | "latin1" => Charset::Latin1,
            "us-ascii" | "ascii" => Charset::Ascii,
            _ => {
                let problem = Problem::error(format!("charset {} is not supported by this version", value.shown()));
                keys.refuse(problem.help("supported: UTF-8, ISO-8859-1, US-ASCII").key(value.key.clone()).at(value.place()));
                return None;
            }
        },
    };
    Some(SearchReplace { pattern, replacement: keys.text("replaceString", ""), charset })
}

fn regex_extractor(keys: &mut Keys) -> Option<RegexExtractor> {
    let regex = required(keys, "regex")?;
    let regex = bytes_regex(keys, &regex)?;
    let names = required(keys, "serializers")?;
    let mut serializers = Vec::new();
    for name in names.text.split_whitespace() {
        serializers.push(serializer(keys, &names, name)?);
    }
    Some(RegexExtractor { regex, serializers })
}

fn serializer(keys: &mut Keys, names: &Value, name: &str) -> Option<ExtractorSerializer> {
    let mut nested = keys.nested(&format!("serializers.{name}"), names.place());
    let header = required(&mut nested, "name");
    let kind = match nested.get("type") {
        None => Some(ExtractorKind::Text),
        Some(kind) if kind.text == "DEFAULT" || kind.text == TEXT => Some(ExtractorKind::Text),
        Some(kind) if kind.text == MILLIS => required(&mut nested, "pattern").map(|pattern| ExtractorKind::Millis(pattern.text)),
        Some(kind) => {
            let problem =
                Problem::error(format!("serializer type {} cannot be loaded", kind.shown())).help(format!("supported: DEFAULT, {MILLIS}"));
            nested.refuse(problem.key(kind.key.clone()).at(kind.place()));
            None
        }
    };
    nested.report_unknown();
    match (header, kind) {
        (Some(header), Some(kind)) => Some(ExtractorSerializer { header: header.text, kind }),
        _ => None,
    }
}

fn required(keys: &mut Keys, key: &str) -> Option<Value> {
    let value = keys.get(key);
    if value.is_none() {
        keys.refuse(Problem::lenient(format!("`{}` is needed and not set", keys.full(key))).at(keys.declared()));
    }
    value
}

fn regex(keys: &mut Keys, value: &Value) -> Option<regex::Regex> {
    compiled(keys, value, regex::Regex::new)
}

fn bytes_regex(keys: &mut Keys, value: &Value) -> Option<regex::bytes::Regex> {
    compiled(keys, value, regex::bytes::Regex::new)
}

/// An error and no more a warning, since Java may well know what is refused here.
fn compiled<R>(keys: &mut Keys, value: &Value, compile: impl Fn(&str) -> Result<R, regex::Error>) -> Option<R> {
    let translated = java_regex::translate(&value.text).map_err(|error| (error.message, value.place_of(error.span)));
    let compiled = translated.and_then(|pattern| compile(&pattern).map_err(|error| (error.to_string(), value.place())));
    compiled
        .map_err(|(message, place)| {
            keys.refuse(Problem::error(format!("the regular expression cannot be used: {message}")).key(value.key.clone()).at(place));
        })
        .ok()
}

/// A Java class that the plugin map binds: all its keys are the plugin's settings, but for `threadNum`.
fn mapped(keys: &mut Keys, plugins: &Plugins<'_>, plugin: PathBuf) -> Wasm {
    let instances = instances(keys, "threadNum");
    finished(keys, plugins, plugin, instances)
}

/// `type = wasm`: a few keys are the host's, all others the plugin's settings.
fn wasm(keys: &mut Keys, plugins: &Plugins<'_>) -> Option<Wasm> {
    let plugin = required(keys, "plugin")?;
    let thread_num = instances(keys, "threadNum");
    let instances = instances(keys, "instances").or(thread_num);
    let mut limits = plugins.settings.limits.clone();
    host_limits(keys, &mut limits);
    let on_error = on_error(keys, plugins.settings.on_error);
    let grants = grants(keys);
    let swaps = swaps(keys, &plugins.settings.swaps);
    let wasm = finished(keys, plugins, plugins.find(&plugin.text), instances);
    (!keys.is_refused()).then_some(Wasm { limits, on_error, grants, swaps, ..wasm })
}

fn finished(keys: &mut Keys, plugins: &Plugins<'_>, plugin: PathBuf, instances: Option<usize>) -> Wasm {
    let settings = keys.take_rest().into_iter().map(|(key, value)| (key, value.text)).collect();
    Wasm {
        plugin,
        settings,
        instances,
        limits: plugins.settings.limits.clone(),
        on_error: plugins.settings.on_error,
        grants: Ability::ALL.to_vec(),
        swaps: plugins.settings.swaps.clone(),
    }
}

/// `grants`: abilities separated by blanks; empty is none.
fn grants(keys: &mut Keys) -> Vec<Ability> {
    let named = |name: &str| Ability::ALL.into_iter().find(|ability| ability.name() == name);
    let listed = |text: &str| text.split_whitespace().map(named).collect::<Option<Vec<_>>>();
    let what = format!("a list of abilities; there is: {}", Ability::ALL.map(Ability::name).join(", "));
    read(keys, "grants", &what, listed).unwrap_or_else(|| Ability::ALL.to_vec())
}

fn swaps(keys: &mut Keys, default: &Swaps) -> Swaps {
    let pause = |text: &str| if text.trim() == "0" { Some(Duration::ZERO) } else { any_duration(text) };
    let factor = |text: &str| text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor >= 1.0);
    let percent = |text: &str| text.parse().ok().filter(|percent| (1..=100).contains(percent));
    Swaps {
        watch: read(keys, "watch", "a duration such as `1s`", pause).unwrap_or(default.watch),
        rehearsal: read(keys, "rehearsal", "a number of batches", |text| text.parse().ok()).unwrap_or(default.rehearsal),
        trial: read(keys, "trial", "a duration such as `30s`", pause).unwrap_or(default.trial),
        slower: read(keys, "trialSlower", "a factor of at least 1", factor).unwrap_or(default.slower),
        discards: read(keys, "trialDiscards", "a factor of at least 1", factor).unwrap_or(default.discards),
        memory: read(keys, "trialMemory", "a percentage from 1 to 100", percent).unwrap_or(default.memory),
    }
}

fn instances(keys: &mut Keys, key: &str) -> Option<usize> {
    let value = keys.get(key)?;
    keys.parsed::<std::num::NonZeroUsize>(&value, "a number above 0").map(Into::into)
}

fn host_limits(keys: &mut Keys, limits: &mut Limits) {
    if let Some(deadline) = read(keys, "deadline", "a duration such as `250ms`", duration) {
        limits.deadline = deadline;
    }
    if let Some(bytes) = read(keys, "memory", "a size such as `64MiB`", size::parse_in_memory) {
        limits.memory = Some(bytes);
    }
    if let Some(bytes) = read(keys, "resultSize", "a size such as `32MiB`", size::parse_in_memory) {
        limits.result = bytes;
    }
    if let Some(batches) =
        read(keys, "recycleAfter", "a number of batches above 0", |text| text.parse().ok().filter(|batches| *batches > 0))
    {
        limits.recycle_after = batches;
    }
}

fn duration(text: &str) -> Option<Duration> {
    any_duration(text).filter(|duration| !duration.is_zero())
}

fn any_duration(text: &str) -> Option<Duration> {
    use serde::de::IntoDeserializer;
    let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    humantime_serde::deserialize(text).ok()
}

fn on_error(keys: &mut Keys, default: OnError) -> OnError {
    let named = |text: &str| match text {
        "dead-letter" => Some(OnError::DeadLetter),
        "discard" => Some(OnError::Discard),
        "pass" => Some(OnError::Pass),
        "halt" => Some(OnError::Halt),
        _ => None,
    };
    read(keys, "onError", "one of `dead-letter`, `discard`, `pass`, `halt`", named).unwrap_or(default)
}

/// These keys are Weir's own, so that a wrong value is an error and drops nothing.
fn read<T>(keys: &mut Keys, key: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let value = keys.get(key)?;
    let parsed = parse(&value.text);
    if parsed.is_none() {
        keys.refuse(Problem::error(format!("{} is not {what}", value.shown())).key(value.key.clone()).at(value.place()));
    }
    parsed
}
