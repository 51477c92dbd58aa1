//! The formats byte for byte, where Flume or Hadoop say which bytes they are, and what is refused.

use serde_json::json;

use super::{event, file, read, spec};
use crate::event::{Event, Scope};
use crate::file_format::{Codec, Refused, Spec};

#[test]
fn headers_and_text_are_a_java_map_and_the_body() {
    // As Flume 1.11 wrote it, but for the order of its hash table.
    let first = event(1_795_362_766_904, &[("zz", "v/1")], "1");
    assert_eq!(file(&spec("{ header_and_text = {} }"), &[first], &[]), b"{timestamp=1795362766904, zz=v/1} 1\n");
    assert_eq!(file(&spec("{ header_and_text = { newline = false } }"), &[Event::new("x")], &[]), b"{} x");
}

#[test]
fn a_body_and_a_line_end_are_all_there_is_to_text() {
    let events = [Event::new("a"), Event::default(), Event::new("b\nc")];
    assert_eq!(file(&spec("{ text = {} }"), &events, &[1]), b"a\n\nb\nc\n");
    assert_eq!(file(&spec("{ text = { newline = false } }"), &events, &[]), b"ab\nc");
}

#[test]
fn bodies_of_no_bytes_without_line_ends_give_no_member() {
    for codec in ["gzip", "bzip2", "snappy", "lz4", "zstd", "deflate"] {
        let spec = spec(&format!("{{ text = {{ newline = false, codec = '{codec}' }} }}"));
        let events = [Event::default(), Event::new("x"), Event::default()];
        let codec = Codec::from_flume(if codec == "zstd" { "zstandard" } else { codec }).unwrap();
        assert_eq!(read::decompress(codec, &file(&spec, &events, &[1, 2, 3])), b"x");
    }
}

#[test]
fn each_flush_ends_a_gzip_member() {
    let bytes = file(&spec("{ text = { codec = 'gzip' } }"), &[Event::new("one"), Event::new("two")], &[1, 2]);
    let members: Vec<usize> = bytes.windows(4).enumerate().filter(|(_, window)| *window == [0x1f, 0x8b, 8, 0]).map(|(at, _)| at).collect();
    assert_eq!(members.len(), 2);
    assert_eq!(read::decompress(Codec::Gzip, &bytes[..members[1]]), b"one\n");
    assert_eq!(read::decompress(Codec::Gzip, &bytes[members[1]..]), b"two\n");
}

#[test]
fn snappy_and_lz4_have_hadoops_framing() {
    // 4 bytes in the block, 6 of them compressed: Snappy's length, one literal tag, the bytes.
    let snappy = file(&spec("{ text = { codec = 'snappy' } }"), &[Event::new("abc")], &[]);
    assert_eq!(snappy, [0, 0, 0, 4, 0, 0, 0, 6, 4, 12, b'a', b'b', b'c', b'\n']);
    let lz4 = file(&spec("{ text = { codec = 'lz4' } }"), &[Event::new("abc")], &[]);
    assert_eq!(lz4, [0, 0, 0, 4, 0, 0, 0, 5, 0x40, b'a', b'b', b'c', b'\n']);
}

#[test]
fn a_sequence_file_is_hadoops() {
    let bytes = file(&spec("{ sequence_file = { value = 'text' } }"), &[event(5, &[], "hi")], &[]);
    let mut wanted = b"SEQ\x06\x21org.apache.hadoop.io.LongWritable\x19org.apache.hadoop.io.Text\0\0\0\0\0\0".to_vec();
    assert_eq!(bytes[..wanted.len()], wanted);
    wanted = b"\0\0\0\x0b\0\0\0\x08\0\0\0\0\0\0\0\x05\x02hi".to_vec();
    assert_eq!(bytes[bytes.len() - wanted.len()..], wanted);

    let bytes = file(&spec("{ sequence_file = {} }"), &[event(5, &[], "hi")], &[]);
    wanted = b"\0\0\0\x0e\0\0\0\x08\0\0\0\0\0\0\0\x05\0\0\0\x02hi".to_vec();
    assert_eq!(bytes[bytes.len() - wanted.len()..], wanted);
}

#[test]
fn sync_markers_come_after_hadoops_interval_and_at_each_flush() {
    let events = vec![event(1, &[], vec![b'x'; 1000]); 250];
    let (records, syncs) = read::sequence_file(&file(&spec("{ sequence_file = {} }"), &events, &[]), None);
    // 250 kB, one before the record that follows 102,400 bytes.
    assert_eq!((records.len(), syncs), (250, 2));
    let (records, syncs) = read::sequence_file(&file(&spec("{ sequence_file = {} }"), &events[..3], &[1, 2, 3]), None);
    assert_eq!((records.len(), syncs), (3, 3));
}

