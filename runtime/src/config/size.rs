//! Sizes as people write them: `64MiB`, `500 kB`, `1024`.

use serde::{Deserialize, Deserializer, Serializer, de};

const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
];

/// Bytes of a size: a number and an optional unit (`B`, `KiB`, `MiB`, `GiB`, `kB`, `MB`, `GB`; `k`, `m` and `g` as the JVM has them), in any case.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let unit = text[digits..].trim().to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    text[..digits].parse::<u64>().ok()?.checked_mul(*factor)
}

/// Bytes of a size of memory, as [`parse`] reads it: some, and no more than can be addressed.
#[must_use]
pub fn parse_in_memory(text: &str) -> Option<usize> {
    parse(text).and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

/// For `#[serde(deserialize_with)]`: a number of bytes, or a size as text.
///
/// # Errors
/// When it is neither.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let expected = || de::Error::custom("expected a size such as \"64MiB\"");
    match Written::deserialize(deserializer).map_err(|_| expected())? {
        Written::Number(bytes) => Ok(bytes),
        Written::Text(text) => parse(&text).ok_or_else(expected),
    }
}

/// A size as text, in the largest binary unit that leaves no rest.
#[must_use]
pub fn text(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

/// For `#[serde(serialize_with)]`: what [`deserialize`] and [`in_memory`] read.
///
/// # Errors
/// When the serializer fails.
pub fn serialize<T: Copy + TryInto<u64>, S: Serializer>(bytes: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = (*bytes).try_into().map_err(|_| serde::ser::Error::custom("a size beyond 64 bits"))?;
    serializer.serialize_str(&text(bytes))
}

/// For `#[serde(serialize_with)]`: what [`optional_in_memory`] reads.
///
/// # Errors
/// When the serializer fails.
pub fn serialize_optional<T: Copy + TryInto<u64>, S: Serializer>(bytes: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serialize(bytes, serializer),
        None => serializer.serialize_none(),
    }
}

/// The same for a size of memory.
///
/// # Errors
/// When it is neither, or more than can be addressed.
pub fn in_memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    usize::try_from(deserialize(deserializer)?).map_err(de::Error::custom)
}

/// The same for a size of memory that may be absent.
///
/// # Errors
/// When it is neither, or more than can be addressed.
pub fn optional_in_memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    in_memory(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        assert_eq!(parse("64MiB"), Some(64 << 20));
        assert_eq!(parse(" 500 kB "), Some(500_000));
        assert_eq!(parse("17"), Some(17));
        assert_eq!(parse("2m"), Some(2 << 20));
    }

    #[test]
    fn a_size_is_written_in_a_unit_and_read_back() {
        for (bytes, written) in [(0, "0"), (1, "1"), (1500, "1500"), (2048, "2KiB"), (64 << 20, "64MiB"), (5 << 30, "5GiB")] {
            assert_eq!(text(bytes), written);
            assert_eq!(parse(written), Some(bytes));
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "1.5MiB", "-1", "1 parsec", "99999999999999999999", "18446744073709551615MiB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
