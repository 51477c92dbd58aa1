//! The formats in Flume's keys: those of the HDFS sink (`HDFSEventSink.configure`, `HDFSWriterFactory`, `EventSerializerFactory`) and of file_roll.
//!
//! Where Flume fails at the first event, and at every later one (an unknown file type, serializer or `writeFormat`), the sink is refused here.

use std::path::PathBuf;

use super::Codec;
use super::avro::{self, SYNC_INTERVAL, SyncInterval};
use super::parquet::{self, PageCodec};
use super::schema::Schema;
use super::schema::fit::UnknownFields;
use super::sequence_file::{self, Compression, Value as SequenceValue};
use super::spec::{HeaderAndText, Parquet, ROW_GROUP, Spec, Text};
use crate::config::keys::{Keys, Value};
use crate::config::problem::Problem;
use crate::config::size;
use crate::error_chain;

/// Hadoop's codecs that need libraries of their own.
const LZO: [&str; 4] = ["lzo", "LzoCodec", "lzop", "LzopCodec"];

impl Spec {
    /// Reads `hdfs.fileType`, `hdfs.codeC`, `hdfs.writeFormat`, `serializer` and `serializer.*`. `None` when Flume would drop the sink, or its
    /// sink could write nothing; `keys` is told why.
    pub fn from_flume_hdfs(keys: &mut Keys) -> Option<Spec> {
        let codec = hdfs_codec(keys);
        let file_type = keys.get("hdfs.fileType");
        let named = |name: &str| file_type.as_ref().is_some_and(|value| value.text.eq_ignore_ascii_case(name));
        if file_type.is_none() || named("SequenceFile") {
            return sequence_file(keys, codec?);
        }
        if !named("DataStream") && !named("CompressedStream") {
            if let Some(value) = &file_type {
                let problem = Problem::lenient(format!("{} is not a file type", value.shown()));
                refuse(keys, value, problem.help("write `SequenceFile`, `DataStream` or `CompressedStream`"));
            }
            return None;
        }
        note_unused(keys, "hdfs.writeFormat", "only a SequenceFile has a write format");
        let codec = codec?;
        if named("DataStream") {
            if let Some(value) = keys.get("hdfs.codeC") {
                let problem = Problem::lenient("a DataStream is never compressed, and Flume refuses a codec for it");
                refuse(keys, &value, problem.help("leave it out, or set `hdfs.fileType = CompressedStream`"));
                return None;
            }
        } else if codec.is_none() {
            let help = format!("set `{}`", keys.full("hdfs.codeC"));
            let problem = Problem::lenient("a CompressedStream needs a codec").help(help);
            keys.refuse(problem.at(keys.place("hdfs.fileType")));
            return None;
        }
        serializer(keys, "serializer", codec)
    }

    /// Reads `sink.serializer` and `sink.serializer.*`. `None` when the sink could write nothing; `keys` is told why.
    pub fn from_flume_file_roll(keys: &mut Keys) -> Option<Spec> {
        serializer(keys, "sink.serializer", None)
    }
}

fn refuse(keys: &mut Keys, value: &Value, problem: Problem) {
    keys.refuse(problem.key(value.key.clone()).at(value.place()));
}

/// Says that a key does nothing here. It is a note: common examples set `hdfs.writeFormat` with every file type.
fn note_unused(keys: &mut Keys, key: &str, why: &str) {
    if let Some(value) = keys.get(key) {
        keys.report(Problem::note(format!("`{key}` has no effect: {why}")).same().key(value.key.clone()).at(value.key_place()));
    }
}

/// The codec, if one is named; the outer `None` when its name is unknown. `None` is a name: that of no codec.
fn hdfs_codec(keys: &mut Keys) -> Option<Option<Codec>> {
    let Some(value) = keys.get("hdfs.codeC") else { return Some(None) };
    if value.text.eq_ignore_ascii_case("None") {
        return Some(None);
    }
    let codec = Codec::from_flume(&value.text);
    if codec.is_none() {
        let simple = value.text.rsplit('.').next().unwrap_or_default();
        let problem = match LZO.iter().any(|name| name.eq_ignore_ascii_case(simple)) {
            true => Problem::error("LZO is not built in: its library is under the GPL").help("`snappy` and `lz4` are as fast"),
            false => Problem::lenient(format!("{} is not a compression codec", value.shown())),
        };
        refuse(keys, &value, problem.help("one of `gzip`, `bzip2`, `snappy`, `lz4`, `zstandard`, `deflate`, `default`"));
    }
    codec.map(Some)
}