#[test]
fn blocks_of_a_sequence_file_end_at_a_million_bytes() {
    let events = vec![event(1, &[], vec![b'x'; 1000]); 2500];
    let (records, blocks) = read::sequence_file(&file(&spec("{ sequence_file = { codec = 'lz4' } }"), &events, &[]), Some(Codec::Lz4));
    assert_eq!((records.len(), blocks), (2500, 3));
}

#[test]
fn an_event_without_a_timestamp_has_the_time_of_writing_as_its_key() {
    let before = jiff::Timestamp::now().as_millisecond();
    let bytes = file(&spec("{ sequence_file = {} }"), &[Event::new("x")], &[]);
    let key = read::sequence_file(&bytes, None).0[0].0;
    assert!((before..=jiff::Timestamp::now().as_millisecond()).contains(&key));
}

/// Whether the second event is refused by the file that the first began, and leaves no trace.
fn refused(spec: &Spec, first: &Event, bad: &Event) -> Refused {
    let mut clean = spec.encoder(first).unwrap();
    let mut encoder = spec.encoder(first).unwrap();
    let (mut wanted, mut out) = (Vec::new(), b"before".to_vec());
    let refused = encoder.append(bad, &mut out).unwrap_err();
    assert_eq!(out, b"before", "nothing of a file that has not begun");
    out.clear();
    clean.append(first, &mut wanted).unwrap();
    encoder.append(first, &mut out).unwrap();
    let length = out.len();
    encoder.append(bad, &mut out).unwrap_err();
    assert_eq!(out.len(), length, "nothing of the refused event");
    clean.finish(&mut wanted).unwrap();
    encoder.finish(&mut out).unwrap();
    // The markers are random, the lengths are not.
    assert_eq!(out.len(), wanted.len());
    refused
}

#[test]
fn a_timestamp_that_is_no_number_is_refused_by_a_sequence_file() {
    let mut bad = Event::new("x");
    bad.set_header("timestamp", "noon", Scope::Event);
    for written in ["{ sequence_file = {} }", "{ sequence_file = { codec = 'gzip' } }", "{ sequence_file = { compression = 'record' } }"] {
        assert!(matches!(refused(&spec(written), &event(1, &[], "y"), &bad), Refused::Timestamp { value } if value == "noon"));
    }
}

const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}"#;

