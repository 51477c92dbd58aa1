//! A plugin at work on a batch, and what became of each event of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir::batch::Batch;
use weir::event::Event;
use weir::event_file;
use weir::interceptor::spec::{self, Ability, Limits, OnError, Swaps};
use weir::interceptor::{Interceptor, Judging, Place, Wasm};
use weir::plugin::Observer;

use super::case::{Case, FLOOD};
use super::host;
use crate::harness::event_lines::Line;
use crate::harness::plugin_log;

/// A machine that builds something beside the tests may be slow.
const DEADLINE: Duration = Duration::from_secs(20);

/// A component to run.
pub(super) struct Plugin<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a Path,
}

/// What a plugin made of a batch, and what it said and counted.
pub(super) struct Ran {
    pub(super) lines: Vec<Line>,
    pub(super) log: Vec<String>,
    pub(super) counts: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, u64>>);

impl Observer for Counts {
    fn counted(&self, name: &str, by: u64) {
        *self.0.lock().unwrap().entry(name.to_owned()).or_default() += by;
    }
}

impl Plugin<'_> {
    /// Whether the case comes out as it must; the error says where it does not.
    pub(super) fn passes(&self, case: &Case) -> Result<(), String> {
        let ran = self.run(case.settings(), case.events().into_iter().map(|line| line.event).collect());
        let ran = match (&case.refused, ran) {
            (None, Err(refusal)) => return Err(format!("it does not start: {refusal}")),
            (Some(refused), Ok(_)) => return Err(format!("it starts, and should be refused with {refused:?}")),
            (Some(refused), Err(refusal)) if refusal.contains(refused) => return Ok(()),
            (Some(refused), Err(refusal)) => return Err(format!("it is refused with {refusal:?} and not {refused:?}")),
            (None, Ok(ran)) => ran,
        };
        compare(&ran.lines, &case.out())?;
        let reasons = ran.lines.iter().filter_map(|line| line.reason.as_ref());
        let told: Vec<&String> = reasons.chain(&ran.log).collect();
        if let Some(silent) = case.said.iter().find(|said| !told.iter().any(|line| line.contains(*said))) {
            return Err(format!("{silent:?} is said nowhere in {told:?}"));
        }
        if ran.counts != case.counts {
            return Err(format!("it counted {:?}, and should {:?}", ran.counts, case.counts));
        }
        if case.flood && ran.log.len() > FLOOD {
            return Err(format!("{} lines of its flood were written", ran.log.len()));
        }
        Ok(())
    }

    /// Runs one batch. The error is the refusal of the plugin or its settings.
    pub(super) fn run(&self, settings: BTreeMap<String, String>, events: Vec<Event>) -> Result<Ran, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        plugin_log::listen();
        let spec = spec::Wasm {
            plugin: self.file.to_owned(),
            settings,
            instances: Some(1),
            limits: Limits { deadline: DEADLINE, ..Limits::default() },
            on_error: OnError::DeadLetter,
            grants: Ability::ALL.to_vec(),
            swaps: Swaps::default(),
        };
        let interceptor = format!("{}-{}", self.name, NEXT.fetch_add(1, Ordering::Relaxed));
        let place = Place { pipeline: "p".into(), source: "s".into(), interceptor: interceptor.clone() };
        let counts = Arc::new(Counts::default());
        let wasm = Wasm::start(host(), place, &spec, counts.clone(), None).map_err(|error| error.to_string())?;
        let batch = Arc::new(Batch::from(events));
        let outcome = match wasm.intercept(batch.clone()) {
            Judging::Now(outcome) => outcome,
            Judging::Later(outcome) => outcome.blocking_recv().expect("an answer"),
        };
        let endings = event_file::endings(&batch, outcome.map_err(|error| error.to_string())?);
        let lines = endings.into_iter().map(Line::from).collect();
        let counts = std::mem::take(&mut *counts.0.lock().unwrap());
        Ok(Ran { lines, log: plugin_log::take(&interceptor), counts })
    }
}

/// Line by line; where no reason is wanted any will do.
pub(super) fn compare(lines: &[Line], wanted: &[Line]) -> Result<(), String> {
    for (number, (line, wanted)) in (1..).zip(lines.iter().zip(wanted)) {
        let reason = line.reason.clone().filter(|_| wanted.reason.is_some());
        let line = Line { reason, ..line.clone() }.text();
        if line != wanted.text() {
            return Err(format!("line {number} is\n    {line}\nand should be\n    {}", wanted.text()));
        }
    }
    match (lines.len(), wanted.len()) {
        (some, all) if some == all => Ok(()),
        (some, all) => Err(format!("{some} lines, and should be {all}")),
    }
}

#[test]
fn a_difference_in_any_part_of_a_line_is_told() {
    let read = |text: &str| crate::harness::event_lines::read(text).unwrap();
    let line = r#"{"verdict":"rejected","reason":"no","key":"k","timestamp":1,"headers":{"a":"1","b":null},"body":"x"}"#;
    assert_eq!(compare(&read(line), &read(line)), Ok(()));
    for (part, other) in [
        ("rejected", "kept"),
        ("\"no\"", "\"yes\""),
        ("\"k\"", "null"),
        ("\"k\"", "\"\""),
        (":1,", ":2,"),
        ("\"a\":\"1\",\"b\":null", "\"b\":null,\"a\":\"1\""),
        ("\"b\":null", "\"b\":\"\""),
        ("\"x\"", "{\"base64\":\"/w==\"}"),
        ("\"x\"", "{\"repeat\":[\"x\",1000]}"),
    ] {
        let changed = line.replace(part, other);
        assert_ne!(changed, line);
        assert!(compare(&read(&changed), &read(line)).is_err(), "{changed}");
    }
    let long = |last: &str| read(&format!("{{\"body\":\"{}{last}\"}}", "x".repeat(1000)));
    assert!(compare(&long("a"), &long("b")).is_err(), "values that are too long to be shown");
    assert!(compare(&read(line), &[]).is_err() && compare(&[], &read(line)).is_err(), "a line too many, and one too few");
    assert_eq!(compare(&read(line), &read(&line.replace("\"reason\":\"no\",", ""))), Ok(()), "any reason will do");
}
