//! The container around records: header, blocks, markers. `org.apache.avro.file.DataFileWriter`, and the Avro specification's "Object Container Files".

use super::super::compress::Compressor;
use super::super::{Codec as StreamCodec, Error, Health};
use super::{Codec, SyncInterval};
use crate::flume_event::{write_bytes, write_number};

pub(super) struct Container {
    schema: String,
    codec: Option<Codec>,
    compressor: BlockCompressor,
    sync: [u8; 16],
    interval: usize,
    /// Records of the block that is not given out yet, and how many.
    block: Vec<u8>,
    records: i64,
    compressed: Vec<u8>,
    begun: bool,
    health: Health,
}

enum BlockCompressor {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Member(Box<Compressor>),
}

impl Container {
    pub(super) fn new(schema: &str, codec: Option<Codec>, interval: SyncInterval) -> Container {
        let compressor = match codec {
            None => BlockCompressor::None,
            Some(Codec::Deflate) => BlockCompressor::Member(Box::new(Compressor::raw_deflate())),
            Some(Codec::Snappy) => BlockCompressor::Snappy(Box::new(snap::raw::Encoder::new())),
            Some(Codec::Bzip2) => BlockCompressor::Member(Box::new(Compressor::new(StreamCodec::Bzip2))),
            Some(Codec::Zstd) => BlockCompressor::Member(Box::new(Compressor::new(StreamCodec::Zstd))),
        };
        Container {
            schema: schema.to_owned(),
            codec,
            compressor,
            sync: uuid::Uuid::new_v4().into_bytes(),
            interval: interval.bytes(),
            block: Vec::new(),
            records: 0,
            compressed: Vec::new(),
            begun: false,
            health: Health::default(),
        }
    }

    /// Adds a record, which `write` appends.
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        write(&mut self.block);
        self.records += 1;
        if !self.begun {
            self.begun = true;
            self.header(out);
        }
        if self.block.len() >= self.interval {
            self.end_block(out);
        }
    }

    /// Ends the block, if it holds anything.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.end_block(out);
        self.health.check()
    }

    fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Obj\x01");
        let codec = self.codec.map_or("null", Codec::name);
        write_number(2, out);
        for (name, value) in [("avro.codec", codec), ("avro.schema", &self.schema)] {
            write_bytes(name.as_bytes(), out);
            write_bytes(value.as_bytes(), out);
        }
        write_number(0, out);
        out.extend_from_slice(&self.sync);
    }

    fn end_block(&mut self, out: &mut Vec<u8>) {
        if self.records == 0 {
            return;
        }
        let outcome = self.compress();
        let failed = outcome.is_err();
        self.health.note(outcome);
        if !failed {
            let block = if self.codec.is_some() { &self.compressed } else { &self.block };
            write_number(self.records, out);
            write_bytes(block, out);
            out.extend_from_slice(&self.sync);
        }
        self.block.clear();
        self.records = 0;
    }

    fn compress(&mut self) -> Result<(), Error> {
        self.compressed.clear();
        match &mut self.compressor {
            BlockCompressor::None => Ok(()),
            BlockCompressor::Member(compressor) => compressor.member(&self.block, &mut self.compressed),
            BlockCompressor::Snappy(snappy) => {
                // Compressed bytes, then the checksum of the plain ones, the highest byte first.
                self.compressed.resize(snap::raw::max_compress_len(self.block.len()), 0);
                let length = snappy.compress(&self.block, &mut self.compressed).map_err(|error| Error::compress("snappy", error))?;
                self.compressed.truncate(length);
                let mut crc = flate2::Crc::new();
                crc.update(&self.block);
                self.compressed.extend_from_slice(&crc.sum().to_be_bytes());
                Ok(())
            }
        }
    }
}