#[test]
fn a_body_that_does_not_fit_the_schema_is_refused_alone() {
    for format in ["avro", "parquet"] {
        let spec = spec(&format!("{{ {format} = {{ schema = '''{SCHEMA}''' }} }}"));
        let good = Event::new(r#"{"a": 1}"#);
        assert!(matches!(refused(&spec, &good, &Event::new("{")), Refused::NotJson(_)));
        assert!(matches!(refused(&spec, &good, &Event::new(r#"{"a": "1"}"#)), Refused::Misfit(_)));
        assert!(matches!(refused(&spec, &good, &Event::new(r#"{"a": 1, "b": 2}"#)), Refused::Misfit(_)));
    }
}

#[test]
fn a_body_that_is_no_datum_is_refused_alone() {
    let spec = spec(&format!("{{ avro_datum = {{ schema = '''{SCHEMA}''' }} }}"));
    let good = Event::new(vec![2]);
    assert!(matches!(refused(&spec, &good, &Event::new(vec![2, 0])), Refused::NotDatum(_)));
    assert!(matches!(refused(&spec, &good, &Event::default()), Refused::NotDatum(_)));
    let records = read::avro(&file(&spec, &[good, Event::new(vec![3])], &[]));
    assert_eq!(
        records.into_iter().map(|record| serde_json::Value::try_from(record).unwrap()).collect::<Vec<_>>(),
        [json!({"a": 1}), json!({"a": -2})]
    );
}

#[test]
fn the_schema_of_a_datum_comes_from_its_headers_first() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("s.avsc"), r#""string""#).unwrap();
    let written = format!("{{ avro_datum = {{ schema = '''{SCHEMA}''', schema_directory = '{}' }} }}", directory.path().display());
    let configured = spec(&written);
    let (mut url, mut literal) = (Event::new(vec![2, b'x']), Event::new(vec![1]));
    url.set_header("flume.avro.schema.url", "s.avsc", Scope::Event);
    url.set_header("flume.avro.schema.literal", r#""int""#, Scope::Event);
    literal.set_header("flume.avro.schema.literal", r#""int""#, Scope::Event);
    assert_eq!(read::avro(&file(&configured, &[url.clone()], &[])), [apache_avro::types::Value::String("x".into())]);
    assert_eq!(read::avro(&file(&configured, &[literal.clone()], &[])), [apache_avro::types::Value::Int(-1)]);
    // Events of several schemas have several files.
    assert!(matches!(refused(&configured, &url, &literal), Refused::OtherSchema));
    let keys = [&url, &literal, &Event::default()].map(|event| configured.schema_key(event).map(|key| key.into_owned()));
    assert_eq!(keys, [Some(b"s.avsc".to_vec()), Some(br#""int""#.to_vec()), None]);

    let none = spec("{ avro_datum = {} }");
    assert!(matches!(none.encoder(&Event::new("x")).err(), Some(Refused::NoSchema)));
    assert!(matches!(none.encoder(&url).err(), Some(Refused::Schema { .. })));
    let mut broken = Event::default();
    broken.set_header("flume.avro.schema.literal", "{", Scope::Event);
    assert!(matches!(none.encoder(&broken).err(), Some(Refused::Schema { .. })));
}

#[test]
fn a_parquet_file_can_be_read_only_when_it_is_finished() {
    let spec = spec(&format!("{{ parquet = {{ schema = '''{SCHEMA}''' }} }}"));
    let mut encoder = spec.encoder(&Event::default()).unwrap();
    assert!(!encoder.readable_after_flush() && !spec.readable_after_flush());
    let mut out = Vec::new();
    encoder.append(&Event::new(r#"{"a": 1}"#), &mut out).unwrap();
    assert_eq!(out, b"PAR1");
    encoder.flush(&mut out).unwrap();
    assert_eq!(out, b"PAR1");
    encoder.finish(&mut out).unwrap();
    assert_eq!(read::parquet(out), (vec![json!({"a": 1})], 1));
}

#[test]
fn a_full_row_group_is_given_out() {
    let spec = spec(&format!("{{ parquet = {{ schema = '''{SCHEMA}''', row_group_size = '64KiB' }} }}"));
    let mut encoder = spec.encoder(&Event::default()).unwrap();
    let (mut out, mut longest) = (Vec::new(), 0);
    for number in 0..100_000_u64 {
        // Numbers that no encoding makes small.
        let salted = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1;
        let before = out.len();
        encoder.append(&Event::new(json!({ "a": salted }).to_string()), &mut out).unwrap();
        longest = longest.max(out.len() - before);
    }
    assert!(longest > 0 && longest < 1 << 20, "{longest}");
    encoder.finish(&mut out).unwrap();
    let (rows, groups) = read::parquet(out);
    assert_eq!(rows.len(), 100_000);
    assert!(groups > 3, "{groups}");
}

#[test]
fn every_kind_of_column_holds_what_was_in_the_body() {
    let schema = r#"{"type": "record", "name": "All", "fields": [
        {"name": "b", "type": "boolean"}, {"name": "i", "type": "int"}, {"name": "f", "type": "float"},
        {"name": "x", "type": {"type": "fixed", "name": "X", "size": 2}},
        {"name": "u", "type": {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["P", "Q"]}},
        {"name": "d", "type": {"type": "int", "logicalType": "date"}},
        {"name": "tm", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "tu", "type": {"type": "long", "logicalType": "time-micros"}},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "tn", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "tl", "type": {"type": "long", "logicalType": "local-timestamp-millis"}},
        {"name": "m", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "n", "type": "null"},
        {"name": "r", "type": ["null", {"type": "record", "name": "Inner", "fields": [{"name": "k", "type": "string"}]}]}]}"#;
    let body = json!({"b": true, "i": -1, "f": 0.5, "x": "\u{1}\u{ff}", "u": "00000000-0000-0000-0000-0000000000ff", "e": "Q", "d": "2026-11-25",
        "tm": "01:02:03.004", "tu": "01:02:03.000004", "ts": "2026-11-25T03:00:00.5Z", "tn": 1_000_001, "tl": "2026-11-25T03:00:00", "m": "-12.5",
        "n": null, "r": {"k": "v"}});
    let written = json!({"b": true, "i": -1, "f": 0.5, "x": "01ff", "u": "000000000000000000000000000000ff", "e": "Q", "d": "2026-11-25",
        "tm": "01:02:03.004", "tu": "01:02:03.000004", "ts": "2026-11-25T03:00:00.500Z", "tn": "1970-01-01T00:00:01.000001Z",
        "tl": "2026-11-25T03:00:00", "m": "-12.5", "r": {"k": "v"}});
    let spec = spec(&format!("{{ parquet = {{ schema = '''{schema}''' }} }}"));
    let rows = read::parquet(file(&spec, &[Event::new(body.to_string())], &[])).0;
    let mut row = rows[0].clone();
    // A JSON number: its last zero is lost on the way to the test.
    row["m"] = row["m"].to_string().trim_matches('"').into();
    assert_eq!(row, written);
}
