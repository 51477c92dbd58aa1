//! Compressors that are used over and over: bytes go in, a member comes out, and the next member begins.
//!
//! A member is what a decompressor can read by itself: a gzip member, a zlib or bzip2 stream, a zstd frame. For Snappy and LZ4 it is a row of
//! blocks in the framing of Hadoop's `BlockCompressorStream`: the block's uncompressed length, then the length of its compressed bytes and these.
//! Every number is four bytes, the highest first. A block of length 0 would end the stream for Hadoop's reader, so none is ever written.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use zstd::stream::raw::{Encoder as Zstd, InBuffer, Operation, OutBuffer};

use super::{Codec, Error};

/// Room made for compressed bytes at a time.
const ROOM: usize = 32 << 10;

/// `io.compression.codec.snappy.buffersize` and `…lz4.buffersize`: a reader's buffers are this large, so no block may need more, compressed or not.
const HADOOP_BUFFER: usize = 256 << 10;

/// A gzip header: deflate, no name, no time, an unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// One compressor and its state.
pub(super) struct Compressor {
    name: &'static str,
    method: Method,
}

enum Method {
    Deflate(Compress),
    Gzip {
        deflate: Compress,
        crc: Crc,
    },
    /// Without one between members: bzip2 cannot be reset.
    Bzip2(Option<bzip2::Compress>),
    /// Made when it is first needed, as that can fail.
    Zstd(Option<Zstd<'static>>),
    Snappy(Box<snap::raw::Encoder>),
    Lz4(lz4_flex::block::CompressTable),
}

impl Compressor {
    pub(super) fn new(codec: Codec) -> Compressor {
        let method = match codec {
            Codec::Gzip => Method::Gzip { deflate: Compress::new(Compression::default(), false), crc: Crc::new() },
            Codec::Bzip2 => Method::Bzip2(None),
            Codec::Snappy => Method::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Lz4 => Method::Lz4(lz4_flex::block::CompressTable::large()),
            Codec::Zstd => Method::Zstd(None),
            Codec::Deflate => Method::Deflate(Compress::new(Compression::default(), true)),
        };
        Compressor { name: codec.name(), method }
    }

    /// Deflate without zlib's header and checksum, as Avro's `deflate` is.
    pub(super) fn raw_deflate() -> Compressor {
        Compressor { name: "deflate", method: Method::Deflate(Compress::new(Compression::default(), false)) }
    }

    /// Compresses all of `input` as a part of the current member.
    pub(super) fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let name = self.name;
        if input.is_empty() {
            return Ok(());
        }
        match &mut self.method {
            Method::Deflate(deflate) => run_deflate(deflate, input, FlushCompress::None, out).map_err(|error| Error::compress(name, error)),
            Method::Gzip { deflate, crc } => {
                if crc.amount() == 0 && deflate.total_in() == 0 {
                    out.extend_from_slice(&GZIP_HEADER);
                }
                crc.update(input);
                run_deflate(deflate, input, FlushCompress::None, out).map_err(|error| Error::compress(name, error))
            }
            Method::Bzip2(bzip2) => {
                let bzip2 = bzip2.get_or_insert_with(|| bzip2::Compress::new(bzip2::Compression::best(), 0));
                run_bzip2(bzip2, input, bzip2::Action::Run, out).map_err(|error| Error::compress(name, error))
            }
            Method::Zstd(zstd) => {
                let zstd = match zstd {
                    Some(zstd) => zstd,
                    None => zstd.insert(Zstd::new(zstd::DEFAULT_COMPRESSION_LEVEL).map_err(|error| Error::compress(name, error))?),
                };
                let mut input = InBuffer::around(input);
                while input.pos() < input.src.len() {
                    with_room(out, |out| zstd.run(&mut input, out)).map_err(|error| Error::compress(name, error))?;
                }
                Ok(())
            }
            Method::Snappy(snappy) => {
                let most = HADOOP_BUFFER - (HADOOP_BUFFER / 6 + 32);
                let room = snap::raw::max_compress_len;
                blocks(input, most, room, out, |block, out| snappy.compress(block, out)).map_err(|error| Error::compress(name, error))
            }
            Method::Lz4(table) => {
                let most = HADOOP_BUFFER - (HADOOP_BUFFER / 255 + 16);
                let room = lz4_flex::block::get_maximum_output_size;
                blocks(input, most, room, out, |block, out| lz4_flex::block::compress_into_with_table(block, out, table))
                    .map_err(|error| Error::compress(name, error))
            }
        }
    }

