//! Any sequence of appends and flushes, in any format: after each flush, and in the end, the file holds exactly the events appended.

use apache_avro::types::Value as Avro;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::{event, read, spec};
use crate::event::Event;
use crate::file_format::{Codec, Spec};

const CODECS: [(&str, Codec); 6] = [
    ("gzip", Codec::Gzip),
    ("bzip2", Codec::Bzip2),
    ("snappy", Codec::Snappy),
    ("lz4", Codec::Lz4),
    ("zstd", Codec::Zstd),
    ("deflate", Codec::Deflate),
];

const SCHEMA: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "raw", "type": "bytes"},
    {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [{"name": "price", "type": "double"}]}}},
    {"name": "tags", "type": {"type": "map", "values": "int"}}]}"#;

/// What happens to a file.
#[derive(Debug, Clone)]
enum Step {
    Append(Event),
    Flush,
}

fn steps(event: impl Strategy<Value = Event> + 'static) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![4 => event.prop_map(Step::Append), 1 => Just(Step::Flush)];
    vec(step, 0..40)
}

/// Bodies of every size up to more than a block of any codec's; text, so that all formats can hold them.
fn any_event() -> impl Strategy<Value = Event> {
    let small = "[a-z \n]{0,20}".prop_map(String::into_bytes);
    let large = (1_usize..300_000, any::<u8>()).prop_map(|(length, salt)| (0..length).map(|at| ((at * at) >> 3) as u8 ^ salt).collect());
    let headers = vec(("[a-c]", "[a-z]{0,3}"), 0..3);
    (any::<i64>(), headers, prop_oneof![15 => small, 1 => large]).prop_map(|(timestamp, headers, body): (i64, _, Vec<u8>)| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value): &(String, String)| (name.as_str(), value.as_str())).collect();
        event(timestamp, &headers, body)
    })
}

fn any_order() -> impl Strategy<Value = Event> {
    let note = proptest::option::of("[a-zé]{0,8}");
    let items = vec((0_u32..100_000).prop_map(|cents| json!({"price": f64::from(cents) / 100.0})), 0..3);
    let tags = proptest::collection::btree_map("[a-z]{1,3}", any::<i32>(), 0..3);
    (any::<i64>(), note, vec(any::<u8>(), 0..9), items, tags).prop_map(|(id, note, raw, items, tags)| {
        let raw: String = raw.into_iter().map(char::from).collect();
        let mut body = json!({"id": id, "raw": raw, "items": items, "tags": tags});
        if let Some(note) = note {
            body["note"] = note.into();
        }
        Event::new(body.to_string())
    })
}

/// Plays the steps; `check` sees the file's bytes and the events that must be in them after each flush, and at the end.
fn play(spec: &Spec, steps: &[Step], check: &dyn Fn(Vec<u8>, &[Event])) {
    let mut encoder = spec.encoder(&event(0, &[], "")).unwrap();
    let (mut out, mut events) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Append(event) => {
                encoder.append(event, &mut out).unwrap();
                events.push(event.clone());
            }
            Step::Flush => {
                encoder.flush(&mut out).unwrap();
                let length = out.len();
                encoder.flush(&mut out).unwrap();
                assert_eq!(out.len(), length, "a second flush gives nothing");
                if encoder.readable_after_flush() && !out.is_empty() {
                    check(out.clone(), &events);
                }
            }
        }
    }
    encoder.finish(&mut out).unwrap();
    if events.is_empty() {
        assert_eq!(out, b"", "a file of no events has no bytes");
    } else if !out.is_empty() {
        check(out, &events);
    }
}

fn lines(events: &[Event]) -> Vec<u8> {
    events.iter().flat_map(|event| [event.body(), b"\n"].concat()).collect()
}

fn keys_and_bodies(events: &[Event]) -> Vec<(i64, Vec<u8>)> {
    events.iter().map(|event| (event.header_text("timestamp").unwrap().parse().unwrap(), event.body().to_vec())).collect()
}

fn as_avro(event: &Event) -> Avro {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = event.event_headers().iter().map(|(name, value)| (text(name), Avro::String(text(value)))).collect();
    Avro::Record(vec![("headers".to_owned(), Avro::Map(headers)), ("body".to_owned(), Avro::Bytes(event.body().to_vec()))])
}

