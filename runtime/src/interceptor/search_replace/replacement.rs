//! The replacement text of Java's `Matcher.appendReplacement`: `$1` and `${name}` are groups, a backslash makes the next character plain.

use regex::{Captures, Regex};

/// A replacement, read for one pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

/// A replacement that Java would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `$` before something that names no group.
    #[error("replaceString {text:?}: `$` at character {at} must be followed by a group's number or {{name}}; `\\$` is a dollar sign")]
    NoGroup {
        /// The replacement.
        text: String,
        /// Which character, from 1.
        at: usize,
    },
    /// A group that the pattern does not have.
    #[error("replaceString {text:?}: the pattern has no group {group:?}")]
    UnknownGroup {
        /// The replacement.
        text: String,
        /// The group's number or name.
        group: String,
    },
    /// A backslash at the end.
    #[error("replaceString {text:?} ends with a backslash; `\\\\` is one")]
    LoneBackslash {
        /// The replacement.
        text: String,
    },
}

impl Replacement {
    pub(super) fn parse(text: &str, pattern: &Regex) -> Result<Replacement, Error> {
        let mut replacement = Replacement { parts: Vec::new() };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let at = text.chars().count() - rest.chars().count() + 1;
            rest = &rest[next.len_utf8()..];
            match next {
                '\\' => {
                    let plain = rest.chars().next().ok_or_else(|| Error::LoneBackslash { text: text.to_owned() })?;
                    replacement.push(plain);
                    rest = &rest[plain.len_utf8()..];
                }
                '$' => {
                    let (group, length) = reference(rest).ok_or_else(|| Error::NoGroup { text: text.to_owned(), at })?;
                    let (group, length) = group
                        .find(pattern, length)
                        .ok_or_else(|| Error::UnknownGroup { text: text.to_owned(), group: group.to_string() })?;
                    replacement.parts.push(Part::Group(group));
                    rest = &rest[length..];
                }
                _ => replacement.push(next),
            }
        }
        Ok(replacement)
    }

    /// The text with every match replaced, or `None` where nothing matches. Matches as Java finds them: right after a match an empty one counts
    /// too, which the regex crate would skip (`a*` in `baac` makes `xbxxcx`).
    pub(super) fn replace_all(&self, pattern: &Regex, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut copied = 0;
        let mut from = 0;
        let mut any = false;
        while from <= text.len()
            && let Some(groups) = pattern.captures_at(text, from)
        {
            let found = groups.get_match();
            any = true;
            out.push_str(&text[copied..found.start()]);
            self.expand(&groups, &mut out);
            copied = found.end();
            let step = if found.is_empty() { text[copied..].chars().next().map_or(1, char::len_utf8) } else { 0 };
            from = copied + step;
        }
        out.push_str(&text[copied..]);
        any.then_some(out)
    }

    fn expand(&self, groups: &Captures, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                // A group that took no part in the match is nothing.
                Part::Group(group) => out.push_str(groups.get(*group).map_or("", |group| group.as_str())),
            }
        }
    }

    fn push(&mut self, letter: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(letter),
            _ => self.parts.push(Part::Text(letter.to_string())),
        }
    }
}

/// What follows a dollar sign.
enum Reference<'a> {
    Digits(&'a str),
    Name(&'a str),
}

/// The reference that `rest` begins with, and its length.
fn reference(rest: &str) -> Option<(Reference<'_>, usize)> {
    let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    if digits > 0 {
        return Some((Reference::Digits(&rest[..digits]), digits));
    }
    let (name, _) = rest.strip_prefix('{')?.split_once('}')?;
    let named = name.starts_with(|letter: char| letter.is_ascii_alphabetic()) && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    named.then_some((Reference::Name(name), name.len() + 2))
}

impl Reference<'_> {
    /// The group's number and how much of the reference names it: the first digit always counts, more only as long as there is such a group.
    fn find(&self, pattern: &Regex, length: usize) -> Option<(usize, usize)> {
        match self {
            Reference::Name(name) => {
                let group = pattern.capture_names().position(|group| group == Some(name))?;
                Some((group, length))
            }
            Reference::Digits(digits) => {
                let groups = pattern.captures_len();
                let taken =
                    (1..=digits.len()).take_while(|taken| digits[..*taken].parse::<usize>().is_ok_and(|group| group < groups)).last()?;
                Some((digits[..taken].parse().ok()?, taken))
            }
        }
    }
}

impl std::fmt::Display for Reference<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reference::Digits(text) | Reference::Name(text) => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(pattern: &str, replacement: &str, text: &str) -> Result<String, Error> {
        let pattern = Regex::new(pattern).expect("a pattern");
        let replacement = Replacement::parse(replacement, &pattern)?;
        Ok(replacement.replace_all(&pattern, text).unwrap_or_else(|| text.to_owned()))
    }

    #[test]
    fn groups_and_escapes_are_read_as_in_java() {
        for (pattern, replacement, text, wanted) in [
            ("(a)(b)?", "[$1$2]", "ab-a", "[ab]-[a]"),
            ("(a)", "$12", "a", "a2"),
            ("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "$10$0", "abcdefghij", "jabcdefghij"),
            ("(?<name>a)", "<${name}>", "ba", "b<a>"),
            ("a", r"\$1\\\n", "a", r"$1\n"),
            ("a", "é${0}".trim_end_matches("${0}"), "a", "é"),
            ("a", "", "banana", "bnn"),
        ] {
            assert_eq!(replace(pattern, replacement, text).as_deref(), Ok(wanted), "{pattern} {replacement}");
        }
    }

    #[test]
    fn empty_matches_are_found_as_in_java() {
        assert_eq!(replace("a*", "x", "baac").as_deref(), Ok("xbxxcx"));
        assert_eq!(replace("", "-", "né").as_deref(), Ok("-n-é-"));
        assert_eq!(replace(r"\b", "|", "a b").as_deref(), Ok("|a| |b|"));
    }

    #[test]
    fn a_replacement_that_java_would_refuse_is_refused() {
        let no_group = |text: &str, at| Error::NoGroup { text: text.into(), at };
        let unknown = |text: &str, group: &str| Error::UnknownGroup { text: text.into(), group: group.into() };
        for (replacement, wanted) in [
            ("$", no_group("$", 1)),
            ("é$x", no_group("é$x", 2)),
            ("${}", no_group("${}", 1)),
            ("${open", no_group("${open", 1)),
            ("$2", unknown("$2", "2")),
            ("$99999999999999999999999", unknown("$99999999999999999999999", "99999999999999999999999")),
            ("${none}", unknown("${none}", "none")),
            (r"a\", Error::LoneBackslash { text: r"a\".into() }),
        ] {
            assert_eq!(replace("(a)", replacement, "a"), Err(wanted));
        }
    }
}
