//! Settings: what a plugin takes, and what it was given.

use std::fmt::Display;
use std::str::FromStr;

/// A setting a plugin takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it means, its unit and its values, for people.
    pub description: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// What it is when nobody gives it.
    pub default: Option<&'static str>,
}

impl Parameter {
    /// One that must be given.
    #[must_use]
    pub const fn required(name: &'static str, description: &'static str) -> Parameter {
        Parameter { name, description, required: true, default: None }
    }

    /// One with a default.
    #[must_use]
    pub const fn optional(name: &'static str, description: &'static str, default: &'static str) -> Parameter {
        Parameter { name, description, required: false, default: Some(default) }
    }

    /// One that may be absent; read it with [`Settings::find`].
    #[must_use]
    pub const fn absent(name: &'static str, description: &'static str) -> Parameter {
        Parameter { name, description, required: false, default: None }
    }
}

/// What a plugin was given; the host has filled in the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    pairs: Vec<(String, String)>,
}

impl Settings {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Settings {
        Settings { pairs }
    }

    /// The text of a setting.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A setting as a number, a truth, anything that is parsed from text.
    ///
    /// # Errors
    /// A sentence for [`configure`](crate::Interceptor::configure) to return: it is not there, or not of this type.
    pub fn get<T>(&self, name: &str) -> Result<T, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.find(name)?.ok_or_else(|| format!("`{name}` is required"))
    }

    /// As [`Settings::get`], for one that may be absent.
    ///
    /// # Errors
    /// It is there, but not of this type.
    pub fn find<T>(&self, name: &str) -> Result<Option<T>, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parse = |text: &str| text.trim().parse().map_err(|error| format!("`{name}` cannot be `{text}`: {error}"));
        self.text(name).map(parse).transpose()
    }

    /// A setting that is a list, split at commas; empty items are left out.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        let items = self.text(name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new(vec![("limit".into(), " 12 ".into()), ("ratio".into(), "much".into()), ("names".into(), "a, b,,c".into())])
    }

    #[test]
    fn settings_are_typed() {
        assert_eq!(settings().get::<u32>("limit"), Ok(12));
        assert_eq!(settings().find::<u32>("other"), Ok(None));
        assert_eq!(settings().list("names"), ["a", "b", "c"]);
    }

    #[test]
    fn what_does_not_parse_is_told_with_its_name() {
        assert_eq!(settings().get::<f64>("ratio"), Err("`ratio` cannot be `much`: invalid float literal".into()));
        assert_eq!(settings().get::<f64>("other"), Err("`other` is required".into()));
    }
}
