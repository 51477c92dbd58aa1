//! Settings of an HDFS sink.

mod flume;

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::location::{self, Location};
use super::zone;
use crate::config::difference::{differing, replaced};
use crate::config::secret::Masked;
use crate::config::size;
use crate::escape::{self, Options, Round, Template, Unit};
use crate::file_format;
use crate::localhost;

/// An HDFS sink. Its defaults make files of a useful size, which Flume's do not: there a file has 10 events.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, remote = "Self")]
pub struct Spec {
    /// Directory of the files, with escapes: `hdfs://namenode:8020/events/%Y-%m-%d`, `hdfs://nameservice/...`, `file:/...`, or a path on the default
    /// file system of `HADOOP_CONF_DIR`, which is this machine where there is none. Required.
    pub path: String,
    /// How a file's name begins; may have escapes, and no slash. Default: `FlumeData`.
    pub file_prefix: String,
    /// How it ends, such as `.log`. Default: nothing, or the codec's extension.
    pub file_suffix: String,
    /// How the name of a file begins that is being written. Default: nothing.
    pub in_use_prefix: String,
    /// How it ends. Default: `.tmp`.
    pub in_use_suffix: String,
    /// What names are made of. Default: a counter.
    pub names: Names,
    /// A file is closed that long after it was opened; 0 is never. Default: 5 min.
    #[serde(with = "humantime_serde")]
    pub roll_interval: Duration,
    /// A file is closed with so many bytes of bodies, before compression; 0 is any number. Default: 128 MiB.
    #[serde(deserialize_with = "size::deserialize", serialize_with = "size::serialize")]
    pub roll_size: u64,
    /// A file is closed with so many events; 0 is any number. Default: 0.
    pub roll_count: u64,
    /// A file is closed that long after its last event; 0 is never. Default: 1 min.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// Most events taken from the channel at once. Default: 1000.
    pub batch_size: NonZeroUsize,
    /// Most files open at once; the one that was not written to for longest is closed for another. Default: 5000.
    pub max_open_files: NonZeroUsize,
    /// Most time that one call of the file system may take; 0 is as long as it takes. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub call_timeout: Duration,
    /// How often closing a file and giving it its name is tried; `None` is until it is done. Default: none.
    pub close_tries: Option<NonZeroU32>,
    /// Time between two of those tries. Default: 10 s.
    #[serde(with = "humantime_serde")]
    pub retry_interval: Duration,
    /// Round times down before they are written into the path and the prefix. Default: no.
    pub round: Option<Rounding>,
    /// Time zone of escapes: a name of the tz database, one of Java's old ones, or such as `GMT+8`. Default: the system's.
    pub time_zone: Option<String>,
    /// Escapes have the time of writing, not the event's. Default: false.
    pub use_local_time: bool,
    /// What is in the files. Default: text, a line an event.
    pub format: file_format::Spec,
    /// Whom to be to a secured cluster. Default: whatever `kinit` says.
    pub kerberos: Option<Kerberos>,
    /// Whom to act for. Default: nobody else.
    pub proxy_user: Option<String>,
    /// Settings of Hadoop's client over those in `HADOOP_CONF_DIR`, by Hadoop's names; of `dfs.replication` and `dfs.blocksize` only these count.
    pub hadoop: BTreeMap<String, String>,
}

/// What file names are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// As in Flume: the time and a counter. An event is acknowledged once it is synced; after a crash some may be there twice.
    #[default]
    Counter,
    /// Topic, partition and the range of offsets: an event is in one file, whatever crashes. It is acknowledged once its file is closed.
    Offsets,
}

/// Rounding of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// To multiples of this: at most 24 hours, 60 minutes or seconds.
    pub value: NonZeroU8,
    /// Of what.
    #[serde(with = "Units")]
    pub unit: Unit,
}

#[derive(Deserialize, Serialize)]
#[serde(remote = "Unit", rename_all = "snake_case")]
enum Units {
    Second,
    Minute,
    Hour,
}

impl Rounding {
    /// Most that may be rounded to.
    fn most(unit: Unit) -> u8 {
        match unit {
            Unit::Second | Unit::Minute => 60,
            Unit::Hour => 24,
        }
    }
}

/// A principal and its key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kerberos {
    /// Such as `weir/_HOST@EXAMPLE.COM`; `_HOST` is this host's full name.
    pub principal: String,
    /// Path of the keytab.
    pub keytab: String,
}

impl Kerberos {
    /// The principal of this host (`SecurityUtil.getServerPrincipal`).
    pub(super) fn principal(&self) -> String {
        match self.principal.contains("_HOST") {
            true => self.principal.replace("_HOST", &localhost::canonical_name().unwrap_or_else(localhost::name).to_lowercase()),
            false => self.principal.clone(),
        }
    }
}

