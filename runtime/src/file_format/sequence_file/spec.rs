//! Settings of a SequenceFile.

use serde::{Deserialize, Serialize};

use super::super::Codec;

/// A SequenceFile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Spec {
    /// What the body becomes. Default: [`Value::Writable`].
    pub value: Value,
    /// Default: [`Compression::None`].
    pub compression: Compression,
}

/// Which class of Hadoop's the value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// `BytesWritable`.
    #[default]
    Writable,
    /// `Text`. The body's bytes are taken as they are, as Flume does; a reader decodes them as UTF-8.
    Text,
}

/// What is compressed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Nothing is.
    #[default]
    None,
    /// Each value by itself. Flume cannot ask for it.
    Record(Codec),
    /// The keys and the values of about 1 MB of records: what Flume does with a codec.
    Block(Codec),
}

impl Compression {
    /// The codec, where there is one.
    pub(in super::super) fn codec(self) -> Option<Codec> {
        match self {
            Compression::None => None,
            Compression::Record(codec) | Compression::Block(codec) => Some(codec),
        }
    }
}

/// The native form: a codec alone means block, a compression alone Hadoop's default codec.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    value: Value,
    compression: Option<Kind>,
    codec: Option<Codec>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    None,
    Record,
    Block,
}

impl TryFrom<Written> for Spec {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Spec, &'static str> {
        let codec = written.codec.unwrap_or(Codec::Deflate);
        let compression = match (written.compression, written.codec) {
            (Some(Kind::None), Some(_)) => return Err("a codec needs compression = \"block\" or \"record\""),
            (Some(Kind::None), None) | (None, None) => Compression::None,
            (Some(Kind::Record), _) => Compression::Record(codec),
            (Some(Kind::Block), _) | (None, Some(_)) => Compression::Block(codec),
        };
        Ok(Spec { value: written.value, compression })
    }
}

impl From<Spec> for Written {
    fn from(spec: Spec) -> Written {
        let compression = match spec.compression {
            Compression::None => None,
            Compression::Record(_) => Some(Kind::Record),
            Compression::Block(_) => Some(Kind::Block),
        };
        Written { value: spec.value, compression, codec: spec.compression.codec() }
    }
}
