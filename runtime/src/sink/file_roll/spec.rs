//! Settings of a file_roll sink: `org.apache.flume.sink.RollingFileSink`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::difference::differing;
use crate::config::keys::Keys;
use crate::config::problem::Problem;
use crate::file_format;

const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");
const ROLL_INTERVAL: Duration = Duration::from_secs(30);

/// A file_roll sink. Defaults are those of Flume 1.11.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Directory of the files. It is not created: until it is there, events wait.
    pub directory: PathBuf,
    /// Time from a file's first event to its end; 0 is never. Default: 30 s.
    #[serde(default = "default_roll_interval", with = "humantime_serde")]
    pub roll_interval: Duration,
    /// Most events taken at once. Default: 100.
    #[serde(default = "default_batch_size")]
    pub batch_size: NonZeroUsize,
    /// The bytes of a file. Default: a body a line.
    #[serde(default)]
    pub format: file_format::Spec,
    /// What is in a file's name. Default: `start`.
    #[serde(default)]
    pub names: Names,
    /// Begins a file's name. Default: nothing.
    #[serde(default)]
    pub prefix: String,
    /// Ends a file's name, after a dot. Default: nothing.
    #[serde(default)]
    pub extension: String,
}

/// What is in a file's name, beside its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// When the sink started, in milliseconds: `1700000000000-1`.
    #[default]
    Start,
    /// When the file began, in local time, numbered within a second: `20231114221320-1`.
    RollTime,
}

fn default_roll_interval() -> Duration {
    ROLL_INTERVAL
}

fn default_batch_size() -> NonZeroUsize {
    BATCH_SIZE
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let directory = keys.get("sink.directory");
        if directory.is_none() {
            keys.refuse(Problem::lenient(format!("`{}` is needed and not set", keys.full("sink.directory"))).at(keys.declared()));
        }
        let format = file_format::Spec::from_flume_file_roll(keys);
        let names = names(keys);
        let spec = Spec {
            directory: directory.map(|directory| PathBuf::from(directory.text)).unwrap_or_default(),
            roll_interval: Duration::from_secs(keys.number("sink.rollInterval", ROLL_INTERVAL.as_secs(), "a number of seconds")),
            batch_size: keys.number("sink.batchSize", BATCH_SIZE, "a number of events above 0"),
            format: format?,
            names,
            prefix: keys.text("sink.pathManager.prefix", ""),
            extension: keys.text("sink.pathManager.extension", ""),
        };
        (!keys.is_refused()).then_some(spec)
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(self, other, Spec { directory, roll_interval, batch_size, format, names, prefix, extension })
    }
}

fn names(keys: &mut Keys) -> Names {
    let Some(value) = keys.get("sink.pathManager") else { return Names::default() };
    let class = value.text.strip_prefix("org.apache.flume.formatter.output.").unwrap_or_default();
    match (value.text.to_ascii_uppercase().as_str(), class) {
        ("DEFAULT", _) | (_, "DefaultPathManager$Builder") => Names::Start,
        ("ROLLTIME", _) | (_, "RollTimePathManager$Builder") => Names::RollTime,
        _ => {
            let problem = Problem::error(format!("the path manager {} cannot be loaded", value.shown()));
            keys.refuse(problem.help("supported: DEFAULT, ROLLTIME").key(value.key.clone()).at(value.place()));
            Names::default()
        }
    }
}
