//! Events, whole: where they come from, headers, key, body; each escaped, so that an event cannot pass for a line of ours.

use crate::control::tap::{EventView, Text};
use crate::printable::escaped;

/// Text as it is, bytes in base64.
pub(in crate::cli) fn text(text: &Text) -> String {
    match text {
        Text::Plain(text) => escaped(text),
        Text::Binary { base64 } => format!("base64:{}", escaped(base64)),
    }
}

/// The same for what may be absent.
pub(in crate::cli) fn value(value: Option<&Text>) -> String {
    match value {
        None => "null".to_owned(),
        Some(Text::Plain(text)) => format!("\"{}\"", escaped(text)),
        Some(binary) => text(binary),
    }
}

/// `txns/3/1234`: topic, partition, offset.
pub(in crate::cli) fn origin(event: &EventView) -> String {
    let Some(topic) = &event.topic else { return "an event of no topic".to_owned() };
    let number = |number: Option<String>| number.unwrap_or_else(|| "?".to_owned());
    let (partition, offset) = (event.partition.map(|number| number.to_string()), event.offset.map(|number| number.to_string()));
    format!("{}/{}/{}", escaped(topic), number(partition), number(offset))
}

/// A line a header, then key and body.
pub(in crate::cli) fn lines(event: &EventView) -> Vec<String> {
    let mut lines: Vec<String> =
        event.headers.iter().map(|(name, header)| format!("header {}: {}", text(name), value(header.as_ref()))).collect();
    lines.extend(event.key.as_ref().map(|key| format!("key: {}", value(Some(key)))));
    lines.push(event.body.as_ref().map_or_else(|| "no body".to_owned(), |body| format!("body: {}", text(body))));
    lines
}
