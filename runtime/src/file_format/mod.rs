//! The bytes of a file of events: what the HDFS sink and the file_roll sink write, whatever they write it to.
//!
//! A [`Spec`] says which format; its [`Encoder`] turns events into bytes, file by file. An encoder does no I/O of its own: it appends to a
//! buffer, and the sink takes the bytes from there. So a file's content does not depend on where it lies, and every format is tested in memory.
//!
//! | format | module | Flume |
//! |---|---|---|
//! | lines of bodies, or of headers and bodies | `text` | `DataStream` or `CompressedStream`, `serializer = TEXT`, `HEADER_AND_TEXT` |
//! | Avro container of events | [`avro`] | `serializer = avro_event` |
//! | Avro container of bodies that are Avro already | [`avro`] | `serializer = org.apache.flume.sink.hdfs.AvroEventSerializer$Builder` |
//! | Avro container of JSON bodies | [`avro`] | not in Flume |
//! | Parquet of JSON bodies | `parquet` | not in Flume |
//! | Hadoop's SequenceFile | [`sequence_file`] | `SequenceFile` |

pub mod avro;
mod codec;
mod compress;
mod compressed;
mod flume;
mod parquet;
pub mod schema;
pub mod sequence_file;
mod spec;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::event::Event;

pub use codec::Codec;
pub use parquet::PageCodec;
pub use spec::{HeaderAndText, Parquet, Spec, Text};

/// One file in the making.
///
/// The file's first bytes (a SequenceFile's header, Avro's schema, Parquet's magic number) come with the first event appended. An encoder that
/// took no event gives no bytes at all: there is no file to keep then.
///
/// What an encoder holds back in memory until [`Encoder::flush`] is bounded by a block, a row group or a sync interval, and one event more.
pub trait Encoder: Send {
    /// Appends one event. The bytes may follow later: with another event, with [`Encoder::flush`] or with [`Encoder::finish`].
    ///
    /// A compressor that fails in here is told by the next `flush` or `finish`, as no event counts as written before one of them.
    ///
    /// # Errors
    /// When this event cannot be in this file. Neither `out` nor the file has changed then: the event goes to the dead letters, the next may follow.
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused>;

    /// Makes everything appended so far readable from the bytes given out: ends a compressed member, a block, writes a sync marker.
    /// Gives no bytes when nothing was appended since the last time, nor where [`Encoder::readable_after_flush`] is false.
    ///
    /// # Errors
    /// When the encoder failed, now or in an `append` before. The file is lost then, and its events must be written to another.
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Gives the file's last bytes. Nothing may follow.
    ///
    /// # Errors
    /// As [`Encoder::flush`].
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error>;

    /// False where nothing can be read before `finish` (Parquet, whose index is at the end): an event is durable only once its file is closed.
    fn readable_after_flush(&self) -> bool {
        true
    }
}

/// An event that cannot be in the file.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A SequenceFile's key is the header `timestamp`, as in Flume's `HDFSWritableSerializer`.
    #[error("the header `timestamp` is {value:?}, not a number of milliseconds: it is the record's key")]
    Timestamp {
        /// Its value, shortened.
        value: String,
    },
    /// More bytes than the format can say the length of.
    #[error("the body has {length} bytes, and a record of this format takes {most}")]
    TooLong {
        /// Bytes of the body.
        length: usize,
        /// Most bytes.
        most: usize,
    },
    /// A body that should be JSON.
    #[error("the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON that the schema does not describe.
    #[error("the body does not fit the schema")]
    Misfit(#[source] schema::Misfit),
    /// A body that should be an Avro datum of the file's schema, and nothing after it.
    #[error("the body is not a datum of the schema")]
    NotDatum(#[source] schema::NotDatum),
    /// No schema for a body that is an Avro datum.
    #[error("no schema for the body: neither the header `flume.avro.schema.url` nor `flume.avro.schema.literal`, and none is configured")]
    NoSchema,
    /// The schema that the event names.
    #[error("the header `{header}` gives no schema to write with")]
    Schema {
        /// Which header.
        header: &'static str,
        /// What is wrong.
        #[source]
        source: schema::Error,
    },
    /// The event names another schema than the file has; see [`Spec::schema_key`].
    #[error("the event names another schema than the one of the file it was given to")]
    OtherSchema,
}

/// An encoder that failed. No event is to blame.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A compressor refused to work.
    #[error("compress with {codec}")]
    Compress {
        /// Its name.
        codec: &'static str,
        /// Its own words.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The writer of Parquet files refused to work.
    #[error("write parquet")]
    Parquet(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    fn compress(codec: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Compress { codec, source: Arc::new(source) }
    }

    fn parquet(source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Parquet(Arc::new(source))
    }
}

/// Whether an encoder failed, kept until somebody can be told.
#[derive(Debug, Default)]
struct Health(Option<Error>);

impl Health {
    /// Notes a failure; the first one stays.
    fn note(&mut self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            self.0.get_or_insert(error);
        }
    }

    /// The failure, if there was one.
    fn check(&self) -> Result<(), Error> {
        self.0.clone().map_or(Ok(()), Err)
    }
}
