//! The answers are those of `serde_json`, whatever the text is.

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::*;

fn found(body: &[u8], pointer: &str) -> (Option<String>, Option<u64>) {
    let events = [Event::new(body.to_vec())];
    let mut documents = Documents::default();
    documents.read(&events, 0..1);
    let pointer = Pointer::parse(pointer).expect("a pointer");
    let value = documents.values(&events, 0..1, &pointer).next().flatten();
    let text = value.and_then(Value::text).map(|text| String::from_utf8(text.into_owned()).expect("text"));
    (text, value.and_then(Value::number).map(f64::to_bits))
}

fn text(body: &str, pointer: &str) -> Option<String> {
    found(body.as_bytes(), pointer).0
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
        assert_eq!(text(body, pointer).as_deref(), Some(value), "{pointer}");
    }
}

#[test]
fn what_is_not_there_is_null() {
    for (body, pointer) in [
        (r#"{"a":1"#, "/a"),
        (r#"{"a":1}x"#, "/a"),
        (r#"{"a":1,}"#, "/a"),
        (r#"{"a":1,"b":[{"c":01}]}"#, "/a"),
        (r#"{"a":1,"b":"\x"}"#, "/a"),
        (r#"{"a":1,"b":"\u12g4"}"#, "/a"),
        (r#"{"a":1,"\ud800":2}"#, "/a"),
        ("{\"a\":1,\"b\":\"\n\"}", "/a"),
        ("\u{feff}{\"a\":1}", "/a"),
        ("\u{a0}{\"a\":1}", "/a"),
        ("", ""),
        ("[1]", "/01"),
        ("[1]", "/1"),
        ("[1]", "/-"),
        ("7", "/a"),
        (r#"{"a":null}"#, "/a"),
        (r#"{"a":{"b":1}}"#, "/a/c"),
        (r#"{"a":1}"#, "/a/b"),
        (r#"{"a":"[7]"}"#, "/a/0"),
        (r#"{"a":"\ud800"}"#, "/a"),
    ] {
        assert_eq!(text(body, pointer), None, "{body} {pointer}");
    }
}

#[test]
fn strings_are_unescaped_and_the_last_of_a_name_counts() {
    assert_eq!(text(r#"{"a":"x\n\u00e9","\u0061":"last \"one\""}"#, "/a").as_deref(), Some("last \"one\""));
    assert_eq!(text(r#"{"a":[{"b":"x\ty"}]}"#, "/a/0/b").as_deref(), Some("x\ty"));
    assert_eq!(text("[[1,2],[3]]", "/1/0").as_deref(), Some("3"));
    assert_eq!(text(" \"a\\tb\" ", "").as_deref(), Some("a\tb"));
}

#[test]
fn nesting_takes_no_stack() {
    let deep = 1 << 20;
    let open = "[{\"a\":".repeat(deep);
    let close = "}]".repeat(deep);
    assert_eq!(text(&format!("{{\"x\":{open}1{close},\"y\":2}}"), "/y").as_deref(), Some("2"));
    assert_eq!(text(&format!("{{\"y\":2,\"x\":{open}"), "/y"), None);
}

#[test]
fn what_is_known_of_a_body_goes_with_it() {
    let events = ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"].map(Event::new);
    let mut documents = Documents::default();
    documents.read(&events, 0..3);
    let after = ["{\"n\":3}", "{\"nn\":4}", "{\"n\":1}"].map(Event::new);
    let mut documents = documents.carried([Some(2), None, Some(0)].into_iter());
    assert!(matches!(documents.0.as_ref().expect("read").documents[..], [Document::Object(..), Document::Unread, Document::Object(..)]));
    documents.read(&after, 0..3);
    let pointer = Pointer::parse("/n").expect("a pointer");
    let numbers: Vec<_> = documents.values(&after, 0..3, &pointer).map(|value| value.and_then(Value::number)).collect();
    assert_eq!(numbers, [Some(3.0), None, Some(1.0)]);
}

/// An object's members as `serde_json` reads them.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The same question, answered by `serde_json`.
fn wanted(body: &[u8], pointer: &str) -> (Option<String>, Option<u64>) {
    let value = (|| {
        let whole = std::str::from_utf8(body).ok()?;
        serde_json::from_str::<serde::de::IgnoredAny>(whole).ok()?;
        if whole.trim().starts_with('{') {
            serde_json::from_str::<Members<'_>>(whole).ok()?;
        }
        pointer.split('/').skip(1).try_fold(whole.trim(), |value, token| match value.as_bytes().first()? {
            b'{' => {
                let members = serde_json::from_str::<Members<'_>>(value).ok()?;
                members.0.into_iter().rev().find(|(name, _)| name == token).map(|(_, value)| value.get())
            }
            b'[' => serde_json::from_str::<Vec<&RawValue>>(value).ok()?.get(token.parse::<usize>().ok()?).map(|value| value.get()),
            _ => None,
        })
    })();
    let text = value.and_then(|value| match value.as_bytes()[0] {
        b'"' => serde_json::from_str::<String>(value).ok(),
        b'n' => None,
        _ => Some(value.to_owned()),
    });
    (text, value.and_then(|value| serde_json::from_str::<f64>(value).ok()).map(f64::to_bits))
}

/// Bodies of a batch, of which each has its own shape, some none, and the tree of shapes has too little room; read part by part.
#[test]
fn bodies_of_many_shapes_are_told_apart() {
    let name = |number: usize| match number % 11 {
        10 => r"a\u0062".to_owned(),
        9 => "n".repeat(15 + number % 70),
        short => "abcdefghi"[..=short].to_owned(),
    };
    let mut random = 1usize;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut bodies = Vec::new();
    for number in 0..3000 {
        // Half of them like one another.
        let fields: Vec<String> = match number % 2 {
            0 => (0..5).map(|field| format!("\"{}\":{number}", name(field))).collect(),
            _ => (0..next(7)).map(|_| format!("\"{}\"{}:{}", name(next(200)), &"  "[next(3)..], next(100))).collect(),
        };
        bodies.push(Event::new(format!("{{{}}}", fields.join(","))));
    }
    let mut documents = Documents::default();
    for part in [1000..1500, 0..3000, 2000..2100] {
        documents.read(&bodies, part);
    }
    assert!(documents.0.as_ref().expect("read").documents.iter().any(|document| matches!(document, Document::Object(_, None))));
    for pointer in ["/a", "/ab", "/abcde", "/abcdefghi", "/nnnnnnnnnnnnnnnnnnnn"] {
        let parsed = Pointer::parse(pointer).expect("a pointer");
        let values: Vec<_> =
            documents.values(&bodies, 0..3000, &parsed).map(|value| value.and_then(Value::number).map(f64::to_bits)).collect();
        for (body, value) in bodies.iter().zip(values) {
            assert_eq!(value, wanted(body.body(), pointer).1, "{pointer} of {:?}", String::from_utf8_lossy(body.body()));
        }
    }
}

const POINTERS: [&str; 9] = ["", "/a", "/b", "/ab", "/a/a", "/a/0", "/b/1/a", "/0", "/1/b"];

fn same(body: &[u8]) {
    for pointer in POINTERS {
        assert_eq!(found(body, pointer), wanted(body, pointer), "{pointer} of {:?}", String::from_utf8_lossy(body));
    }
}

/// JSON of a few names, so that pointers hit and names repeat, with numbers and strings as odd as they come.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        any::<f64>().prop_filter("JSON has no other", |number| number.is_finite()).prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("JSON")),
        "\"([ -!#-\\[\\]-~]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}|é|😀){0,20}\"",
    ];
    let space = || "[ \n\t\r]{0,2}";
    let value = (space(), scalar, space()).prop_map(|(before, value, after)| before + &value + &after);
    let name =
        prop_oneof![Just("\"a\""), Just("\"b\""), Just("\"ab\""), Just("\"\\u0061\""), Just("\"\\ud800\""), Just("\"longer than a word\"")];
    value.prop_recursive(4, 40, 5, move |inner| {
        let members = prop::collection::vec((name.clone(), space(), inner.clone()), 0..5).prop_map(|members| {
            let members: Vec<String> = members.into_iter().map(|(name, space, value)| format!("{space}{name}{space}:{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        let elements = prop::collection::vec(inner, 0..5).prop_map(|elements| format!("[{}]", elements.join(",")));
        prop_oneof![3 => members, 1 => elements]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn json_is_read_as_serde_json_reads_it(body in json()) {
        same(body.as_bytes());
    }

    #[test]
    fn json_with_an_error_in_it_is_read_as_serde_json_reads_it(
        body in json(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\0.eE+- \ntu".to_vec())],
        kind in 0..4,
    ) {
        let mut body = body.into_bytes();
        let at = at.index(body.len());
        match kind {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            2 => drop(body.remove(at)),
            _ => body.truncate(at),
        }
        same(&body);
    }

    #[test]
    fn short_numbers_are_those_of_serde_json(number in "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,15})?") {
        same(format!("{{\"a\":{number}}}").as_bytes());
    }

    #[test]
    fn bytes_of_the_grammar_are_read_as_serde_json_reads_them(body in "[{}\\[\\]\",:\\\\01.eE+\\- atruefalsn]{0,12}") {
        same(body.as_bytes());
    }
}

#[test]
fn names_are_found_however_long_they_are_and_however_many_are_asked_for() {
    let long = "n".repeat(70);
    let fields = |number: u32| (0..20).map(|field| format!(r#""f{field}":{}"#, number * 100 + field)).collect::<Vec<_>>().join(",");
    let bodies: Vec<Event> = (0..20).map(|number| Event::new(format!(r#"{{{},"{long}":{number}}}"#, fields(number)))).collect();
    let mut documents = Documents::default();
    documents.read(&bodies, 0..20);
    let mut numbers = |pointer: &str| -> Vec<Option<f64>> {
        let pointer = Pointer::parse(pointer).expect("a pointer");
        documents.values(&bodies, 0..20, &pointer).map(|value| value.and_then(Value::number)).collect()
    };
    for field in (0..20).chain(0..20) {
        let wanted: Vec<_> = (0..20).map(|number| Some(f64::from(number * 100 + field))).collect();
        assert_eq!(numbers(&format!("/f{field}")), wanted);
    }
    assert_eq!(numbers(&format!("/{long}")), (0..20).map(|number| Some(f64::from(number))).collect::<Vec<_>>());
}

#[test]
fn a_name_is_found_in_shapes_that_come_after_it_was_first_asked_for() {
    let body = |number: u32| match number / 5 {
        0 => format!(r#"{{"a":0,"n":{number}}}"#),
        1 => r#"{"a":0}"#.to_owned(),
        2 => format!(r#"{{"n":{number},"b":0}}"#),
        _ => format!(r#"{{"a":0,"b":0,"n":7,"n":{number}}}"#),
    };
    let bodies: Vec<Event> = (0..20).map(|number| Event::new(body(number))).collect();
    let (mut documents, pointer) = (Documents::default(), Pointer::parse("/n").expect("a pointer"));
    for part in (0..20).step_by(5) {
        let range = part..part + 5;
        documents.read(&bodies, range.clone());
        let found: Vec<_> = documents.values(&bodies, range.clone(), &pointer).map(|value| value.and_then(Value::number)).collect();
        let wanted: Vec<_> = range.map(|number| (number / 5 != 1).then_some(number as f64)).collect();
        assert_eq!(found, wanted);
    }
}
