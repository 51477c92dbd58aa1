//! Dates by Joda-Time pattern (`org.joda.time.format.DateTimeFormat`), as far as parsing goes.
//!
//! Letters: `y` `Y` year, `M` month (`MMM` name), `d` day, `D` day of the year, `E` day of the week, `H` hour 0–23, `k` 1–24, `K` 0–11, `h` 1–12,
//! `a` half of the day, `m` minute, `s` second, `S` fraction of a second, `Z` offset (`ZZZ` zone id), `z` zone name; quoted text is itself. The
//! rest (eras, centuries, weeks) is refused. As in Joda a number may have fewer digits than letters, names match in any case, long or short, and a
//! date without a year is in 2000, a time without a date on 1970-01-01. A day of the week must fit the date; Joda moves the date instead.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::calendar::{MONTHS, WEEKDAYS, short};

/// A pattern, read once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// A field in at most so many digits.
    Number(Field, usize),
    /// A year in at most so many digits, perhaps with a sign.
    Year(usize),
    /// Two digits of a year near now; where `lenient`, other lengths are whole years.
    ShortYear {
        lenient: bool,
    },
    MonthName,
    WeekdayName,
    HalfDay,
    Fraction(usize),
    Offset,
    ZoneId,
    ZoneName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Month,
    Day,
    DayOfYear,
    Hour,
    HourFrom1,
    HalfDayHour,
    HalfDayHourFrom1,
    Minute,
    Second,
}

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A letter that means nothing, or nothing here.
    #[error("date pattern {pattern:?}: the letter {letter:?} is not supported")]
    Letter {
        /// The pattern.
        pattern: String,
        /// The letter.
        letter: char,
    },
    /// There is nothing in it.
    #[error("a date pattern must not be empty")]
    Empty,
}

/// A text that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mismatch {
    #[error("{text:?} does not fit the date pattern {pattern:?} from character {at} on")]
    Text { text: String, pattern: String, at: usize },
    #[error("{text:?} is no date")]
    NoDate { text: String },
    #[error("{text:?} is skipped by the clocks of {zone}")]
    Skipped { text: String, zone: String },
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, PatternError> {
        let runs = runs(text);
        let mut items = Vec::with_capacity(runs.len());
        for (index, run) in runs.iter().enumerate() {
            let item = match run {
                Run::Literal(literal) => Item::Literal(literal.clone()),
                Run::Letters(letter, count) => {
                    let digits_follow = runs.get(index + 1).is_some_and(Run::is_number);
                    item(*letter, *count, digits_follow).ok_or(PatternError::Letter { pattern: text.to_owned(), letter: *letter })?
                }
            };
            items.push(item);
        }
        if items.is_empty() {
            return Err(PatternError::Empty);
        }
        Ok(Pattern { text: text.to_owned(), items })
    }

    /// Milliseconds since the epoch; where the text says no zone it is in `zone`.
    pub(super) fn millis(&self, text: &str, zone: &TimeZone) -> Result<i64, Mismatch> {
        let mut parsed = Parsed::default();
        let mut rest = text;
        for item in &self.items {
            rest = parsed.take(item, rest).ok_or_else(|| self.mismatch(text, rest))?;
        }
        if !rest.is_empty() {
            return Err(self.mismatch(text, rest));
        }
        let local = parsed.local().ok_or_else(|| Mismatch::NoDate { text: text.to_owned() })?;
        let zone = parsed.zone.as_ref().unwrap_or(zone);
        let time = zone.to_ambiguous_timestamp(local);
        if let AmbiguousOffset::Gap { .. } = time.offset() {
            let zone = zone.iana_name().unwrap_or("the time zone").to_owned();
            return Err(Mismatch::Skipped { text: text.to_owned(), zone });
        }
        time.earlier().map(Timestamp::as_millisecond).map_err(|_| Mismatch::NoDate { text: text.to_owned() })
    }

    fn mismatch(&self, text: &str, rest: &str) -> Mismatch {
        let at = text.chars().count() - rest.chars().count() + 1;
        Mismatch::Text { text: text.to_owned(), pattern: self.text.clone(), at }
    }
}

enum Run {
    Literal(String),
    Letters(char, usize),
}

impl Run {
    fn is_number(&self) -> bool {
        match self {
            Run::Literal(_) => false,
            Run::Letters('M', count) => *count <= 2,
            Run::Letters(letter, _) => "cCxwDdhHmsSekKyY".contains(*letter),
        }
    }
}

