//! The format, read, written, and held against its schema.

use jsonschema::Validator;
use serde_json::Value;

use super::{Ending, Error, Form, Line, Reader, endings, event, expectation};
use crate::batch::{Batch, Change, Changes, Derived, Fate, Outcome, Rejection, Verdict};
use crate::event::{Event, Scope};

const SCHEMA: &str = include_str!("../../../conf/event-file.schema.json");

fn schema(of: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["$ref"] = format!("#/$defs/{of}").into();
    jsonschema::validator_for(&schema).unwrap()
}

fn read(line: &str) -> Result<Event, String> {
    let mut events = Reader::new("sample.jsonl", line.as_bytes(), Form::Json);
    events.next().expect("a line").map_err(|error| error.to_string())
}

fn refused(line: &str) -> String {
    read(line).expect_err(line)
}

/// Lines of every kind there is, and how they are written.
const GOOD: [(&str, &str); 14] = [
    ("{}", r#"{"body":null}"#),
    (r#" {"body": "x", "key": null, "timestamp": null, "headers": {}} "#, r#"{"body":"x"}"#),
    (r#"{"body":"","key":""}"#, r#"{"body":"","key":""}"#),
    (r#"{"timestamp":1700000000000,"body":"é\n\u00e9"}"#, r#"{"body":"é\né","timestamp":1700000000000}"#),
    (r#"{"body":{"json":{"b" : [1.50, "a b\" c\\"], "a" :null}}}"#, r#"{"body":"{\"b\":[1.50,\"a b\\\" c\\\\\"],\"a\":null}"}"#),
    (r#"{"body":{"json": 12}, "key": {"json": "x"}}"#, r#"{"body":"12","key":"\"x\""}"#),
    (r#"{"body":{"base64":"AP8="}}"#, r#"{"body":{"base64":"AP8="}}"#),
    (r#"{"body":{"base64":"dGV4dA=="}}"#, r#"{"body":"text"}"#),
    (r#"{"body":"\u0000"}"#, r#"{"body":{"base64":"AA=="}}"#),
    (r#"{"body":"\u202ex"}"#, r#"{"body":{"base64":"4oCueA=="}}"#),
    (r#"{"headers":{"b":"1","a":null,"":{"base64":"/w=="}}}"#, r#"{"body":null,"headers":{"b":"1","a":null,"":{"base64":"/w=="}}}"#),
    (r#"{"headers":[["a","1"],["a",null]]}"#, r#"{"body":null,"headers":[["a","1"],["a",null]]}"#),
    (r#"{"headers":[["a","1"]]}"#, r#"{"body":null,"headers":{"a":"1"}}"#),
    (r#"{"headers":[[{"base64":"/w=="},"x"]]}"#, r#"{"body":null,"headers":[[{"base64":"/w=="},"x"]]}"#),
];

/// Lines that are no event.
const BAD: [(&str, &str); 22] = [
    ("[]", "no JSON object: invalid type: sequence, expected an object at column 0"),
    ("{\"body\":", "no JSON object: EOF while parsing a value at column 8"),
    (r#"{"bdy":"x"}"#, "`bdy` is unknown; did you mean `body`?"),
    (r#"{"topic":"x"}"#, "`topic` is unknown; an event has body, key, timestamp, headers"),
    (r#"{"verdict":"kept","body":"x"}"#, "`verdict` says what became of an event, and this is an event that is yet to be judged"),
    (r#"{"body":12}"#, r#"body: expected text, found a number; JSON goes into {"json": ...}"#),
    (r#"{"body":["x"]}"#, r#"body: expected text, found an array; JSON goes into {"json": ...}"#),
    (r#"{"body":true}"#, r#"body: expected text, found a boolean; JSON goes into {"json": ...}"#),
    (r#"{"body":{"a":1}}"#, r#"body: expected {"base64": ...} or {"json": ...}, found `a`"#),
    (r#"{"body":{}}"#, r#"body: expected {"base64": ...} or {"json": ...}, found 0 keys"#),
    (r#"{"body":{"json":1,"base64":""}}"#, r#"body: expected {"base64": ...} or {"json": ...}, found 2 keys"#),
    (r#"{"key":{"base64":"A"}}"#, "key: no base64 (RFC 4648, padded): "),
    (r#"{"key":{"base64":null}}"#, "key: expected text, found null"),
    (r#"{"timestamp":"now"}"#, "timestamp: expected whole milliseconds since 1970, such as 1700000000000"),
    (r#"{"timestamp":-1}"#, "timestamp: expected whole milliseconds"),
    (r#"{"timestamp":1.5}"#, "timestamp: expected whole milliseconds"),
    (r#"{"headers":"x"}"#, "headers: expected an object of names and values, or an array of pairs"),
    (r#"{"headers":{"n":1}}"#, "headers.n: expected text, found a number"),
    (r#"{"headers":["a","1"]}"#, "headers[0]: expected a pair [\"name\", value]"),
    (r#"{"headers":[["a","1"],["b"]]}"#, "headers[1]: expected a pair [\"name\", value]"),
    (r#"{"headers":[[null,"1"]]}"#, "headers[0], the name: expected text, found null"),
    (r#"{"headers":[["a",2]]}"#, "headers[0], the value: expected text, found a number"),
];

#[test]
fn reader_and_schema_take_the_same_lines_and_what_is_written_is_one_of_them() {
    let schema = schema("event");
    for (line, written) in GOOD {
        assert!(schema.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
        let read_event = read(line).unwrap();
        assert_eq!(event(&read_event), written, "{line}");
        assert!(schema.is_valid(&serde_json::from_str(written).unwrap()), "{written}");
        assert_eq!(event(&read(written).unwrap()), written);
    }
    for (line, reason) in BAD {
        let said = refused(line);
        assert!(said.starts_with(&format!("sample.jsonl:1: {reason}")), "{line}: {said}");
        if let Ok(instance) = serde_json::from_str(line) {
            assert!(!schema.is_valid(&instance), "{line}");
        }
    }
}

#[test]
fn what_a_schema_cannot_say_is_refused_too() {
    assert_eq!(refused(r#"{"body":"a","body":"b"}"#), "sample.jsonl:1: body: is there twice");
    let twice = refused(r#"{"headers":{"a":"1","a":"2"}}"#);
    assert_eq!(twice, "sample.jsonl:1: headers.a: is there twice; a name that repeats needs pairs: [[\"name\", value], ...]");
    assert!(refused(r#"{"body":"\ud800"}"#).starts_with("sample.jsonl:1: body: "));
}

#[test]
fn errors_name_the_line_and_reading_goes_on_behind_it() {
    let text = b"\xef\xbb\xbf{\"body\":\"1\"}\r\n\n  \n{\"body\":2}\n{\"body\":\"\xff\"}\n{\"body\":\"3\"}";
    let read: Vec<String> = Reader::new("stdin", &text[..], Form::Json)
        .map(|read| read.map_or_else(|error| error.to_string(), |event| String::from_utf8_lossy(event.body()).into_owned()))
        .collect();
    let wrong = "stdin:4: body: expected text, found a number; JSON goes into {\"json\": ...}";
    assert_eq!(read, ["1", wrong, "stdin:5: no UTF-8 at byte 10", "3"]);
}

#[test]
fn a_name_from_a_file_cannot_forge_a_line() {
    assert!(!refused("{\"headers\":{\"a\\nb\\u001b[2J\":1}}").contains(['\n', '\u{1b}']));
    assert!(!refused("{\"a\\nb\\u001b[2J\":1}").contains(['\n', '\u{1b}']));
}

#[test]
fn text_lines_are_bodies_as_they_are() {
    let text = b"a\r\n\n\xff{\n";
    let bodies: Vec<Vec<u8>> = Reader::new("stdin", &text[..], Form::Text).map(|event| event.unwrap().body().to_vec()).collect();
    assert_eq!(bodies, [&b"a\r"[..], b"", b"\xff{"]);
}

#[test]
fn a_header_that_steers_the_agent_is_one_that_a_plugin_replaces() {
    let mut event = read(r#"{"headers":{"topic":"a","x":"b"}}"#).unwrap();
    for (name, scope) in [("topic", Scope::of_plugin(b"topic")), ("x", Scope::of_plugin(b"x"))] {
        event.set_header(name, "new", scope);
    }
    assert_eq!(super::event(&event), r#"{"body":null,"headers":{"topic":"new","x":"new"}}"#);
}

fn judged() -> Vec<Line> {
    let events = ["a", "b", "c", "d", "e"].map(|body| read(&format!("{{\"body\":\"{body}\",\"headers\":{{\"h\":\"1\"}}}}")).unwrap());
    let rejection = Rejection { reason: "no\nJSON".into(), ..Rejection::default() };
    let derived = |body: &'static str| Derived { body: Some(body.into()), headers: vec![("piece".into(), "0".into())] };
    let changes = Changes::List(vec![Change::Body(None), Change::Key(Some(vec![0xff].into()))]);
    let outcome = Outcome {
        verdicts: vec![
            (0, Verdict::fate(Fate::Reject(Box::new(rejection)))),
            (1, Verdict { fate: Fate::Discard, changes: Changes::default(), derived: vec![derived("b1"), derived("b2")] }),
            (3, Verdict { fate: Fate::Keep, changes, derived: vec![derived("d1")] }),
            (4, Verdict::fate(Fate::Discard)),
        ],
    };
    endings(&Batch::from(events.to_vec()), outcome)
}

const JUDGED: [&str; 8] = [
    r#"{"verdict":"rejected","reason":"no\nJSON","body":"a","headers":{"h":"1"}}"#,
    r#"{"verdict":"discarded","body":"b","headers":{"h":"1"}}"#,
    r#"{"verdict":"derived","body":"b1","headers":{"h":"1","piece":"0"}}"#,
    r#"{"verdict":"derived","body":"b2","headers":{"h":"1","piece":"0"}}"#,
    r#"{"verdict":"kept","body":"c","headers":{"h":"1"}}"#,
    r#"{"verdict":"kept","body":null,"key":{"base64":"/w=="},"headers":{"h":"1"}}"#,
    r#"{"verdict":"derived","body":"d1","key":{"base64":"/w=="},"headers":{"h":"1","piece":"0"}}"#,
    r#"{"verdict":"discarded","body":"e","headers":{"h":"1"}}"#,
];

#[test]
fn what_became_of_events_is_told_in_their_order_and_read_back() {
    let written: Vec<String> = judged().iter().map(Line::text).collect();
    assert_eq!(written, JUDGED);
    let again = expectation("out.jsonl", written.join("\n").as_bytes()).unwrap();
    assert_eq!(again.iter().map(Line::text).collect::<Vec<_>>(), JUDGED);
    let schema = schema("ending");
    for line in JUDGED {
        assert!(schema.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
    }
}

#[test]
fn an_expectation_that_is_none_is_refused_by_reader_and_schema() {
    let schema = schema("ending");
    for (line, reason) in [
        (r#"{"body":"x"}"#, "verdict: is missing; it is one of kept, discarded, rejected, derived"),
        (r#"{"verdict":"keep"}"#, "verdict: `keep` is none of kept, discarded, rejected, derived"),
        (r#"{"verdict":1}"#, "verdict: expected text, found a number"),
        (r#"{"verdict":"rejected"}"#, "reason: is missing, and the event is rejected"),
        (r#"{"verdict":"kept","reason":"x"}"#, "reason: is of rejected events only"),
        (r#"{"verdict":"kept","bodi":"x"}"#, "`bodi` is unknown; did you mean `body`?"),
        (r#"{"verdict":"kept","body":1}"#, "body: expected text, found a number"),
    ] {
        let Err(Error::Malformed { .. }) = expectation("out.jsonl", line.as_bytes()) else { panic!("{line} is refused") };
        let said = expectation("out.jsonl", line.as_bytes()).unwrap_err().to_string();
        assert!(said.starts_with(&format!("out.jsonl:1: {reason}")), "{line}: {said}");
        assert!(!schema.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
    }
}

#[test]
fn an_event_without_a_verdict_is_kept() {
    let batch = Batch::from(vec![Event::new("a"), Event::new("b")]);
    let lines = endings(&batch, Outcome::default());
    assert!(lines.iter().all(|line| line.ending == Ending::Kept));
    assert_eq!(lines.len(), 2);
}
