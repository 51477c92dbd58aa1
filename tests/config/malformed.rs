//! Whatever a file holds, reading it ends in a configuration or in problems, never in a panic.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use weir::config::{self, Load, properties};

/// Reads the bytes as a file of this name, and shows all that is said about it.
fn load_as(name: &str, bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs::write(&file, bytes).unwrap();
    let problems = match config::load(&Load { conf_file: vec![file], ..Load::default() }) {
        Ok(loaded) => loaded.warnings,
        Err(error) => {
            assert!(!error.problems.is_empty());
            error.problems
        }
    };
    for problem in problems {
        assert!(!problem.render(true).is_empty() && !problem.line().is_empty() && problem.json().is_object());
    }
}

fn load_both_ways(bytes: &[u8]) {
    load_as("a.properties", bytes);
    load_as("a.toml", bytes);
}

/// A file of `cases/` with a few bytes changed: most of it still makes sense, which plain noise never does.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let mut files: Vec<PathBuf> = fs::read_dir("config/cases").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "report"));
    files.sort();
    let edits =
        prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\\\"'={}[]$.,:#\n\xff u0".to_vec()), 0..3), 1..8);
    (prop::sample::select(files), edits).prop_map(|(file, edits)| {
        let mut bytes = fs::read(file).unwrap();
        for (index, byte, kind) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

#[test]
fn the_corpus_is_read_without_panic() {
    let mut read = 0;
    for entry in fs::read_dir("config/corpus").unwrap() {
        load_both_ways(&fs::read(entry.unwrap().path()).unwrap());
        read += 1;
    }
    assert!(read >= 15, "the corpus is gone");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        load_both_ways(&bytes);
    }

    #[test]
    fn text_is_read_without_panic(text in "([a-c]\\.(sources|channels|sinks|x)(\\.[rck])?[ =:]\\PC{0,20}(\\\\)?\n){0,12}") {
        load_both_ways(text.as_bytes());
    }

    #[test]
    fn mutated_files_are_read_without_panic(bytes in mutated()) {
        load_both_ways(&bytes);
    }

    #[test]
    fn positions_are_within_the_file(text in "\\PC{0,200}|[\\\\a=: \r\n\t#!u0-9é😀]{0,200}") {
        let found = properties::parse(&text);
        for property in &found.properties {
            let all = 0..property.value.text.len();
            for span in [&property.key_span, &property.value.span, &property.value.place_of(all)] {
                prop_assert!(text.get(span.clone()).is_some(), "{span:?}");
            }
        }
    }

    #[test]
    fn written_properties_read_back_equal(map in prop::collection::btree_map("\\PC{1,12}", "(\\PC|[\t\n\r\\\\=:#!]){0,24}", 0..8)) {
        let map: BTreeMap<String, String> = map.into_iter().map(|(key, value)| (trimmed(&key), trimmed(&value))).collect();
        let text = written(&map);
        let found = properties::parse(&text);
        prop_assert!(found.malformed.is_empty());
        let read: BTreeMap<String, String> = found.properties.into_iter().map(|property| (property.key, property.value.text)).collect();
        prop_assert_eq!(read, map);
    }
}

fn trimmed(text: &str) -> String {
    text.trim_matches(|character| character <= ' ').to_owned()
}

/// As `java.util.Properties.store` writes, with everything escaped that may be.
fn written(map: &BTreeMap<String, String>) -> String {
    let mut out = String::from("# written\n");
    for (key, value) in map {
        escape(key, &mut out);
        out.push_str(" = ");
        escape(value, &mut out);
        out.push('\n');
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            ' ' | '\\' | '=' | ':' | '#' | '!' => {
                out.push('\\');
                out.push(character);
            }
            other if other.is_ascii_graphic() => out.push(other),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}").unwrap();
                }
            }
        }
    }
}

#[test]
fn a_directory_and_a_file_that_is_too_large_are_refused() {
    let refuse = |path: &Path| config::load(&Load { conf_file: vec![path.to_owned()], ..Load::default() }).unwrap_err().to_string();
    assert!(refuse(Path::new("config")).contains("cannot read config"));
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("large.properties");
    fs::File::create(&large).unwrap().set_len(17 << 20).unwrap();
    assert!(refuse(&large).contains("larger than 16 MiB"));
}
