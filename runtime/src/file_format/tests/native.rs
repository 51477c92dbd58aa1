//! The native form.

use super::spec;
use crate::file_format::sequence_file::{Compression, Value};
use crate::file_format::{Codec, Spec, sequence_file};

fn sequence(written: &str) -> sequence_file::Spec {
    match spec(&format!("{{ sequence_file = {written} }}")) {
        Spec::SequenceFile(file) => file,
        other => panic!("{other:?}"),
    }
}

fn problem(written: &str) -> String {
    #[derive(Debug, serde::Deserialize)]
    struct Written {
        #[allow(dead_code, reason = "only whether it can be read is asked")]
        format: Spec,
    }
    toml::from_str::<Written>(&format!("format = {written}")).unwrap_err().message().to_owned()
}

#[test]
fn a_sequence_file_has_a_value_and_a_compression() {
    assert_eq!(sequence("{}"), sequence_file::Spec { value: Value::Writable, compression: Compression::None });
    let cases = [
        ("{ codec = 'snappy' }", Compression::Block(Codec::Snappy)),
        ("{ compression = 'block' }", Compression::Block(Codec::Deflate)),
        ("{ compression = 'record', codec = 'gzip' }", Compression::Record(Codec::Gzip)),
        ("{ compression = 'none' }", Compression::None),
    ];
    for (written, compression) in cases {
        assert_eq!(sequence(written).compression, compression, "{written}");
    }
    assert_eq!(sequence("{ value = 'text' }").value, Value::Text);
}

#[test]
fn what_is_wrong_is_told() {
    let schema = |text: &str| format!("{{ parquet = {{ schema = '''{text}''' }} }}");
    let cases = [
        ("{ sequence_file = { compression = 'none', codec = 'gzip' } }".to_owned(), "a codec needs compression"),
        ("{ text = { codec = 'lzo' } }".to_owned(), "unknown variant `lzo`"),
        ("{ text = { new_line = true } }".to_owned(), "unknown field `new_line`"),
        ("{ sequence_file = { values = 'text' } }".to_owned(), "unknown field `values`"),
        ("{ xml = {} }".to_owned(), "unknown variant `xml`"),
        ("{ avro_event = { sync_interval = 31 } }".to_owned(), "32 B to 1 GiB"),
        ("{ avro = {} }".to_owned(), "missing field `schema`"),
        ("{ avro = { schema = '/no/such.avsc' } }".to_owned(), "read schema \"/no/such.avsc\": No such file"),
        (schema(r#""long""#), "must be a record"),
        (schema(r#"{"type": "record", "name": "R", "fields": []}"#), "has no fields"),
        (schema(r#"{"type": "record", "name": "R", "fields": [{"name": "r", "type": ["null", "R"]}]}"#), "holds itself"),
        (schema(r#"{"type": "record", "name": "R", "fields": [{"name": "r", "type": ["int", "string"]}]}"#), "union of several types"),
    ];
    for (written, wanted) in cases {
        let message = problem(&written);
        assert!(message.contains(wanted), "{written}: {message}");
    }
}

#[test]
fn a_format_has_the_extension_of_its_codec() {
    let cases = [
        ("{ text = {} }", None),
        ("{ text = { codec = 'bzip2' } }", Some(".bz2")),
        ("{ header_and_text = { codec = 'gzip' } }", Some(".gz")),
        ("{ sequence_file = {} }", None),
        ("{ sequence_file = { codec = 'snappy' } }", Some(".snappy")),
        ("{ avro_event = { codec = 'snappy' } }", None),
        ("{ avro_event = { stream_codec = 'lz4' } }", Some(".lz4")),
        ("{ avro = { schema = '\"int\"' } }", Some(".avro")),
    ];
    for (written, extension) in cases {
        assert_eq!(spec(written).extension(), extension, "{written}");
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r.avsc");
    std::fs::write(&path, r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}"#).unwrap();
    let formats = [
        "{ text = { newline = false, codec = 'zstd' } }".to_owned(),
        "{ header_and_text = {} }".to_owned(),
        "{ sequence_file = { value = 'text', compression = 'record', codec = 'lz4' } }".to_owned(),
        "{ sequence_file = {} }".to_owned(),
        "{ avro_event = { codec = 'zstd', sync_interval = '64KiB', stream_codec = 'gzip' } }".to_owned(),
        format!("{{ avro_datum = {{ schema = '{}', schema_directory = '/schemas' }} }}", path.display()),
        "{ avro = { schema = '\"int\"', unknown_fields = 'ignore' } }".to_owned(),
        format!("{{ parquet = {{ schema = '{}', row_group_size = '1MiB', codec = 'none' }} }}", path.display()),
    ];
    for written in formats {
        let spec = spec(&written);
        let again = toml::to_string(&std::collections::BTreeMap::from([("format", &spec)])).unwrap();
        let read: std::collections::BTreeMap<String, Spec> = toml::from_str(&again).unwrap();
        assert_eq!(read["format"], spec, "{again}");
    }
}
