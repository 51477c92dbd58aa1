//! A case of the table: settings and events in, verdicts, log, counters or a refusal out.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::harness::event_lines::{self, Line};

/// Lines that may be written of a flood: a hundred at once, and as many a second for as long as it takes.
pub(super) const FLOOD: usize = 5_000;

/// As `cases.toml` says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    without_label: bool,
    #[serde(default)]
    events: String,
    #[serde(default)]
    out: String,
    pub(super) refused: Option<String>,
    #[serde(default)]
    pub(super) said: Vec<String>,
    #[serde(default)]
    pub(super) counts: BTreeMap<String, u64>,
    #[serde(default)]
    pub(super) flood: bool,
}

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

impl Case {
    /// The whole table.
    pub(super) fn all() -> Vec<Case> {
        let Table { case: cases } = toml::from_str(include_str!("cases.toml")).unwrap();
        for case in &cases {
            assert_eq!(cases.iter().filter(|other| other.name == case.name).count(), 1, "{} is there twice", case.name);
        }
        cases
    }

    /// What the plugin is given.
    pub(super) fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = self.settings.clone();
        if !self.without_label {
            settings.entry("label".to_owned()).or_insert_with(|| "here".to_owned());
        }
        settings
    }

    /// The events in.
    pub(super) fn events(&self) -> Vec<Line> {
        event_lines::read(&self.events).unwrap_or_else(|error| panic!("events of {:?}: {error:#}", self.name))
    }

    /// What must become of them.
    pub(super) fn out(&self) -> Vec<Line> {
        event_lines::read(&self.out).unwrap_or_else(|error| panic!("out of {:?}: {error:#}", self.name))
    }
}
