//! Avro container files, three kinds of them, by what their records are: [`Event`] (headers and body, Flume's `avro_event`), [`Datum`] (the body
//! is a record already encoded, Flume's `AvroEventSerializer`) and [`Json`] (the body is JSON that fits a schema, not in Flume).
//!
//! A container is a header with the schema, and blocks of records, each compressed by itself and followed by a marker; a flush ends the block.

mod container;
mod encoders;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Codec as StreamCodec;
use super::schema::Schema;
use super::schema::fit::UnknownFields;
use crate::config::size;

pub(super) use encoders::{DatumFile, EventFile, JsonFile, schema_key, schema_of};

/// Flume's `serializer.syncIntervalBytes`.
pub const SYNC_INTERVAL: SyncInterval = SyncInterval(NonZeroUsize::new(2_048_000).expect("not 0"));

/// Header that names a schema's file.
pub const SCHEMA_URL: &str = "flume.avro.schema.url";

/// Header that holds a schema.
pub const SCHEMA_LITERAL: &str = "flume.avro.schema.literal";

/// How a container compresses its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Deflate.
    Deflate,
    /// Snappy with a checksum.
    Snappy,
    /// bzip2.
    Bzip2,
    /// Zstandard.
    Zstd,
}

impl Codec {
    /// Avro's names, those of `CodecFactory.fromString`.
    pub(super) fn named(name: &str) -> Option<Codec> {
        [Codec::Deflate, Codec::Snappy, Codec::Bzip2, Codec::Zstd].into_iter().find(|codec| codec.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Codec::Deflate => "deflate",
            Codec::Snappy => "snappy",
            Codec::Bzip2 => "bzip2",
            Codec::Zstd => "zstandard",
        }
    }
}

/// Bytes of records that make a block. Avro's own bounds: 32 bytes to 1 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncInterval(NonZeroUsize);

impl SyncInterval {
    /// `None` outside of Avro's bounds.
    #[must_use]
    pub fn new(bytes: u64) -> Option<SyncInterval> {
        let within = usize::try_from(bytes).ok().filter(|bytes| (32..=1 << 30).contains(bytes));
        within.and_then(NonZeroUsize::new).map(SyncInterval)
    }

    fn bytes(self) -> usize {
        self.0.get()
    }
}

impl<'de> Deserialize<'de> for SyncInterval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SyncInterval, D::Error> {
        SyncInterval::new(size::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("expected a size of 32 B to 1 GiB"))
    }
}

impl Serialize for SyncInterval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        size::serialize(&self.bytes(), serializer)
    }
}

/// A container of events: records `Event` of `headers`, a map of strings, and `body`, bytes.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Event {
    /// Compression of the blocks. Default: none.
    pub codec: Option<Codec>,
    /// Default: 2,048,000 bytes, as in Flume.
    pub sync_interval: SyncInterval,
    /// Codec that the whole file goes through besides, as with Flume's `CompressedStream`: only programs that undo it first can read the file.
    pub stream_codec: Option<StreamCodec>,
}

impl Default for Event {
    fn default() -> Event {
        Event { codec: None, sync_interval: SYNC_INTERVAL, stream_codec: None }
    }
}

/// A container of bodies, each an Avro datum. The schema is that of the event's header `flume.avro.schema.url`, else of
/// `flume.avro.schema.literal`, else the configured one. Events of different schemas go into different files. A body that is no datum of its
/// schema is refused: written, it would make all records behind it unreadable.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Datum {
    /// Schema of events that name none, or that name the file it is from: a path, relative to the working directory, or its text.
    pub schema: Option<Schema>,
    /// Where the schemas lie that events may name; without it an event that names a file is refused. Files outside are never read.
    pub schema_directory: Option<PathBuf>,
    /// Compression of the blocks. Default: none.
    pub codec: Option<Codec>,
    /// Default: 2,048,000 bytes, as in Flume.
    pub sync_interval: SyncInterval,
    /// As in [`Event::stream_codec`].
    pub stream_codec: Option<StreamCodec>,
}

impl Default for Datum {
    fn default() -> Datum {
        let Event { codec, sync_interval, stream_codec } = Event::default();
        Datum { schema: None, schema_directory: None, codec, sync_interval, stream_codec }
    }
}

/// A container of JSON bodies as records of a schema.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Json {
    /// The schema: a path, relative to the working directory, or its text.
    pub schema: Schema,
    /// What becomes of fields that the schema lacks. Default: the event is refused.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// Compression of the blocks. Default: none.
    #[serde(default)]
    pub codec: Option<Codec>,
    /// Default: 2,048,000 bytes.
    #[serde(default = "default_sync_interval")]
    pub sync_interval: SyncInterval,
}

fn default_sync_interval() -> SyncInterval {
    SYNC_INTERVAL
}
