//! `${…}` in values, after parsing: as Flume 1.10 and later do it with commons-text's `StringSubstitutor`.
//!
//! `${env:NAME}` is the environment, `${sys:NAME}` a `-DNAME=…` of the command line, `${some.key}` another property; `${x:-default}` has a
//! default; `$${x}` is `${x}` itself; names may hold variables of their own. What cannot be resolved stays as it is written.

use std::collections::{BTreeMap, BTreeSet};

use super::resolved::{Origin, Resolved};

/// Most lookups for one value: what needs more is built to explode.
const MOST_LOOKUPS: usize = 1_000;
/// Longest value, bytes.
const LONGEST_VALUE: usize = 1 << 20;
/// How deep variables may nest.
const DEEPEST: usize = 32;

/// A value cannot be substituted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Properties that refer to each other in a circle: Flume refuses to start, too.
    #[error("the property refers to itself: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// Too deep, too long or too many.
    #[error("the value grows without end")]
    TooLarge,
}

/// Resolves the variables of values.
pub struct Substitution<'a> {
    properties: &'a BTreeMap<String, String>,
    system: &'a BTreeMap<String, String>,
    environment: &'a dyn Fn(&str) -> Option<String>,
    open: Vec<String>,
    lookups: usize,
    /// Properties that a variable named.
    pub used: BTreeSet<String>,
    /// Variables that could not be resolved, of the last value.
    pub unresolved: Vec<String>,
}

impl<'a> Substitution<'a> {
    /// Over these properties, `-D` definitions and environment.
    #[must_use]
    pub fn new(
        properties: &'a BTreeMap<String, String>,
        system: &'a BTreeMap<String, String>,
        environment: &'a dyn Fn(&str) -> Option<String>,
    ) -> Substitution<'a> {
        let (open, used, unresolved) = Default::default();
        Substitution { properties, system, environment, open, lookups: 0, used, unresolved }
    }

    /// The value of the property `key`, resolved.
    ///
    /// # Errors
    /// On a cycle and on a value that grows without end.
    pub fn resolve(&mut self, key: &str, text: &str) -> Result<Resolved, Error> {
        self.open = vec![key.to_owned()];
        self.lookups = 0;
        self.unresolved.clear();
        self.expand(text, 0)
    }

    fn expand(&mut self, text: &str, depth: usize) -> Result<Resolved, Error> {
        if depth > DEEPEST {
            return Err(Error::TooLarge);
        }
        let closings = closings(text);
        let mut out = Resolved::default();
        let mut done = 0;
        for (start, end) in closings {
            if start < done {
                // Inside of a variable that is dealt with.
                continue;
            }
            out.push(Resolved::plain(&text[done..start]));
            done = end;
            let variable = &text[start..end];
            if out.text.ends_with('$') {
                // `$${x}`: the first dollar escapes, what is inside stays.
                out = out.slice(0..out.text.len() - 1);
                out.push(Resolved::plain(variable));
                continue;
            }
            let inner = self.expand(&variable[2..variable.len() - 1], depth + 1)?;
            match self.look_up(&inner, depth)? {
                Some(value) => out.push(value),
                None => {
                    self.unresolved.push(variable.to_owned());
                    out.push(Resolved::plain(variable));
                }
            }
            if out.text.len() > LONGEST_VALUE {
                return Err(Error::TooLarge);
            }
        }
        out.push(Resolved::plain(&text[done..]));
        Ok(out)
    }

    fn look_up(&mut self, inner: &Resolved, depth: usize) -> Result<Option<Resolved>, Error> {
        self.lookups += 1;
        if self.lookups > MOST_LOOKUPS {
            return Err(Error::TooLarge);
        }
        let text = inner.text.as_str();
        let (name, default) = match text.find(":-") {
            Some(at) => (&text[..at], Some(inner.slice(at + 2..text.len()))),
            None => (text, None),
        };
        if let Some(variable) = name.strip_prefix("env:") {
            return Ok(variable_or(variable, (self.environment)(variable), default));
        }
        if let Some(definition) = name.strip_prefix("sys:") {
            let defined = self.system.get(definition).cloned();
            return Ok(defined.map(|value| Resolved::of(value, Origin::System(definition.to_owned()))).or(default));
        }
        let Some(value) = self.properties.get(name) else { return Ok(default) };
        self.used.insert(name.to_owned());
        if self.open.iter().any(|open| open == name) {
            let circle = self.open.iter().cloned().chain([name.to_owned()]).collect();
            return Err(Error::Cycle(circle));
        }
        self.open.push(name.to_owned());
        let expanded = self.expand(value, depth + 1);
        self.open.pop();
        expanded.map(Some)
    }
}

