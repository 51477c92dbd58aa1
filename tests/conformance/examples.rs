//! Every example plugin does with its `sample.jsonl` what its `expected.jsonl` says, and `fraud-score` is the same in every language.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::run::{self, Plugin};
use crate::harness::cache::repository;
use crate::harness::event_lines;
use crate::harness::languages::Language;

/// The sample of the original is for its translations, too.
const ORIGINAL: &str = "fraud-score";

#[test]
fn every_example_does_what_its_sample_says() {
    let mut failures = Vec::new();
    let mut names = Vec::new();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if let Err(error) = sample(&name, &folder, &folder) {
            failures.push(format!("{name}: {error}"));
        }
        names.push(name);
    }
    assert!(names.len() >= 4, "{names:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_fraud_scorer_is_the_same_in_every_language() {
    let original = repository().join("plugins").join(ORIGINAL);
    let mut failures = Vec::new();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(&format!("{ORIGINAL}-"))
            && let Err(error) = sample(&name, &folder, &original)
        {
            failures.push(format!("{name}: {error}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The plugins that have a sample.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join("plugins")).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|folder| folder.join("sample.jsonl").exists()).collect();
    folders.sort();
    folders
}

/// The plugin on the sample in this folder.
fn sample(name: &str, folder: &Path, with: &Path) -> Result<(), String> {
    let read = |file: &str| fs::read_to_string(with.join(file)).map_err(|error| format!("{file}: {error}"));
    let lines = |file: &str| event_lines::read(&read(file)?).map_err(|error| format!("{file}: {error:#}"));
    let settings: BTreeMap<String, String> = match read("sample.toml") {
        Ok(text) => toml::from_str(&text).map_err(|error| format!("sample.toml: {error}"))?,
        Err(_) => BTreeMap::new(),
    };
    let language = Language::of(folder).ok_or("it is of no language")?;
    let file = language.component(name).map_err(|error| format!("{error:#}"))?;
    let events = lines("sample.jsonl")?.into_iter().map(|line| line.event).collect();
    let ran = Plugin { name, file: &file }.run(settings, events)?;
    run::compare(&ran.lines, &lines("expected.jsonl")?)
}
