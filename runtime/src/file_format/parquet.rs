//! Parquet files of JSON bodies: a schema's records as columns.
//!
//! Rows gather in arrow-json's decoder, are converted some thousand at a time, and wait, encoded, for their row group to be full. Nothing of a
//! Parquet file can be read before its end is written: an event is durable only once its file is closed.

mod columns;
mod row;

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, GzipLevel, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use serde::{Deserialize, Serialize};

use self::row::Row;
use super::schema::fit::{Cell, fit};
use super::schema::{self, Schema};
use super::{Encoder, Error, Health, Refused};
use crate::event::Event;

/// Rows, and bytes of their bodies, that are converted together.
const ROWS: usize = 2048;
const BYTES: usize = 1 << 20;

/// How a Parquet file compresses its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageCodec {
    /// Not at all.
    None,
    /// Snappy: what most that read Parquet expect.
    #[default]
    Snappy,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl PageCodec {
    /// The codec of this name, in any case.
    pub(super) fn named(name: &str) -> Option<PageCodec> {
        let names = [
            ("none", PageCodec::None),
            ("uncompressed", PageCodec::None),
            ("snappy", PageCodec::Snappy),
            ("gzip", PageCodec::Gzip),
            ("zstd", PageCodec::Zstd),
            ("zstandard", PageCodec::Zstd),
        ];
        names.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, codec)| codec)
    }

    fn compression(self) -> Compression {
        match self {
            PageCodec::None => Compression::UNCOMPRESSED,
            PageCodec::Snappy => Compression::SNAPPY,
            PageCodec::Gzip => Compression::GZIP(GzipLevel::default()),
            PageCodec::Zstd => Compression::ZSTD(ZstdLevel::default()),
        }
    }
}

pub(super) struct ParquetFile {
    spec: super::Parquet,
    /// From the first event on.
    open: Option<Open>,
    rows: usize,
    bytes: usize,
    health: Health,
}

struct Open {
    decoder: Decoder,
    writer: ArrowWriter<Vec<u8>>,
}

/// Whether the schema can be columns.
pub(super) fn check(schema: &Schema) -> Result<(), schema::Error> {
    columns::columns(schema).map(drop)
}

impl ParquetFile {
    pub(super) fn new(spec: &super::Parquet) -> ParquetFile {
        ParquetFile { spec: spec.clone(), open: None, rows: 0, bytes: 0, health: Health::default() }
    }

    fn add(&mut self, cell: &Cell<'_>, length: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let open = self.open.insert(Open::new(&self.spec)?);
                open.hand_out(out)?;
                open
            }
        };
        open.decoder.serialize(&[Row(cell)]).map_err(Error::parquet)?;
        self.rows += 1;
        self.bytes += length;
        if self.rows >= ROWS || self.bytes >= BYTES {
            (self.rows, self.bytes) = (0, 0);
            open.convert()?;
            if open.writer.memory_size() >= self.spec.row_group_size {
                open.writer.flush().map_err(Error::parquet)?;
                open.hand_out(out)?;
            }
        }
        Ok(())
    }
}

impl Open {
    fn new(spec: &super::Parquet) -> Result<Open, Error> {
        let columns = Arc::new(columns::columns(&spec.schema).map_err(Error::parquet)?);
        let properties = WriterProperties::builder()
            .set_compression(spec.codec.compression())
            .set_created_by(concat!("weir version ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Open {
            decoder: ReaderBuilder::new(columns.clone()).build_decoder().map_err(Error::parquet)?,
            writer: ArrowWriter::try_new(Vec::new(), columns, Some(properties)).map_err(Error::parquet)?,
        })
    }

    /// Hands the rows that wait to the row group.
    fn convert(&mut self) -> Result<(), Error> {
        match self.decoder.flush().map_err(Error::parquet)? {
            Some(batch) => self.writer.write(&batch).map_err(Error::parquet),
            None => Ok(()),
        }
    }

    /// Moves what the writer has written to `out`. It counts its bytes itself, so that taking them away changes nothing for it.
    fn hand_out(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.writer.sync().map_err(Error::parquet)?;
        out.append(self.writer.inner_mut());
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.convert()?;
        self.writer.finish().map_err(Error::parquet)?;
        self.hand_out(out)
    }
}

impl Encoder for ParquetFile {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        let json = serde_json::from_slice(event.body()).map_err(Refused::NotJson)?;
        let schema = self.spec.schema.clone();
        let cell = fit(&schema, schema.root(), &json, self.spec.unknown_fields).map_err(Refused::Misfit)?;
        let outcome = self.add(&cell, event.body().len(), out);
        self.health.note(outcome);
        Ok(())
    }

    fn flush(&mut self, _: &mut Vec<u8>) -> Result<(), Error> {
        self.health.check()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.health.check()?;
        let outcome = self.open.as_mut().map_or(Ok(()), |open| open.end(out));
        self.health.note(outcome);
        self.health.check()
    }

    fn readable_after_flush(&self) -> bool {
        false
    }
}
