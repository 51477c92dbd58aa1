//! Settings of a channel selector: `org.apache.flume.channel.{Replicating,Multiplexing,LoadBalancing}ChannelSelector`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::keys::{Keys, Value};
use crate::config::problem::{Problem, closest, quoted};
use crate::config::types::{Found, Kind, find};

/// Which of its channels a source's event goes to.
///
/// A channel that is *optional* for an event gets it if it has room at once; else the event is dropped there, and counted. It never holds the
/// source up, and the source's offset does not wait for it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// Every one.
    Replicating {
        /// Channels that are optional. Default: none.
        #[serde(default)]
        optional: Vec<String>,
    },
    /// Those that a header's value stands for.
    Multiplexing(Multiplexing),
    /// One of them, a batch at a time; a full one is passed over while another has room. Flume chooses for each event.
    LoadBalancing {
        /// Which is next. Default: `round_robin`.
        #[serde(default)]
        policy: Policy,
    },
}

impl Default for Spec {
    fn default() -> Spec {
        Spec::Replicating { optional: Vec::new() }
    }
}

/// Channels by a header's value.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Multiplexing {
    /// The header. Default: `flume.selector.header`.
    #[serde(default = "default_header")]
    pub header: String,
    /// Channels by value, exactly as it is written.
    #[serde(default)]
    pub mappings: BTreeMap<String, Vec<String>>,
    /// Channels of an event whose value is missing, blank or in no mapping. With none such an event is discarded, and counted.
    pub default: Option<Vec<String>>,
    /// Optional channels by value, beyond those that the value or the default stands for.
    #[serde(default)]
    pub optional: BTreeMap<String, Vec<String>>,
}

/// Which channel's turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// Any.
    Random,
}

fn default_header() -> String {
    "flume.selector.header".to_owned()
}

impl Spec {
    /// Whether it matters where a batch ends: to which channel it goes, or how much is dropped with it.
    pub(crate) fn goes_by_batch(&self) -> bool {
        match self {
            Spec::Replicating { optional } => !optional.is_empty(),
            Spec::Multiplexing(table) => !table.optional.is_empty(),
            Spec::LoadBalancing { .. } => true,
        }
    }

    /// The channels it names; all must be the source's.
    pub fn channels(&self) -> Vec<&str> {
        match self {
            Spec::Replicating { optional } => optional.iter().map(String::as_str).collect(),
            Spec::Multiplexing(table) => {
                let named = table.mappings.values().chain(&table.default).chain(table.optional.values());
                named.flatten().map(String::as_str).collect()
            }
            Spec::LoadBalancing { .. } => Vec::new(),
        }
    }

    /// The header whose values it knows some of, where nothing says what becomes of the other events: they are discarded.
    pub fn discards_silently(&self) -> Option<&str> {
        match self {
            Spec::Multiplexing(table) if table.default.is_none() => Some(&table.header),
            _ => None,
        }
    }

    /// Reads Flume's keys `selector.*`; `None` when Flume would drop the source, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys, channels: &[String]) -> Option<Spec> {
        let kind = keys.get("selector.type").map(|kind| find(Kind::Selector, &kind.text));
        let class = match &kind {
            Some(Found::Built(found)) => found.simple_name(),
            _ => "ReplicatingChannelSelector",
        };
        let spec = match class {
            "MultiplexingChannelSelector" => Spec::Multiplexing(multiplexing(keys, channels)?),
            "LoadBalancingChannelSelector" => Spec::LoadBalancing { policy: policy(keys) },
            _ => Spec::Replicating { optional: optional(keys, channels) },
        };
        (!keys.is_refused()).then_some(spec)
    }
}

/// The replicating selector's optional channels. One that the source has not fails every batch in Flume; here it is left out.
fn optional(keys: &mut Keys, channels: &[String]) -> Vec<String> {
    let Some(value) = keys.get("selector.optional") else { return Vec::new() };
    let mut optional: Vec<String> = Vec::new();
    for name in value.text.split_whitespace() {
        if !channels.iter().any(|channel| channel == name) {
            keys.report(not_fed(name, channels, "is left out").key(value.key.clone()).at(value.place()));
        } else if !optional.iter().any(|known| known == name) {
            optional.push(name.to_owned());
        }
    }
    if optional.len() == channels.len() {
        let message = "every channel is optional: an event for which none has room is dropped, and the source hears of no failure";
        keys.report(Problem::warning(message).key(value.key.clone()).at(value.place()));
    }
    optional
}

fn multiplexing(keys: &mut Keys, channels: &[String]) -> Option<Multiplexing> {
    let header = keys.text("selector.header", &default_header());
    let mapped = keys.take("selector.mapping.");
    let default = keys.get("selector.default");
    let optional = keys.take("selector.optional.");
    let mut table = |values: BTreeMap<String, Value>| -> BTreeMap<String, Vec<String>> {
        values.into_iter().map(|(value, names)| (value, listed(keys, &names, channels))).collect()
    };
    let (mappings, optional) = (table(mapped), table(optional));
    let default = default.map(|names| listed(keys, &names, channels));
    (!keys.is_refused()).then_some(Multiplexing { header, mappings, default, optional })
}

/// Channels with one space between each two, as Flume splits them. A name that is none of the source's refuses the source.
fn listed(keys: &mut Keys, value: &Value, channels: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in value.text.split(' ') {
        if name.is_empty() {
            let problem = Problem::lenient(format!("{} has two spaces in a row: Flume looks for a channel with no name", value.shown()));
            keys.refuse(problem.help("put one space between two channels").key(value.key.clone()).at(value.place()));
        } else if !channels.iter().any(|channel| channel == name) {
            keys.refuse(not_fed(name, channels, "cannot be selected").key(value.key.clone()).at(value.place()));
        } else if !names.iter().any(|known| known == name) {
            // Flume would put the event in as often as the channel is named.
            names.push(name.to_owned());
        }
    }
    names
}

fn not_fed(name: &str, channels: &[String], what: &str) -> Problem {
    let problem = Problem::lenient(format!("channel {} is none of the source's and {what}", quoted(name)));
    match closest(name, channels.iter().map(String::as_str)) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem.help(format!("the source's channels: {}", channels.join(", "))),
    }
}

fn policy(keys: &mut Keys) -> Policy {
    if let Some(kind) = keys.get("selector.type") {
        let message = "Flume 1.10 and 1.11 drop a source with a load_balancing selector; here it works, a batch at a time";
        keys.report(Problem::note(message).key(kind.key.clone()).at(kind.place()));
    }
    let Some(value) = keys.get("selector.policy") else { return Policy::default() };
    match value.text.to_ascii_lowercase().as_str() {
        "round_robin" => Policy::RoundRobin,
        "random" => Policy::Random,
        _ => {
            let problem = Problem::error(format!("selector policy {} cannot be loaded", value.shown()));
            keys.refuse(problem.help("supported: round_robin, random").key(value.key.clone()).at(value.place()));
            Policy::default()
        }
    }
}