/// An environment variable, else its default, which is part of the reference unless it is from elsewhere itself.
fn variable_or(name: &str, value: Option<String>, default: Option<Resolved>) -> Option<Resolved> {
    let plain = default.as_ref().filter(|default| default.foreign.is_empty()).map(|default| default.text.clone());
    let text = value.or_else(|| plain.clone());
    text.map(|text| Resolved::of(text, Origin::Environment { name: name.to_owned(), default: plain })).or(default)
}

/// Where each variable begins and ends, braces included; one that is never closed is none.
fn closings(text: &str) -> BTreeMap<usize, usize> {
    let bytes = text.as_bytes();
    let mut open = Vec::new();
    let mut closings = BTreeMap::new();
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(b"${") {
            open.push(at);
        } else if bytes[at] == b'}'
            && let Some(start) = open.pop()
        {
            closings.insert(start, at + 1);
        }
    }
    closings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(properties: &[(&str, &str)], text: &str) -> Result<String, Error> {
        let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let system = BTreeMap::from([("port".to_owned(), "41414".to_owned())]);
        let environment = |name: &str| (name == "HOST").then(|| "kafka1".to_owned());
        Substitution::new(&properties, &system, &environment).resolve("a", text).map(|resolved| resolved.text)
    }

    #[test]
    fn variables_come_from_environment_definitions_and_properties() {
        assert_eq!(resolve(&[("NC", "555")], "${env:HOST}:${NC}:${sys:port}").unwrap(), "kafka1:555:41414");
        assert_eq!(resolve(&[("x", "${y}"), ("y", "z")], "${x}").unwrap(), "z");
    }

    #[test]
    fn defaults_escapes_and_nested_names_work_as_in_flume() {
        assert_eq!(resolve(&[], "${env:NONE:-d}").unwrap(), "d");
        assert_eq!(resolve(&[], "$${x}").unwrap(), "${x}");
        assert_eq!(resolve(&[("ab", "1"), ("b", "b")], "${a${b}}").unwrap(), "1");
        assert_eq!(resolve(&[], "${env:NONE:-${env:HOST}}").unwrap(), "kafka1");
    }

    #[test]
    fn what_cannot_be_resolved_stays() {
        for text in ["${nope}", "${env:NONE}", "${", "a}b", "${a", "$", "${}", "${f['k']}"] {
            assert_eq!(resolve(&[], text).unwrap(), text);
        }
    }

    #[test]
    fn a_circle_is_an_error_that_shows_it() {
        let error = resolve(&[("a", "${b}"), ("b", "${a}")], "${b}").unwrap_err();
        assert_eq!(error.to_string(), "the property refers to itself: a -> b -> a");
    }

    #[test]
    fn what_grows_without_end_is_stopped() {
        let laughs: Vec<(String, String)> = (0..30).map(|n| (format!("v{n}"), format!("${{v{0}}}${{v{0}}}", n + 1))).collect();
        let laughs: Vec<(&str, &str)> = laughs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(resolve(&laughs, "${v0}").unwrap_err(), Error::TooLarge);
        assert_eq!(resolve(&[], &"${".repeat(5000)).unwrap(), "${".repeat(5000));
        assert_eq!(resolve(&[], &format!("{}{}", "${".repeat(5000), "}".repeat(5000))).unwrap_err(), Error::TooLarge);
    }
}
