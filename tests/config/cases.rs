//! Cases as file pairs: a configuration in `cases/`, and beside it the report that it is to give. `WEIR_BLESS=1` writes the reports anew.
//!
//! The first lines of a configuration may hold `# args: ...`, options of the command line, and `# show: spec`, which adds what was read.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use weir::config::{self, Load};

#[test]
fn every_case_gives_its_report() {
    let mut files: Vec<PathBuf> = fs::read_dir("config/cases").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "report"));
    files.sort();
    assert!(files.len() >= 35, "the cases are gone");
    let wrong: Vec<String> = files.iter().filter_map(|file| check(file)).collect();
    assert!(wrong.is_empty(), "{}\nif that is right: WEIR_BLESS=1", wrong.join("\n"));
}

/// What differs, if anything does.
fn check(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).unwrap();
    let report = report(file, &text);
    assert!(!report.contains("hunter2"), "{} shows a secret:\n{report}", file.display());
    let expected_file = file.with_added_extension("report");
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&expected_file, &report).unwrap();
        return None;
    }
    let expected = fs::read_to_string(&expected_file).unwrap_or_default();
    (report != expected).then(|| format!("--- {}\n{expected}+++ now\n{report}", expected_file.display()))
}

fn report(file: &Path, text: &str) -> String {
    let args = arguments(file, &marked(text, "# args: "));
    let mut out = String::new();
    let (problems, pipelines) = match config::load(&args) {
        Ok(loaded) => (loaded.warnings, Some(loaded.spec.pipelines)),
        Err(error) => (error.problems, None),
    };
    for problem in &problems {
        writeln!(out, "{}\n", problem.render(false)).unwrap();
    }
    for problem in &problems {
        writeln!(out, "{}", problem.line()).unwrap();
    }
    let Some(pipelines) = pipelines else { return out + "refused\n" };
    for pipeline in pipelines {
        writeln!(out, "valid: {}", pipeline.name).unwrap();
        if marked(text, "# show: ") == "spec" {
            writeln!(out, "{:#?}\n{:#?}\n{:#?}", pipeline.sources, pipeline.channels, pipeline.sinks).unwrap();
        }
    }
    out
}

/// What a line at the beginning says.
pub(super) fn marked(text: &str, mark: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix(mark)).unwrap_or_default().to_owned()
}

/// The command line that a case is for.
pub(super) fn arguments(file: &Path, options: &str) -> Load {
    let mut args = Load { conf_file: vec![file.to_owned()], ..Load::default() };
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "--strict" => args.strict = true,
            "-n" => args.name.push(words.next().unwrap().to_owned()),
            "--plugin-map" => args.plugin_map.push(words.next().unwrap().to_owned()),
            _ => args.system.push(word.strip_prefix("-D").unwrap().to_owned()),
        }
    }
    args
}
