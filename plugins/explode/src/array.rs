//! Finds an array in a JSON text and takes it apart without reading its elements: they go on byte for byte.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// A JSON pointer, taken apart; the text is for messages.
pub struct Pointer {
    text: String,
    tokens: Vec<String>,
}

impl Pointer {
    pub fn read(text: &str) -> Result<Pointer, String> {
        let well_formed = |text: &str| text.starts_with('/') && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !text.is_empty() && !well_formed(text) {
            return Err(format!("`pointer` must be empty or a JSON pointer (RFC 6901) such as `/items`, not `{text}`"));
        }
        let tokens = text.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
        Ok(Pointer { text: text.to_owned(), tokens: tokens.collect() })
    }

    /// The elements of the array in this body; the error is a sentence for the dead letter.
    pub fn array<'a>(&self, body: Option<&'a [u8]>) -> Result<Vec<&'a RawValue>, String> {
        let body = body.ok_or("no body")?;
        let malformed = |error: serde_json::Error| format!("not JSON: {error}");
        let text = std::str::from_utf8(body).map_err(|error| format!("not JSON: {error}"))?;
        let mut value: &RawValue = serde_json::from_str(text).map_err(malformed)?;
        for token in &self.tokens {
            value = child(value, token).map_err(malformed)?.ok_or_else(|| format!("there is no `{}`", self.text))?;
        }
        if !value.get().starts_with('[') {
            let place = if self.text.is_empty() { "the body".to_owned() } else { format!("`{}`", self.text) };
            return Err(format!("{place} is {}, not an array", kind(value)));
        }
        serde_json::from_str(value.get()).map_err(malformed)
    }
}

/// The value a token of the pointer leads to.
fn child<'a>(value: &'a RawValue, token: &str) -> serde_json::Result<Option<&'a RawValue>> {
    match value.get().as_bytes().first() {
        Some(b'{') => Ok(serde_json::from_str::<HashMap<String, &RawValue>>(value.get())?.remove(token)),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(value.get())?;
            Ok(place(token).and_then(|index| elements.get(index).copied()))
        }
        _ => Ok(None),
    }
}

/// An index is written without leading zeros.
fn place(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
