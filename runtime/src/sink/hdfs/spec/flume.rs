//! Flume's keys of the HDFS sink (`org.apache.flume.sink.hdfs.HDFSEventSink`), with Flume's defaults.
//!
//! | key | here |
//! |---|---|
//! | `hdfs.threadsPoolSize`, `hdfs.rollTimerPoolSize` | read, and without effect: nothing waits for a thread |
//! | `hdfs.minBlockReplicas` | read, and without effect: a file is not closed for having too few replicas, which is what made tiny files |
//! | `hdfs.useRawLocalFileSystem` | read, and without effect: `.crc` files are never written |
//! | `weir.names` | `counter` or `offsets`: not Flume's, see [`Names`] |
//! | `hadoop.*` | settings of Hadoop's client, such as `hadoop.dfs.replication`: not Flume's |

use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::{Error, Kerberos, Names, Rounding, Spec};
use crate::config::keys::Keys;
use crate::config::problem::Problem;
use crate::escape::Unit;
use crate::file_format;
use crate::sink::hdfs::zone;

#[cfg(test)]
mod tests;

const ROLL_INTERVAL: i64 = 30;
const ROLL_SIZE: i64 = 1024;
const ROLL_COUNT: i64 = 10;

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let path = keys.text("hdfs.path", "");
        let (close_tries, retry_interval) = retries(keys);
        let spec = Spec {
            file_prefix: keys.text("hdfs.filePrefix", "FlumeData"),
            file_suffix: keys.text("hdfs.fileSuffix", ""),
            in_use_prefix: keys.text("hdfs.inUsePrefix", ""),
            in_use_suffix: in_use_suffix(keys),
            names: names(keys),
            roll_interval: seconds(keys.number("hdfs.rollInterval", ROLL_INTERVAL, "a number of seconds")),
            roll_size: positive(keys.number("hdfs.rollSize", ROLL_SIZE, "a number of bytes")),
            roll_count: positive(keys.number("hdfs.rollCount", ROLL_COUNT, "a number of events")),
            idle_timeout: seconds(keys.number("hdfs.idleTimeout", 0_i32, "a number of seconds").into()),
            batch_size: keys.number("hdfs.batchSize", NonZeroUsize::MIN.saturating_add(99), "a number of events above 0"),
            max_open_files: NonZeroUsize::new(keys.number("hdfs.maxOpenFiles", 5000_i32, "a number of files").max(1) as usize)
                .unwrap_or(NonZeroUsize::MIN),
            call_timeout: Duration::from_millis(positive(keys.number("hdfs.callTimeout", 30_000_i64, "a number of milliseconds"))),
            close_tries,
            retry_interval,
            round: rounding(keys),
            time_zone: time_zone(keys),
            use_local_time: keys.boolean("hdfs.useLocalTimeStamp", false),
            format: file_format::Spec::from_flume_hdfs(keys).unwrap_or_default(),
            kerberos: kerberos(keys),
            proxy_user: keys.get("hdfs.proxyUser").map(|value| value.text).filter(|user| !user.is_empty()),
            hadoop: keys.take("hadoop.").into_iter().map(|(key, value)| (key, value.text)).collect(),
            path,
        };
        without_effect(keys);
        if let Err(error) = spec.check() {
            let key = spec.to_blame(&error);
            let problem = Problem::lenient(error.to_string()).key(keys.full(key)).at(keys.place(key));
            keys.refuse(problem);
        }
        spec.warn_of_small_files(keys);
        (!keys.is_refused()).then_some(spec)
    }

    /// The key that an error is about.
    fn to_blame(&self, error: &Error) -> &'static str {
        match error {
            Error::NoPath | Error::Path { .. } => "hdfs.path",
            Error::Escape { text, .. } if *text == self.file_prefix => "hdfs.filePrefix",
            Error::Escape { .. } => "hdfs.path",
            Error::Slash { text, .. } if *text == self.file_prefix => "hdfs.filePrefix",
            Error::Slash { text, .. } if *text == self.file_suffix => "hdfs.fileSuffix",
            Error::Slash { text, .. } if *text == self.in_use_prefix => "hdfs.inUsePrefix",
            Error::Slash { .. } => "hdfs.inUseSuffix",
            Error::Zone(_) => "hdfs.timeZone",
            Error::Rounding(_) => "hdfs.roundValue",
            Error::SameNames => "weir.names",
            Error::LocalTime => "hdfs.useLocalTimeStamp",
        }
    }

    /// Flume's defaults close a file after 10 events; users find out from their NameNode.
    fn warn_of_small_files(&self, keys: &Keys) {
        let of_default = [("hdfs.rollCount", self.roll_count, "events"), ("hdfs.rollSize", self.roll_size, "bytes")];
        let small: Vec<_> = of_default.into_iter().filter(|(key, ..)| !keys.has(key)).collect();
        if small.is_empty() {
            return;
        }
        let after: Vec<_> = small.iter().map(|(_, limit, unit)| format!("{limit} {unit}")).collect();
        let set: Vec<_> = small.iter().map(|(key, ..)| format!("`{}`", keys.full(key))).collect();
        let message = format!("files are closed after {}, as in Flume unless it is told otherwise: many small files", after.join(" or "));
        let help = format!("set {}, to 0 for no limit", set.join(" and "));
        keys.report(Problem::warning(message).same().help(help).at(keys.declared()));
    }
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(positive(number))
}

