//! Files written by the encoders, read by Hadoop's own classes, Avro's and Parquet's; SequenceFiles compared with those Hadoop writes.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use weir::event::{Event, Scope};
use weir::file_format::Spec;

use crate::harness::{cache, maven, turn};

const SCHEMA: &str = r#"{"type": "record", "name": "Order", "namespace": "weir.tests", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "tags", "type": {"type": "map", "values": "int"}},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}}]}"#;

fn format(written: &str) -> Spec {
    #[derive(Deserialize)]
    struct Written {
        format: Spec,
    }
    toml::from_str::<Written>(&format!("format = {written}")).unwrap().format
}

/// Bodies of many sizes, one of them larger than any codec's block, some that do not compress.
fn events() -> Vec<Event> {
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let mut event = |number: usize| {
        let length = if number == 700 { 600_000 } else { number * 7 % 501 };
        let body: Vec<u8> = (0..length)
            .map(|at| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                if number.is_multiple_of(2) { b'a' + (at % 26) as u8 } else { noise as u8 }
            })
            .collect();
        let mut event = Event::new(body);
        event.set_header("timestamp", (1_700_000_000_000_i64 + number as i64).to_string(), Scope::Event);
        event
    };
    (0..1500).map(&mut event).collect()
}

fn orders() -> Vec<Event> {
    let order = |number: usize| {
        let note = if number.is_multiple_of(3) { "null".to_owned() } else { format!("\"note é {number}\"") };
        Event::new(format!(
            r#"{{"id": {number}, "note": {note}, "price": "{number}.25", "at": "2026-11-25T03:00:00Z", "tags": {{"t": {number}}}, "lines": [{{"sku": "s{number}"}}]}}"#
        ))
    };
    (0..5000).map(order).collect()
}

