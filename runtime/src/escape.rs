//! Flume's escapes (`org.apache.flume.formatter.output.BucketPath`): text that differs with each event.
//!
//! | escape | becomes |
//! |---|---|
//! | `%{name}` | the event's header, or nothing |
//! | `%Y` `%m` `%d` `%H` … | a part of the event's time, its header `timestamp` in milliseconds; an unknown letter is nothing |
//! | `%%` | a percent sign, though Flume asks for a timestamp even then |
//! | `%[localhost]` `%[IP]` `%[FQDN]` | this host's name, address, full name; in any case |
//!
//! Everything else stays as it is. Header values go in raw: whoever makes a path of the result must look for `/` and `..` in it.
//! Names of months and days are English; in Flume they are those of the Java process's locale.

mod clock;

use jiff::tz::TimeZone;

use clock::Clock;
pub use clock::{Round, Unit};

use crate::event::Event;
use crate::localhost;

/// A text with escapes, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Header(String),
    Time(char),
}

/// A part of a template, as far as it is known before there is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The same for all events.
    Text(&'a str),
    /// A header's value.
    Header,
    /// A part of the time.
    Time(char),
}

/// How an event's time is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Take the current time, not the event's header `timestamp` (`useLocalTimeStamp`). Default: false.
    pub use_local_time: bool,
    /// Time zone of the parts. Default: the system's.
    pub zone: TimeZone,
    /// Round every part down but `%t`. Default: no.
    pub round: Option<Round>,
}

impl Default for Options {
    fn default() -> Options {
        Options { use_local_time: false, zone: TimeZone::system(), round: None }
    }
}

/// An escape cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The template asks for something of this host that is not known. Flume finds out with the first event.
    #[error("unknown escape %[{0}], known are %[localhost], %[IP] and %[FQDN]")]
    UnknownHostEscape(String),
    /// A time escape, and the event has no header `timestamp`.
    #[error("the escape %{0} needs the event header \"timestamp\", which is missing")]
    MissingTimestamp(char),
    /// The header `timestamp` is no number.
    #[error("the event header \"timestamp\" is {0:?}, not a number of milliseconds")]
    BadTimestamp(String),
    /// The time is outside the years that can be written, or at the epoch or before it where times are rounded, which Flume refuses.
    #[error("the event's timestamp {0} is out of range")]
    OutOfRange(i64),
}

impl Template {
    /// Reads a text. What belongs to this host is looked up here, once.
    ///
    /// # Errors
    /// When it names something of this host that is not known.
    pub fn parse(text: &str) -> Result<Template, Error> {
        let mut template = Template { parts: Vec::new() };
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            template.text(&rest[..at]);
            rest = &rest[at + 1..];
            rest = template.escape(rest)?;
        }
        template.text(rest);
        Ok(template)
    }

    /// The text itself where it has no escape.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What it is made of.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.parts.iter().map(|part| match part {
            Part::Text(text) => Piece::Text(text),
            Part::Header(_) => Piece::Header,
            Part::Time(letter) => Piece::Time(*letter),
        })
    }

    /// Whether it has a part of the time.
    pub(crate) fn has_time(&self) -> bool {
        self.pieces().any(|piece| matches!(piece, Piece::Time(_)))
    }

    /// Names of the headers in it.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Header(name) => Some(name.as_str()),
            Part::Text(_) | Part::Time(_) => None,
        })
    }

    /// Milliseconds for which the text stays the same, counted from the epoch, as long as the headers do: `None` where `%t` is in it.
    /// Holds for times from 1972 on, since when zones differ by whole minutes.
    pub(crate) fn period(&self) -> Option<i64> {
        let mut periods = self.pieces().map(|piece| match piece {
            Piece::Text(_) | Piece::Header | Piece::Time('%') => Some(i64::MAX),
            Piece::Time('t') => None,
            Piece::Time('s' | 'S' | 'c') => Some(1_000),
            Piece::Time(_) => Some(60_000),
        });
        periods.try_fold(i64::MAX, |least, period| Some(least.min(period?)))
    }

    /// The text for this event.
    ///
    /// # Errors
    /// When a time escape meets an event without a usable time. It will never have one: the event belongs to the dead letters.
    pub fn expand(&self, event: &Event, options: &Options) -> Result<String, Error> {
        let mut out = String::new();
        let mut clock = None;
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Header(name) => out.push_str(&event.header_text(name).unwrap_or_default()),
                Part::Time(letter) => {
                    if clock.is_none() {
                        clock = Some(Clock::of(event, options, *letter)?);
                    }
                    if let Some(clock) = &clock {
                        clock.write(*letter, &mut out);
                    }
                }
            }
        }
        Ok(out)
    }

    /// Reads the escape whose percent sign was just before `rest`; what is none leaves a percent sign. Returns what follows it.
    fn escape<'a>(&mut self, rest: &'a str) -> Result<&'a str, Error> {
        if let Some(letter) = rest.chars().next().filter(|letter| is_word(*letter) || *letter == '%') {
            self.parts.push(Part::Time(letter));
            return Ok(&rest[1..]);
        }
        if let Some((name, after)) = enclosed(rest, '{', '}', |letter| is_word(letter) || matches!(letter, '.' | '-')) {
            self.parts.push(Part::Header(name.to_owned()));
            return Ok(after);
        }
        if let Some((name, after)) = enclosed(rest, '[', ']', is_word) {
            self.text(&of_this_host(name)?);
            return Ok(after);
        }
        self.text("%");
        Ok(rest)
    }

    fn text(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }
}

