//! Dates by Joda-Time pattern (`org.joda.time.format.DateTimeFormat`), as far as parsing goes.
//!
//! Letters: `y` `Y` year, `M` month (`MMM` name), `d` day, `D` day of the year, `E` day of the week, `H` hour 0–23, `k` 1–24, `K` 0–11, `h` 1–12,
//! `a` half of the day, `m` minute, `s` second, `S` fraction of a second, `Z` offset (`ZZZ` zone id), `z` zone name; quoted text is itself. The
//! rest (eras, centuries, weeks) is refused. As in Joda a number may have fewer digits than letters, names match in any case, long or short, and a
//! date without a year is in 2000, a time without a date on 1970-01-01. A day of the week must fit the date; Joda moves the date instead.

mod parsed;

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::excerpt::excerpt;
use parsed::Parsed;

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
        let local = parsed.local().ok_or_else(|| Mismatch::NoDate { text: excerpt(text) })?;
        let zone = parsed.zone.as_ref().unwrap_or(zone);
        let time = zone.to_ambiguous_timestamp(local);
        if let AmbiguousOffset::Gap { .. } = time.offset() {
            let zone = zone.iana_name().unwrap_or("the time zone").to_owned();
            return Err(Mismatch::Skipped { text: excerpt(text), zone });
        }
        time.earlier().map(Timestamp::as_millisecond).map_err(|_| Mismatch::NoDate { text: excerpt(text) })
    }

    fn mismatch(&self, text: &str, rest: &str) -> Mismatch {
        let at = text.chars().count() - rest.chars().count() + 1;
        Mismatch::Text { text: excerpt(text), pattern: self.text.clone(), at }
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
            Run::Letters(letter, _) => "DdhHmsSkKyY".contains(*letter),
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
    fn no_text_makes_a_pattern_panic() {
        let mut seed: u64 = 1;
        let mut random = |letters: &[char]| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            letters[(seed >> 33) as usize % letters.len()]
        };
        let pattern_letters: Vec<char> = "yyyMMMdDEHkKhamsSSSZZZz'-:é".chars().collect();
        let text_letters: Vec<char> = "0123456789999-+:ZaAMPé \u{1F600}".chars().collect();
        let mut parsed = 0;
        for _ in 0..50_000 {
            let pattern: String = (0..4).map(|_| random(&pattern_letters)).collect();
            let text: String = (0..6).map(|_| random(&text_letters)).collect();
            parsed += usize::from(Pattern::parse(&pattern).is_ok_and(|pattern| pattern.millis(&text, &TimeZone::UTC).is_ok()));
        }
        assert!(parsed > 0);
    }

    #[test]
    fn a_pattern_of_unknown_letters_is_refused() {
        assert_eq!(Pattern::parse("yyyy-ww"), Err(PatternError::Letter { pattern: "yyyy-ww".into(), letter: 'w' }));
        assert_eq!(Pattern::parse(""), Err(PatternError::Empty));
        assert!(Pattern::parse("''").is_ok());
    }
}
