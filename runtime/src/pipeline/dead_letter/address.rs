//! How a letter is named in its place.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A letter's name. Letters of one place are ordered as they lie in it, as far as their names tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Address {
    /// `PARTITION:OFFSET` in a topic.
    Record { partition: i32, offset: i64 },
    /// `line:OFFSET`: the first byte of a line that was written by a version that gave no ids. Good until the file is compacted.
    Line(u64),
    /// The id in a line.
    Id(Uuid),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Record { partition, offset } => write!(formatter, "{partition}:{offset}"),
            Address::Line(offset) => write!(formatter, "line:{offset}"),
            Address::Id(id) => write!(formatter, "{id}"),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let none = || format!("{text:?} is no letter's id: neither PARTITION:OFFSET, line:OFFSET nor a UUID");
        let Some((before, offset)) = text.split_once(':') else {
            return text.parse().map(Address::Id).map_err(|_| none());
        };
        if before == "line" {
            return offset.parse().map(Address::Line).map_err(|_| none());
        }
        match (before.parse(), offset.parse()) {
            (Ok(partition), Ok(offset)) => Ok(Address::Record { partition, offset }),
            _ => Err(none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for address in [Address::Record { partition: 3, offset: 70 }, Address::Line(12), Address::Id(Uuid::now_v7())] {
            assert_eq!(address.to_string().parse(), Ok(address));
        }
        for text in ["", "x", "3:", "line:-1", "line"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
