//! Readers of what the encoders write: other crates' where there are some, else the formats' rules spelt out the other way round.

use std::io::Read as _;

use apache_avro::types::Value as Avro;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::file_format::Codec;

/// What a stream of members holds.
pub(super) fn decompress(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match codec {
        Codec::Gzip => drop(flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap()),
        Codec::Bzip2 => drop(bzip2::read::MultiBzDecoder::new(bytes).read_to_end(&mut out).unwrap()),
        Codec::Zstd => out = zstd::decode_all(bytes).unwrap(),
        Codec::Deflate => {
            let mut rest = bytes;
            while !rest.is_empty() {
                flate2::bufread::ZlibDecoder::new(&mut rest).read_to_end(&mut out).unwrap();
            }
        }
        Codec::Snappy | Codec::Lz4 => {
            let mut rest = bytes;
            while !rest.is_empty() {
                let length = u32_at(&mut rest);
                assert!((1..=256 << 10).contains(&length), "a block Hadoop's reader cannot take");
                let compressed = u32_at(&mut rest);
                assert!(compressed <= 256 << 10);
                let chunk = take(&mut rest, compressed);
                let block = match codec {
                    Codec::Snappy => snap::raw::Decoder::new().decompress_vec(chunk).unwrap(),
                    _ => lz4_flex::block::decompress(chunk, length).unwrap(),
                };
                assert_eq!(block.len(), length);
                out.extend_from_slice(&block);
            }
        }
    }
    out
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn u32_at(rest: &mut &[u8]) -> usize {
    u32::from_be_bytes(take(rest, 4).try_into().unwrap()) as usize
}

fn vint(rest: &mut &[u8]) -> usize {
    let first = take(rest, 1)[0] as i8;
    if first >= -112 {
        return first as usize;
    }
    take(rest, (-112 - first) as usize).iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Keys and bodies of a SequenceFile, and how many sync markers it has.
pub(super) fn sequence_file(bytes: &[u8], codec: Option<Codec>) -> (Vec<(i64, Vec<u8>)>, usize) {
    let mut rest = bytes;
    assert_eq!(take(&mut rest, 4), b"SEQ\x06");
    let mut string = || {
        let length = vint(&mut rest);
        String::from_utf8(take(&mut rest, length).to_vec()).unwrap()
    };
    assert_eq!(string(), "org.apache.hadoop.io.LongWritable");
    let is_text = string() == "org.apache.hadoop.io.Text";
    let [compressed, block] = take(&mut rest, 2) else { unreachable!() };
    assert_eq!(*compressed == 1, codec.is_some());
    if let Some(codec) = codec {
        let length = vint(&mut rest);
        assert_eq!(take(&mut rest, length), codec.class().as_bytes());
    }
    assert_eq!(u32_at(&mut rest), 0);
    let sync = take(&mut rest, 16);
    let mut records = Vec::new();
    let mut syncs = 0;
    while !rest.is_empty() {
        let length = u32_at(&mut rest);
        if length == u32::MAX as usize {
            assert_eq!(take(&mut rest, 16), sync);
            syncs += 1;
            if *block == 1 {
                records.extend(read_block(&mut rest, codec.unwrap(), is_text));
            }
            continue;
        }
        assert_eq!(u32_at(&mut rest), 8);
        let key = i64::from_be_bytes(take(&mut rest, 8).try_into().unwrap());
        let value = take(&mut rest, length - 8);
        let value = codec.map_or(value.to_vec(), |codec| decompress(codec, value));
        records.push((key, body(&mut &value[..], is_text)));
    }
    (records, syncs)
}

fn read_block(rest: &mut &[u8], codec: Codec, is_text: bool) -> Vec<(i64, Vec<u8>)> {
    let count = vint(rest);
    let mut part = || {
        let length = vint(rest);
        decompress(codec, take(rest, length))
    };
    let (key_lengths, keys, value_lengths, values) = (part(), part(), part(), part());
    assert_eq!(key_lengths, vec![8; count]);
    let (mut value_lengths, mut values) = (&value_lengths[..], &values[..]);
    let records = keys.chunks(8).map(|key| {
        let length = vint(&mut value_lengths);
        let mut value = take(&mut values, length);
        (i64::from_be_bytes(key.try_into().unwrap()), body(&mut value, is_text))
    });
    let records: Vec<_> = records.collect();
    assert!(value_lengths.is_empty() && values.is_empty() && records.len() == count);
    records
}

fn body(value: &mut &[u8], is_text: bool) -> Vec<u8> {
    let length = if is_text { vint(value) } else { u32_at(value) };
    let body = take(value, length).to_vec();
    assert!(value.is_empty());
    body
}

/// Records of an Avro container.
pub(super) fn avro(bytes: &[u8]) -> Vec<Avro> {
    apache_avro::Reader::new(bytes).unwrap().map(Result::unwrap).collect()
}

/// Bytes of the records of a container whose codec the crate is built without.
pub(super) fn avro_blocks(bytes: &[u8], codec: Codec, name: &str) -> (i64, Vec<u8>) {
    fn number(rest: &mut &[u8]) -> i64 {
        let mut zigzag = 0_u64;
        for shift in (0..).step_by(7) {
            let byte = take(rest, 1)[0];
            zigzag |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
    }
    let mut rest = bytes;
    assert_eq!(take(&mut rest, 4), b"Obj\x01");
    assert_eq!(number(&mut rest), 2);
    let mut strings = Vec::new();
    for _ in 0..4 {
        let length = number(&mut rest) as usize;
        strings.push(take(&mut rest, length));
    }
    assert_eq!(strings[..2], [b"avro.codec", name.as_bytes()]);
    assert_eq!(number(&mut rest), 0);
    let sync = take(&mut rest, 16);
    let (mut count, mut records) = (0, Vec::new());
    while !rest.is_empty() {
        count += number(&mut rest);
        let length = number(&mut rest) as usize;
        records.extend(decompress(codec, take(&mut rest, length)));
        assert_eq!(take(&mut rest, 16), sync);
    }
    (count, records)
}

/// How many rows a Parquet file has; every value of them is read.
pub(super) fn parquet_rows(bytes: Vec<u8>) -> usize {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    builder.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum()
}

/// Rows of a Parquet file as JSON, and its number of row groups.
pub(super) fn parquet(bytes: Vec<u8>) -> (Vec<serde_json::Value>, usize) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let groups = builder.metadata().num_row_groups();
    let mut lines = Vec::new();
    let mut writer = arrow_json::LineDelimitedWriter::new(&mut lines);
    for batch in builder.build().unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    let rows = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    (rows.map(|line| serde_json::from_slice(line).unwrap()).collect(), groups)
}
