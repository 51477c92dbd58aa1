//! Lines to events. Whatever is no event is refused with its file, line and key.

use std::io::{BufRead, Read};

use bytes::Bytes;
use serde_json::value::RawValue;

use super::object::Object;
use super::{Ending, Error, Line, Wrong, value};
use crate::config::problem::closest;
use crate::event::{Event, Headers, Scope};
use crate::printable::one_line;

/// The longest line that is read.
const LONGEST: u64 = 256 << 20;

/// What the lines of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Events.
    #[default]
    Json,
    /// Bodies, as they are.
    Text,
}

/// Reads events, one after the other. After an error it goes on with the next line.
pub struct Reader<R> {
    lines: Lines<R>,
    form: Form,
}

impl<R: BufRead> Reader<R> {
    /// Reads this input; the name is for messages.
    pub fn new(name: impl Into<String>, input: R, form: Form) -> Reader<R> {
        Reader { lines: Lines { name: name.into(), input, number: 0 }, form }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Result<Event, Error>> {
        if self.form == Form::Text {
            let line = self.lines.next()?;
            return Some(line.map(Event::new));
        }
        let line = self.lines.next_written()?;
        Some(line.and_then(|line| event(&line).map_err(|wrong| self.lines.malformed(wrong))))
    }
}

/// Reads what is expected to become of events.
///
/// # Errors
/// The first line that is none.
pub fn expectation<R: BufRead>(name: impl Into<String>, input: R) -> Result<Vec<Line>, Error> {
    let mut lines = Lines { name: name.into(), input, number: 0 };
    let mut expected = Vec::new();
    while let Some(line) = lines.next_written() {
        expected.push(ending(&line?).map_err(|wrong| lines.malformed(wrong))?);
    }
    Ok(expected)
}

/// The lines of an input.
struct Lines<R> {
    name: String,
    input: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    /// The next line, without its end.
    fn next(&mut self) -> Option<Result<Vec<u8>, Error>> {
        self.number += 1;
        let mut line = Vec::new();
        match (&mut self.input).take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(source) => return Some(Err(Error::Read { file: self.name.clone(), source })),
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 == LONGEST {
            return Some(Err(self.malformed(Wrong::at("", format!("longer than {LONGEST} bytes")))));
        }
        Some(Ok(line))
    }

    /// The next line that is not empty, as text.
    fn next_written(&mut self) -> Option<Result<String, Error>> {
        loop {
            let line = match self.next()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            let text = match String::from_utf8(line) {
                Ok(text) => text,
                Err(error) => {
                    let reason = format!("no UTF-8 at byte {}", error.utf8_error().valid_up_to() + 1);
                    return Some(Err(self.malformed(Wrong::at("", reason))));
                }
            };
            // Some editors begin a file with a byte order mark.
            let text = if self.number == 1 { text.trim_start_matches('\u{feff}').to_owned() } else { text };
            if !text.trim().is_empty() {
                return Some(Ok(text));
            }
        }
    }

    fn malformed(&self, wrong: Wrong) -> Error {
        Error::Malformed { file: self.name.clone(), line: self.number, key: wrong.key, reason: wrong.reason }
    }
}

/// Keys of an event.
const EVENT: [&str; 4] = ["body", "key", "timestamp", "headers"];
/// Keys of what became of one.
const ENDING: [&str; 6] = ["verdict", "reason", "body", "key", "timestamp", "headers"];

fn event(line: &str) -> Result<Event, Wrong> {
    let mut event = Event::default();
    for (key, raw) in keys(line, &EVENT)? {
        set(&mut event, &key, raw)?;
    }
    Ok(event)
}

fn ending(line: &str) -> Result<Line, Wrong> {
    let (mut event, mut verdict, mut reason) = (Event::default(), None, None);
    for (key, raw) in keys(line, &ENDING)? {
        match key.as_str() {
            "verdict" => verdict = Some(text(&key, raw)?),
            "reason" => reason = Some(text(&key, raw)?),
            _ => set(&mut event, &key, raw)?,
        }
    }
    let ending = match (verdict.as_deref(), reason) {
        (None, _) => return Err(Wrong::at("verdict", "is missing; it is one of kept, discarded, rejected, derived")),
        (Some("rejected"), Some(reason)) => Ending::Rejected(reason),
        (Some("rejected"), None) => return Err(Wrong::at("reason", "is missing, and the event is rejected")),
        (Some(_), Some(_)) => return Err(Wrong::at("reason", "is of rejected events only")),
        (Some("kept"), None) => Ending::Kept,
        (Some("discarded"), None) => Ending::Discarded,
        (Some("derived"), None) => Ending::Derived,
        (Some(other), None) => {
            return Err(Wrong::at("verdict", format!("`{}` is none of kept, discarded, rejected, derived", one_line(other))));
        }
    };
    Ok(Line { ending, event })
}

/// The keys of a line and their values' text; each is known and there once.
fn keys<'a>(line: &'a str, known: &[&str]) -> Result<Vec<(String, &'a str)>, Wrong> {
    let object: Result<Object<'a>, _> = serde_json::from_str(line);
    let Object(pairs) = object.map_err(|error| Wrong::at("", json_error(&error)))?;
    for (index, (key, _)) in pairs.iter().enumerate() {
        if !known.contains(&key.as_str()) {
            return Err(Wrong::at("", unknown(key, known)));
        }
        if pairs[..index].iter().any(|(other, _)| other == key) {
            return Err(Wrong::at(key, "is there twice"));
        }
    }
    Ok(pairs)
}

