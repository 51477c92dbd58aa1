//! Fields of JSON bodies by RFC 6901 pointer. A body is parsed once a batch, to where its outermost fields are; a second pointer finds
//! them there. No tree is built: an index entry is 32 bytes, so what a hostile body can make of it is bounded by the body.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::bindings::events::{Column, NumberColumn};
use super::columns::{Builder, TooLong};
use crate::event::Event;

/// A parsed pointer: reference tokens, unescaped.
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// `None` when the text is no pointer: it must be empty or begin with `/`, and `~` stands before `0` or `1` only (RFC 6901 §3).
    pub(super) fn parse(text: &str) -> Option<Pointer> {
        if text.is_empty() {
            return Some(Pointer(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/').map(unescape);
        tokens.collect::<Option<Vec<_>>>().map(Pointer)
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let rest = part.strip_prefix('0').map(|rest| ('~', rest)).or_else(|| part.strip_prefix('1').map(|rest| ('/', rest)));
        let (character, rest) = rest?;
        plain.push(character);
        plain.push_str(rest);
    }
    Some(plain)
}

/// Where the fields of a batch's bodies are.
#[derive(Default)]
pub(super) struct Documents(Vec<Document>);

enum Document {
    /// Not JSON, or no body.
    Malformed,
    Object(Vec<Field>),
    /// JSON, but no object.
    Other,
}

/// Places in the body.
struct Field {
    name: Name,
    value: Place,
}

enum Name {
    There(Place),
    /// It has escapes.
    Unescaped(Box<str>),
}

#[derive(Clone, Copy)]
struct Place {
    start: u32,
    len: u32,
}

impl Place {
    /// Where a part of the text is in it.
    fn of(part: &str, whole: &str) -> Option<Place> {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        Some(Place { start: u32::try_from(start).ok()?, len: u32::try_from(part.len()).ok()? })
    }

    fn text(self, body: &[u8]) -> Option<&str> {
        let start = self.start as usize;
        std::str::from_utf8(body.get(start..start + self.len as usize)?).ok()
    }
}

impl Documents {
    /// Parses what has not been parsed yet.
    fn prepare(&mut self, events: &[Event]) {
        if self.0.is_empty() {
            self.0 = events.iter().map(|event| Document::read(event.body())).collect();
        }
    }

    /// The field of every body as text: a string's content, anything else as it is written; absent and `null` are nulls.
    pub(super) fn texts(&mut self, events: &[Event], pointer: &Pointer) -> Result<Column, TooLong> {
        self.prepare(events);
        let mut column = Builder::new(events.len(), 0);
        for (event, document) in events.iter().zip(&self.0) {
            let text = document.find(event.body(), pointer).and_then(text);
            column.push(text.as_deref().map(str::as_bytes))?;
        }
        Ok(column.finish())
    }

    /// The field of every body where it is a number; everything else is a null.
    pub(super) fn numbers(&mut self, events: &[Event], pointer: &Pointer) -> NumberColumn {
        self.prepare(events);
        let mut column = NumberColumn { values: Vec::with_capacity(events.len()), nulls: Vec::new() };
        for (index, (event, document)) in (0u32..).zip(events.iter().zip(&self.0)) {
            let number = document.find(event.body(), pointer).and_then(|text| serde_json::from_str::<f64>(text).ok());
            if number.is_none() {
                column.nulls.push(index);
            }
            column.values.push(number.unwrap_or_default());
        }
        column
    }
}

/// What a field says; `None` for JSON's null.
fn text(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' => serde_json::from_str::<Text<'_>>(value).ok().map(|text| text.0),
        b'n' => None,
        _ => Some(Cow::Borrowed(value)),
    }
}

impl Document {
    fn read(body: &[u8]) -> Document {
        let Ok(body) = std::str::from_utf8(body) else { return Document::Malformed };
        if !body.trim_start().starts_with('{') {
            return if serde_json::from_str::<de::IgnoredAny>(body).is_ok() { Document::Other } else { Document::Malformed };
        }
        let Ok(fields) = serde_json::from_str::<Fields<'_>>(body) else { return Document::Malformed };
        let places = fields.0.into_iter().map(|(name, value)| {
            let name = match name {
                Cow::Borrowed(name) => Name::There(Place::of(name, body)?),
                Cow::Owned(name) => Name::Unescaped(name.into()),
            };
            Some(Field { name, value: Place::of(value.get(), body)? })
        });
        places.collect::<Option<Vec<_>>>().map_or(Document::Malformed, Document::Object)
    }

    /// The text of the value the pointer names. Of fields of one name the last counts, as for most parsers.
    fn find<'a>(&self, body: &'a [u8], pointer: &Pointer) -> Option<&'a str> {
        let (first, rest) = match (self, pointer.0.split_first()) {
            (Document::Malformed, _) => return None,
            (_, None) => return std::str::from_utf8(body).ok().map(str::trim),
            (_, Some(split)) => split,
        };
        let start = match self {
            Document::Object(fields) => fields.iter().rev().find(|field| field.is(first, body))?.value.text(body)?,
            _ => child(std::str::from_utf8(body).ok()?, first)?,
        };
        rest.iter().try_fold(start, |value, token| child(value, token))
    }
}

