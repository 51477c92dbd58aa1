//! The native stand-in for the host: what an author's own tests rely on.

use weir_interceptor::testing::{self, Events, Fate, Given};
use weir_interceptor::{Batch, Event, Fault, Interceptor, Parameter, Settings, Verdict, count};

/// Does a little of everything, as the body says.
struct Everything {
    mark: String,
}

impl Interceptor for Everything {
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::optional("mark", "value of the header `mark`", "yes"), Parameter::absent("note", "nothing")];

    fn configure(settings: &Settings) -> Result<Everything, String> {
        Ok(Everything { mark: settings.get("mark")? })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        match event.body() {
            None => return Verdict::reject("no body"),
            Some(b"mark") => event.set_header("mark", &self.mark),
            Some(b"count") => {
                count("counted", 2);
                count("Not a name", 1);
            }
            Some(b"drop") => return Verdict::Discard,
            Some(b"clear") => event.clear_body(),
            Some(b"replace") => {
                event.set_body("first thought");
                event.set_body("second thought");
                event.set_key("key");
            }
            Some(b"derive") => event.derive("child", &[("of", b"derive")]),
            Some(b"rename") => {
                event.format_header("new", format_args!("{}", event.header_text("old").unwrap_or("?")));
                event.remove_header("old");
            }
            Some(b"regret") => {
                event.derive("child", &[]);
                return Verdict::reject("regretted");
            }
            Some(_) => event.set_header("field", event.json_text("/a/0").unwrap_or("none")),
        }
        Verdict::Keep
    }
}

weir_interceptor::export!(Everything);

fn judge(given: Given) -> testing::Judged {
    let mut interceptor: Everything = testing::configure(&[]).unwrap();
    Events::new([Given::body("mark"), given]).judge(&mut interceptor).unwrap().remove(1)
}

#[test]
fn an_event_is_kept_dropped_or_rejected_with_its_reason() {
    assert_eq!(judge(Given::body("mark")).header("mark"), Some("yes"));
    assert_eq!(judge(Given::body("drop")).fate, Fate::Discarded);
    assert_eq!(judge(Given::default()).fate, Fate::Rejected("no body".into()));
}

#[test]
fn of_two_bodies_the_last_counts() {
    let judged = judge(Given::body("replace"));
    assert_eq!(judged.event, Given { key: Some(b"key".to_vec()), ..Given::body("second thought") });
    assert_eq!(judge(Given::body("clear")).event.body, None);
}

#[test]
fn derived_events_follow_and_go_with_a_rejected_parent() {
    assert_eq!(judge(Given::body("derive")).derived, [Given::body("child").header("of", "derive")]);
    let regretted = judge(Given::body("regret"));
    assert_eq!((regretted.fate, regretted.derived), (Fate::Rejected("regretted".into()), vec![]));
}

#[test]
fn headers_and_json_fields_are_read_by_name() {
    let renamed = judge(Given::body("rename").header("old", "1").header("old", "2"));
    assert_eq!(renamed.event.headers, [("new".to_owned(), b"2".to_vec())]);
    assert_eq!(judge(Given::body(r#"{"a":["x"]}"#)).header("field"), Some("x"));
    assert_eq!(judge(Given::body("not json")).header("field"), Some("none"));
}

#[test]
fn counters_add_up_and_names_that_do_not_fit_are_left_out() {
    judge(Given::body("count"));
    judge(Given::body("count"));
    assert_eq!((testing::counted("counted"), testing::counted("Not a name"), testing::counted("other")), (4, 0, 0));
}

#[test]
fn settings_are_checked_as_the_host_does() {
    assert_eq!(testing::configure::<Everything>(&[("mark", "no")]).unwrap().mark, "no");
    assert_eq!(testing::configure::<Everything>(&[("marc", "no")]).err(), Some("`marc` is unknown".into()));
}

/// Looks at the batch twice, the second time backwards.
struct TwoPasses;

impl Interceptor for TwoPasses {
    fn configure(_settings: &Settings) -> Result<TwoPasses, String> {
        Ok(TwoPasses)
    }
    fn intercept(&mut self, _event: &Event) -> Verdict {
        Verdict::Keep
    }
    fn intercept_batch(&mut self, batch: &Batch) -> Result<(), Fault> {
        let longest = batch.events().filter_map(|event| event.body()).map(<[u8]>::len).max().ok_or_else(|| Fault::new("all empty"))?;
        for index in (0..batch.len()).rev() {
            let event = batch.events().nth(index).ok_or_else(|| Fault::new("gone"))?;
            event.format_header("share", format_args!("{}/{longest}", event.body().map_or(0, <[u8]>::len)));
        }
        Ok(())
    }
}

#[test]
fn a_batch_may_be_gone_through_in_any_order() {
    let judged = Events::of_bodies(["a", "bbb"]).judge(&mut TwoPasses).unwrap();
    assert_eq!(judged.iter().map(|judged| judged.header("share")).collect::<Vec<_>>(), [Some("1/3"), Some("3/3")]);
    assert_eq!(Events::default().judge(&mut TwoPasses), Err("all empty".into()));
}

/// Names the fields once for all events, and once for each.
struct Fields;

impl Interceptor for Fields {
    fn configure(_settings: &Settings) -> Result<Fields, String> {
        Ok(Fields)
    }
    fn intercept(&mut self, _event: &Event) -> Verdict {
        Verdict::Keep
    }
    fn intercept_batch(&mut self, batch: &Batch) -> Result<(), Fault> {
        let (texts, numbers) = (batch.json_texts("/a"), batch.json_numbers("/a"));
        for event in batch.events() {
            assert_eq!((texts.of(&event), numbers.of(&event)), (event.json_text("/a"), event.json_number("/a")));
            event.format_header("a", format_args!("{:?} {:?}", texts.of(&event), numbers.of(&event)));
        }
        Ok(())
    }
}

#[test]
fn fields_may_be_named_once_a_batch() {
    let judged = Events::of_bodies([r#"{"a":1}"#, r#"{"a":"one"}"#, "{", r#"{"a":null}"#, r#"{"a":"two"}"#]).judge(&mut Fields).unwrap();
    let fields: Vec<_> = judged.iter().filter_map(|judged| judged.header("a")).collect();
    assert_eq!(fields, [r#"Some("1") Some(1.0)"#, r#"Some("one") None"#, "None None", "None None", r#"Some("two") None"#]);
    assert!(Events::default().judge(&mut Fields).unwrap().is_empty());
}

/// Sets the headers its body names, in that order, to their place in it.
struct Names;

impl Interceptor for Names {
    fn configure(_settings: &Settings) -> Result<Names, String> {
        Ok(Names)
    }
    fn intercept(&mut self, event: &Event) -> Verdict {
        let names = event.body().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default();
        for (place, name) in names.split(' ').enumerate() {
            event.set_header(name, place.to_string());
        }
        Verdict::Keep
    }
}

#[test]
fn names_of_headers_are_told_apart_in_any_order() {
    let bodies =
        ["one two", "one two", "two one", "three", "one three two", "one", "a-name-of-more-than-16-bytes a-name-of-more-than-16-bytEs"];
    for (body, judged) in bodies.iter().zip(Events::of_bodies(bodies).judge(&mut Names).unwrap()) {
        let names: Vec<_> = judged.event.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.join(" "), *body);
        assert!((0..).zip(&judged.event.headers).all(|(place, (_, value))| *value == format!("{place}").into_bytes()));
    }
}