/// Settings that make no sink.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// No path.
    #[error("`path` is needed: the directory that files go to")]
    NoPath,
    /// The path.
    #[error("the path {path:?}: {source}")]
    Path {
        /// As written.
        path: String,
        /// What is wrong with it.
        source: location::Error,
    },
    /// An escape that makes no sense.
    #[error("{text:?}: {source}")]
    Escape {
        /// As written.
        text: String,
        /// What is wrong with it.
        source: escape::Error,
    },
    /// A slash where only a name may be.
    #[error("{what} {text:?} has a slash; directories go into the path")]
    Slash {
        /// Which setting.
        what: &'static str,
        /// As written.
        text: String,
    },
    /// Not known to anybody.
    #[error("{0:?} is no time zone")]
    Zone(String),
    /// Rounding to more than there is.
    #[error("times are rounded to multiples of 1 to {0} of that unit")]
    Rounding(u8),
    /// No way to tell a whole file.
    #[error("with names made of offsets a file in use needs another name than a whole one: a prefix or a suffix of its own")]
    SameNames,
    /// A replay would go elsewhere.
    #[error(
        "names made of offsets need the events' own time in the path: with the local time an event that is written again goes to another directory, and is there twice"
    )]
    LocalTime,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            path: String::new(),
            file_prefix: "FlumeData".to_owned(),
            file_suffix: String::new(),
            in_use_prefix: String::new(),
            in_use_suffix: ".tmp".to_owned(),
            names: Names::Counter,
            roll_interval: Duration::from_secs(300),
            roll_size: 128 << 20,
            roll_count: 0,
            idle_timeout: Duration::from_secs(60),
            batch_size: NonZeroUsize::MIN.saturating_add(999),
            max_open_files: NonZeroUsize::MIN.saturating_add(4999),
            call_timeout: Duration::from_secs(30),
            close_tries: None,
            retry_interval: Duration::from_secs(10),
            round: None,
            time_zone: None,
            use_local_time: false,
            format: file_format::Spec::default(),
            kerberos: None,
            proxy_user: None,
            hadoop: BTreeMap::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Spec, D::Error> {
        let spec = Spec::deserialize(deserializer)?;
        spec.check().map_err(de::Error::custom)?;
        Ok(spec)
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Spec::serialize(self, serializer)
    }
}

impl Spec {
    /// Whether events are safe only once their file is closed.
    pub fn settles_late(&self) -> bool {
        self.names == Names::Offsets || !self.format.readable_after_flush()
    }

    /// Whether an event's time decides where it goes.
    pub(crate) fn depends_on_time(&self) -> bool {
        !self.use_local_time && self.templates().is_ok_and(|(path, prefix)| path.has_time() || prefix.has_time())
    }

    /// What ends each name: the suffix, else the codec's extension, as in Flume.
    pub(super) fn suffix(&self) -> String {
        match self.file_suffix.is_empty() {
            true => self.format.extension().unwrap_or_default().to_owned(),
            false => self.file_suffix.clone(),
        }
    }

    /// Where files go.
    pub(super) fn location(&self) -> Result<Location, Error> {
        if self.path.is_empty() {
            return Err(Error::NoPath);
        }
        Location::parse(&self.path).map_err(|source| Error::Path { path: self.path.clone(), source })
    }

    /// How escapes are written.
    pub(super) fn options(&self) -> Result<Options, Error> {
        let zone = match &self.time_zone {
            Some(name) => zone::find(name).ok_or_else(|| Error::Zone(name.clone()))?,
            None => Options::default().zone,
        };
        let round = self.round.map(|Rounding { unit, value }| Round { unit, value });
        Ok(Options { use_local_time: self.use_local_time, zone, round })
    }

    /// The path below its file system, and the prefix.
    pub(super) fn templates(&self) -> Result<(Template, Template), Error> {
        let read = |text: &str| Template::parse(text).map_err(|source| Error::Escape { text: text.to_owned(), source });
        Ok((read(&self.location()?.path)?, read(&self.file_prefix)?))
    }

    /// Says what is wrong; past this nothing asks again.
    fn check(&self) -> Result<(), Error> {
        let (path, prefix) = self.templates()?;
        let options = self.options()?;
        let names = [
            ("the file prefix", &self.file_prefix),
            ("the file suffix", &self.file_suffix),
            ("the in-use prefix", &self.in_use_prefix),
            ("the in-use suffix", &self.in_use_suffix),
        ];
        if let Some((what, text)) = names.into_iter().find(|(_, text)| text.contains('/')) {
            return Err(Error::Slash { what, text: text.clone() });
        }
        if let Some(most) = self.round.map(|round| (round.value.get(), Rounding::most(round.unit))).filter(|(value, most)| value > most) {
            return Err(Error::Rounding(most.1));
        }
        if self.names == Names::Offsets {
            if self.in_use_prefix.is_empty() && self.in_use_suffix.is_empty() {
                return Err(Error::SameNames);
            }
            if options.use_local_time && (path.has_time() || prefix.has_time()) {
                return Err(Error::LocalTime);
            }
        }
        Ok(())
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        let names = differing!(
            self,
            other,
            Spec {
                path,
                file_prefix,
                file_suffix,
                in_use_prefix,
                in_use_suffix,
                names,
                roll_interval,
                roll_size,
                roll_count,
                idle_timeout,
                batch_size,
                max_open_files,
                call_timeout,
                close_tries,
                retry_interval,
                round,
                time_zone,
                use_local_time,
                format,
                kerberos,
                proxy_user,
                hadoop,
            }
        );
        replaced(names, "hadoop", &self.hadoop, &other.hadoop)
    }
}