/// Writes a file of these events with a flush every hundred.
fn write(path: &Path, spec: &Spec, events: &[Event]) {
    let mut encoder = spec.encoder(&events[0]).unwrap();
    let mut out = Vec::new();
    for batch in events.chunks(100) {
        for event in batch {
            encoder.append(event, &mut out).unwrap();
        }
        encoder.flush(&mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    fs::write(path, out).unwrap();
}

/// Files to have read, and what must be in them.
struct Cases {
    directory: PathBuf,
    files: Vec<(&'static str, PathBuf, Vec<u8>)>,
}

impl Cases {
    fn add(&mut self, kind: &'static str, name: &str, written: &str, events: &[Event], wanted: &[u8]) {
        let path = self.directory.join(name);
        write(&path, &format(written), events);
        self.files.push((kind, path, wanted.to_owned()));
    }

    /// Has Java read them, and compares.
    fn check(&self) {
        let classes = maven::compile("ReadFiles", include_str!("../harness/servers/ReadFiles.java"), maven::FORMATS);
        let mut command = maven::java_with(&[&classes], maven::FORMATS);
        command.args(["-Xmx512m", "-XX:+UseSerialGC", "--add-opens=java.base/java.lang=ALL-UNNAMED", "ReadFiles"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut requests = child.stdin.take().unwrap();
        for (kind, path, _) in &self.files {
            writeln!(requests, "{kind} {}", path.display()).unwrap();
        }
        drop(requests);
        assert!(child.wait().unwrap().success());
        let mut wrong = String::new();
        for (_, path, wanted) in &self.files {
            let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
            if let Ok(error) = fs::read_to_string(beside(".error")) {
                let _ = writeln!(wrong, "{}: {}", path.display(), error.lines().take(6).collect::<Vec<_>>().join(" "));
            } else if fs::read(beside(".read")).unwrap() != *wanted {
                let _ = writeln!(wrong, "{}: something else came out", path.display());
            }
        }
        assert_eq!(wrong, "");
    }
}

#[test]
fn hadoop_avro_and_parquet_read_every_format() {
    let _turn = turn::shared();
    let mut cases = Cases { directory: cache::scratch("formats"), files: Vec::new() };
    let events = events();
    let lines: Vec<u8> = events.iter().flat_map(|event| [event.body(), b"\n"].concat()).collect();
    // Hadoop's zstd needs a native library that is not on Maven Central.
    for (codec, extension) in [("gzip", "gz"), ("bzip2", "bz2"), ("deflate", "deflate"), ("snappy", "snappy"), ("lz4", "lz4")] {
        cases.add("stream", &format!("text.{extension}"), &format!("{{ text = {{ codec = '{codec}' }} }}"), &events, &lines);
    }
    let mut records = String::new();
    for event in &events {
        let _ = write!(records, "{} ", event.header_text("timestamp").unwrap());
        event.body().iter().for_each(|byte| _ = write!(records, "{byte:02x}"));
        records.push('\n');
    }
    for value in ["writable", "text"] {
        for compression in ["none", "record", "block"] {
            let codecs: &[&str] = if compression == "none" { &[""] } else { &["gzip", "bzip2", "deflate", "snappy", "lz4"] };
            for codec in codecs {
                let codec_key = if codec.is_empty() { String::new() } else { format!(", codec = '{codec}'") };
                let written = format!("{{ sequence_file = {{ value = '{value}', compression = '{compression}'{codec_key} }} }}");
                cases.add("sequence", &format!("{value}-{compression}-{codec}.seq"), &written, &events, records.as_bytes());
            }
        }
    }
    for value in ["writable", "text"] {
        cases.add("same", &format!("{value}.own.seq"), &format!("{{ sequence_file = {{ value = '{value}' }} }}"), &events, b"same\n");
    }
    let text_events = [Event::new("é\"1"), Event::new("")];
    let wanted = "{\"headers\": {}, \"body\": \"Ã©\\\"1\"}\n{\"headers\": {}, \"body\": \"\"}\n";
    let orders = orders();
    let order_lines: String = (0..orders.len())
        .map(|number| {
            let note = if number.is_multiple_of(3) { "null".to_owned() } else { format!("\"note é {number}\"") };
            format!(
                "{{\"id\": {number}, \"note\": {note}, \"price\": \"{}\", \"at\": 1795575600000, \"tags\": {{\"t\": {number}}}, \"lines\": [{{\"sku\": \"s{number}\"}}]}}\n",
                escaped(number as i64 * 100 + 25)
            )
        })
        .collect();
    for codec in ["", "deflate", "snappy", "bzip2", "zstd"] {
        let key = if codec.is_empty() { String::new() } else { format!("codec = '{codec}', ") };
        cases.add(
            "avro",
            &format!("event-{codec}.avro"),
            &format!("{{ avro_event = {{ {key}sync_interval = 1000 }} }}"),
            &text_events,
            wanted.as_bytes(),
        );
        let written = format!("{{ avro = {{ {key}schema = '''{SCHEMA}''', sync_interval = 1000 }} }}");
        cases.add("avro", &format!("orders-{codec}.avro"), &written, &orders, order_lines.as_bytes());
    }
    let rows: String = (0..orders.len())
        .map(|number| {
            let note = if number.is_multiple_of(3) { String::new() } else { format!("note: note é {number}\n") };
            format!("id: {number}\n{note}price: {}\nat: 1795575600000\ntags\n  key_value\n    key: t\n    value: {number}\nlines\n  list\n    element\n      sku: s{number}\n", number * 100 + 25)
        })
        .collect();
    for codec in ["none", "snappy", "gzip", "zstd"] {
        let written = format!("{{ parquet = {{ schema = '''{SCHEMA}''', codec = '{codec}', row_group_size = '100KiB' }} }}");
        cases.add("parquet", &format!("orders-{codec}.parquet"), &written, &orders, rows.as_bytes());
    }
    cases.check();
}

/// A number's bytes as Avro prints those of a `bytes` value: each byte a character, what is not printable escaped.
fn escaped(number: i64) -> String {
    let bytes = number.to_be_bytes();
    let spare = bytes.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
    let mut text = String::new();
    for byte in &bytes[spare..] {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            8 => text.push_str("\\b"),
            9 => text.push_str("\\t"),
            10 => text.push_str("\\n"),
            12 => text.push_str("\\f"),
            13 => text.push_str("\\r"),
            0..=31 | 127..=159 => _ = write!(text, "\\u{byte:04X}"),
            _ => text.push(char::from(*byte)),
        }
    }
    text
}
