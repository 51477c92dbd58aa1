//! How fields of the native form are read and written, where serde's own way does not do.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serializer, de};

use crate::config::zookeeper_connect as checked_connect;

/// `true`, as a default.
#[must_use]
pub fn yes() -> bool {
    true
}

/// `topic`, the header that names a topic.
#[must_use]
pub fn default_topic_header() -> Option<String> {
    Some("topic".to_owned())
}

/// `.*`, Flume's default of `regex_filter`.
#[must_use]
pub fn match_all() -> regex::bytes::Regex {
    regex::bytes::Regex::new(".*").expect("the pattern is a constant")
}

/// A name, or `false` for none.
///
/// # Errors
/// When it is neither.
pub fn name_or_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Name;

    impl Visitor<'_> for Name {
        type Value = Option<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a name, or false for none")
        }

        fn visit_str<E: de::Error>(self, name: &str) -> Result<Option<String>, E> {
            if name.is_empty() { Err(E::custom("the name is empty; false stands for none")) } else { Ok(Some(name.to_owned())) }
        }

        fn visit_bool<E: de::Error>(self, value: bool) -> Result<Option<String>, E> {
            if value { Err(E::invalid_value(de::Unexpected::Bool(true), &self)) } else { Ok(None) }
        }
    }

    deserializer.deserialize_any(Name)
}

/// What [`name_or_false`] reads.
///
/// # Errors
/// When the serializer fails.
pub fn write_name_or_false<S: Serializer>(name: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match name {
        Some(name) => serializer.serialize_str(name),
        None => serializer.serialize_bool(false),
    }
}

/// A table of names, as pairs.
///
/// # Errors
/// When it is no table of strings.
pub fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    BTreeMap::deserialize(deserializer).map(|table| table.into_iter().collect())
}

/// What [`pairs`] reads.
///
/// # Errors
/// When the serializer fails.
pub fn write_pairs<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// A ZooKeeper connect string.
///
/// # Errors
/// When it is malformed.
pub fn zookeeper_connect<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    checked_connect(&text).map(Some).map_err(de::Error::custom)
}

/// A partition's number.
///
/// # Errors
/// When it is negative or too large.
pub fn partition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    let number = u32::deserialize(deserializer)?;
    i32::try_from(number).map(Some).map_err(|_| de::Error::custom("a partition's number is at most 2147483647"))
}

/// A regular expression over text.
///
/// # Errors
/// When it does not compile.
pub fn regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<regex::Regex, D::Error> {
    let pattern = String::deserialize(deserializer)?;
    regex::Regex::new(&pattern).map_err(de::Error::custom)
}

/// A regular expression over text, where one is given.
///
/// # Errors
/// When it does not compile.
pub fn optional_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<regex::Regex>, D::Error> {
    regex(deserializer).map(Some)
}

/// A regular expression over bytes.
///
/// # Errors
/// When it does not compile.
pub fn bytes_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<regex::bytes::Regex, D::Error> {
    let pattern = String::deserialize(deserializer)?;
    regex::bytes::Regex::new(&pattern).map_err(de::Error::custom)
}

/// What [`regex()`] and [`bytes_regex`] read: the pattern's text.
///
/// # Errors
/// When the serializer fails.
pub fn write_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// What [`optional_regex`] reads.
///
/// # Errors
/// When the serializer fails.
pub fn write_optional_text<T: fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
