//! Names of files: those of Flume (`org.apache.flume.sink.hdfs.BucketWriter`), and those made of offsets.
//!
//! | | in use | whole |
//! |---|---|---|
//! | Flume's | `<inUsePrefix><prefix>.<counter><suffix><inUseSuffix>` | `<prefix>.<counter><suffix>` |
//! | offsets | `<inUsePrefix><prefix>.<topic>+<partition>+<start>.<unique><suffix><inUseSuffix>` | `<prefix>.<topic>+<partition>+<start>+<end><suffix>` |
//!
//! The counter begins with the milliseconds since the epoch at which its bucket was opened, plus one, and grows by one a file. Offsets have 20
//! digits, so that names sort as offsets do; both ends are in the file. A topic's name has no `+` in it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use uuid::Uuid;

/// Digits of an offset in a name.
const DIGITS: usize = 20;

/// What all names of a sink have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Naming {
    /// Before the name of a file that is written to.
    pub(super) in_use_prefix: String,
    /// After it.
    pub(super) in_use_suffix: String,
    /// Of every file, such as `.log` or `.gz`.
    pub(super) suffix: String,
}

/// The middle of a name: what tells the files of a prefix apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stem {
    /// Flume's counter.
    Counter(i64),
    /// A file of one partition that is being written.
    Open {
        /// `<topic>+<partition>`
        lane: String,
        /// Its first offset.
        start: i64,
        /// So that no two are the same.
        unique: Uuid,
    },
    /// A whole file of one partition.
    Range {
        /// `<topic>+<partition>`
        lane: String,
        /// Its first and its last offset.
        range: (i64, i64),
    },
}

impl Stem {
    fn written(&self) -> String {
        match self {
            Stem::Counter(counter) => counter.to_string(),
            Stem::Open { lane, start, unique } => format!("{lane}+{start:0DIGITS$}.{}", unique.simple()),
            Stem::Range { lane, range: (start, end) } => format!("{lane}+{start:0DIGITS$}+{end:0DIGITS$}"),
        }
    }

    /// Reads what [`Stem::written`] wrote.
    fn read(text: &str) -> Option<Stem> {
        if is_number(text) {
            return text.parse().ok().map(Stem::Counter);
        }
        let offset = |digits: &str| (digits.len() == DIGITS && is_number(digits)).then(|| digits.parse().ok()).flatten();
        let lane = |text: &str| {
            let (topic, partition) = text.rsplit_once('+')?;
            (is_topic(topic) && is_number(partition)).then(|| text.to_owned())
        };
        let (before, last) = text.rsplit_once('+')?;
        if let Some((start, unique)) = last.split_once('.') {
            let unique = Uuid::try_parse(unique).ok().filter(|uuid| uuid.simple().to_string() == unique)?;
            return Some(Stem::Open { lane: lane(before)?, start: offset(start)?, unique });
        }
        let (before, first) = before.rsplit_once('+')?;
        Some(Stem::Range { lane: lane(before)?, range: (offset(first)?, offset(last)?) })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The letters that Kafka allows in a topic's name.
fn is_topic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

impl Naming {
    /// The name of a file that is written to.
    pub(super) fn in_use(&self, prefix: &str, stem: &Stem) -> String {
        format!("{}{prefix}.{}{}{}", self.in_use_prefix, stem.written(), self.suffix, self.in_use_suffix)
    }

    /// The name of a whole file.
    pub(super) fn whole(&self, prefix: &str, stem: &Stem) -> String {
        format!("{prefix}.{}{}", stem.written(), self.suffix)
    }

    /// Whether a file keeps its name when it is whole: then nobody can tell a leftover.
    pub(super) fn is_one(&self) -> bool {
        self.in_use_prefix.is_empty() && self.in_use_suffix.is_empty()
    }

    /// Bytes of a name beside its prefix, at most.
    pub(super) fn longest(&self, offsets: bool) -> usize {
        // Kafka's topics have 249 letters at most, but hardly any has so many: a longer one is told by the file system.
        let stem = if offsets { 64 + 1 + 10 + 1 + 2 * DIGITS + 1 + 32 } else { DIGITS };
        self.in_use_prefix.len() + 1 + stem + self.suffix.len() + self.in_use_suffix.len()
    }

    /// Takes the name of a file in use apart, if it is one of a prefix that may be. A prefix and a topic may have dots: where several dots could be
    /// the one between them, the first counts.
    pub(super) fn read_in_use<'a>(&self, name: &'a str, may_be: &dyn Fn(&str) -> bool) -> Option<(&'a str, Stem)> {
        let name = name.strip_prefix(self.in_use_prefix.as_str())?.strip_suffix(self.in_use_suffix.as_str())?;
        let name = name.strip_suffix(self.suffix.as_str())?;
        let apart = |(dot, _)| Some((&name[..dot], Stem::read(&name[dot + 1..])?));
        let is_one = |(prefix, stem): &(&str, Stem)| may_be(prefix) && !matches!(stem, Stem::Range { .. });
        name.match_indices('.').filter_map(apart).find(is_one)
    }

    /// The offsets that a whole file says it has, if it is one of this prefix and lane.
    pub(super) fn range(&self, name: &str, prefix: &str, lane: &str) -> Option<(i64, i64)> {
        let stem = name.strip_prefix(prefix)?.strip_prefix('.')?.strip_suffix(self.suffix.as_str())?;
        match Stem::read(stem)? {
            Stem::Range { lane: found, range } if found == lane => Some(range),
            _ => None,
        }
    }
}

/// Flume's counter of one bucket.
#[derive(Debug)]
pub(super) struct Counter(AtomicI64);

impl Counter {
    /// Begins after the milliseconds that it is now.
    pub(super) fn new() -> Counter {
        Counter(AtomicI64::new(Timestamp::now().as_millisecond()))
    }

