//! Hadoop's SequenceFile, version 6, byte for byte as `org.apache.hadoop.io.SequenceFile.Writer` of Hadoop 3.4 writes it.
//!
//! The key is a `LongWritable`, the header `timestamp` or now; the value a `BytesWritable` or a `Text` of the body. After the header come
//! records (their length, the key's length, key, value; with RECORD the value is compressed by itself), or with BLOCK blocks of some
//! records each: the lengths of the keys, the keys, the lengths of the values, the values, each compressed as a whole.
//! Sync markers, 16 random bytes told in the header, say where a reader that starts in the middle may begin.

mod spec;

use super::compress::Compressor;
use super::{Encoder, Error, Health, Refused};
use crate::event::Event;
use crate::excerpt::excerpt;

pub use spec::{Compression, Spec, Value};

/// `SequenceFile.SYNC_INTERVAL`: 5 * 1024 sync markers' length. In Hadoop 2 it was 100 of them, 2,000 bytes.
const SYNC_INTERVAL: u64 = 5 * 1024 * 20;

/// What stands where a record's length would, before a sync marker.
const SYNC_ESCAPE: [u8; 4] = (-1_i32).to_be_bytes();

/// `io.seqfile.compress.blocksize`: bytes of keys and values that make a block.
const BLOCK_SIZE: usize = 1_000_000;

/// Longest body: a record's length, and that of a block of values, is an `int`.
const LONGEST_BODY: usize = i32::MAX as usize - (2 << 20);

/// Bytes of a `LongWritable`.
const KEY: usize = 8;

pub(super) struct SequenceFile {
    value: Value,
    compression: Compression,
    layout: Layout,
    markers: Markers,
    health: Health,
}

enum Layout {
    Plain,
    Record { compressor: Compressor, value: Vec<u8>, compressed: Vec<u8> },
    Block { compressor: Compressor, block: Block, compressed: Vec<u8> },
}

/// Records that wait for their block.
#[derive(Default)]
struct Block {
    records: u32,
    key_lengths: Vec<u8>,
    keys: Vec<u8>,
    value_lengths: Vec<u8>,
    values: Vec<u8>,
}

/// The file's sync marker and where the last one is.
struct Markers {
    sync: [u8; 16],
    /// Bytes of the file before those of the call at hand, which begin at `start`.
    written: u64,
    start: usize,
    /// Where in the file the last marker ends.
    synced: u64,
}

impl SequenceFile {
    pub(super) fn new(spec: &Spec) -> SequenceFile {
        let layout = match spec.compression {
            Compression::None => Layout::Plain,
            Compression::Record(codec) => Layout::Record { compressor: Compressor::new(codec), value: Vec::new(), compressed: Vec::new() },
            Compression::Block(codec) => {
                Layout::Block { compressor: Compressor::new(codec), block: Block::default(), compressed: Vec::new() }
            }
        };
        let (value, compression) = (spec.value, spec.compression);
        // Unguessable, so that no event can look like a place to begin.
        let markers = Markers { sync: uuid::Uuid::new_v4().into_bytes(), written: 0, start: 0, synced: 0 };
        SequenceFile { value, compression, layout, markers, health: Health::default() }
    }

    fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SEQ\x06");
        string("org.apache.hadoop.io.LongWritable", out);
        string(self.value.class(), out);
        let codec = self.compression.codec();
        out.push(codec.is_some().into());
        out.push(matches!(self.compression, Compression::Block(_)).into());
        if let Some(codec) = codec {
            string(&codec.class(), out);
        }
        out.extend_from_slice(&0_i32.to_be_bytes()); // no metadata
        out.extend_from_slice(&self.markers.sync);
    }

    fn record(&mut self, key: i64, body: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.layout {
            Layout::Plain => {
                self.markers.mark_if_due(out);
                begin_record(key, self.value.length(body.len()), out);
                self.value.write(body, out);
            }
            Layout::Record { compressor, value, compressed } => {
                value.clear();
                compressed.clear();
                self.value.write(body, value);
                compressor.member(value, compressed)?;
                self.markers.mark_if_due(out);
                begin_record(key, compressed.len(), out);
                out.extend_from_slice(compressed);
            }
            Layout::Block { compressor, block, compressed } => {
                block.add(key, self.value, body);
                if block.keys.len() + block.values.len() >= BLOCK_SIZE {
                    self.markers.mark(out);
                    block.end(compressor, compressed, out)?;
                }
            }
        }
        Ok(())
    }

    /// Ends a block; else a marker where one is wanted.
    fn end(&mut self, marked: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.markers.written == 0 {
            return Ok(());
        }
        self.markers.start = out.len();
        match &mut self.layout {
            Layout::Block { block, .. } if block.records == 0 => {}
            Layout::Block { compressor, block, compressed } => {
                self.markers.mark(out);
                let outcome = block.end(compressor, compressed, out);
                self.health.note(outcome);
            }
            Layout::Plain | Layout::Record { .. } if marked => self.markers.mark(out),
            Layout::Plain | Layout::Record { .. } => {}
        }
        self.markers.written = self.markers.here(out);
        self.health.check()
    }
}