// Hadoop's settings may hold a password.
impl fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = formatter.debug_struct("Spec");
        out.field("path", &self.path).field("file_prefix", &self.file_prefix).field("file_suffix", &self.file_suffix);
        out.field("in_use_prefix", &self.in_use_prefix).field("in_use_suffix", &self.in_use_suffix).field("names", &self.names);
        out.field("roll_interval", &self.roll_interval).field("roll_size", &self.roll_size).field("roll_count", &self.roll_count);
        out.field("idle_timeout", &self.idle_timeout).field("batch_size", &self.batch_size);
        out.field("max_open_files", &self.max_open_files).field("call_timeout", &self.call_timeout);
        out.field("close_tries", &self.close_tries).field("retry_interval", &self.retry_interval).field("round", &self.round);
        out.field("time_zone", &self.time_zone).field("use_local_time", &self.use_local_time).field("format", &self.format);
        out.field("kerberos", &self.kerberos).field("proxy_user", &self.proxy_user).field("hadoop", &Masked(&self.hadoop)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Spec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_path_is_all_that_is_needed_and_files_have_a_useful_size() {
        let spec = read("path = \"/events\"").expect("a spec");
        assert_eq!(spec, Spec { path: "/events".into(), ..Spec::default() });
        assert!(spec.roll_count == 0 && spec.roll_size >= 64 << 20 && !spec.idle_timeout.is_zero());
        assert!(!spec.settles_late());
    }

    #[test]
    fn every_key_is_read() {
        let spec = read(
            "path = \"hdfs://n:1/e/%Y\"\nfile_prefix = \"p\"\nfile_suffix = \".log\"\nin_use_prefix = \"_\"\nin_use_suffix = \"\"\n\
             names = \"offsets\"\nroll_interval = \"1h\"\nroll_size = \"1GiB\"\nroll_count = 5\nidle_timeout = \"2m\"\nbatch_size = 7\n\
             max_open_files = 9\ncall_timeout = \"0s\"\nclose_tries = 3\nretry_interval = \"1s\"\nround = { value = 10, unit = \"minute\" }\n\
             time_zone = \"UTC\"\nkerberos = { principal = \"a/_HOST@B\", keytab = \"/k\" }\nproxy_user = \"u\"\n[hadoop]\n\"dfs.replication\" = \"2\"",
        )
        .expect("a spec");
        assert_eq!(spec.names, Names::Offsets);
        assert!(spec.settles_late());
        assert_eq!(spec.round, Some(Rounding { value: NonZeroU8::MIN.saturating_add(9), unit: Unit::Minute }));
        assert_eq!(spec.close_tries, NonZeroU32::new(3));
        assert_eq!(spec.hadoop["dfs.replication"], "2");
        let principal = spec.kerberos.expect("kerberos").principal();
        assert!(principal.starts_with("a/") && principal.ends_with("@B") && !principal.contains("_HOST"));
    }

    #[test]
    fn what_cannot_work_is_refused_when_it_is_read() {
        for (text, word) in [
            ("", "`path` is needed"),
            ("path = \"s3a://b\"", "s3a"),
            ("path = \"%{x}\"", "begins with an escape"),
            ("path = \"/%[nope]\"", "nope"),
            ("path = \"/a\"\nfile_prefix = \"a/b\"", "slash"),
            ("path = \"/a\"\ntime_zone = \"Mars\"", "no time zone"),
            ("path = \"/a\"\nround = { value = 25, unit = \"hour\" }", "1 to 24"),
            ("path = \"/a\"\nnames = \"offsets\"\nin_use_suffix = \"\"", "another name"),
            ("path = \"/a/%Y\"\nnames = \"offsets\"\nuse_local_time = true", "local time"),
            ("path = \"/a\"\nunknown = 1", "unknown"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(read("path = \"/a\"\nnames = \"offsets\"\nuse_local_time = true").is_ok());
    }

    #[test]
    fn a_password_among_hadoops_settings_is_not_shown() {
        let hadoop = BTreeMap::from([("ssl.server.keystore.password".to_owned(), "hunter2".to_owned())]);
        let shown = format!("{:?}", Spec { hadoop, ..Spec::default() });
        assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
    }
}
