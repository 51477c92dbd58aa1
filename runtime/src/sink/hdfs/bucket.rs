//! Which bucket an event belongs to: a directory and a file prefix, both expanded from the event's headers and time.
//!
//! Header values are data, and data does not choose where files go. A value may name directories below the path, as in Flume, but an event is
//! refused whose path has a component `.` or `..`, one that HDFS keeps for itself, a control character, a colon (on HDFS), or is too long; so is one
//! whose prefix has a slash. Empty components vanish, as they do in Hadoop.

use jiff::Timestamp;

use crate::escape::{self, Options, Template};
use crate::event::Event;
use crate::excerpt::excerpt;

use super::fs::Kind;

/// Most bytes of a component: of most local file systems, and HDFS's default (`dfs.namenode.fs-limits.max-component-length`).
const LONGEST_COMPONENT: usize = 255;

/// Most bytes of a path; Linux takes 4096, HDFS 8000 characters.
const LONGEST_PATH: usize = 3500;

/// A time since when zones differ by whole minutes, as [`Template::period`] needs.
const STEADY: i64 = 1_000_000_000_000;

/// Names that HDFS gives a meaning of their own.
const RESERVED: [&str; 2] = [".reserved", ".snapshot"];

/// A directory and a file prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bucket {
    /// Without a slash at its end.
    pub(super) directory: String,
    /// Of each file's name.
    pub(super) prefix: String,
}

