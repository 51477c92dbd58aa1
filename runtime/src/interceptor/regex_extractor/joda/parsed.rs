//! What a text says of a date, item by item of its pattern.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::{Field, Item};
use crate::calendar::{MONTHS, WEEKDAYS, short};

/// What a text said.
#[derive(Default)]
pub(super) struct Parsed {
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
    /// The zone it named.
    pub(super) zone: Option<TimeZone>,
}

impl Parsed {
    /// Takes what the item asks for off the text; `None` where it does not begin with that.
    pub(super) fn take<'a>(&mut self, item: &Item, text: &'a str) -> Option<&'a str> {
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

    /// The local time, where there is such a date.
    pub(super) fn local(&self) -> Option<DateTime> {
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
