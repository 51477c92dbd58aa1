//! Flume's keys.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::config::keys::{Keys, Value};
use crate::config::problem::{File, Place, Problem, Severity};
use crate::config::properties;
use crate::file_format::sequence_file::{Compression, Spec as SequenceFile, Value as SequenceValue};
use crate::file_format::{Codec, HeaderAndText, Spec, Text as Lines, avro};

fn read(pairs: &[(&str, &str)], read: impl FnOnce(&mut Keys) -> Option<Spec>) -> (Option<Spec>, Vec<Problem>) {
    let text: String = pairs.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    let file = Arc::new(File::new("a.properties".into(), &text, Vec::new()));
    let properties = properties::parse(&text).properties.into_iter();
    let values = properties.map(|property| {
        let value = Value::new(format!("a.sinks.k.{}", property.key), property.value, property.key_span, file.clone());
        (property.key, value)
    });
    let problems = Rc::new(RefCell::new(Vec::new()));
    let mut keys = Keys::new("a.sinks.k".into(), Place { file: file.clone(), span: 0..0 }, values.collect(), problems.clone());
    let spec = read(&mut keys);
    assert_eq!(keys.is_refused(), spec.is_none(), "{pairs:?}");
    keys.report_unknown();
    let problems = problems.borrow().clone();
    (spec, problems)
}

fn hdfs(pairs: &[(&str, &str)]) -> Spec {
    let (spec, problems) = read(pairs, Spec::from_flume_hdfs);
    assert!(problems.is_empty(), "{pairs:?}: {problems:?}");
    spec.unwrap()
}

fn refused(pairs: &[(&str, &str)]) -> String {
    let (spec, problems) = read(pairs, Spec::from_flume_hdfs);
    assert_eq!(spec, None, "{pairs:?}");
    let worst = problems.iter().find(|problem| problem.severity < Severity::Note);
    worst.map(|problem| format!("{}; {}", problem.message, problem.help.join("; "))).unwrap()
}

fn sequence(value: SequenceValue, compression: Compression) -> Spec {
    Spec::SequenceFile(SequenceFile { value, compression })
}

#[test]
fn a_sequence_file_is_the_default() {
    assert_eq!(hdfs(&[]), sequence(SequenceValue::Writable, Compression::None));
    let text = hdfs(&[("hdfs.fileType", "sequencefile"), ("hdfs.writeFormat", "Text"), ("hdfs.codeC", "SnappyCodec")]);
    assert_eq!(text, sequence(SequenceValue::Text, Compression::Block(Codec::Snappy)));
    assert_eq!(hdfs(&[("hdfs.codeC", "none")]), sequence(SequenceValue::Writable, Compression::None));
    let class = "org.apache.flume.sink.hdfs.HDFSTextSerializer$Builder";
    assert_eq!(hdfs(&[("hdfs.writeFormat", class)]), sequence(SequenceValue::Text, Compression::None));
}

#[test]
fn streams_have_a_serializer() {
    assert_eq!(hdfs(&[("hdfs.fileType", "DataStream")]), Spec::Text(Lines::default()));
    let pairs = [("hdfs.fileType", "datastream"), ("serializer", "header_and_Text"), ("serializer.appendNewline", "false")];
    assert_eq!(hdfs(&pairs), Spec::HeaderAndText(HeaderAndText { newline: false, codec: None }));
    let pairs = [("hdfs.fileType", "CompressedStream"), ("hdfs.codeC", "GZip")];
    assert_eq!(hdfs(&pairs), Spec::Text(Lines { newline: true, codec: Some(Codec::Gzip) }));
    let pairs = [
        ("hdfs.fileType", "CompressedStream"),
        ("hdfs.codeC", "bzip2"),
        ("serializer", "avro_event"),
        ("serializer.syncIntervalBytes", "64000"),
        ("serializer.compressionCodec", "snappy"),
    ];
    let sync_interval = avro::SyncInterval::new(64_000).unwrap();
    assert_eq!(
        hdfs(&pairs),
        Spec::AvroEvent(avro::Event { codec: Some(avro::Codec::Snappy), sync_interval, stream_codec: Some(Codec::Bzip2) })
    );
}

