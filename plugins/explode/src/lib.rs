//! Makes one event of each element of a JSON array, the body itself or a part of it; see the README.

mod array;

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict, count};

use array::Pointer;

struct Explode {
    pointer: Pointer,
    index_header: String,
    keeps_others: bool,
}

impl Interceptor for Explode {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("pointer", "JSON pointer (RFC 6901) to the array; empty: the body is the array", ""),
        Parameter::optional("index_header", "header that numbers the elements from 0; empty: none", "index"),
        Parameter::optional("otherwise", "`reject` or `keep`: what becomes of an event without such an array", "reject"),
    ];

    fn configure(settings: &Settings) -> Result<Explode, String> {
        let otherwise: String = settings.get("otherwise")?;
        let keeps_others = match otherwise.as_str() {
            "keep" => true,
            "reject" => false,
            other => return Err(format!("`otherwise` must be `reject` or `keep`, not `{other}`")),
        };
        let pointer = Pointer::read(settings.text("pointer").unwrap_or_default())?;
        Ok(Explode { pointer, index_header: settings.get("index_header")?, keeps_others })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        let elements = match self.pointer.array(event.body()) {
            Ok(elements) => elements,
            Err(_) if self.keeps_others => return Verdict::Keep,
            Err(reason) => return Verdict::reject(reason),
        };
        for (index, element) in elements.iter().enumerate() {
            let index = index.to_string();
            let header = (self.index_header.as_str(), index.as_bytes());
            event.derive(element.get(), if self.index_header.is_empty() { &[] } else { std::slice::from_ref(&header) });
        }
        count("elements", elements.len() as u64);
        Verdict::Discard
    }
}

weir_interceptor::export!(Explode);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_interceptor::testing::{self, Events, Fate, Given, Judged};

    fn judge(settings: &[(&str, &str)], body: &str) -> Judged {
        let mut explode: Explode = testing::configure(settings).expect("settings that fit");
        Events::of_bodies([body]).judge(&mut explode).expect("it never fails a batch").remove(0)
    }

    fn reason(settings: &[(&str, &str)], body: &str) -> String {
        match judge(settings, body).fate {
            Fate::Rejected(reason) => reason,
            other => panic!("{body} was {other:?}"),
        }
    }

    #[test]
    fn each_element_is_an_event_as_it_was_written() {
        let judged = judge(&[], r#" [ {"a" : 1.0}, "x", [], null, 1e3 ] "#);
        assert_eq!(judged.fate, Fate::Discarded);
        let wanted = [r#"{"a" : 1.0}"#, r#""x""#, "[]", "null", "1e3"];
        let wanted = (0..).zip(wanted).map(|(index, body): (u32, _)| Given::body(body).header("index", index.to_string()));
        assert_eq!(judged.derived, wanted.collect::<Vec<_>>());
        assert_eq!(testing::counted("elements"), 5);
    }

    #[test]
    fn an_empty_array_leaves_nothing() {
        let judged = judge(&[], "[]");
        assert_eq!((judged.fate, judged.derived.len()), (Fate::Discarded, 0));
    }

    #[test]
    fn the_array_may_be_a_part_of_the_body() {
        let settings = [("pointer", "/a~1b/1/\u{e5}~0"), ("index_header", "")];
        let judged = judge(&settings, r#"{"a/b":[0,{"\u00e5~":[1,2]}]}"#);
        assert_eq!(judged.derived, [Given::body("1"), Given::body("2")]);
    }

    #[test]
    fn what_is_no_array_is_rejected_with_the_reason() {
        assert_eq!(reason(&[], r#"{"a":[]}"#), "the body is an object, not an array");
        assert_eq!(reason(&[("pointer", "/a")], r#"{"a":"x"}"#), "`/a` is a string, not an array");
        assert_eq!(reason(&[("pointer", "/a/b")], r#"{"a":[1]}"#), "there is no `/a/b`");
        assert_eq!(reason(&[("pointer", "/01")], "[[],[]]"), "there is no `/01`");
        assert_eq!(reason(&[], "[1,"), "not JSON: EOF while parsing a value at line 1 column 3");
        assert_eq!(reason(&[], "[1] 2"), "not JSON: trailing characters at line 1 column 5");
        let mut explode: Explode = testing::configure(&[]).expect("defaults fit");
        let judged = Events::new([Given::default(), Given::body(vec![b'[', 0xff, b']'])]).judge(&mut explode).expect("no failure");
        assert_eq!(judged[0].fate, Fate::Rejected("no body".into()));
        let Fate::Rejected(reason) = &judged[1].fate else { panic!("taken for JSON") };
        assert!(reason.starts_with("not JSON: invalid utf-8 sequence"), "{reason}");
    }

    #[test]
    fn what_is_no_array_is_kept_where_that_is_said() {
        let judged = judge(&[("otherwise", "keep")], "plain text");
        assert_eq!((judged.fate, judged.event, judged.derived.len()), (Fate::Kept, Given::body("plain text"), 0));
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let refusal = |settings: &[(&str, &str)]| testing::configure::<Explode>(settings).err().expect("settings that do not fit");
        assert_eq!(refusal(&[("pointer", "a")]), "`pointer` must be empty or a JSON pointer (RFC 6901) such as `/items`, not `a`");
        assert_eq!(refusal(&[("pointer", "/a~")]), "`pointer` must be empty or a JSON pointer (RFC 6901) such as `/items`, not `/a~`");
        assert_eq!(refusal(&[("otherwise", "drop")]), "`otherwise` must be `reject` or `keep`, not `drop`");
    }
}