fn json_body(event: &Event) -> serde_json::Value {
    serde_json::from_slice(event.body()).unwrap()
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 24, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn lines_come_out_as_they_went_in(steps in steps(any_event())) {
        play(&spec("{ text = {} }"), &steps, &|bytes, events| assert_eq!(bytes, lines(events)));
    }

    #[test]
    fn compressed_streams_are_whole_after_each_flush(steps in steps(any_event())) {
        for (name, codec) in CODECS {
            let spec = spec(&format!("{{ text = {{ codec = '{name}' }} }}"));
            play(&spec, &steps, &|bytes, events| assert_eq!(read::decompress(codec, &bytes), lines(events), "{name}"));
        }
    }

    #[test]
    fn sequence_files_are_whole_after_each_flush(steps in steps(any_event())) {
        for value in ["writable", "text"] {
            let plain = spec(&format!("{{ sequence_file = {{ value = '{value}' }} }}"));
            play(&plain, &steps, &|bytes, events| assert_eq!(read::sequence_file(&bytes, None).0, keys_and_bodies(events)));
            for (compression, (name, codec)) in ["record", "block"].into_iter().flat_map(|kind| CODECS.map(|codec| (kind, codec))) {
                let spec = spec(&format!("{{ sequence_file = {{ value = '{value}', compression = '{compression}', codec = '{name}' }} }}"));
                let check = |bytes: Vec<u8>, events: &[Event]| assert_eq!(read::sequence_file(&bytes, Some(codec)).0, keys_and_bodies(events));
                play(&spec, &steps, &check);
            }
        }
    }

    #[test]
    fn avro_events_are_whole_after_each_flush(steps in steps(any_event())) {
        for codec in ["", "codec = 'deflate',", "codec = 'snappy',"] {
            let spec = spec(&format!("{{ avro_event = {{ {codec} sync_interval = 1000 }} }}"));
            play(&spec, &steps, &|bytes, events| assert_eq!(read::avro(&bytes), events.iter().map(as_avro).collect::<Vec<_>>()));
        }
        for (name, codec, avro) in [("bzip2", Codec::Bzip2, "bzip2"), ("zstd", Codec::Zstd, "zstandard")] {
            let spec = spec(&format!("{{ avro_event = {{ codec = '{name}' }} }}"));
            play(&spec, &steps, &|bytes, events| {
                let mut plain = Vec::new();
                events.iter().for_each(|event| crate::flume_event::encode(event, &mut plain));
                assert_eq!(read::avro_blocks(&bytes, codec, avro), (events.len() as i64, plain));
            });
        }
    }

    #[test]
    fn json_bodies_become_avro_records(steps in steps(any_order())) {
        let spec = spec(&format!("{{ avro = {{ schema = '''{SCHEMA}''', sync_interval = 200 }} }}"));
        play(&spec, &steps, &|bytes, events| {
            let records = read::avro(&bytes);
            assert_eq!(records.len(), events.len());
            for (record, event) in records.iter().zip(events) {
                let mut wanted = json_body(event);
                let raw: Vec<u32> = wanted["raw"].as_str().unwrap().chars().map(u32::from).collect();
                wanted["raw"] = json!(raw);
                wanted.as_object_mut().unwrap().entry("note").or_insert(serde_json::Value::Null);
                assert_eq!(serde_json::Value::try_from(record.clone()).unwrap(), wanted);
            }
        });
    }

    #[test]
    fn json_bodies_become_rows(steps in steps(any_order())) {
        for codec in ["none", "snappy", "gzip", "zstd"] {
            let spec = spec(&format!("{{ parquet = {{ schema = '''{SCHEMA}''', codec = '{codec}' }} }}"));
            play(&spec, &steps, &|bytes, events| {
                let wanted = events.iter().map(|event| {
                    let mut wanted = json_body(event);
                    let raw: String = wanted["raw"].as_str().unwrap().chars().map(|character| format!("{:02x}", u32::from(character))).collect();
                    wanted["raw"] = raw.into();
                    wanted
                });
                assert_eq!(read::parquet(bytes).0, wanted.collect::<Vec<_>>());
            });
        }
    }
}