/// Splits a pattern into runs of one letter, and the text between them; `''` is one quote.
fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            if letters.next_if_eq(&'\'').is_none() {
                quoted = !quoted;
                continue;
            }
        } else if !quoted && letter.is_ascii_alphabetic() {
            let mut count = 1;
            while letters.next_if_eq(&letter).is_some() {
                count += 1;
            }
            runs.push(Run::Letters(letter, count));
            continue;
        }
        match runs.last_mut() {
            Some(Run::Literal(literal)) => literal.push(letter),
            _ => runs.push(Run::Literal(letter.to_string())),
        }
    }
    runs
}

fn item(letter: char, count: usize, digits_follow: bool) -> Option<Item> {
    Some(match letter {
        'y' | 'Y' if count == 2 => Item::ShortYear { lenient: !digits_follow },
        'y' | 'Y' => Item::Year(if digits_follow { count } else { 9 }),
        'M' if count >= 3 => Item::MonthName,
        'M' => Item::Number(Field::Month, 2),
        'd' => Item::Number(Field::Day, 2),
        'D' => Item::Number(Field::DayOfYear, 3),
        'E' => Item::WeekdayName,
        'a' => Item::HalfDay,
        'H' => Item::Number(Field::Hour, 2),
        'k' => Item::Number(Field::HourFrom1, 2),
        'K' => Item::Number(Field::HalfDayHour, 2),
        'h' => Item::Number(Field::HalfDayHourFrom1, 2),
        'm' => Item::Number(Field::Minute, 2),
        's' => Item::Number(Field::Second, 2),
        'S' => Item::Fraction(count),
        'Z' if count >= 3 => Item::ZoneId,
        'Z' => Item::Offset,
        'z' => Item::ZoneName,
        _ => return None,
    })
}

/// What a text said.
#[derive(Default)]
struct Parsed {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    weekday: Option<usize>,
    hour: Option<i64>,
    half_day_hour: Option<i64>,
    afternoon: bool,
    minute: i64,
    second: i64,
    nanosecond: i64,
    zone: Option<TimeZone>,
}

impl Parsed {
    /// Takes what the item asks for off the text; `None` where it does not begin with that.
    fn take<'a>(&mut self, item: &Item, text: &'a str) -> Option<&'a str> {
        match item {
            Item::Literal(literal) => {
                let start = text.get(..literal.len())?;
                start.eq_ignore_ascii_case(literal).then(|| &text[literal.len()..])
            }
            Item::Number(field, most) => {
                let (number, rest) = number(text, *most)?;
                self.set(*field, number)?;
                Some(rest)
            }
            Item::Year(most) => {
                let (year, rest) = signed(text, *most)?;
                self.year = Some(year);
                Some(rest)
            }
            Item::ShortYear { lenient } => self.short_year(text, *lenient),
            Item::MonthName => {
                let (month, rest) = name(text, &MONTHS)?;
                self.month = Some(month as i64 + 1);
                Some(rest)
            }
            Item::WeekdayName => {
                let (weekday, rest) = name(text, &WEEKDAYS)?;
                self.weekday = Some(weekday);
                Some(rest)
            }
            Item::HalfDay => {
                let (half, rest) = text.split_at_checked(2)?;
                self.afternoon = ["AM", "PM"].iter().position(|name| half.eq_ignore_ascii_case(name))? == 1;
                Some(rest)
            }
            Item::Fraction(most) => {
                let (digits, rest) = digits(text, *most)?;
                // Joda counts milliseconds: the digits after the third are cut off.
                self.nanosecond = format!("{digits:0<3}")[..3].parse::<i64>().ok()? * 1_000_000;
                Some(rest)
            }
            Item::Offset => {
                let (zone, rest) = offset(text)?;
                self.zone = Some(zone);
                Some(rest)
            }
            Item::ZoneId => {
                let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && !"_+-/".contains(letter)).unwrap_or(text.len());
                self.zone = Some(TimeZone::get(&text[..end]).ok()?);
                Some(&text[end..])
            }
            Item::ZoneName => {
                let (name, id) = ZONE_NAMES.iter().find(|(name, _)| text.starts_with(name))?;
                self.zone = Some(TimeZone::get(id).ok()?);
                Some(&text[name.len()..])
            }
        }
    }

    fn set(&mut self, field: Field, number: i64) -> Option<()> {
        // The upper bounds of days are the calendar's business.
        let (least, most) = match field {
            Field::Month => (1, 12),
            Field::Day => (1, 31),
            Field::DayOfYear => (1, 366),
            Field::Hour => (0, 23),
            Field::HourFrom1 => (1, 24),
            Field::HalfDayHour => (0, 11),
            Field::HalfDayHourFrom1 => (1, 12),
            Field::Minute | Field::Second => (0, 59),
        };
        if !(least..=most).contains(&number) {
            return None;
        }
        match field {
            Field::Month => self.month = Some(number),
            Field::Day => self.day = Some(number),
            Field::DayOfYear => self.day_of_year = Some(number),
            Field::Hour | Field::HourFrom1 => self.hour = Some(number % 24),
            Field::HalfDayHour | Field::HalfDayHourFrom1 => self.half_day_hour = Some(number % 12),
            Field::Minute => self.minute = number,
            Field::Second => self.second = number,
        }
        Some(())
    }

    /// Joda takes two digits as the year between 80 years ago and 19 years ahead.
    fn short_year<'a>(&mut self, text: &'a str, lenient: bool) -> Option<&'a str> {
        let has_sign = text.starts_with(['+', '-']);
        let (year, rest) = if lenient { signed(text, 9)? } else { number(text, 2)? };
        let digits = text.len() - rest.len();
        if !lenient && digits != 2 {
            return None;
        }
        if has_sign || digits != 2 {
            self.year = Some(year);
            return Some(rest);
        }
        let first = i64::from(Timestamp::now().to_zoned(TimeZone::UTC).year()) - 80;
        self.year = Some(first + (year - first).rem_euclid(100));
        Some(rest)
    }

    fn local(&self) -> Option<DateTime> {
        let dated = self.month.or(self.day).or(self.day_of_year).is_some() || self.weekday.is_some();
        let year = i16::try_from(self.year.unwrap_or(if dated { 2000 } else { 1970 })).ok()?;
        let date = match self.day_of_year {
            Some(day) => {
                let date = Date::new(year, 1, 1).ok()?.checked_add(SignedDuration::from_hours(24 * (day - 1))).ok()?;
                (date.year() == year).then_some(date)?
            }
            None => Date::new(year, i8::try_from(self.month.unwrap_or(1)).ok()?, i8::try_from(self.day.unwrap_or(1)).ok()?).ok()?,
        };
        let known = self.day.or(self.day_of_year).is_some();
        if known && self.weekday.is_some_and(|weekday| weekday != usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())) {
            return None;
        }
        let hour = self.hour.unwrap_or(self.half_day_hour.unwrap_or(0) + if self.afternoon { 12 } else { 0 });
        let small = |number: i64| i8::try_from(number).ok();
        let time = Time::new(small(hour)?, small(self.minute)?, small(self.second)?, i32::try_from(self.nanosecond).ok()?).ok()?;
        Some(date.to_datetime(time))
    }
}