    /// The next one.
    pub(super) fn next(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(in_use_prefix: &str, in_use_suffix: &str, suffix: &str) -> Naming {
        let [in_use_prefix, in_use_suffix, suffix] = [in_use_prefix, in_use_suffix, suffix].map(str::to_owned);
        Naming { in_use_prefix, in_use_suffix, suffix }
    }

    #[test]
    fn names_are_flumes() {
        let counter = Stem::Counter(1_795_362_767_216);
        assert_eq!(naming("", ".tmp", ".log").in_use("p", &counter), "p.1795362767216.log.tmp");
        assert_eq!(naming("", ".tmp", ".log").whole("p", &counter), "p.1795362767216.log");
        assert_eq!(naming("_", "", ".gz").in_use("events-", &counter), "_events-.1795362767216.gz");
        assert_eq!(naming("", "", "").in_use("FlumeData", &counter), "FlumeData.1795362767216");
    }

    #[test]
    fn names_of_offsets_sort_as_offsets_do() {
        let range = |range| naming("", ".tmp", ".log").whole("p", &Stem::Range { lane: "a.b+3".into(), range });
        assert_eq!(range((7, 42)), "p.a.b+3+00000000000000000007+00000000000000000042.log");
        assert!(range((9, 10)) < range((11, 12)));
    }

    #[test]
    fn a_name_is_taken_apart_into_what_it_was_made_of() {
        let lane = "a.b+3".to_owned();
        let stems = [
            Stem::Counter(5),
            Stem::Range { lane: lane.clone(), range: (7, i64::MAX) },
            Stem::Open { lane, start: 7, unique: Uuid::new_v4() },
        ];
        for naming in [naming("_", ".tmp", ".log"), naming("", ".x", ""), naming("", "", ".gz")] {
            for prefix in ["p", "a.b", "host-1.2.3.4", "x+1"] {
                for stem in &stems {
                    let read = (prefix, stem.clone());
                    let in_use = naming.in_use(prefix, stem);
                    let expected = Some(read).filter(|_| !matches!(stem, Stem::Range { .. }));
                    assert_eq!(naming.read_in_use(&in_use, &|found| found == prefix), expected, "{in_use}");
                    assert_eq!(naming.read_in_use(&in_use, &|found| found == "other"), None, "{in_use}");
                }
                let range = naming.whole(prefix, &stems[1]);
                assert_eq!(naming.range(&range, prefix, "a.b+3"), Some((7, i64::MAX)));
                assert_eq!(naming.range(&range, prefix, "b+3"), None);
                assert_eq!(naming.range(&range, "other", "a.b+3"), None);
            }
        }
    }

    #[test]
    fn what_the_sink_did_not_name_is_no_name_of_its() {
        let naming = naming("", ".tmp", ".log");
        for name in
            ["", ".tmp", "p.log.tmp", "p.12.log", "p.12.log.tmp.tmp", "p.x.log.tmp", "12.log.tmp", "p.+1+00000000000000000007.log.tmp"]
        {
            assert_eq!(naming.read_in_use(name, &|_| true), None, "{name}");
        }
        assert_eq!(naming.range("p.t+1+7+8.log", "p", "t+1"), None);
    }
}
