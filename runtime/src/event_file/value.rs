//! Bytes in JSON: text where they are text, base64 where not, and JSON where somebody writes by hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::object::Object;
use crate::printable::{one_line, steers};

/// Reads a value: text, null, `{"base64": ...}` or `{"json": ...}`.
pub(super) fn read(raw: &str) -> Result<Option<Bytes>, String> {
    match raw.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'{') => bytes(raw).map(Some),
        _ => text(raw).map(|text| Some(text.into())),
    }
}

/// Reads what cannot be null, such as a header's name.
pub(super) fn read_name(raw: &str) -> Result<Bytes, String> {
    match raw.as_bytes().first() {
        Some(b'{') => bytes(raw),
        _ => text(raw).map(Bytes::from),
    }
}

/// Reads text.
pub(super) fn text(raw: &str) -> Result<String, String> {
    let kind = match raw.as_bytes().first() {
        Some(b'"') => return serde_json::from_str(raw).map_err(|error| error.to_string()),
        Some(b'n') => "null",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    };
    Err(format!("expected text, found {kind}; JSON goes into {{\"json\": ...}}"))
}

fn bytes(raw: &str) -> Result<Bytes, String> {
    let Object(pairs) = serde_json::from_str(raw).map_err(|error| error.to_string())?;
    match pairs.as_slice() {
        [(key, value)] if key == "base64" => {
            let decoded = STANDARD.decode(text(value)?);
            decoded.map(Bytes::from).map_err(|error| format!("no base64 (RFC 4648, padded): {error}"))
        }
        [(key, value)] if key == "json" => Ok(compact(value).into()),
        [(key, _)] => Err(format!("expected {{\"base64\": ...}} or {{\"json\": ...}}, found `{}`", one_line(key))),
        _ => Err(format!("expected {{\"base64\": ...}} or {{\"json\": ...}}, found {} keys", pairs.len())),
    }
}

/// JSON without the spaces between its parts, otherwise as it was written: numbers keep their digits, objects their order.
fn compact(json: &str) -> String {
    let (mut text, mut in_string, mut escaped) = (String::with_capacity(json.len()), false, false);
    for character in json.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        text.push(character);
    }
    text
}

/// Writes bytes: as text where they are UTF-8 and print, in base64 otherwise.
pub(super) fn write(out: &mut String, bytes: &[u8]) {
    match printing(bytes) {
        Some(text) => write_text(out, text),
        None => {
            out.push_str("{\"base64\":\"");
            STANDARD.encode_string(bytes, out);
            out.push_str("\"}");
        }
    }
}

/// The bytes as text, if they are some that a terminal shows and does not obey; line ends and tabs JSON escapes.
pub(super) fn printing(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars().all(|character| matches!(character, '\n' | '\r' | '\t') || !steers(character)).then_some(text)
}

/// Writes a JSON string.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