/// Joda's default names of zones (`DateTimeUtils.getDefaultTimeZoneNames`), longer ones before those they begin with.
const ZONE_NAMES: [(&str, &str); 11] = [
    ("UTC", "UTC"),
    ("UT", "UTC"),
    ("GMT", "UTC"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
];

/// At least one and at most so many digits.
fn digits(text: &str, most: usize) -> Option<(&str, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (count > 0).then(|| text.split_at(count))
}

fn number(text: &str, most: usize) -> Option<(i64, &str)> {
    let (digits, rest) = digits(text, most)?;
    Some((digits.parse().ok()?, rest))
}

fn signed(text: &str, most: usize) -> Option<(i64, &str)> {
    match text.strip_prefix('-') {
        Some(rest) => number(rest, most).map(|(year, rest)| (-year, rest)),
        None => number(text.strip_prefix('+').unwrap_or(text), most),
    }
}

/// The index of the name that the text begins with, long or short, in any case.
fn name<'a>(text: &'a str, names: &[&str]) -> Option<(usize, &'a str)> {
    let begins = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let long = names.iter().position(|name| begins(name)).map(|index| (index, names[index].len()));
    let (index, length) = long.or_else(|| Some((names.iter().position(|name| begins(short(name)))?, 3)))?;
    Some((index, &text[length..]))
}

/// `Z`, or a sign with hours, perhaps minutes and seconds, with or without colons.
fn offset(text: &str) -> Option<(TimeZone, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((TimeZone::UTC, rest));
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, mut rest) = two_digits(text.strip_prefix(['+', '-'])?, 23)?;
    let mut seconds = hours * 3600;
    for unit in [60, 1] {
        let Some((part, after)) = two_digits(rest.strip_prefix(':').unwrap_or(rest), 59) else { break };
        seconds += part * unit;
        rest = after;
    }
    Some((Offset::from_seconds(sign * seconds).ok()?.to_time_zone(), rest))
}