    /// Ends the member, into which something was written.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let name = self.name;
        match &mut self.method {
            Method::Deflate(deflate) => {
                run_deflate(deflate, &[], FlushCompress::Finish, out).map_err(|error| Error::compress(name, error))?;
                deflate.reset();
            }
            Method::Gzip { deflate, crc } => {
                run_deflate(deflate, &[], FlushCompress::Finish, out).map_err(|error| Error::compress(name, error))?;
                deflate.reset();
                out.extend_from_slice(&crc.sum().to_le_bytes());
                out.extend_from_slice(&crc.amount().to_le_bytes());
                crc.reset();
            }
            Method::Bzip2(bzip2) => {
                if let Some(mut bzip2) = bzip2.take() {
                    run_bzip2(&mut bzip2, &[], bzip2::Action::Finish, out).map_err(|error| Error::compress(name, error))?;
                }
            }
            Method::Zstd(None) => {}
            Method::Zstd(Some(zstd)) => {
                while with_room(out, |out| zstd.finish(out, true)).map_err(|error| Error::compress(name, error))? > 0 {}
                zstd.reinit().map_err(|error| Error::compress(name, error))?;
            }
            // Each write has ended its blocks.
            Method::Snappy(_) | Method::Lz4(_) => {}
        }
        Ok(())
    }

    /// `input` as a member of its own.
    pub(super) fn member(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.write(input, out)?;
        self.end(out)
    }
}

fn run_deflate(deflate: &mut Compress, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> Result<(), flate2::CompressError> {
    loop {
        out.reserve(ROOM);
        let before = deflate.total_in();
        let status = deflate.compress_vec(input, out, flush)?;
        let taken = usize::try_from(deflate.total_in() - before).unwrap_or(input.len());
        input = &input[taken.min(input.len())..];
        let done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => input.is_empty(),
        };
        if done {
            return Ok(());
        }
    }
}

fn run_bzip2(bzip2: &mut bzip2::Compress, mut input: &[u8], action: bzip2::Action, out: &mut Vec<u8>) -> Result<(), bzip2::Error> {
    loop {
        out.reserve(ROOM);
        let before = bzip2.total_in();
        let status = bzip2.compress_vec(input, out, action)?;
        let taken = usize::try_from(bzip2.total_in() - before).unwrap_or(input.len());
        input = &input[taken.min(input.len())..];
        let done = match action {
            bzip2::Action::Finish => status == bzip2::Status::StreamEnd,
            _ => input.is_empty(),
        };
        if done {
            return Ok(());
        }
    }
}

/// Runs one step of zstd with room behind what `out` holds.
fn with_room<T>(out: &mut Vec<u8>, step: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> T) -> T {
    out.reserve(ROOM);
    let end = out.len();
    step(&mut OutBuffer::around_pos(out, end))
}

/// Cuts the input into equal blocks of at most `most` bytes and writes them in Hadoop's framing.
fn blocks<E>(
    input: &[u8],
    most: usize,
    room: impl Fn(usize) -> usize,
    out: &mut Vec<u8>,
    mut compress: impl FnMut(&[u8], &mut [u8]) -> Result<usize, E>,
) -> Result<(), E> {
    let size = input.len().div_ceil(input.len().div_ceil(most));
    for block in input.chunks(size) {
        out.extend_from_slice(&(block.len() as u32).to_be_bytes());
        let start = out.len();
        out.resize(start + 4 + room(block.len()), 0);
        let length = compress(block, &mut out[start + 4..])?;
        out[start..start + 4].copy_from_slice(&(length as u32).to_be_bytes());
        out.truncate(start + 4 + length);
    }
    Ok(())
}