/// Java's `\w`.
fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The name between the brackets that `rest` begins with, and what follows.
fn enclosed(rest: &str, open: char, close: char, allowed: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let (name, after) = rest.strip_prefix(open)?.split_once(close)?;
    (!name.is_empty() && name.chars().all(allowed)).then_some((name, after))
}

fn of_this_host(name: &str) -> Result<String, Error> {
    match name.to_ascii_lowercase().as_str() {
        "localhost" => Ok(localhost::name()),
        "ip" => Ok(localhost::address().to_string()),
        // As getCanonicalHostName does, the address where there is no name.
        "fqdn" => Ok(localhost::canonical_name().unwrap_or_else(|| localhost::address().to_string())),
        _ => Err(Error::UnknownHostEscape(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;
    use crate::event::Scope;

    fn event() -> Event {
        let mut event = Event::new("");
        event.set_header("timestamp", "1331389085042", Scope::Event);
        event.set_header("host", r"a/../b$1\", Scope::Event);
        event
    }

    fn options(zone: &str) -> Options {
        Options { zone: TimeZone::get(zone).expect("a time zone"), ..Options::default() }
    }

    fn expand(text: &str, options: &Options) -> Result<String, Error> {
        Template::parse(text)?.expand(&event(), options)
    }

    #[test]
    fn every_time_escape_writes_what_flume_writes() {
        let utc = options("UTC");
        let la = options("America/Los_Angeles");
        for (escape, wanted) in [
            ("%a", "Sat"),
            ("%A", "Saturday"),
            ("%b", "Mar"),
            ("%B", "March"),
            ("%c", "Sat Mar 10 14:18:05 2012"),
            ("%d", "10"),
            ("%e", "10"),
            ("%D", "03/10/12"),
            ("%H", "14"),
            ("%I", "02"),
            ("%j", "070"),
            ("%k", "14"),
            ("%l", "2"),
            ("%m", "03"),
            ("%n", "3"),
            ("%M", "18"),
            ("%p", "PM"),
            ("%s", "1331389085"),
            ("%S", "05"),
            ("%t", "1331389085042"),
            ("%y", "12"),
            ("%Y", "2012"),
            ("%z", "+0000"),
            ("%%", "%"),
            ("%q", ""),
        ] {
            assert_eq!(expand(escape, &utc).as_deref(), Ok(wanted), "{escape}");
        }
        assert_eq!(expand("%H %I %k %l %p %z", &la).as_deref(), Ok("06 06 6 6 AM -0800"));
    }

    #[test]
    fn headers_go_in_raw_and_what_is_no_escape_stays() {
        let utc = options("UTC");
        assert_eq!(expand("x-%{host}-%{nope}.", &utc).as_deref(), Ok(r"x-a/../b$1\-."));
        for literal in ["", "100 %", "%{sp ace}", "%{}", "%[", "%{open", "%-é%", "%[a b]"] {
            let template = Template::parse(literal).expect("a template");
            assert_eq!(template.expand(&Event::default(), &utc).as_deref(), Ok(literal));
            assert_eq!(template.literal(), Some(literal));
        }
        assert_eq!(Template::parse("%{a}").expect("a template").literal(), None);
    }

    #[test]
    fn escapes_of_this_host_are_looked_up_in_any_case() {
        let expanded = |text: &str| expand(text, &Options::default()).expect("expanded");
        assert_eq!(expanded("%[localhost]"), localhost::name());
        assert_eq!(expanded("%[ip]"), localhost::address().to_string());
        assert!(!expanded("%[Fqdn]").is_empty());
        assert_eq!(Template::parse("%[nope]"), Err(Error::UnknownHostEscape("nope".into())));
    }

    #[test]
    fn a_time_escape_needs_a_timestamp_and_others_do_not() {
        let utc = options("UTC");
        let bare = Event::new("");
        let expand = |text: &str, event: &Event| Template::parse(text).expect("a template").expand(event, &utc);
        for escape in ["%Y", "%%", "%q"] {
            assert!(matches!(expand(escape, &bare), Err(Error::MissingTimestamp(_))), "{escape}");
        }
        assert_eq!(expand("a-%{b}", &bare).as_deref(), Ok("a-"));
        for text in ["soon", "", "1.5", "99999999999999999999"] {
            let mut bad = Event::new("");
            bad.set_header("timestamp", text, Scope::Event);
            assert_eq!(expand("%Y", &bad), Err(Error::BadTimestamp(text.into())));
        }
        let mut far = Event::new("");
        far.set_header("timestamp", i64::MAX.to_string(), Scope::Event);
        assert_eq!(expand("%Y", &far), Err(Error::OutOfRange(i64::MAX)));
        let now = Options { use_local_time: true, ..options("UTC") };
        let year = Template::parse("%Y").expect("a template").expand(&bare, &now).expect("expanded");
        assert!(year.parse::<i32>().expect("a year") >= 2026);
    }

    #[test]
    fn the_time_is_rounded_down_in_its_zone_but_for_the_raw_timestamp() {
        let value = |value| NonZeroU8::new(value).expect("not zero");
        let tens = Options { round: Some(Round { unit: Unit::Minute, value: value(10) }), ..options("UTC") };
        assert_eq!(expand("%Y-%m-%d/%H%M/%S %s %t", &tens).as_deref(), Ok("2012-03-10/1410/00 1331388600 1331389085042"));
        let sevens = Options { round: Some(Round { unit: Unit::Hour, value: value(7) }), ..options("America/Los_Angeles") };
        assert_eq!(expand("%H:%M", &sevens).as_deref(), Ok("00:00"));
        let seconds = Options { round: Some(Round { unit: Unit::Second, value: value(4) }), ..options("UTC") };
        assert_eq!(expand("%S", &seconds).as_deref(), Ok("04"));
    }

    #[test]
    fn the_text_is_the_same_for_a_period() {
        let period = |text: &str| Template::parse(text).expect("a template").period();
        assert_eq!(period("/a"), Some(i64::MAX));
        assert_eq!(period("/a/%Y-%m-%d/%H%M%p%z%%"), Some(60_000));
        assert_eq!((period("%H%S"), period("%s"), period("%c")), (Some(1_000), Some(1_000), Some(1_000)));
        assert_eq!((period("%t"), period("%{h}/%Y"), period("%{h}")), (None, Some(60_000), Some(i64::MAX)));
    }

    #[test]
    fn times_before_the_epoch_are_written_but_not_rounded() {
        let mut event = Event::new("");
        event.set_header("timestamp", "-1", Scope::Event);
        let template = Template::parse("%Y-%m-%d").expect("a template");
        assert_eq!(template.expand(&event, &options("UTC")).as_deref(), Ok("1969-12-31"));
        let round = Some(Round { unit: Unit::Hour, value: NonZeroU8::MIN });
        assert_eq!(template.expand(&event, &Options { round, ..options("UTC") }), Err(Error::OutOfRange(-1)));
    }
}
