//! The published table of what came of the cases.

use std::fmt::Write;
use std::fs;

use super::case::Case;
use crate::harness::cache::repository;
use crate::harness::languages::LANGUAGES;

pub(super) const FILE: &str = "sdk/CONFORMANCE.md";

/// Whether the published table is the one this run makes; blessed, it becomes that.
pub(super) fn is_published(cases: &[Case], columns: &[Vec<Result<(), String>>]) -> bool {
    let (file, table) = (repository().join(FILE), write(cases, columns));
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&file, &table).unwrap();
    }
    fs::read_to_string(&file).is_ok_and(|published| published == table)
}

fn write(cases: &[Case], columns: &[Vec<Result<(), String>>]) -> String {
    let mut out = String::from(
        "# Conformance\n\nThe same cases in every language: `tests/conformance/cases.toml` says what goes in and what must come out, and a plugin that does\n\
         what an event tells it is there in each language (`plugins/conformance-*`). They run in the agent's own host, isolation of guilty events\n\
         included. A test writes this table and fails when a case does or when it differs.\n\n| case |",
    );
    LANGUAGES.iter().for_each(|language| out += &format!(" {} |", language.title));
    out += "\n|---|";
    LANGUAGES.iter().for_each(|_| out += "---|");
    for (index, case) in cases.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(out, "\n| {} |", case.name);
        for column in columns {
            out += if column[index].is_ok() { " yes |" } else { " **no** |" };
        }
    }
    out += "\n| **passed** |";
    for column in columns {
        let passed = column.iter().filter(|result| result.is_ok()).count();
        let _ = write!(out, " {passed} of {} |", cases.len());
    }
    out + "\n"
}
