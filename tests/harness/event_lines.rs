//! Event files, as the tests read and compare them: JSON lines of events, and of what became of them.
//!
//! Written apart from the agent's own reader, so that the two check each other. Two things are there for the tests alone: a value may be
//! `{"repeat": [text, times]}`, and a line that begins with `{"times":N,` stands for N lines, in each of which `#` is its number from 0.

use std::fmt::Write;
use std::fmt::{self, Formatter};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use weir::event::{Event, Scope};
use weir::event_file::{self, Ending};
use weir::plugin::digest;

/// Bytes of a value that are shown.
const SHOWN: usize = 300;

/// A line: an event, and what became of it where the line says so.
#[derive(Debug, Clone)]
pub struct Line {
    /// `kept`, `discarded`, `rejected` or `derived`.
    pub verdict: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// The event.
    pub event: Event,
}

impl From<event_file::Line> for Line {
    fn from(event_file::Line { ending, event }: event_file::Line) -> Line {
        let verdict = Some(ending.name().to_owned());
        let reason = match ending {
            Ending::Rejected(reason) => Some(reason),
            Ending::Kept | Ending::Discarded | Ending::Derived => None,
        };
        Line { verdict, reason, event }
    }
}

impl Line {
    /// The line as text, values of any length told apart; two lines are the same where their texts are.
    pub fn text(&self) -> String {
        let mut text = String::from("{");
        for (name, value) in [("verdict", &self.verdict), ("reason", &self.reason)] {
            if let Some(value) = value {
                let _ = write!(text, "\"{name}\":{value:?},");
            }
        }
        let Event { key, timestamp, headers, body, .. } = &self.event;
        let headers: Vec<String> = headers.iter().map(|header| format!("[{},{}]", shown(Some(header.name)), shown(header.value))).collect();
        let timestamp = timestamp.map_or("null".to_owned(), |at| at.to_string());
        let (key, body, headers) = (shown(key.as_deref()), shown(body.as_deref()), headers.join(","));
        let _ = write!(text, "\"key\":{key},\"timestamp\":{timestamp},\"headers\":[{headers}],\"body\":{body}}}");
        text
    }
}

fn shown(value: Option<&[u8]>) -> String {
    match value {
        None => "null".to_owned(),
        Some(value) if value.len() > SHOWN => {
            format!("<{} bytes, SHA-256 {}>", value.len(), &digest(value)[..16])
        }
        Some(value) => {
            std::str::from_utf8(value).map_or_else(|_| format!("<base64 {}>", BASE64_STANDARD.encode(value)), |text| format!("{text:?}"))
        }
    }
}

/// The lines of a file; empty ones are none.
///
/// # Errors
/// The first line that is malformed, by its number.
pub fn read(text: &str) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let (times, rest) = repeated(line.trim()).with_context(|| format!("line {number}"))?;
        for index in 0..times {
            let line = if rest.is_some() { rest.as_deref().unwrap_or_default().replace('#', &index.to_string()) } else { line.to_owned() };
            lines.push(one(&line).with_context(|| format!("line {number}: {line}"))?);
        }
    }
    Ok(lines)
}

/// How often a line is there, and the line without saying so.
fn repeated(line: &str) -> Result<(usize, Option<String>)> {
    let Some(rest) = line.strip_prefix("{\"times\":") else { return Ok((1, None)) };
    let (times, rest) = rest.split_once(',').context("a comma after `times`")?;
    Ok((times.parse()?, Some(format!("{{{rest}"))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    verdict: Option<String>,
    reason: Option<String>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    timestamp: Option<i64>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

fn one(line: &str) -> Result<Line> {
    let raw: Raw = serde_json::from_str(line)?;
    let mut event = Event { key: value(raw.key)?, timestamp: raw.timestamp, body: value(raw.body)?, ..Event::default() };
    for (name, value) in raw.headers.map(headers).transpose()?.unwrap_or_default() {
        event.headers.push(name, value, Scope::Both);
    }
    Ok(Line { verdict: raw.verdict, reason: raw.reason, event })
}

fn headers(raw: &RawValue) -> Result<Vec<(Bytes, Option<Bytes>)>> {
    if raw.get().starts_with('{') {
        let Ordered(pairs) = serde_json::from_str(raw.get())?;
        return pairs.into_iter().map(|(name, given)| Ok((name.into(), value(Some(given))?))).collect();
    }
    let pairs: Vec<(&RawValue, &RawValue)> = serde_json::from_str(raw.get())?;
    pairs.into_iter().map(|(name, given)| Ok((value(Some(name))?.context("a header's name is null")?, value(Some(given))?))).collect()
}

/// The entries of an object, in order.
struct Ordered<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Ordered<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Ordered<'de>;
            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coded<'a> {
    base64: Option<String>,
    #[serde(borrow)]
    json: Option<&'a RawValue>,
    repeat: Option<(String, usize)>,
}

fn value(raw: Option<&RawValue>) -> Result<Option<Bytes>> {
    let Some(raw) = raw.map(RawValue::get).filter(|raw| *raw != "null") else { return Ok(None) };
    if raw.starts_with('"') {
        return Ok(Some(serde_json::from_str::<String>(raw)?.into()));
    }
    ensure!(raw.starts_with('{'), "a value is text, null, {{\"base64\": ..}} or {{\"json\": ..}}, not {raw}");
    match serde_json::from_str(raw)? {
        Coded { base64: Some(text), json: None, repeat: None } => Ok(Some(BASE64_STANDARD.decode(text)?.into())),
        Coded { json: Some(json), base64: None, repeat: None } => Ok(Some(compact(json.get()).into())),
        Coded { repeat: Some((text, times)), base64: None, json: None } => Ok(Some(text.repeat(times).into())),
        _ => bail!("a value is one of base64 and json"),
    }
}

/// JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keeps = |character: &char| {
        match character {
            '"' if !escaped => inside = !inside,
            character if !inside && character.is_ascii_whitespace() => return false,
            _ => {}
        }
        escaped = inside && !escaped && *character == '\\';
        true
    };
    json.chars().filter(keeps).collect()
}