fn unknown(key: &str, known: &[&str]) -> String {
    let shown = one_line(key);
    if ENDING.contains(&key) {
        return format!("`{shown}` says what became of an event, and this is an event that is yet to be judged");
    }
    match closest(key, known.iter().copied()) {
        Some(near) => format!("`{shown}` is unknown; did you mean `{near}`?"),
        None => format!("`{shown}` is unknown; an event has {}", EVENT.join(", ")),
    }
}

/// What the parser says, in place of its line, which is always the first, the column.
fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) => format!("no JSON object: {what} at column {}", error.column()),
        None => format!("no JSON object: {text}"),
    }
}

fn text(key: &str, raw: &str) -> Result<String, Wrong> {
    value::text(raw).map_err(|reason| Wrong::at(key, reason))
}

fn set(event: &mut Event, key: &str, raw: &str) -> Result<(), Wrong> {
    let value = |raw| value::read(raw).map_err(|reason| Wrong::at(key, reason));
    match key {
        "body" => event.body = value(raw)?,
        "key" => event.key = value(raw)?,
        "timestamp" => event.timestamp = timestamp(raw)?,
        _ => event.headers = headers(raw)?,
    }
    Ok(())
}

fn timestamp(raw: &str) -> Result<Option<i64>, Wrong> {
    if raw == "null" {
        return Ok(None);
    }
    match raw.parse::<i64>() {
        Ok(millis) if millis >= 0 => Ok(Some(millis)),
        _ => Err(Wrong::at("timestamp", "expected whole milliseconds since 1970, such as 1700000000000")),
    }
}

fn headers(raw: &str) -> Result<Headers, Wrong> {
    let read = if raw.starts_with('[') { pairs(raw)? } else { object(raw)? };
    let mut headers = Headers::default();
    for (name, value) in read {
        let scope = Scope::of_plugin(&name);
        headers.push(name, value, scope);
    }
    Ok(headers)
}

type Pair = (Bytes, Option<Bytes>);

fn object(raw: &str) -> Result<Vec<Pair>, Wrong> {
    let object: Result<Object<'_>, _> = serde_json::from_str(raw);
    let Ok(Object(pairs)) = object else {
        return Err(Wrong::at("headers", "expected an object of names and values, or an array of pairs [\"name\", value]"));
    };
    let mut headers: Vec<Pair> = Vec::with_capacity(pairs.len());
    for (name, raw) in pairs {
        let key = format!("headers.{name}");
        if headers.iter().any(|(other, _)| *other == name) {
            return Err(Wrong::at(key, "is there twice; a name that repeats needs pairs: [[\"name\", value], ...]"));
        }
        let value = value::read(raw).map_err(|reason| Wrong::at(key, reason))?;
        headers.push((name.into(), value));
    }
    Ok(headers)
}

fn pairs(raw: &str) -> Result<Vec<Pair>, Wrong> {
    let elements: Result<Vec<&RawValue>, _> = serde_json::from_str(raw);
    let elements = elements.map_err(|error| Wrong::at("headers", error.to_string()))?;
    let mut headers = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let key = format!("headers[{index}]");
        let Ok((name, value)) = serde_json::from_str::<(&RawValue, &RawValue)>(element.get()) else {
            return Err(Wrong::at(key, "expected a pair [\"name\", value]"));
        };
        let name = value::read_name(name.get()).map_err(|reason| Wrong::at(format!("{key}, the name"), reason))?;
        let value = value::read(value.get()).map_err(|reason| Wrong::at(format!("{key}, the value"), reason))?;
        headers.push((name, value));
    }
    Ok(headers)
}