fn two_digits(text: &str, most: i32) -> Option<(i32, &str)> {
    let (digits, rest) = digits(text, 2).filter(|(digits, _)| digits.len() == 2)?;
    let number = digits.parse().ok().filter(|number| *number <= most)?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(pattern: &str, text: &str) -> Result<i64, Mismatch> {
        let zone = TimeZone::get("America/Los_Angeles").expect("a time zone");
        Pattern::parse(pattern).expect("a pattern").millis(text, &zone)
    }

    /// The time as text, in UTC.
    fn utc(pattern: &str, text: &str) -> String {
        let millis = millis(pattern, text).unwrap_or_else(|mismatch| panic!("{pattern}: {mismatch}"));
        Timestamp::from_millisecond(millis).expect("in range").to_string()
    }

    #[test]
    fn dates_are_read_as_joda_reads_them() {
        for (pattern, text, wanted) in [
            ("yyyy-MM-dd HH:mm:ss,SSS", "2012-03-10 06:18:05,042", "2012-03-10T14:18:05.042Z"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSZZ", "2012-03-10T14:18:05.042+00:00", "2012-03-10T14:18:05.042Z"),
            ("yyyy-MM-dd'T'HH:mm:ssZ", "2012-03-10T14:18:05Z", "2012-03-10T14:18:05Z"),
            ("dd/MMM/yyyy:HH:mm:ss Z", "10/Mar/2012:15:18:05 +0100", "2012-03-10T14:18:05Z"),
            ("EEE MMM d hh:mm:ss a z yyyy", "sat MARCH 10 06:18:05 am PST 2012", "2012-03-10T14:18:05Z"),
            ("yyyyMMddHHmmssSSS", "20120310061805042", "2012-03-10T14:18:05.042Z"),
            ("yyyy-MM-dd HH:mm ZZZ", "2012-03-10 15:18 Europe/Berlin", "2012-03-10T14:18:00Z"),
            ("yyyy DDD k", "2012 070 24", "2012-03-10T08:00:00Z"),
            ("yyyy-M-d K a", "2012-3-10 6 PM", "2012-03-11T02:00:00Z"),
            ("yy-MM-dd", "12-03-10", "2012-03-10T08:00:00Z"),
            ("yy-MM-dd", "2012-03-10", "2012-03-10T08:00:00Z"),
            ("MM-dd", "02-29", "2000-02-29T08:00:00Z"),
            ("HH:mm", "00:00", "1970-01-01T08:00:00Z"),
            ("HH 'o''clock'", "6 O'Clock", "1970-01-01T14:00:00Z"),
            ("HH:mm:ss.S", "00:00:00.5", "1970-01-01T08:00:00.5Z"),
            ("HH:mm:ss.SSSSSS", "00:00:00.123456", "1970-01-01T08:00:00.123Z"),
        ] {
            assert_eq!(utc(pattern, text), wanted, "{pattern}");
        }
    }

    #[test]
    fn the_hour_that_comes_twice_is_the_first_and_the_one_left_out_is_refused() {
        assert_eq!(utc("yyyy-MM-dd HH:mm", "2012-11-04 01:30"), "2012-11-04T08:30:00Z");
        assert!(matches!(millis("yyyy-MM-dd HH:mm", "2012-03-11 02:30"), Err(Mismatch::Skipped { .. })));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        for (pattern, text, at) in [
            ("yyyy-MM", "2012/03", 5),
            ("yyyy-MM", "2012-13", 6),
            ("yyyy-MM", "2012-03x", 8),
            ("HH", "", 1),
            ("MMM", "Mrz", 1),
            ("dd é", "1 e", 2),
        ] {
            assert_eq!(millis(pattern, text), Err(Mismatch::Text { text: text.into(), pattern: pattern.into(), at }));
        }
        for (pattern, text) in
            [("yyyy-MM-dd", "2011-02-29"), ("yyyy DDD", "2011 366"), ("E yyyy-MM-dd", "Sun 2012-03-10"), ("yyyy", "999999999")]
        {
            assert_eq!(millis(pattern, text), Err(Mismatch::NoDate { text: text.into() }));
        }
        for text in ["é", "+é", "+1", "+24:00", "Zé", "\u{1F600}"] {
            assert!(millis("Z", text).is_err(), "{text}");
            assert!(millis("a", text).is_err(), "{text}");
            assert!(millis("MMM", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_of_unknown_letters_is_refused() {
        assert_eq!(Pattern::parse("yyyy-ww"), Err(PatternError::Letter { pattern: "yyyy-ww".into(), letter: 'w' }));
        assert_eq!(Pattern::parse(""), Err(PatternError::Empty));
        assert!(Pattern::parse("''").is_ok());
    }
}
