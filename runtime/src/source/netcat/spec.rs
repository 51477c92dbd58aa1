//! Settings of a netcat source: `org.apache.flume.source.NetcatSource`.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::config::difference::differing;
use crate::config::keys::Keys;
use crate::config::problem::Problem;

const LINE_LENGTH: usize = 512;
/// Longest line that may be allowed, characters: each connection may hold one.
const LONGEST_LINE: usize = 16 << 20;

/// A netcat source. Defaults are those of Flume 1.11 but for `bind`, which Flume wants to be told.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Host or address to listen on. Default: `127.0.0.1`.
    #[serde(default = "default_bind")]
    pub bind: String,
    /// Port; 0 takes a free one, which the log says.
    pub port: u16,
    /// Longest line in characters, its end included. Default: 512.
    #[serde(default = "default_line_length", deserialize_with = "line_length")]
    pub max_line_length: usize,
    /// Answers each line with `OK`, once its event is safe: acknowledged by a sink, or written to a channel on disk. Default: true.
    #[serde(default = "crate::config::native::yes")]
    pub ack_every_event: bool,
    /// What the bytes of a line mean; the event's body is UTF-8. Default: `utf-8`.
    #[serde(default)]
    pub encoding: Encoding,
}

/// A character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub enum Encoding {
    /// The bytes stay as they are, also where they are not UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// As UTF-8, of which it is a part.
    #[serde(rename = "us-ascii")]
    Ascii,
    /// Each byte is a character.
    #[serde(rename = "iso-8859-1")]
    Latin1,
}

fn default_bind() -> String {
    "127.0.0.1".to_owned()
}

fn default_line_length() -> usize {
    LINE_LENGTH
}

fn line_length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let length = usize::deserialize(deserializer)?;
    match length {
        1..=LONGEST_LINE => Ok(length),
        _ => Err(de::Error::custom(format!("a line's length is 1 to {LONGEST_LINE} characters"))),
    }
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the component, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let bind = keys.get("bind");
        let port = keys.get("port");
        for (key, value) in [("bind", &bind), ("port", &port)] {
            if value.is_none() {
                let problem = Problem::lenient(format!("`{}` is needed and not set", keys.full(key)));
                keys.refuse(problem.at(keys.declared()));
            }
        }
        let port = port.and_then(|port| keys.parsed(&port, "a port"));
        let max_line_length = keys.number("max-line-length", LINE_LENGTH, "a number of characters");
        if !(1..=LONGEST_LINE).contains(&max_line_length) && !keys.is_refused() {
            let problem = Problem::error(format!("a line's length is 1 to {LONGEST_LINE} characters"));
            keys.refuse(problem.key(keys.full("max-line-length")).at(keys.place("max-line-length")));
        }
        let ack_every_event = keys.boolean("ack-every-event", true);
        let encoding = encoding(keys);
        (!keys.is_refused()).then_some(Spec { bind: bind?.text, port: port?, max_line_length, ack_every_event, encoding })
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(self, other, Spec { bind, port, max_line_length, ack_every_event, encoding })
    }
}

/// Java's names of character sets, in any case.
fn encoding(keys: &mut Keys) -> Encoding {
    let Some(value) = keys.get("encoding") else { return Encoding::default() };
    match value.text.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Encoding::Utf8,
        "us-ascii" | "ascii" => Encoding::Ascii,
        "iso-8859-1" | "iso8859_1" | "latin1" => Encoding::Latin1,
        _ => {
            let problem = Problem::error(format!("the encoding {} is not supported", value.shown()));
            keys.refuse(problem.help("supported: utf-8, us-ascii, iso-8859-1").key(value.key.clone()).at(value.place()));
            Encoding::default()
        }
    }
}
