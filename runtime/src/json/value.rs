//! A value in a JSON text: what it says, and the way on into it.

use std::borrow::Cow;

use super::pointer::Token;
use super::scan::{Place, scan};
use super::shape::Shapes;

/// A value of a text that is JSON.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    text: &'a [u8],
    place: Place,
}

impl<'a> Value<'a> {
    pub(super) fn new(text: &'a [u8], place: Place) -> Value<'a> {
        Value { text, place }
    }

    /// The text's outermost value.
    pub(super) fn whole(text: &'a [u8]) -> Option<Value<'a>> {
        let trimmed = text.trim_ascii();
        let start = text.len() - text.trim_ascii_start().len();
        let (start, len, first) = match trimmed.first()? {
            b'"' if trimmed.contains(&b'\\') => (start + 1, trimmed.len() - 2, b'\\'),
            b'"' => (start + 1, trimmed.len() - 2, b'"'),
            first => (start, trimmed.len(), *first),
        };
        Some(Value { text, place: Place { start: u32::try_from(start).ok()?, len: u32::try_from(len).ok()?, first } })
    }

    /// What it says: a string's content, anything else as it is written; `None` for JSON's null, and for a string that names half a character.
    pub(crate) fn text(self) -> Option<Cow<'a, [u8]>> {
        match self.place.first {
            b'\\' => unescaped(self.text, self.place).map(|text| Cow::Owned(text.into_bytes())),
            b'n' => None,
            _ => self.place.of(self.text).map(Cow::Borrowed),
        }
    }

    /// Its number, as `serde_json` reads it; `None` where it is none, or too large for any.
    pub(crate) fn number(self) -> Option<f64> {
        match self.place.first {
            b'-' | b'0'..=b'9' => {
                let text = self.place.of(self.text)?;
                short(text).or_else(|| serde_json::from_slice(text).ok())
            }
            _ => None,
        }
    }

    /// One step of a pointer. Of members of one name the last counts, as for most parsers.
    pub(super) fn child(self, token: &Token) -> Option<Value<'a>> {
        if !matches!(self.place.first, b'{' | b'[') {
            return None;
        }
        let text = self.place.of(self.text)?;
        let (mut found, mut index) = (None, 0);
        scan(text, &mut Shapes::default(), &mut Vec::new(), |name, value| {
            let is_it = match name {
                Some(name) => names(text, name, &token.name)?,
                None => token.index == Some(index),
            };
            index += 1;
            if is_it {
                found = Some(value);
            }
            Some(())
        })?;
        found.map(|place| Value { text, place })
    }
}

/// The powers of ten up to that of a short number's decimals.
const POWERS: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// A number of JSON that is at most fifteen digits and a point, and maybe a sign. The digits and the power of ten are whole numbers that `f64` has, so
/// that the one division rounds as it should, as it does in `serde_json`, which has to be ready for more.
fn short(number: &[u8]) -> Option<f64> {
    let (sign, number) = number.strip_prefix(b"-").map_or((1.0, number), |number| (-1.0, number));
    if number.len() > 15 {
        return None;
    }
    let (mut digits, mut point) = (0u64, None);
    for (at, byte) in number.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' => point = Some(at),
            _ => return None,
        }
    }
    let decimals = point.map_or(0, |point| number.len() - 1 - point);
    Some(sign * (digits as f64 / POWERS.get(decimals)?))
}

/// Whether the string there is this name; `None` where it is no string of whole characters.
pub(super) fn names(text: &[u8], place: Place, name: &str) -> Option<bool> {
    match place.has_escapes() {
        true => unescaped(text, place).map(|own| own == name),
        false => Some(place.of(text) == Some(name.as_bytes())),
    }
}

/// The string there, with its escapes resolved.
pub(super) fn unescaped(text: &[u8], place: Place) -> Option<String> {
    let start = place.start as usize;
    let quoted = text.get(start.checked_sub(1)?..=start + place.len as usize)?;
    serde_json::from_slice(quoted).ok()
}
