//! Hadoop's compression codecs: what they are called, and what a file of theirs is called.

use serde::{Deserialize, Serialize};

const PACKAGE: &str = "org.apache.hadoop.io.compress.";

/// A codec of Hadoop's, for whole streams and inside SequenceFiles. Levels and buffer sizes are Hadoop's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// `GzipCodec`: one gzip member a flush.
    Gzip,
    /// `BZip2Codec`: one bzip2 stream a flush.
    Bzip2,
    /// `SnappyCodec`: raw Snappy in Hadoop's block framing, not Snappy's own framing format.
    Snappy,
    /// `Lz4Codec`: LZ4 blocks in Hadoop's block framing, not LZ4's frame format.
    Lz4,
    /// `ZStandardCodec`: one frame a flush.
    Zstd,
    /// `DefaultCodec`, the same as `DeflateCodec`: one zlib stream a flush.
    Deflate,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Codec; 6] = [Codec::Gzip, Codec::Bzip2, Codec::Snappy, Codec::Lz4, Codec::Zstd, Codec::Deflate];

    /// The codec of this name by the rule of Flume's `HDFSEventSink.codecMatches`: Hadoop's class name, or in any case the class's simple
    /// name, with or without `Codec`.
    #[must_use]
    pub fn from_flume(name: &str) -> Option<Codec> {
        let matches = |codec: &&Codec| {
            codec.simple_names().iter().any(|simple| {
                name.strip_prefix(PACKAGE) == Some(simple)
                    || simple.eq_ignore_ascii_case(name)
                    || simple.strip_suffix("Codec").is_some_and(|short| short.eq_ignore_ascii_case(name))
            })
        };
        Codec::ALL.iter().find(matches).copied()
    }

    /// What Flume appends to a file's name that has no suffix: `CompressionCodec.getDefaultExtension`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Codec::Gzip => ".gz",
            Codec::Bzip2 => ".bz2",
            Codec::Snappy => ".snappy",
            Codec::Lz4 => ".lz4",
            Codec::Zstd => ".zst",
            Codec::Deflate => ".deflate",
        }
    }

    /// Name of the Java class, as a SequenceFile's header has it.
    pub(super) fn class(self) -> String {
        format!("{PACKAGE}{}", self.simple_names()[0])
    }

    /// Short name, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Bzip2 => "bzip2",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
            Codec::Deflate => "deflate",
        }
    }

    /// The class that a file names first, then those that are the same.
    fn simple_names(self) -> &'static [&'static str] {
        match self {
            Codec::Gzip => &["GzipCodec"],
            Codec::Bzip2 => &["BZip2Codec"],
            Codec::Snappy => &["SnappyCodec"],
            Codec::Lz4 => &["Lz4Codec"],
            Codec::Zstd => &["ZStandardCodec"],
            Codec::Deflate => &["DefaultCodec", "DeflateCodec"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_has_the_names_that_flume_accepts() {
        let cases = [
            ("gzip", Codec::Gzip),
            ("GzipCodec", Codec::Gzip),
            ("org.apache.hadoop.io.compress.GzipCodec", Codec::Gzip),
            ("BZIP2", Codec::Bzip2),
            ("bzip2codec", Codec::Bzip2),
            ("Snappy", Codec::Snappy),
            ("lz4", Codec::Lz4),
            ("ZStandard", Codec::Zstd),
            ("default", Codec::Deflate),
            ("DEFLATE", Codec::Deflate),
            ("org.apache.hadoop.io.compress.DeflateCodec", Codec::Deflate),
        ];
        for (name, codec) in cases {
            assert_eq!(Codec::from_flume(name), Some(codec), "{name}");
        }
    }

    #[test]
    fn other_names_are_no_codec() {
        for name in ["", "None", "lzo", "lzop", "gz", "zip", "zstd", "org.apache.hadoop.io.compress.gzipcodec", "GzipCodecCodec"] {
            assert_eq!(Codec::from_flume(name), None, "{name}");
        }
    }
}
