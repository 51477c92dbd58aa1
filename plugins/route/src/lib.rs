//! Sends each event to the topic of the first rule it matches, by setting the header `topic`; see the README for the rules.

mod rule;

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict, count};

use rule::Rule;

struct Route {
    rules: Vec<Rule>,
    header: String,
    default: Option<String>,
}

impl Interceptor for Route {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "rules",
            "one a line: `header NAME = TEXT -> TOPIC`, `json POINTER ~ REGEX -> TOPIC`, also `key`, `body`, `!=`, `!~`",
        ),
        Parameter::absent("default", "topic of an event that matches no rule; without it such an event is left as it came"),
        Parameter::optional("header", "header that is set to the topic", "topic"),
    ];

    fn configure(settings: &Settings) -> Result<Route, String> {
        let header: String = settings.get("header")?;
        if header.is_empty() {
            return Err("`header` must not be empty".into());
        }
        let default = settings.text("default").map(rule::topic).transpose().map_err(|error| format!("`default`: {error}"))?;
        Ok(Route { rules: rule::read(settings.text("rules").unwrap_or_default())?, header, default })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        let matching = self.rules.iter().find(|rule| rule.matches(event));
        let topic = match (matching, &self.default) {
            (Some(rule), _) => {
                count("matched", 1);
                rule.topic()
            }
            (None, Some(default)) => {
                count("defaulted", 1);
                default
            }
            (None, None) => {
                count("unmatched", 1);
                return Verdict::Keep;
            }
        };
        event.set_header(&self.header, topic);
        Verdict::Keep
    }
}

weir_interceptor::export!(Route);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_interceptor::testing::{self, Events, Given};

    const RULES: &str = "
        # the first that matches
        header region = eu -> orders-eu
        json /card/country ~ ^(SE|NO)$ -> nordic
        json /test != false -> test
        key !~ ^[a-z] -> odd-keys
        body ~ (?i)error -> errors
    ";

    fn topics(settings: &[(&str, &str)], events: impl IntoIterator<Item = Given>) -> Vec<Option<String>> {
        let mut route: Route = testing::configure(settings).expect("settings that fit");
        let judged = Events::new(events).judge(&mut route).expect("it never fails a batch");
        judged.iter().map(|judged| judged.header("topic").map(str::to_owned)).collect()
    }

    fn refusal(settings: &[(&str, &str)]) -> String {
        testing::configure::<Route>(settings).err().expect("settings that do not fit")
    }

    #[test]
    fn the_first_rule_that_matches_says_where_an_event_goes() {
        let events = [
            Given::body(r#"{"card":{"country":"SE"}}"#).header("region", "eu"),
            Given::body(r#"{"card":{"country":"SE"}}"#).header("region", "us"),
            Given::body(r#"{"card":{"country":"SEN"},"test":true}"#),
            Given { key: Some(b"9".to_vec()), ..Given::body(r#"{"test":false}"#) },
            Given::body("An ERROR"),
            Given::body("fine"),
        ];
        let wanted = [Some("orders-eu"), Some("nordic"), Some("test"), Some("odd-keys"), Some("errors"), None];
        assert_eq!(topics(&[("rules", RULES)], events), wanted.map(|topic| topic.map(str::to_owned)));
    }

    #[test]
    fn what_is_absent_matches_no_rule() {
        let rules = "header a != x -> t\njson /a !~ x -> t\nkey != x -> t\nbody != x -> t";
        assert_eq!(topics(&[("rules", rules)], [Given::default()]), [None]);
    }

    #[test]
    fn what_matches_no_rule_goes_to_the_default() {
        let rest = topics(&[("rules", RULES), ("default", "rest")], [Given::body("fine"), Given::default().header("topic", "there")]);
        assert_eq!(rest, [Some("rest".to_owned()), Some("rest".to_owned())]);
        assert_eq!(topics(&[("rules", RULES)], [Given::default().header("topic", "there")]), [Some("there".to_owned())]);
    }

    #[test]
    fn routes_are_counted() {
        topics(&[("rules", "body = a -> t")], [Given::body("a"), Given::body("a"), Given::body("b")]);
        assert_eq!((testing::counted("matched"), testing::counted("defaulted"), testing::counted("unmatched")), (2, 0, 1));
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_named() {
        let cases = [
            ("body = a", "line 1 of `rules`: it has no ` -> TOPIC`"),
            ("\nbody a -> t", "line 2 of `rules`: it has none of ` = `, ` != `, ` ~ ` and ` !~ `"),
            ("value = a -> t", "line 1 of `rules`: `value` is none of `header NAME`, `json POINTER`, `key` and `body`"),
            ("header = a -> t", "line 1 of `rules`: `header` is none of `header NAME`, `json POINTER`, `key` and `body`"),
            ("json a/b = a -> t", "line 1 of `rules`: `a/b` is no JSON pointer (RFC 6901), such as `/card/country`"),
            ("json /a~2 = a -> t", "line 1 of `rules`: `/a~2` is no JSON pointer (RFC 6901), such as `/card/country`"),
            ("body = a -> a topic", "line 1 of `rules`: `a topic` is no topic: 1 to 249 letters, digits, `.`, `_` and `-`"),
            ("# nothing", "`rules` has no rule"),
        ];
        for (rules, said) in cases {
            assert_eq!(refusal(&[("rules", rules)]), said, "{rules}");
        }
        let said = refusal(&[("rules", "body ~ ( -> t")]);
        assert!(said.starts_with("line 1 of `rules`: `(` is no regular expression: ") && !said.contains('\n'), "{said}");
        assert_eq!(refusal(&[("rules", RULES), ("default", "")]), "`default`: `` is no topic: 1 to 249 letters, digits, `.`, `_` and `-`");
        assert_eq!(refusal(&[]), "`rules` is required");
    }
}
