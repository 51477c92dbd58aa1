//! What an interceptor changed about an event: headers, key, timestamp, body; a JSON body field by field.

use std::collections::HashMap;

use serde_json::Value;

use crate::cli::show::event::{text, value};
use crate::control::tap::{EventView, Text};
use crate::printable::escaped;

/// One difference; all texts are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Change {
    /// `header score`, `key`, `body`, `body /amount`.
    pub(in crate::cli) place: String,
    /// `None`: it is new.
    pub(in crate::cli) before: Option<String>,
    /// `None`: it is gone.
    pub(in crate::cli) after: Option<String>,
}

/// All differences, in the order in which an event is shown.
pub(in crate::cli) fn between(before: &EventView, after: &EventView) -> Vec<Change> {
    let mut changes = headers(before, after);
    let mut push = |place: &str, before: Option<String>, after: Option<String>| {
        if before != after {
            changes.push(Change { place: place.to_owned(), before, after });
        }
    };
    let key = |event: &EventView| event.key.as_ref().map(|key| value(Some(key)));
    push("key", key(before), key(after));
    let timestamp = |event: &EventView| event.timestamp.map(|timestamp| timestamp.to_string());
    push("timestamp", timestamp(before), timestamp(after));
    changes.extend(body(before.body.as_ref(), after.body.as_ref()));
    changes
}

/// Headers of one name are told apart by which of them they are.
fn headers(before: &EventView, after: &EventView) -> Vec<Change> {
    let (old, new) = (numbered(before), numbered(after));
    let change =
        |name: &Text, before: Option<String>, after: Option<String>| Change { place: format!("header {}", text(name)), before, after };
    let mut changes = Vec::new();
    let found: HashMap<_, _> = new.iter().map(|(name, nth, header)| ((text(name), *nth), *header)).collect();
    for (name, nth, header) in &old {
        match found.get(&(text(name), *nth)) {
            Some(now) if now == header => {}
            Some(now) => changes.push(change(name, Some(value(*header)), Some(value(*now)))),
            None => changes.push(change(name, Some(value(*header)), None)),
        }
    }
    let known: HashMap<_, _> = old.iter().map(|(name, nth, header)| ((text(name), *nth), *header)).collect();
    let added = new.iter().filter(|(name, nth, _)| !known.contains_key(&(text(name), *nth)));
    changes.extend(added.map(|(name, _, header)| change(name, None, Some(value(*header)))));
    if changes.is_empty() && before.headers != after.headers {
        let names = |event: &EventView| event.headers.iter().map(|(name, _)| text(name)).collect::<Vec<_>>().join(", ");
        changes.push(Change { place: "order of headers".to_owned(), before: Some(names(before)), after: Some(names(after)) });
    }
    changes
}

/// Each header with how many of its name come before it.
fn numbered(event: &EventView) -> Vec<(&Text, usize, Option<&Text>)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let number = |(name, _): &'_ (Text, Option<Text>)| {
        let nth = seen.entry(text(name)).or_default();
        *nth += 1;
        *nth
    };
    let numbers: Vec<usize> = event.headers.iter().map(number).collect();
    event.headers.iter().zip(numbers).map(|((name, header), nth)| (name, nth, header.as_ref())).collect()
}

fn body(before: Option<&Text>, after: Option<&Text>) -> Vec<Change> {
    if before == after {
        return Vec::new();
    }
    if let (Some(Text::Plain(old)), Some(Text::Plain(new))) = (before, after)
        && let (Ok(old), Ok(new)) = (serde_json::from_str::<Value>(old), serde_json::from_str::<Value>(new))
    {
        let mut changes = Vec::new();
        fields(&mut String::new(), &old, &new, &mut changes);
        // The same JSON written in another way, or numbers beyond what is told apart here: then the texts say more.
        if !changes.is_empty() {
            return changes;
        }
    }
    vec![Change { place: "body".to_owned(), before: before.map(text), after: after.map(text) }]
}

