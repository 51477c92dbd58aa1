//! Single values: numbers, bytes, times and decimals out of JSON.

use jiff::civil;
use serde_json::{Number, Value as Json};

use super::super::shape::Unit;
use super::{Cell, Misfit};

/// Digits that survive a JSON number, which is a binary fraction to most that write it.
const EXACT_DIGITS: usize = 15;

pub(super) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "this number",
        Json::String(_) => "this string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

pub(super) fn long(value: &Json) -> Result<i64, Misfit> {
    let whole = |number: &Number| {
        // Some writers put a fraction of zero behind every number. Up to 2^53 nothing is lost by that.
        number.as_i64().or_else(|| {
            number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0).map(|float| float as i64)
        })
    };
    value.as_number().and_then(whole).ok_or_else(|| Misfit::expected("a whole number of 64 bits", value))
}

pub(super) fn int(value: &Json) -> Result<i32, Misfit> {
    let number = long(value).ok().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| Misfit::expected("a whole number of 32 bits", value))
}

pub(super) fn float(number: &Number) -> Result<f32, Misfit> {
    let float = number.as_f64().map(|number| number as f32).filter(|float| float.is_finite());
    float.ok_or_else(|| Misfit::new("a number too large for 32 bits"))
}

pub(super) fn bytes(value: &Json) -> Result<Vec<u8>, Misfit> {
    let text = value.as_str().ok_or_else(|| Misfit::expected("a string", value))?;
    let bytes: Result<Vec<u8>, _> = text.chars().map(|character| u8::try_from(u32::from(character))).collect();
    bytes.map_err(|_| Misfit::new("a character above U+00FF, where each stands for a byte"))
}

pub(super) fn date(text: &str) -> Result<i32, Misfit> {
    let date: civil::Date = text.parse().map_err(|_| Misfit::new("a date such as 2026-11-25 is expected"))?;
    let instant = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| Misfit::new("a date that can be counted is expected"))?;
    i32::try_from(instant.timestamp().as_second().div_euclid(86_400)).map_err(|_| Misfit::new("a date that can be counted is expected"))
}

pub(super) fn time(unit: Unit, value: &Json) -> Result<Cell<'static>, Misfit> {
    let count = match value {
        Json::String(text) => {
            let time: civil::Time = text.parse().map_err(|_| Misfit::expected("a time such as 23:59:59", value))?;
            let seconds = (i128::from(time.hour()) * 60 + i128::from(time.minute())) * 60 + i128::from(time.second());
            unit.count(seconds * 1_000_000_000 + i128::from(time.subsec_nanosecond()))?
        }
        _ => long(value)?,
    };
    match unit {
        // `time-millis` is an `int`.
        Unit::Milli => i32::try_from(count).map(Cell::Int).map_err(|_| Misfit::expected("a time of the day", value)),
        Unit::Micro | Unit::Nano => Ok(Cell::Long(count)),
    }
}

impl Unit {
    /// Nanoseconds in this unit, rounded down.
    pub(super) fn count(self, nanoseconds: i128) -> Result<i64, Misfit> {
        let size = match self {
            Unit::Milli => 1_000_000,
            Unit::Micro => 1_000,
            Unit::Nano => 1,
        };
        i64::try_from(nanoseconds.div_euclid(size)).map_err(|_| Misfit::new("a time that 64 bits cannot count"))
    }
}

/// The digits of a decimal as a number.
pub(super) fn decimal(value: &Json, precision: usize, scale: usize, fixed: Option<usize>) -> Result<i128, Misfit> {
    let (text, most) = match value {
        Json::String(text) => (text.clone(), precision),
        Json::Number(number) if number.is_f64() => (number.to_string(), precision.min(EXACT_DIGITS)),
        Json::Number(number) => (number.to_string(), precision),
        _ => return Err(Misfit::expected("a decimal number", value)),
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(Misfit::expected("a decimal number without an exponent", value));
    }
    if fraction.len() > scale {
        return Err(Misfit::new(format!("more than {scale} digits behind the point")));
    }
    let significant = digits().skip_while(|digit| *digit == b'0').count();
    if significant > most || whole.trim_start_matches('0').len() + scale > precision {
        return Err(Misfit::new(format!("more digits than {} can be exact here", most.min(precision))));
    }
    let padding = std::iter::repeat_n(b'0', scale - fraction.len());
    let number = digits().chain(padding).fold(0_i128, |number, digit| number * 10 + i128::from(digit - b'0'));
    let number = if text.starts_with('-') { -number } else { number };
    match fixed {
        Some(size) if size < 16 && number >> (8 * size - 1) != 0 && number >> (8 * size - 1) != -1 => {
            Err(Misfit::new(format!("a decimal that {size} bytes cannot hold")))
        }
        _ => Ok(number),
    }
}