fn in_use_suffix(keys: &mut Keys) -> String {
    let written = keys.get("hdfs.inUseSuffix");
    if !keys.boolean("hdfs.emptyInUseSuffix", false) {
        return written.map_or_else(|| ".tmp".to_owned(), |value| value.text);
    }
    if let Some(written) = written {
        let problem = Problem::warning("`hdfs.inUseSuffix` is ignored, since `hdfs.emptyInUseSuffix` is true");
        keys.report(problem.key(written.key.clone()).at(written.key_place()));
    }
    String::new()
}

fn names(keys: &mut Keys) -> Names {
    let Some(value) = keys.get("weir.names") else { return Names::Counter };
    match value.text.as_str() {
        "counter" => Names::Counter,
        "offsets" => Names::Offsets,
        _ => {
            let problem = Problem::lenient(format!("{} is neither `counter` nor `offsets`", value.shown()));
            keys.refuse(problem.key(value.key.clone()).at(value.place()));
            Names::Counter
        }
    }
}

/// `hdfs.closeTries` and `hdfs.retryInterval`.
fn retries(keys: &mut Keys) -> (Option<NonZeroU32>, Duration) {
    let tries = keys.get("hdfs.closeTries");
    let parsed = tries.as_ref().and_then(|value| keys.parsed::<i32>(value, "a number of tries"));
    if let (Some(value), Some(..=0)) = (&tries, parsed) {
        let problem = Problem::warning("closing a file is tried until it is done, since `hdfs.closeTries` is not above 0").same();
        keys.report(problem.key(value.key.clone()).at(value.place()));
    }
    let tries = parsed.and_then(|tries| NonZeroU32::new(u32::try_from(tries).unwrap_or_default()));
    let interval = keys.number("hdfs.retryInterval", 180_i64, "a number of seconds");
    if interval > 0 {
        return (tries, seconds(interval));
    }
    let problem = Problem::warning("closing a file is tried once, since `hdfs.retryInterval` is not above 0").same();
    keys.report(problem.key(keys.full("hdfs.retryInterval")).at(keys.place("hdfs.retryInterval")));
    (Some(NonZeroU32::MIN), Duration::ZERO)
}

fn rounding(keys: &mut Keys) -> Option<Rounding> {
    let round = keys.boolean("hdfs.round", false);
    let unit = keys.text("hdfs.roundUnit", "second");
    let written = keys.get("hdfs.roundValue");
    let unit = match unit.to_ascii_lowercase().as_str() {
        _ if !round => return None,
        "second" => Unit::Second,
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        _ => {
            let problem = Problem::lenient("times are not rounded: the unit is none of `second`, `minute` and `hour`");
            keys.report(problem.key(keys.full("hdfs.roundUnit")).at(keys.place("hdfs.roundUnit")));
            return None;
        }
    };
    let most = Rounding::most(unit);
    let value = match &written {
        None => NonZeroU8::MIN,
        Some(value) => keys.parsed(value, &format!("a number from 1 to {most}"))?,
    };
    Some(Rounding { value, unit })
}

/// Java takes GMT, without a word, for a zone that it does not know.
fn time_zone(keys: &mut Keys) -> Option<String> {
    let value = keys.get("hdfs.timeZone")?;
    if zone::find(&value.text).is_some() {
        return Some(value.text);
    }
    let problem = Problem::lenient(format!("{} is no time zone; Flume takes it for GMT", value.shown()));
    keys.report(problem.key(value.key.clone()).at(value.place()));
    Some("GMT".to_owned())
}

fn kerberos(keys: &mut Keys) -> Option<Kerberos> {
    let [principal, keytab] =
        ["hdfs.kerberosPrincipal", "hdfs.kerberosKeytab"].map(|key| keys.get(key).filter(|value| !value.text.is_empty()));
    match (principal, keytab) {
        (Some(principal), Some(keytab)) => Some(Kerberos { principal: principal.text, keytab: keytab.text }),
        (None, None) => None,
        (Some(alone), None) | (None, Some(alone)) => {
            let problem = Problem::lenient("a Kerberos principal and its keytab come together, and one of them is missing");
            keys.refuse(problem.key(alone.key.clone()).at(alone.place()));
            None
        }
    }
}

/// Keys that change nothing here are numbers nevertheless.
fn without_effect(keys: &mut Keys) {
    keys.number("hdfs.threadsPoolSize", 10_i32, "a number of threads");
    keys.number("hdfs.rollTimerPoolSize", 1_i32, "a number of threads");
    keys.number("hdfs.minBlockReplicas", 0_u32, "a number of replicas");
    keys.boolean("hdfs.useRawLocalFileSystem", false);
    keys.ignore(&["hdfs.threadsPoolSize", "hdfs.rollTimerPoolSize", "hdfs.minBlockReplicas", "hdfs.useRawLocalFileSystem"]);
}