/// Why an event has no bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It has no time that can be written.
    #[error(transparent)]
    Escape(#[from] escape::Error),
    /// Its headers lead to a directory that it shall not choose.
    #[error("its headers make the path {path:?}, whose component {component:?} {reason}")]
    Component {
        /// Expanded.
        path: String,
        /// The component.
        component: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its headers make a path that is too long.
    #[error("its headers make a path of {0} bytes, more than the {LONGEST_PATH} there may be")]
    Long(usize),
    /// Its headers make a prefix with a slash.
    #[error("its headers make the file prefix {0:?}, which leads to another directory")]
    Prefix(String),
}

/// Finds the buckets of events.
#[derive(Debug)]
pub(super) struct Buckets {
    /// The path, without scheme and host.
    directory: Template,
    prefix: Template,
    options: Options,
    kind: Kind,
    /// Bytes of a file's name beside its prefix, at most.
    beside: usize,
    /// Those that the two are made of.
    headers: Vec<String>,
    period: Option<i64>,
    timeless: bool,
}

impl Buckets {
    pub(super) fn new(directory: Template, prefix: Template, options: Options, kind: Kind, beside: usize) -> Buckets {
        let headers = directory.headers().chain(prefix.headers()).map(str::to_owned).collect();
        let period = directory.period().zip(prefix.period()).map(|(directory, prefix)| directory.min(prefix));
        let timeless = !directory.has_time() && !prefix.has_time();
        Buckets { directory, prefix, options, kind, beside, headers, period, timeless }
    }

    /// Events that have the same of this, and it is some, are of the same bucket if their headers say the same ([`Buckets::is_like`]): what spares
    /// expanding a path for each of them.
    pub(super) fn slot(&self, event: &Event) -> Option<i64> {
        if self.timeless {
            return Some(0);
        }
        let period = self.period?;
        let millis = match self.options.use_local_time {
            true => Timestamp::now().as_millisecond(),
            false => event.header_text("timestamp")?.parse().ok()?,
        };
        (millis >= STEADY).then(|| millis.div_euclid(period))
    }

    /// Whether two events have the same of all headers that paths are made of.
    pub(super) fn is_like(&self, event: &Event, other: &Event) -> bool {
        self.headers.iter().all(|name| event.header(name) == other.header(name))
    }

    /// The bucket of an event.
    ///
    /// # Errors
    /// It can have none, for ever: it belongs to the dead letters.
    pub(super) fn of(&self, event: &Event) -> Result<Bucket, Refused> {
        let expanded = self.directory.expand(event, &self.options)?;
        let prefix = self.prefix.expand(event, &self.options)?;
        if prefix.contains('/') {
            return Err(Refused::Prefix(excerpt(&prefix)));
        }
        let directory = self.checked(&expanded)?;
        self.check(&prefix, &prefix, LONGEST_COMPONENT.saturating_sub(self.beside))?;
        match directory.len() + prefix.len() + self.beside {
            ..=LONGEST_PATH => Ok(Bucket { directory, prefix }),
            long => Err(Refused::Long(long)),
        }
    }

    fn checked(&self, expanded: &str) -> Result<String, Refused> {
        let mut directory = String::with_capacity(expanded.len());
        for component in expanded.split('/').filter(|component| !component.is_empty()) {
            self.check(expanded, component, LONGEST_COMPONENT)?;
            if !directory.is_empty() || expanded.starts_with('/') {
                directory.push('/');
            }
            directory.push_str(component);
        }
        Ok(directory)
    }

    fn check(&self, path: &str, component: &str, longest: usize) -> Result<(), Refused> {
        let reason = if matches!(component, "." | "..") {
            "leads elsewhere"
        } else if RESERVED.contains(&component) {
            "is reserved"
        } else if component.chars().any(char::is_control) {
            "has a control character"
        } else if self.kind == Kind::Hdfs && component.contains(':') {
            "has a colon, which HDFS does not allow"
        } else if component.len() > longest {
            "is too long"
        } else {
            return Ok(());
        };
        Err(Refused::Component { path: excerpt(path), component: excerpt(component), reason })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Scope;

    fn buckets(directory: &str, prefix: &str, kind: Kind) -> Buckets {
        let [directory, prefix] = [directory, prefix].map(|text| Template::parse(text).expect("a template"));
        let options = Options { zone: jiff::tz::TimeZone::UTC, ..Options::default() };
        Buckets::new(directory, prefix, options, kind, 30)
    }

    fn event(header: &str) -> Event {
        let mut event = Event::new("");
        event.set_header("h", header.to_owned(), Scope::Event);
        event.set_header("timestamp", "1331389085042", Scope::Event);
        event
    }

    fn directory(template: &str, header: &str) -> Result<String, Refused> {
        buckets(template, "p", Kind::Hdfs).of(&event(header)).map(|bucket| bucket.directory)
    }

    #[test]
    fn a_value_makes_directories_below_the_path_and_nowhere_else() {
        assert_eq!(directory("/data/%{h}/%Y", "a").as_deref(), Ok("/data/a/2012"));
        assert_eq!(directory("/data/%{h}/%Y", "a/b").as_deref(), Ok("/data/a/b/2012"));
        assert_eq!(directory("/data/%{h}/%Y", "").as_deref(), Ok("/data/2012"));
        assert_eq!(directory("/data/%{h}", "/etc//x/").as_deref(), Ok("/data/etc/x"));
        assert_eq!(directory("/data/x-%{h}", "..").as_deref(), Ok("/data/x-.."));
        assert_eq!(directory("data/%{h}", "a").as_deref(), Ok("data/a"));
        assert_eq!(directory("/%D", "").as_deref(), Ok("/03/10/12"));
    }

    #[test]
    fn a_value_that_leads_elsewhere_is_refused() {
        for value in ["..", "../x", "a/../../x", ".", "a/./b", "a\0b", "a\nb", "a:b", ".reserved/raw", "x/.snapshot", &"x".repeat(256)] {
            assert!(matches!(directory("/data/%{h}/y", value), Err(Refused::Component { .. })), "{value:?}");
        }
        assert!(directory("/data/x-%{h}", "/../../etc").is_err());
        assert!(matches!(directory("/data/%{h}", &"long/".repeat(800)), Err(Refused::Long(_))));
        assert!(buckets("/data/%{h}", "p", Kind::Local).of(&event("a:b")).is_ok());
    }

    #[test]
    fn a_value_in_the_prefix_is_part_of_one_name() {
        let prefix = |value: &str| buckets("/data", "p-%{h}", Kind::Local).of(&event(value)).map(|bucket| bucket.prefix);
        assert_eq!(prefix("a b").as_deref(), Ok("p-a b"));
        assert_eq!(prefix("../x"), Err(Refused::Prefix("p-../x".into())));
        assert!(matches!(prefix(&"x".repeat(250)), Err(Refused::Component { .. })));
        assert!(prefix("a\0").is_err());
    }

    #[test]
    fn an_event_without_a_time_has_no_bucket_where_one_is_needed() {
        let bare = Event::new("");
        assert!(matches!(buckets("/data/%Y", "p", Kind::Local).of(&bare), Err(Refused::Escape(_))));
        assert!(buckets("/data", "p", Kind::Local).of(&bare).is_ok());
    }

    proptest! {
        #[test]
        fn events_of_one_slot_are_of_one_bucket(first in STEADY..STEADY * 4, apart in -70_000i64..70_000, text in "[YmdHMSsjkpz]{1,3}") {
            let text: String = text.chars().map(|letter| format!("%{letter}")).collect();
            let buckets = buckets(&format!("/data/{text}"), "p", Kind::Local);
            let at = |millis: i64| {
                let mut event = Event::new("");
                event.set_header("timestamp", millis.to_string(), Scope::Event);
                event
            };
            let (one, other) = (at(first), at(first + apart));
            if buckets.slot(&one) == buckets.slot(&other) {
                prop_assert_eq!(buckets.of(&one), buckets.of(&other));
            }
        }

        #[test]
        fn no_value_climbs_out(value in r"[./\\ a:\x00-\x1f]{0,24}", file in r"[./a]{0,9}") {
            let mut event = event(&value);
            event.set_header("f", file, Scope::Event);
            if let Ok(Bucket { directory, prefix }) = buckets("/data/%{h}/x/%{h}", "%{f}-%{h}", Kind::Hdfs).of(&event) {
                prop_assert!(directory.starts_with("/data/") && !prefix.contains('/'));
                prop_assert!(directory.split('/').all(|component| !matches!(component, "." | "..")));
                prop_assert!(!directory.contains("//") && !directory.ends_with('/'));
            }
        }
    }
}