#[test]
fn what_flume_drops_or_cannot_write_is_refused() {
    let cases: [(&[(&str, &str)], &str); 12] = [
        (&[("hdfs.fileType", "Stream")], "`Stream` is not a file type"),
        (&[("hdfs.codeC", "zip")], "`zip` is not a compression codec"),
        (&[("hdfs.codeC", "com.hadoop.compression.lzo.LzopCodec")], "LZO is not built in"),
        (&[("hdfs.fileType", "DataStream"), ("hdfs.codeC", "None")], "a DataStream is never compressed"),
        (&[("hdfs.fileType", "CompressedStream")], "needs a codec; set `a.sinks.k.hdfs.codeC`"),
        (&[("hdfs.fileType", "CompressedStream"), ("hdfs.codeC", "None")], "needs a codec"),
        (&[("hdfs.writeFormat", "text")], "`text` is not a write format"),
        (&[("hdfs.fileType", "DataStream"), ("serializer", "com.example.Mine$Builder")], "is not a serializer"),
        (
            &[("hdfs.fileType", "DataStream"), ("serializer", "avro_event"), ("serializer.syncIntervalBytes", "16")],
            "`16` is not a number of bytes",
        ),
        (&[("hdfs.fileType", "DataStream"), ("serializer", "parquet")], "needs a schema; set `a.sinks.k.serializer.schemaURL`"),
        (&[("hdfs.fileType", "DataStream"), ("serializer", "avro"), ("serializer.schemaURL", "hdfs://n/s.avsc")], "from a local file only"),
        (&[("hdfs.fileType", "CompressedStream"), ("hdfs.codeC", "gzip"), ("serializer", "parquet")], "compresses by itself"),
    ];
    for (pairs, wanted) in cases {
        let problem = refused(pairs);
        assert!(problem.contains(wanted), "{pairs:?}: {problem}");
    }
}

#[test]
fn an_unknown_avro_codec_is_warned_about_and_nothing_is_compressed() {
    let pairs = [("hdfs.fileType", "DataStream"), ("serializer", "avro_event"), ("serializer.compressionCodec", "Snappy")];
    let (spec, problems) = read(&pairs, Spec::from_flume_hdfs);
    assert_eq!(spec, Some(Spec::AvroEvent(avro::Event::default())));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("nothing will be compressed"), "{problems:?}");
}

#[test]
fn keys_without_effect_are_noted() {
    let (_, problems) = read(&[("hdfs.fileType", "DataStream"), ("hdfs.writeFormat", "Text")], Spec::from_flume_hdfs);
    assert_eq!(problems.iter().map(|problem| problem.severity).collect::<Vec<_>>(), [Severity::Note]);
    let (_, problems) = read(&[("serializer", "TEXT"), ("serializer.appendNewline", "false")], Spec::from_flume_hdfs);
    assert_eq!(problems.iter().map(|problem| problem.severity).collect::<Vec<_>>(), [Severity::Note]);
    let (_, problems) = read(&[("hdfs.fileType", "DataStream"), ("serializer.appendNewLine", "false")], Spec::from_flume_hdfs);
    assert!(problems[0].help.iter().any(|help| help.contains("appendNewline")), "{problems:?}");
}

#[test]
fn schemas_are_read_with_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r.avsc");
    std::fs::write(&path, r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}"#).unwrap();
    let url = format!("file://{}", path.display());
    let base = [("hdfs.fileType", "DataStream"), ("serializer.schemaURL", url.as_str())];
    let with = |more: &[(&'static str, &'static str)]| hdfs(&[&base[..], more].concat());
    let Spec::Parquet(parquet) =
        with(&[("serializer", "parquet"), ("serializer.compressionCodec", "ZSTD"), ("serializer.rowGroupSize", "1m")])
    else {
        panic!()
    };
    assert_eq!((parquet.row_group_size, parquet.codec), (1 << 20, crate::file_format::PageCodec::Zstd));
    assert!(matches!(with(&[("serializer", "avro"), ("serializer.unknownFields", "ignore")]), Spec::Avro(_)));
    let Spec::AvroDatum(datum) = with(&[("serializer", "org.apache.flume.sink.hdfs.AvroEventSerializer$Builder")]) else { panic!() };
    // An event that names what is configured needs no directory.
    let mut event = crate::event::Event::new(vec![2]);
    event.set_header("flume.avro.schema.url", url.clone(), crate::event::Scope::Event);
    assert!(Spec::AvroDatum(datum).encoder(&event).is_ok());
}

#[test]
fn file_roll_has_the_same_serializers_under_its_own_keys() {
    let (spec, problems) = read(&[], Spec::from_flume_file_roll);
    assert_eq!((spec, problems.len()), (Some(Spec::Text(Lines::default())), 0));
    let pairs = [("sink.serializer", "AVRO_EVENT"), ("sink.serializer.compressionCodec", "deflate")];
    let (spec, problems) = read(&pairs, Spec::from_flume_file_roll);
    assert_eq!(problems.len(), 0, "{problems:?}");
    assert_eq!(spec, Some(Spec::AvroEvent(avro::Event { codec: Some(avro::Codec::Deflate), ..avro::Event::default() })));
}
