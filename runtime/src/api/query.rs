//! A request's query, read strictly: a key that nobody reads, a value that cannot be read, or one that is there twice is said and not passed over.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use humantime_serde::re::humantime;
use hyper::StatusCode;

use crate::http::Problem;

/// What of a query is not read yet.
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Result<Query, Problem> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(key, true)?, decode(value, true)?))
        });
        let pairs = pairs.collect::<Option<_>>().ok_or_else(|| bad("the query is not percent-encoded UTF-8".to_owned()))?;
        Ok(Query { pairs, known: Vec::new() })
    }

    /// All values of a key.
    pub(super) fn all(&mut self, key: &'static str) -> Vec<String> {
        self.known.push(key);
        self.pairs.extract_if(.., |(name, _)| name == key).map(|(_, value)| value).collect()
    }

    /// The value of a key.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, Problem> {
        let mut values = self.all(key);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(bad(format!("the query has {key:?} more than once"))),
        }
    }

    /// A number.
    pub(super) fn number<T>(&mut self, key: &'static str, allowed: RangeInclusive<T>) -> Result<Option<T>, Problem>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.parse() {
            Ok(number) if allowed.contains(&number) => Ok(Some(number)),
            _ => Err(bad(format!("{key:?} must be a number from {} to {}, not {text:?}", allowed.start(), allowed.end()))),
        }
    }

    /// `true` or `false`; the bare key is `true`.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>, Problem> {
        match self.text(key)?.as_deref() {
            None => Ok(None),
            Some("true" | "") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(bad(format!("{key:?} must be true or false, not {other:?}"))),
        }
    }

    /// A duration such as `10s`.
    pub(super) fn duration(&mut self, key: &'static str, most: Duration) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match humantime::parse_duration(&text) {
            Ok(duration) if duration <= most => Ok(Some(duration)),
            _ => Err(bad(format!("{key:?} must be a duration such as 10s, at most {most:?}, not {text:?}"))),
        }
    }

    /// Refuses what nobody read.
    pub(super) fn end(self) -> Result<(), Problem> {
        let unknown: Vec<String> = self.pairs.iter().map(|(key, _)| format!("{key:?}")).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let known = if self.known.is_empty() { "nothing".to_owned() } else { self.known.join(", ") };
        Err(bad(format!("unknown in the query: {}; there may be: {known}", unknown.join(", "))))
    }
}

fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// Undoes percent-encoding; `None` where it is broken or not UTF-8. In a query a plus is a space.
pub(super) fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'%' => {
                let digits = rest.split_off(..2)?;
                let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'+' if plus_is_space => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_text_is_decoded_and_broken_text_refused() {
        assert_eq!(decode("a%2Fb%20c+d%c3%A9", true).as_deref(), Some("a/b c dé"));
        assert_eq!(decode("a+b", false).as_deref(), Some("a+b"));
        for broken in ["%", "%2", "%zz", "%+1", "%ff", "a%"] {
            assert_eq!(decode(broken, true), None, "{broken}");
        }
    }

    #[test]
    fn every_key_is_read_once_and_what_is_left_is_named() {
        let mut query = Query::parse(Some("limit=5&changed&wait=2m&id=a&id=b&lmit=1&why=x%20y")).expect("a query");
        assert_eq!(query.number("limit", 1..=10).expect("a number"), Some(5));
        assert_eq!(query.flag("changed").expect("a flag"), Some(true));
        assert_eq!(query.flag("trial").expect("absent"), None);
        assert_eq!(query.duration("wait", Duration::from_secs(300)).expect("a duration"), Some(Duration::from_secs(120)));
        assert_eq!(query.all("id"), ["a", "b"]);
        let problem = query.end().expect_err("two keys are left");
        assert_eq!(problem.detail, "unknown in the query: \"lmit\", \"why\"; there may be: limit, changed, trial, wait, id");
    }

    #[test]
    fn a_value_that_cannot_be_read_is_refused() {
        let query = || Query::parse(Some("limit=0&flag=maybe&wait=1h&twice=1&twice=2")).expect("a query");
        assert!(query().number("limit", 1..=10_u64).is_err());
        assert!(query().flag("flag").is_err());
        assert!(query().duration("wait", Duration::from_secs(60)).is_err());
        assert!(query().text("twice").is_err());
        assert!(Query::parse(Some("a=%")).is_err());
    }
}
