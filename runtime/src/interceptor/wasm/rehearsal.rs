//! The rehearsal: a new version judges the last batches really seen, beside the present one, and nothing of it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tally::{Counts, Tally};
use super::trial::{Bounds, place};
use crate::batch::Batch;
use crate::control::swap::Rehearsal;
use crate::plugin::{CpuClock, Failure, Instance, Judgement, LogLines, Plugin, time_for};

/// A rehearsal ends after so long with what it has seen.
const LONGEST: Duration = Duration::from_secs(5);

/// Judges the batches with both. The error says why the new version is not let in. Blocks.
pub(super) fn rehearse(
    new: &Plugin,
    present: &Plugin,
    batches: &[Arc<Batch>],
    bounds: Option<&Bounds>,
) -> Result<Option<Rehearsal>, String> {
    let Some(first) = batches.first() else { return Ok(None) };
    let begun = Instant::now();
    let (mut new, mut present) = (Player::new(new), Player::new(present));
    // The first call of an instance touches its memory for the first time, which is not what is compared.
    let _ = (new.judge(first), present.judge(first));
    (new.tally, present.tally) = Default::default();
    let mut rehearsal = Rehearsal::default();
    for batch in batches {
        if begun.elapsed() > LONGEST {
            break;
        }
        let (judged, before) = (new.judge(batch), present.judge(batch));
        match (judged, before) {
            (Ok(()), _) => {}
            (Err(_), Err(_)) => rehearsal.failed_events += batch.len() as u64,
            (Err(failure), Ok(())) => return Err(accusation(batch, &failure)),
        }
        rehearsal.batches += 1;
        rehearsal.events += batch.len() as u64;
    }
    let (counts, before) = (new.counts(), present.counts());
    rehearsal.micros_per_event = counts.micros_per_event();
    rehearsal.micros_per_event_before = before.micros_per_event();
    rehearsal.memory_bytes = counts.memory_peak;
    match bounds.and_then(|bounds| bounds.fault(&before, &counts)) {
        Some(fault) => Err(format!("in a rehearsal on the last {} batches {fault}", rehearsal.batches)),
        None => Ok(Some(rehearsal)),
    }
}

fn accusation(batch: &Batch, failure: &Failure) -> String {
    let reason =
        format!("in a rehearsal it failed over {}, which the present version judges without fault: {failure}", place(&batch.events));
    match &failure.backtrace {
        Some(backtrace) => format!("{reason}\n{backtrace}"),
        None => reason,
    }
}

/// A plugin in the rehearsal, with an instance of its own.
struct Player<'a> {
    plugin: &'a Plugin,
    instance: Option<Instance>,
    tally: Tally,
}

impl<'a> Player<'a> {
    fn new(plugin: &'a Plugin) -> Player<'a> {
        Player { plugin, instance: None, tally: Tally::default() }
    }

    fn counts(&self) -> Counts {
        self.tally.counts()
    }

    fn judge(&mut self, batch: &Arc<Batch>) -> Result<(), Failure> {
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.plugin.instance(LogLines::muted())?,
        };
        let time = time_for(self.plugin.limits().deadline, batch.len());
        let (begun, clock) = (Instant::now(), CpuClock::start());
        let outcome = instance.judge(batch, 0..batch.len(), time)?;
        let cpu = clock.elapsed();
        let (discarded, rejected, derived) = outcome.counts();
        self.tally.judged(&Judgement { events: batch.len(), duration: begun.elapsed(), cpu, discarded, rejected, derived, failed: 0 });
        self.tally.memory(instance.memory());
        self.instance = Some(instance);
        Ok(())
    }
}