impl Field {
    fn is(&self, name: &str, body: &[u8]) -> bool {
        match &self.name {
            Name::There(place) => {
                let start = place.start as usize;
                body.get(start..start + place.len as usize) == Some(name.as_bytes())
            }
            Name::Unescaped(own) => **own == *name,
        }
    }
}

/// One step of a pointer, into an object or an array.
fn child<'a>(value: &'a str, token: &str) -> Option<&'a str> {
    match value.trim_start().as_bytes().first()? {
        b'{' => {
            let fields = serde_json::from_str::<Fields<'a>>(value).ok()?;
            fields.0.into_iter().rev().find(|(name, _)| name == token).map(|(_, value)| value.get())
        }
        b'[' => {
            // An index has no leading zeros (RFC 6901 §4).
            let index: usize = token.parse().ok().filter(|index: &usize| index.to_string() == token)?;
            serde_json::from_str::<Vec<&RawValue>>(value).ok()?.get(index).map(|value| value.get())
        }
        _ => None,
    }
}

/// A string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'de>, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

/// The fields of an object, values unread.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields<'de>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str, pointer: &str) -> Option<String> {
        let events = [Event::new(body.to_owned())];
        let column = Documents::default().texts(&events, &Pointer::parse(pointer).expect("a pointer")).expect("short");
        if column.nulls.is_empty() { Some(String::from_utf8(column.bytes).expect("text")) } else { None }
    }

    #[test]
    fn pointers_find_what_rfc_6901_section_5_says() {
        let body = r#" {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8} "#;
        let wanted = [
            ("", body.trim()),
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", "bar"),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            (r"/i\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ];
        for (pointer, value) in wanted {
            assert_eq!(texts(body, pointer).as_deref(), Some(value), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_there_is_null() {
        for (body, pointer) in [
            (r#"{"a":1"#, "/a"),
            (r#"{"a":1}x"#, "/a"),
            ("", ""),
            ("[1]", "/01"),
            ("[1]", "/1"),
            ("[1]", "/-"),
            ("7", "/a"),
            (r#"{"a":null}"#, "/a"),
            (r#"{"a":{"b":1}}"#, "/a/c"),
            (r#"{"a":1}"#, "/a/b"),
        ] {
            assert_eq!(texts(body, pointer), None, "{body} {pointer}");
        }
    }

    #[test]
    fn strings_are_unescaped_and_the_last_of_a_name_counts() {
        assert_eq!(texts(r#"{"a":"x\n\u00e9","a":"last \"one\""}"#, "/a").as_deref(), Some("last \"one\""));
        assert_eq!(texts(r#"{"a":[{"b":"x\ty"}]}"#, "/a/0/b").as_deref(), Some("x\ty"));
        assert_eq!(texts("[[1,2],[3]]", "/1/0").as_deref(), Some("3"));
    }

    #[test]
    fn numbers_are_numbers_only() {
        let events = [r#"{"n":1.5}"#, r#"{"n":"1.5"}"#, r#"{"n":-2e3}"#, "{}", "no"].map(Event::new);
        let column = Documents::default().numbers(&events, &Pointer::parse("/n").expect("a pointer"));
        assert_eq!((column.values.as_slice(), column.nulls.as_slice()), (&[1.5, 0.0, -2000.0, 0.0, 0.0][..], &[1, 3, 4][..]));
    }

    #[test]
    fn text_that_is_no_pointer_is_told() {
        assert!(["a", "/~", "/~2", "a/b"].iter().all(|text| Pointer::parse(text).is_none()));
    }
}
