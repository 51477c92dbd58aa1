//! The time of an event: rounded, and written by letter.

use std::fmt::Write;
use std::num::NonZeroU8;

use jiff::{Timestamp, Zoned};

use super::{Error, Options};
use crate::calendar::{MONTHS, WEEKDAYS, short};
use crate::event::Event;
use crate::excerpt::excerpt;

/// Rounding down to a multiple: 10 minutes make 14:18:05 into 14:10:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// What is rounded; all below it become 0.
    pub unit: Unit,
    /// To a multiple of this.
    pub value: NonZeroU8,
}

/// A part of the time that can be rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `second`
    Second,
    /// `minute`
    Minute,
    /// `hour`
    Hour,
}

/// An event's time, rounded, and as it was.
pub(super) struct Clock {
    rounded: Zoned,
    millis: i64,
}

impl Clock {
    pub(super) fn of(event: &Event, options: &Options, letter: char) -> Result<Clock, Error> {
        let millis = if options.use_local_time {
            Timestamp::now().as_millisecond()
        } else {
            let text = event.header_text("timestamp").ok_or(Error::MissingTimestamp(letter))?;
            text.parse().map_err(|_| Error::BadTimestamp(excerpt(&text)))?
        };
        let time = Timestamp::from_millisecond(millis).map_err(|_| Error::OutOfRange(millis))?.to_zoned(options.zone.clone());
        let rounded = match options.round {
            None => time,
            Some(round) if millis > 0 => round.down(&time).ok_or(Error::OutOfRange(millis))?,
            Some(_) => return Err(Error::OutOfRange(millis)),
        };
        Ok(Clock { rounded, millis })
    }

    pub(super) fn write(&self, letter: char, out: &mut String) {
        let time = &self.rounded;
        let year = time.year();
        let month = MONTHS[usize::from(time.month().unsigned_abs()) - 1];
        let weekday = WEEKDAYS[usize::from(time.weekday().to_monday_zero_offset().unsigned_abs())];
        let hour12 = (time.hour() + 11) % 12 + 1;
        let written = match letter {
            '%' => write!(out, "%"),
            'a' => write!(out, "{}", short(weekday)),
            'A' => write!(out, "{weekday}"),
            'b' => write!(out, "{}", short(month)),
            'B' => write!(out, "{month}"),
            'c' => {
                let (weekday, month, day) = (short(weekday), short(month), time.day());
                write!(out, "{weekday} {month} {day} {:02}:{:02}:{:02} {year:04}", time.hour(), time.minute(), time.second())
            }
            'd' => write!(out, "{:02}", time.day()),
            'D' => write!(out, "{:02}/{:02}/{:02}", time.month(), time.day(), year.rem_euclid(100)),
            'e' => write!(out, "{}", time.day()),
            'H' => write!(out, "{:02}", time.hour()),
            'I' => write!(out, "{hour12:02}"),
            'j' => write!(out, "{:03}", time.day_of_year()),
            'k' => write!(out, "{}", time.hour()),
            'l' => write!(out, "{hour12}"),
            'm' => write!(out, "{:02}", time.month()),
            'M' => write!(out, "{:02}", time.minute()),
            'n' => write!(out, "{}", time.month()),
            'p' => write!(out, "{}", if time.hour() < 12 { "AM" } else { "PM" }),
            's' => write!(out, "{}", time.timestamp().as_millisecond() / 1000),
            'S' => write!(out, "{:02}", time.second()),
            't' => write!(out, "{}", self.millis),
            'y' => write!(out, "{:02}", year.rem_euclid(100)),
            'Y' => write!(out, "{year:04}"),
            'z' => {
                let seconds = time.offset().seconds();
                let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
                write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
            }
            _ => Ok(()),
        };
        written.expect("writing to a string does not fail");
    }
}

impl Round {
    /// Rounds the local time, so that three hours begin at local midnight; where the clock is set back, within the same turn.
    fn down(self, time: &Zoned) -> Option<Zoned> {
        // A part of the time is below 60, and so is what goes off it.
        let floor = |part: i8| part - (part.unsigned_abs() % self.value) as i8;
        let with = time.with().subsec_nanosecond(0);
        let with = match self.unit {
            Unit::Second => with.second(floor(time.second())),
            Unit::Minute => with.minute(floor(time.minute())).second(0),
            Unit::Hour => with.hour(floor(time.hour())).minute(0).second(0),
        };
        with.build().ok()
    }
}