impl Block {
    fn add(&mut self, key: i64, value: Value, body: &[u8]) {
        self.records += 1;
        number(KEY as u64, &mut self.key_lengths);
        self.keys.extend_from_slice(&key.to_be_bytes());
        number(value.length(body.len()) as u64, &mut self.value_lengths);
        value.write(body, &mut self.values);
    }

    /// The records as a block, which follows a sync marker.
    fn end(&mut self, compressor: &mut Compressor, compressed: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), Error> {
        number(self.records.into(), out);
        for part in [&mut self.key_lengths, &mut self.keys, &mut self.value_lengths, &mut self.values] {
            compressed.clear();
            compressor.member(part, compressed)?;
            number(compressed.len() as u64, out);
            out.extend_from_slice(compressed);
            part.clear();
        }
        self.records = 0;
        Ok(())
    }
}

impl Markers {
    /// Where in the file the next byte goes.
    fn here(&self, out: &[u8]) -> u64 {
        self.written + (out.len() - self.start) as u64
    }

    /// A sync marker, unless the last bytes are one.
    fn mark(&mut self, out: &mut Vec<u8>) {
        if self.here(out) == self.synced {
            return;
        }
        out.extend_from_slice(&SYNC_ESCAPE);
        out.extend_from_slice(&self.sync);
        self.synced = self.here(out);
    }

    fn mark_if_due(&mut self, out: &mut Vec<u8>) {
        if self.here(out) >= self.synced + SYNC_INTERVAL {
            self.mark(out);
        }
    }
}

/// A record's lengths and its key.
fn begin_record(key: i64, value: usize, out: &mut Vec<u8>) {
    out.reserve(8 + KEY + value);
    out.extend_from_slice(&((KEY + value) as u32).to_be_bytes());
    out.extend_from_slice(&(KEY as u32).to_be_bytes());
    out.extend_from_slice(&key.to_be_bytes());
}

impl Encoder for SequenceFile {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        let key = key(event)?;
        let body = event.body();
        if body.len() > LONGEST_BODY {
            return Err(Refused::TooLong { length: body.len(), most: LONGEST_BODY });
        }
        self.markers.start = out.len();
        if self.markers.written == 0 {
            self.header(out);
        }
        let outcome = self.record(key, body, out);
        self.health.note(outcome);
        self.markers.written = self.markers.here(out);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.end(true, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.end(false, out)
    }
}

impl Value {
    fn class(self) -> &'static str {
        match self {
            Value::Writable => "org.apache.hadoop.io.BytesWritable",
            Value::Text => "org.apache.hadoop.io.Text",
        }
    }

    /// Bytes of the value of a body this long.
    fn length(self, body: usize) -> usize {
        match self {
            Value::Writable => 4 + body,
            Value::Text => number_length(body as u64) + body,
        }
    }

    fn write(self, body: &[u8], out: &mut Vec<u8>) {
        match self {
            Value::Writable => out.extend_from_slice(&(body.len() as u32).to_be_bytes()),
            Value::Text => number(body.len() as u64, out),
        }
        out.extend_from_slice(body);
    }
}

/// `HDFSTextSerializer.getKey`: the header `timestamp`, else now.
fn key(event: &Event) -> Result<i64, Refused> {
    let Some(value) = event.header_text("timestamp") else { return Ok(jiff::Timestamp::now().as_millisecond()) };
    value.parse().map_err(|_| Refused::Timestamp { value: excerpt(&value) })
}

/// `Text.writeString`.
fn string(text: &str, out: &mut Vec<u8>) {
    number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// `WritableUtils.writeVInt` of a number that is not negative: itself up to 127, else -112 less the count of bytes that follow, the highest first.
fn number(value: u64, out: &mut Vec<u8>) {
    if value <= 127 {
        out.push(value as u8);
        return;
    }
    let count = number_length(value) - 1;
    out.push((-112 - count as i8) as u8);
    out.extend_from_slice(&value.to_be_bytes()[8 - count..]);
}

fn number_length(value: u64) -> usize {
    if value <= 127 { 1 } else { 1 + (64 - value.leading_zeros() as usize).div_ceil(8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_hadoop_writes_it() {
        let cases: [(u64, &[u8]); 6] =
            [(0, &[0]), (127, &[127]), (128, &[0x8f, 128]), (255, &[0x8f, 255]), (256, &[0x8e, 1, 0]), (1 << 24, &[0x8c, 1, 0, 0, 0])];
        for (value, bytes) in cases {
            let mut out = Vec::new();
            number(value, &mut out);
            assert_eq!(out, bytes, "{value}");
            assert_eq!(number_length(value), bytes.len(), "{value}");
        }
    }
}
