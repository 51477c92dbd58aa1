//! Which format a file has: the native form of the setting, and the way from it to an [`Encoder`].

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::avro::{self, DatumFile, EventFile, JsonFile};
use super::compressed::Compressed;
use super::parquet::{self, PageCodec, ParquetFile};
use super::schema::Schema;
use super::schema::fit::UnknownFields;
use super::sequence_file::{self, SequenceFile};
use super::text::{Bodies, HeadersAndBodies};
use super::{Codec, Encoder, Refused};
use crate::config::size;
use crate::error_chain;
use crate::event::Event;

/// `row_group_size`: less than Parquet's usual 128 MiB, since each open file holds one in memory.
pub(super) const ROW_GROUP: usize = 64 << 20;

/// The bytes of a file. In the native form one key, its name the format and its table the format's settings, as in
/// `format = { sequence_file = { value = "text", codec = "snappy" } }`. Default: lines of text.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// A line a body.
    Text(Text),
    /// A line a body, its headers before it: `{host=a, timestamp=1} body`.
    HeaderAndText(HeaderAndText),
    /// An Avro container of events, headers and all.
    AvroEvent(avro::Event),
    /// An Avro container of bodies that are Avro data already.
    AvroDatum(avro::Datum),
    /// An Avro container of JSON bodies as records of a schema.
    Avro(avro::Json),
    /// A Parquet file of JSON bodies as records of a schema.
    Parquet(Parquet),
    /// Hadoop's SequenceFile.
    SequenceFile(sequence_file::Spec),
}

impl Default for Spec {
    fn default() -> Spec {
        Spec::Text(Text::default())
    }
}

/// Bodies, each a line.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// Whether a line end follows each body. Default: true.
    pub newline: bool,
    /// Codec that the file goes through. Default: none.
    pub codec: Option<Codec>,
}

impl Default for Text {
    fn default() -> Text {
        Text { newline: true, codec: None }
    }
}

/// Headers and bodies, each pair a line; the names of the headers are sorted.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderAndText {
    /// Whether a line end follows each body. Default: true.
    pub newline: bool,
    /// Codec that the file goes through. Default: none.
    pub codec: Option<Codec>,
}

impl Default for HeaderAndText {
    fn default() -> HeaderAndText {
        HeaderAndText { newline: true, codec: None }
    }
}

/// A Parquet file of JSON bodies. Its events are durable only once the file is closed.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Parquet {
    /// The schema, an Avro one: a path, relative to the working directory, or its text. Unions are of null and one type.
    #[serde(deserialize_with = "columns")]
    pub schema: Schema,
    /// What becomes of fields that the schema lacks. Default: the event is refused.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// Compression of the pages. Default: `snappy`.
    #[serde(default)]
    pub codec: PageCodec,
    /// Memory a row group takes before it is written out. Default: 64 MiB.
    #[serde(default = "default_row_group", deserialize_with = "size::in_memory", serialize_with = "size::serialize")]
    pub row_group_size: usize,
}

fn default_row_group() -> usize {
    ROW_GROUP
}

fn columns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Schema, D::Error> {
    let schema = Schema::deserialize(deserializer)?;
    parquet::check(&schema).map_err(|error| de::Error::custom(error_chain(&error)))?;
    Ok(schema)
}

impl Spec {
    /// An encoder for a new file that begins with this event, which is not appended yet.
    ///
    /// # Errors
    /// When no file can begin with this event: it names no schema that can be had. It goes to the dead letters.
    pub fn encoder(&self, first: &Event) -> Result<Box<dyn Encoder>, Refused> {
        let (encoder, codec): (Box<dyn Encoder>, Option<Codec>) = match self {
            Spec::Text(text) => (Box::new(Bodies { newline: text.newline }), text.codec),
            Spec::HeaderAndText(text) => (Box::new(HeadersAndBodies { newline: text.newline }), text.codec),
            Spec::AvroEvent(avro) => (Box::new(EventFile::new(avro)), avro.stream_codec),
            Spec::AvroDatum(avro) => (Box::new(DatumFile::new(avro, avro::schema_of(avro, first)?, first)), avro.stream_codec),
            Spec::Avro(avro) => (Box::new(JsonFile::new(avro)), None),
            Spec::Parquet(parquet) => (Box::new(ParquetFile::new(parquet)), None),
            Spec::SequenceFile(file) => (Box::new(SequenceFile::new(file)), None),
        };
        Ok(match codec {
            Some(codec) => Box::new(Compressed::new(encoder, codec)),
            None => encoder,
        })
    }

    /// What a file's name ends with where the sink has no suffix for it: the codec's extension, as Flume appends it, dot included. Flume has none
    /// for its Avro containers; the formats it does not know have their usual ones.
    #[must_use]
    pub fn extension(&self) -> Option<&'static str> {
        match self {
            Spec::Text(text) => text.codec.map(Codec::extension),
            Spec::HeaderAndText(text) => text.codec.map(Codec::extension),
            Spec::AvroEvent(avro) => avro.stream_codec.map(Codec::extension),
            Spec::AvroDatum(avro) => avro.stream_codec.map(Codec::extension),
            Spec::Avro(_) => Some(".avro"),
            Spec::Parquet(_) => Some(".parquet"),
            Spec::SequenceFile(file) => file.compression.codec().map(Codec::extension),
        }
    }

    /// Events may share a file only when this is the same for them: what they say about their schema. A sink makes it a part of what tells its
    /// open files apart. `None` for formats without such a thing.
    #[must_use]
    pub fn schema_key<'a>(&self, event: &'a Event) -> Option<Cow<'a, [u8]>> {
        match self {
            Spec::AvroDatum(_) => avro::schema_key(event),
            _ => None,
        }
    }

    /// False where a file's events are durable only once it is closed; see [`Encoder::readable_after_flush`].
    #[must_use]
    pub fn readable_after_flush(&self) -> bool {
        !matches!(self, Spec::Parquet(_))
    }
}
