//! Keeps events whose body fits a JSON Schema, and refuses all others with the place that does not fit; see the README.

mod check;

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict, count};

use check::Check;

struct SchemaCheck {
    check: Check,
}

impl Interceptor for SchemaCheck {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("schema", "the JSON Schema, as text; draft 2020-12 unless its `$schema` says otherwise (4, 6, 7, 2019-09)"),
        Parameter::optional("formats", "whether `format` is checked, too", "true"),
    ];

    fn configure(settings: &Settings) -> Result<SchemaCheck, String> {
        Ok(SchemaCheck { check: Check::new(settings.text("schema").unwrap_or_default(), settings.get("formats")?)? })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        match self.check.body(event.body()) {
            Ok(()) => Verdict::Keep,
            Err(reason) => {
                count("refused", 1);
                Verdict::reject(reason)
            }
        }
    }
}

weir_interceptor::export!(SchemaCheck);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_interceptor::testing::{self, Events, Fate, Given};

    const SCHEMA: &str = r##"{
        "type": "object",
        "required": ["id", "lines"],
        "properties": {
            "id": { "type": "string", "pattern": "^o-[0-9]+$" },
            "mail": { "type": "string", "format": "email" },
            "lines": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/line" } },
            "pay": { "oneOf": [{ "const": "card" }, { "const": "cash" }] }
        },
        "additionalProperties": false,
        "$defs": { "line": { "type": "object", "properties": { "a/b": { "type": "integer", "minimum": 1 } } } }
    }"##;

    fn judge(settings: &[(&str, &str)], event: Given) -> Fate {
        let mut check: SchemaCheck = testing::configure(settings).expect("settings that fit");
        Events::new([event]).judge(&mut check).expect("it never fails a batch").remove(0).fate
    }

    #[test]
    fn what_fits_goes_on() {
        let body = r#"{"id":"o-1","mail":"a@example.com","lines":[{"a/b":1},{}],"pay":"card"}"#;
        assert_eq!(judge(&[("schema", SCHEMA)], Given::body(body)), Fate::Kept);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place_and_the_keyword() {
        let cases = [
            (r#"[]"#, "the body: want object, but got array (`type`)"),
            (r#"{"id":"o-1"}"#, "the body: missing properties 'lines' (`required`)"),
            (r#"{"id":"o-1","lines":[]}"#, "`/lines`: minimum 1 items required, but got 0 items (`minItems`)"),
            (r#"{"id":"o-1","lines":[{},{"a/b":0}]}"#, "`/lines/1/a~1b`: must be >=1, but got 0 (`minimum`)"),
            (r#"{"id":"o-1","lines":[{"a/b":1.5}]}"#, "`/lines/0/a~1b`: want integer, but got number (`type`)"),
            (r#"{"id":"x","lines":[{}]}"#, "`/id`: 'x' does not match pattern '^o-[0-9]+$' (`pattern`)"),
            (r#"{"id":"o-1","lines":[{}],"more":1}"#, "the body: additionalProperties 'more' not allowed (`additionalProperties`)"),
            (r#"{"id":"o-1","lines":[{}],"pay":"shells"}"#, "`/pay`: oneOf failed, none matched (`oneOf`)"),
        ];
        for (body, reason) in cases {
            assert_eq!(judge(&[("schema", SCHEMA)], Given::body(body)), Fate::Rejected(reason.into()), "{body}");
        }
        assert_eq!(testing::counted("refused"), 8);
    }

    #[test]
    fn formats_are_checked_unless_that_is_switched_off() {
        let body = r#"{"id":"o-1","mail":"nobody","lines":[{}]}"#;
        let Fate::Rejected(reason) = judge(&[("schema", SCHEMA)], Given::body(body)) else { panic!("let through") };
        assert!(reason.starts_with("`/mail`: 'nobody' is not valid email: ") && reason.ends_with(" (`format`)"), "{reason}");
        assert_eq!(judge(&[("schema", SCHEMA), ("formats", "false")], Given::body(body)), Fate::Kept);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let refused = |event| judge(&[("schema", "true")], event);
        assert_eq!(refused(Given::default()), Fate::Rejected("no body".into()));
        assert_eq!(refused(Given::body("")), Fate::Rejected("not JSON: EOF while parsing a value at line 1 column 0".into()));
        assert_eq!(refused(Given::body("{}")), Fate::Kept);
    }

    #[test]
    fn a_schema_that_makes_no_sense_is_refused_before_the_start() {
        let refusal = |schema| testing::configure::<SchemaCheck>(&[("schema", schema)]).err().expect("a schema that does not fit");
        assert_eq!(refusal("{"), "`schema` is not JSON: EOF while parsing an object at line 1 column 1");
        assert_eq!(refusal(r#"{"type":"text"}"#), "`schema` is no JSON Schema: at `/type`: anyOf failed (`anyOf`)");
        let said = refusal(r#"{"$ref":"https://example.com/other.json"}"#);
        assert_eq!(said, "`schema` refers to https://example.com/other.json, and a plugin can fetch nothing: put it under `$defs`");
        let said = refusal(r##"{"$ref":"#/$defs/none"}"##);
        assert!(said.starts_with("`schema` is no JSON Schema: "), "{said}");
        let said = refusal(r#"{"pattern":"("}"#);
        assert!(said.starts_with("`schema` is no JSON Schema: "), "{said}");
    }
}
