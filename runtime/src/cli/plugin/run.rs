//! Events through a plugin, in batches, and what is told about it afterwards.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use super::alone::Alone;
use crate::batch::{Batch, Fate, Outcome};
use crate::cli::show::amount::{bytes, count, counted, micros};
use crate::event::Event;
use crate::event_file::{self, Ending, Form, Line, Reader, endings};
use crate::printable::{escaped, one_line};

/// Backtraces that are shown; the next ones are mostly the same.
const BACKTRACES: usize = 3;

/// Reads the events of a file.
pub(super) fn events(file: &Path) -> Result<Vec<Event>, event_file::Error> {
    Reader::new(file.display().to_string(), open(file)?, Form::Json).collect()
}

/// Reads what is expected.
pub(super) fn expectation(file: &Path) -> Result<Vec<Line>, event_file::Error> {
    event_file::expectation(file.display().to_string(), open(file)?)
}

fn open(file: &Path) -> Result<BufReader<File>, event_file::Error> {
    let opened = File::open(file).map_err(|source| event_file::Error::Read { file: file.display().to_string(), source })?;
    Ok(BufReader::new(opened))
}

/// A plugin, and what became of the events it was given.
pub(super) struct Run {
    alone: Alone,
    kept: u64,
    discarded: u64,
    rejected: u64,
    derived: u64,
    backtraces: usize,
}

impl Run {
    pub(super) fn of(alone: Alone) -> Run {
        Run { alone, kept: 0, discarded: 0, rejected: 0, derived: 0, backtraces: 0 }
    }

    /// Judges events as one batch.
    pub(super) fn batch(&mut self, events: Vec<Event>) -> anyhow::Result<Vec<Line>> {
        let first = self.kept + self.discarded + self.rejected + 1;
        let batch = Arc::new(Batch::from(events));
        let outcome = self.alone.judge(batch.clone())?;
        self.show_backtraces(first, &outcome);
        let lines = endings(&batch, outcome);
        for line in &lines {
            match line.ending {
                Ending::Kept => self.kept += 1,
                Ending::Discarded => self.discarded += 1,
                Ending::Rejected(_) => self.rejected += 1,
                Ending::Derived => self.derived += 1,
            }
        }
        Ok(lines)
    }

    /// Judges all of them, so many at a time.
    pub(super) fn all(&mut self, events: &[Event], batch: usize) -> anyhow::Result<Vec<Line>> {
        let mut lines = Vec::with_capacity(events.len());
        for part in events.chunks(batch) {
            lines.extend(self.batch(part.to_vec())?);
        }
        Ok(lines)
    }

    /// Where in its code the plugin failed, which its reason alone does not say.
    fn show_backtraces(&mut self, first: u64, outcome: &Outcome) {
        for (index, verdict) in &outcome.verdicts {
            let Fate::Reject(rejection) = &verdict.fate else { continue };
            let Some(backtrace) = &rejection.backtrace else { continue };
            self.backtraces += 1;
            if self.backtraces > BACKTRACES {
                return;
            }
            eprintln!("event {}: {}", first + *index as u64, one_line(&rejection.reason));
            for frame in backtrace.lines() {
                eprintln!("    {}", escaped(frame));
            }
        }
    }

    /// The figures, for a person.
    pub(super) fn report(&self) -> String {
        let (plugin, figures) = (self.alone.plugin(), self.alone.figures());
        let mut lines = vec![format!("{} {} ({})", escaped(&plugin.name), escaped(&plugin.version), plugin.short_digest())];
        let mut fates = format!("{} kept, {} discarded, {} rejected", count(self.kept), count(self.discarded), count(self.rejected));
        if figures.failed > 0 {
            fates.push_str(&format!(" ({} over which the plugin failed)", count(figures.failed)));
        }
        if self.derived > 0 {
            fates.push_str(&format!("; {} derived", count(self.derived)));
        }
        lines.push(format!("{} in {}: {fates}", counted(figures.events, "event", "events"), counted(figures.batches, "batch", "batches")));
        if !figures.counters.is_empty() {
            let counters: Vec<String> = figures.counters.iter().map(|(name, value)| format!("{name} {}", count(*value))).collect();
            lines.push(format!("counters: {}", counters.join(", ")));
        }
        if figures.suppressed > 0 {
            lines.push(format!(
                "log: {} not written, as it is in an agent above 100 a second",
                counted(figures.suppressed, "line", "lines")
            ));
        }
        if figures.events > 0 {
            let cpu = figures.cpu.as_secs_f64() * 1e6 / figures.events as f64;
            let (memory, limit) = (bytes(figures.memory), bytes(self.alone.memory_limit()));
            lines.push(format!("CPU {}/event, the first calls included; memory {memory} of {limit}", micros(cpu)));
        }
        lines.join("\n") + "\n"
    }
}