/// Walks two JSON values beside each other; `pointer` (RFC 6901) is where they are.
fn fields(pointer: &mut String, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, before) in old {
                step(pointer, name, Some(before), new.get(name), changes);
            }
            for (name, after) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                step(pointer, name, None, Some(after), changes);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                step(pointer, &index.to_string(), old.get(index), new.get(index), changes);
            }
        }
        _ if old == new => {}
        _ => changes.push(change(pointer, Some(old), Some(new))),
    }
}

fn step(pointer: &mut String, name: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    let here = pointer.len();
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    match (old, new) {
        (Some(old), Some(new)) => fields(pointer, old, new, changes),
        _ => changes.push(change(pointer, old, new)),
    }
    pointer.truncate(here);
}

fn change(pointer: &str, old: Option<&Value>, new: Option<&Value>) -> Change {
    let shown = |value: &Value| escaped(&value.to_string());
    let place = if pointer.is_empty() { "body".to_owned() } else { format!("body {}", escaped(pointer)) };
    Change { place, before: old.map(shown), after: new.map(shown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Text {
        Text::Plain(text.to_owned())
    }

    fn event(headers: &[(&str, &str)], body: &str) -> EventView {
        let headers = headers.iter().map(|(name, header)| (plain(name), Some(plain(header)))).collect();
        EventView { headers, body: Some(plain(body)), ..EventView::default() }
    }

    fn told(before: &EventView, after: &EventView) -> Vec<String> {
        let none = || "nothing".to_owned();
        let line =
            |change: Change| format!("{}: {} -> {}", change.place, change.before.unwrap_or_else(none), change.after.unwrap_or_else(none));
        between(before, after).into_iter().map(line).collect()
    }

    #[test]
    fn headers_are_added_removed_and_changed_also_where_names_repeat() {
        let before = event(&[("a", "1"), ("b", "1"), ("b", "2")], "x");
        let after = event(&[("b", "1"), ("b", "3"), ("c", "\n")], "x");
        assert_eq!(told(&before, &after), [r#"header a: "1" -> nothing"#, r#"header b: "2" -> "3""#, r#"header c: nothing -> "\n""#]);
        assert_eq!(told(&before, &before), Vec::<String>::new());
        let turned = event(&[("b", "1"), ("a", "1"), ("b", "2")], "x");
        assert_eq!(told(&before, &turned), ["order of headers: a, b, b -> b, a, b"]);
    }

    #[test]
    fn a_json_body_is_compared_field_by_field() {
        let before = event(&[], r#"{"amount":12,"tags":["x","y"],"gone":null,"a/b":{"c~":1},"same":{"z":1}}"#);
        let after = event(&[], r#"{"amount":13.5,"tags":["x"],"a/b":{"c~":"\u001b[31m"},"same":{"z":1},"score":0.93}"#);
        let mut changes = told(&before, &after);
        changes.sort();
        let expected = [
            "body /amount: 12 -> 13.5",
            "body /a~1b/c~0: 1 -> \"\\u001b[31m\"",
            "body /gone: null -> nothing",
            "body /score: nothing -> 0.93",
            "body /tags/1: \"y\" -> nothing",
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn other_bodies_are_compared_whole() {
        assert_eq!(told(&event(&[], "a\u{1b}"), &event(&[], "b")), ["body: a\\u{1b} -> b"]);
        assert_eq!(told(&event(&[], r#"{"a":1}"#), &event(&[], r#"{ "a":1}"#)), [r#"body: {"a":1} -> { "a":1}"#]);
        assert_eq!(told(&event(&[], r#"{"a":1}"#), &event(&[], "[]")), [r#"body: {"a":1} -> []"#]);
        let tombstone = EventView { body: None, ..event(&[], "") };
        assert_eq!(told(&event(&[], "a"), &tombstone), ["body: a -> nothing"]);
        let binary = EventView { body: Some(Text::Binary { base64: "AP8=".into() }), ..event(&[], "") };
        assert_eq!(told(&event(&[], "a"), &binary), ["body: a -> base64:AP8="]);
    }

    #[test]
    fn key_and_timestamp_are_compared() {
        let before = EventView { key: Some(plain("k")), timestamp: Some(1), ..event(&[], "x") };
        assert_eq!(told(&before, &event(&[], "x")), [r#"key: "k" -> nothing"#, "timestamp: 1 -> nothing"]);
    }
}