fn sequence_file(keys: &mut Keys, codec: Option<Codec>) -> Option<Spec> {
    note_unused(keys, "serializer", "a SequenceFile has none, and `hdfs.fileType` is `SequenceFile` unless it is set");
    keys.take("serializer.");
    let value = match keys.get("hdfs.writeFormat") {
        None => SequenceValue::Writable,
        // These names are Java's, in their case.
        Some(value) => match value.text.strip_prefix("org.apache.flume.sink.hdfs.").unwrap_or(&value.text) {
            "Writable" | "HDFSWritableSerializer$Builder" => SequenceValue::Writable,
            "Text" | "HDFSTextSerializer$Builder" => SequenceValue::Text,
            _ => {
                let problem = Problem::lenient(format!("{} is not a write format", value.shown()));
                refuse(keys, &value, problem.help("write `Writable` or `Text`, in this case; classes of your own cannot be loaded"));
                return None;
            }
        },
    };
    let compression = codec.map_or(Compression::None, Compression::Block);
    Some(Spec::SequenceFile(sequence_file::Spec { value, compression }))
}

enum Serializer {
    Text,
    HeaderAndText,
    AvroEvent,
    AvroDatum,
    Avro,
    Parquet,
}

/// Names in any case (`EventSerializerType`), and Flume's classes in theirs; `avro` and `parquet` are not Flume's.
fn named_serializer(name: &str) -> Option<Serializer> {
    match name {
        "org.apache.flume.serialization.BodyTextEventSerializer$Builder" => return Some(Serializer::Text),
        "org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder" => return Some(Serializer::HeaderAndText),
        "org.apache.flume.serialization.FlumeEventAvroEventSerializer$Builder" => return Some(Serializer::AvroEvent),
        "org.apache.flume.sink.hdfs.AvroEventSerializer$Builder" | "org.apache.flume.serialization.AvroEventSerializer$Builder" => {
            return Some(Serializer::AvroDatum);
        }
        _ => {}
    }
    match name.to_ascii_lowercase().as_str() {
        "text" => Some(Serializer::Text),
        "header_and_text" => Some(Serializer::HeaderAndText),
        "avro_event" => Some(Serializer::AvroEvent),
        "avro" => Some(Serializer::Avro),
        "parquet" => Some(Serializer::Parquet),
        _ => None,
    }
}

/// The serializer at `key` with the keys below it, and the codec that the stream goes through.
fn serializer(keys: &mut Keys, key: &str, codec: Option<Codec>) -> Option<Spec> {
    let value = keys.get(key);
    let kind = value.as_ref().map_or(Some(Serializer::Text), |value| named_serializer(&value.text));
    let (Some(kind), place) = (kind, keys.place(key)) else {
        if let Some(value) = &value {
            let problem = Problem::lenient(format!("{} is not a serializer", value.shown()));
            let known = "one of `text`, `header_and_text`, `avro_event`, `org.apache.flume.sink.hdfs.AvroEventSerializer$Builder`, `avro`, `parquet`";
            refuse(keys, value, problem.help(known).help("classes of your own cannot be loaded"));
        }
        return None;
    };
    if matches!(kind, Serializer::Avro | Serializer::Parquet) && codec.is_some() {
        let problem = Problem::error("this serializer compresses by itself, so that a reader finds its way in the file");
        let help = format!("set `hdfs.fileType = DataStream` and `{key}.compressionCodec`");
        keys.refuse(problem.help(help).at(place));
        return None;
    }
    let mut below = keys.nested(key, place);
    let spec = match kind {
        Serializer::Text => Some(Spec::Text(Text { newline: below.boolean("appendNewline", true), codec })),
        Serializer::HeaderAndText => Some(Spec::HeaderAndText(HeaderAndText { newline: below.boolean("appendNewline", true), codec })),
        Serializer::AvroEvent => {
            let (sync_interval, block_codec) = (sync_interval(&mut below), avro_codec(&mut below));
            Some(Spec::AvroEvent(avro::Event { codec: block_codec, sync_interval, stream_codec: codec }))
        }
        Serializer::AvroDatum => avro_datum(&mut below, codec),
        Serializer::Avro => avro_json(&mut below),
        Serializer::Parquet => parquet(&mut below),
    };
    below.report_unknown();
    keys.refuse_with(&below);
    spec.filter(|_| !below.is_refused())
}

