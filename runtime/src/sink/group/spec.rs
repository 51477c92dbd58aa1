//! Settings of a sink group's processor.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::keys::Keys;
use crate::config::problem::{Problem, quoted};
use crate::config::types::{Found, Kind, find};

/// Longest rest of a sink that failed, unless it is set.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Which sink of a group writes a batch.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Processor {
    /// The only one: `org.apache.flume.sink.DefaultSinkProcessor`.
    Default {},
    /// The one of the highest priority that works: `org.apache.flume.sink.FailoverSinkProcessor`.
    Failover {
        /// Priorities by sink; the highest number goes first. Sinks without one come after 0 in the order in which the group has them.
        #[serde(default)]
        priorities: BTreeMap<String, i32>,
        /// Longest rest of a sink that failed: 2 s at first, twice as long each time, up to this. Default: 30 s.
        #[serde(default = "longest_rest", with = "humantime_serde")]
        max_penalty: Duration,
    },
    /// Each in its turn: `org.apache.flume.sink.LoadBalancingSinkProcessor`.
    LoadBalance {
        /// Whose turn is next. Default: `round_robin`.
        #[serde(default)]
        selector: Turn,
        /// Whether a sink that failed rests. Default: false.
        #[serde(default)]
        backoff: bool,
        /// Longest rest: 2 s at first, twice as long each time, up to this; after an hour without a failure it begins anew. Default: 30 s.
        #[serde(default = "longest_rest", with = "humantime_serde")]
        max_timeout: Duration,
    },
}

/// Whose turn is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Each in its turn.
    #[default]
    RoundRobin,
    /// Any.
    Random,
}

fn longest_rest() -> Duration {
    LONGEST_REST
}

impl Processor {
    /// What is wrong with it for a group of these sinks, if anything.
    pub fn flaw(&self, sinks: &[String]) -> Option<String> {
        match self {
            Processor::Default {} if sinks.len() != 1 => {
                Some(format!("the default processor is for a group of one sink, and this one has {}", sinks.len()))
            }
            Processor::LoadBalance { .. } if sinks.len() < 2 => Some("load balancing is among two sinks at least".to_owned()),
            Processor::Failover { priorities, .. } => {
                let stranger = priorities.keys().find(|name| !sinks.contains(name));
                stranger.map(|name| format!("{} has a priority and is no sink of this group", quoted(name)))
            }
            Processor::Default {} | Processor::LoadBalance { .. } => None,
        }
    }

    /// Reads Flume's keys `processor.*`; `None` when Flume would drop the group, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys, sinks: &[String]) -> Option<Processor> {
        let Some(kind) = keys.get("processor.type") else {
            let problem = Problem::lenient(format!("`{}` is needed and not set", keys.full("processor.type")));
            keys.refuse(problem.help("set it to failover, load_balance or, for one sink, default").at(keys.declared()));
            return None;
        };
        let Found::Built(found) = find(Kind::SinkProcessor, &kind.text) else {
            let problem = Problem::error(format!("sink processor {} cannot be loaded", quoted(&kind.text)));
            let problem = problem.help(format!("supported: {}", Kind::SinkProcessor.supported()));
            keys.refuse(problem.key(kind.key.clone()).at(kind.place()));
            keys.take("processor.");
            return None;
        };
        let processor = match found.simple_name() {
            "FailoverSinkProcessor" => failover(keys, sinks),
            "LoadBalancingSinkProcessor" => load_balance(keys),
            _ => Processor::Default {},
        };
        if !sinks.is_empty()
            && let Some(flaw) = processor.flaw(sinks)
        {
            keys.refuse(Problem::lenient(flaw).key(kind.key.clone()).at(kind.place()));
        }
        (!keys.is_refused()).then_some(processor)
    }
}

/// As Flume: a priority or a penalty that is no number is taken for one that is not set.
fn failover(keys: &mut Keys, sinks: &[String]) -> Processor {
    let mut priorities = BTreeMap::new();
    for sink in sinks {
        let Some(value) = keys.get(&format!("processor.priority.{sink}")) else {
            let problem =
                Problem::lenient(format!("sink `{sink}` has no priority: it comes after 0, in the order in which the group has its sinks"));
            keys.report(problem.help("in Flume the order of such sinks is left to chance").at(keys.place("sinks")));
            continue;
        };
        let Ok(priority) = value.text.parse::<i32>() else {
            let problem = Problem::lenient(format!("{} is not a number; sink `{sink}` has no priority", value.shown()));
            keys.report(problem.key(value.key.clone()).at(value.place()));
            continue;
        };
        if let Some((other, _)) = priorities.iter().find(|(_, taken)| **taken == priority) {
            let problem =
                Problem::lenient(format!("sink `{other}` has the priority {priority}, too: Flume never uses `{sink}`, here it comes next"));
            keys.report(problem.key(value.key.clone()).at(value.place()));
        }
        priorities.insert(sink.clone(), priority);
    }
    let mut max_penalty = LONGEST_REST;
    if let Some(value) = keys.get("processor.maxpenalty") {
        match value.text.parse::<u32>() {
            Ok(millis) => max_penalty = Duration::from_millis(millis.into()),
            Err(_) => {
                let problem = Problem::lenient(format!("{} is not a number of milliseconds; the default 30000 is taken", value.shown()));
                keys.report(problem.key(value.key.clone()).at(value.place()));
            }
        }
    }
    Processor::Failover { priorities, max_penalty }
}

fn load_balance(keys: &mut Keys) -> Processor {
    let mut selector = Turn::default();
    if let Some(value) = keys.get("processor.selector") {
        match value.text.to_ascii_lowercase().as_str() {
            "round_robin" => {}
            "random" => selector = Turn::Random,
            _ => {
                let problem = Problem::error(format!("sink selector {} cannot be loaded", value.shown()));
                keys.refuse(problem.help("supported: round_robin, random").key(value.key.clone()).at(value.place()));
            }
        }
    }
    let backoff = keys.boolean("processor.backoff", false);
    let millis = keys.number("processor.selector.maxTimeOut", 30_000_u32, "a number of milliseconds");
    Processor::LoadBalance { selector, backoff, max_timeout: Duration::from_millis(millis.into()) }
}