fn sync_interval(keys: &mut Keys) -> SyncInterval {
    let Some(value) = keys.get("syncIntervalBytes") else { return SYNC_INTERVAL };
    let interval = value.text.parse().ok().and_then(SyncInterval::new);
    if interval.is_none() {
        refuse(keys, &value, Problem::lenient(format!("{} is not a number of bytes from 32 to 1073741824", value.shown())));
    }
    interval.unwrap_or(SYNC_INTERVAL)
}

/// As Flume, an unknown codec is warned about, and blocks are not compressed: whoever reads the file reads the codec's name in it.
fn avro_codec(keys: &mut Keys) -> Option<avro::Codec> {
    let value = keys.get("compressionCodec")?;
    let codec = avro::Codec::named(&value.text);
    if codec.is_none() && value.text != "null" {
        let problem =
            Problem::lenient(format!("{} is not a codec of Avro's that is known here: nothing will be compressed", value.shown()));
        let problem = problem.help("one of `null`, `deflate`, `snappy`, `bzip2`, `zstandard`, in this case");
        keys.report(problem.key(value.key.clone()).at(value.place()));
    }
    codec
}

fn avro_datum(keys: &mut Keys, stream_codec: Option<Codec>) -> Option<Spec> {
    let (sync_interval, codec) = (sync_interval(keys), avro_codec(keys));
    let schema_directory = keys.get("schemaDirectory").map(|value| PathBuf::from(value.text));
    let schema = match keys.get("schemaURL") {
        Some(value) => Some(configured_schema(keys, &value)?),
        None => None,
    };
    Some(Spec::AvroDatum(avro::Datum { schema, schema_directory, codec, sync_interval, stream_codec }))
}

fn avro_json(keys: &mut Keys) -> Option<Spec> {
    let (sync_interval, codec, unknown_fields) = (sync_interval(keys), avro_codec(keys), unknown_fields(keys));
    let schema = needed_schema(keys)?;
    Some(Spec::Avro(avro::Json { schema, unknown_fields, codec, sync_interval }))
}

fn parquet(keys: &mut Keys) -> Option<Spec> {
    let unknown_fields = unknown_fields(keys);
    let codec = match keys.get("compressionCodec") {
        None => PageCodec::default(),
        Some(value) => PageCodec::named(&value.text).unwrap_or_else(|| {
            let problem = Problem::error(format!("{} is not a codec of a parquet file", value.shown()));
            refuse(keys, &value, problem.help("one of `snappy`, `zstd`, `gzip`, `none`"));
            PageCodec::default()
        }),
    };
    let row_group_size = match keys.get("rowGroupSize") {
        None => ROW_GROUP,
        Some(value) => size::parse(&value.text).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_else(|| {
            refuse(keys, &value, Problem::error(format!("{} is not a size, such as `64MiB`", value.shown())));
            ROW_GROUP
        }),
    };
    let schema = needed_schema(keys)?;
    if let Err(error) = parquet::check(&schema) {
        let problem = Problem::error(error_chain(&error));
        keys.refuse(problem.at(keys.place("schemaURL")));
        return None;
    }
    Some(Spec::Parquet(Parquet { schema, unknown_fields, codec, row_group_size }))
}

fn unknown_fields(keys: &mut Keys) -> UnknownFields {
    let Some(value) = keys.get("unknownFields") else { return UnknownFields::default() };
    match value.text.to_ascii_lowercase().as_str() {
        "refuse" => UnknownFields::Refuse,
        "ignore" => UnknownFields::Ignore,
        _ => {
            refuse(keys, &value, Problem::error(format!("{} is neither `refuse` nor `ignore`", value.shown())));
            UnknownFields::default()
        }
    }
}

fn needed_schema(keys: &mut Keys) -> Option<Schema> {
    let Some(value) = keys.get("schemaURL") else {
        let help = format!("set `{}` to an Avro schema's file", keys.full("schemaURL"));
        keys.refuse(Problem::error("this serializer needs a schema").help(help).at(keys.declared()));
        return None;
    };
    configured_schema(keys, &value)
}

fn configured_schema(keys: &mut Keys, value: &Value) -> Option<Schema> {
    match Schema::configured(&value.text) {
        Ok(schema) => Some(schema),
        Err(error) => {
            refuse(keys, value, Problem::error(format!("`{}`: {}", keys.full("schemaURL"), error_chain(&error))));
            None
        }
    }
}
