//! A new version on trial: the one before it stands by, takes over what the new one fails over, and comes back when the new one is worse.
//!
//! A batch that the new version fails over is judged whole by the old one, so that a bad version parks no event. Where the old one judges it without
//! fault, the new one is to blame and is rolled back; where both fail, it is the event.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::Error;
use super::crew::Job;
use super::tally::Counts;
use super::version::Version;
use crate::batch::{Batch, Outcome};
use crate::control::now;
use crate::control::swap::TrialStatus;
use crate::event::Event;
use crate::interceptor::spec::Swaps;
use crate::plugin::Failure;

/// Rates of fewer events say nothing.
const LEAST_EVENTS: u64 = 200;
/// Nor do those of fewer batches.
const LEAST_BATCHES: u64 = 3;
/// Difference of CPU per event, in microseconds, below which no factor counts.
const LEAST_MICROS: f64 = 1.0;
/// Share of events by which the discards may always differ.
const LEAST_SHARE: f64 = 0.01;

/// A trial under way.
pub(super) struct Trial {
    pub(super) fallback: Arc<Version>,
    /// What the fallback did of late.
    pub(super) before: Counts,
    bounds: Bounds,
    ends: Instant,
    ends_at: u64,
    condemned: watch::Sender<Option<String>>,
}

/// What a new version must keep to, compared with the one before it.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    slower: f64,
    discards: f64,
    /// Bytes.
    memory: u64,
    /// Percent of the memory limit that `memory` is.
    memory_percent: u8,
}

impl Bounds {
    pub(super) fn new(swaps: &Swaps, memory_limit: usize) -> Bounds {
        let memory = (memory_limit as u64) / 100 * u64::from(swaps.memory);
        Bounds { slower: swaps.slower, discards: swaps.discards, memory, memory_percent: swaps.memory }
    }

    /// Why the new version is not good enough, if so.
    pub(super) fn fault(&self, before: &Counts, now: &Counts) -> Option<String> {
        if now.memory_peak > self.memory && before.memory_peak <= self.memory {
            return Some(format!(
                "an instance of it has grown to {} bytes of memory after {} batches, beyond {} % of its limit (`trialMemory`); the version before stayed at {}",
                now.memory_peak, now.batches, self.memory_percent, before.memory_peak
            ));
        }
        let comparable = |counts: &Counts| counts.events >= LEAST_EVENTS && counts.batches >= LEAST_BATCHES;
        if !comparable(now) || !comparable(before) {
            return None;
        }
        let (slow, quick) = (now.micros_per_event(), before.micros_per_event());
        if slow > quick * self.slower && slow - quick > LEAST_MICROS {
            return Some(format!(
                "it takes {slow:.2} µs of CPU an event, the version before {quick:.2}: more than {} times as much (`trialSlower`)",
                self.slower
            ));
        }
        let (lost, lost_before) = (now.share_lost(), before.share_lost());
        if lost > lost_before * self.discards + LEAST_SHARE {
            return Some(format!(
                "it discards or rejects {:.1} % of the events, the version before {:.1} %: more than {} times as many (`trialDiscards`)",
                lost * 100.0,
                lost_before * 100.0,
                self.discards
            ));
        }
        None
    }
}

/// How a trial stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Too early to say.
    Open,
    /// Its time is over, and nothing was wrong.
    Passed,
    /// It must go, for this reason.
    Failed(String),
}

impl Trial {
    pub(super) fn new(fallback: Arc<Version>, before: Counts, swaps: &Swaps, memory_limit: usize) -> Arc<Trial> {
        let length = u64::try_from(swaps.trial.as_millis()).unwrap_or(u64::MAX);
        Arc::new(Trial {
            fallback,
            before,
            bounds: Bounds::new(swaps, memory_limit),
            ends: Instant::now() + swaps.trial.min(Duration::from_secs(86_400 * 365)),
            ends_at: now().saturating_add(length),
            condemned: watch::Sender::new(None),
        })
    }

    /// When it ends, if nothing happens; milliseconds since the epoch.
    pub(super) fn ends_at(&self) -> u64 {
        self.ends_at
    }

    /// Hears of a verdict as soon as there is one.
    pub(super) fn condemned(&self) -> watch::Receiver<Option<String>> {
        self.condemned.subscribe()
    }

    /// How it stands for a version that has judged this so far. A trial without a batch goes on.
    pub(super) fn standing(&self, judged: &Counts) -> Standing {
        if let Some(reason) = self.condemned.borrow().clone() {
            return Standing::Failed(reason);
        }
        if let Some(reason) = self.bounds.fault(&self.before, judged) {
            return Standing::Failed(reason);
        }
        if Instant::now() >= self.ends && judged.batches > 0 { Standing::Passed } else { Standing::Open }
    }

    pub(super) fn status(&self, judged: &Counts) -> TrialStatus {
        TrialStatus { ends: self.ends_at, batches: judged.batches, events: judged.events }
    }

    /// The new version failed over a part of this batch: the one before it judges the batch, and so says who is to blame.
    pub(super) fn hand_over(
        self: &Arc<Trial>,
        (batch, most): (Arc<Batch>, usize),
        answer: Option<oneshot::Sender<Result<Outcome, Error>>>,
        (part, failure): (Range<usize>, Failure),
    ) {
        let Some(answer) = answer else { return };
        let handed_over = Some(HandedOver { trial: self.clone(), place: place(&batch.events[part]), failure });
        self.fallback.crew().put(Job { batch, most, version: self.fallback.clone(), answer, handed_over });
    }
}

/// What a version on trial failed over, on its way to be judged by the one before it.
pub(super) struct HandedOver {
    trial: Arc<Trial>,
    place: String,
    failure: Failure,
}

impl HandedOver {
    /// The version before had nothing to say against these events: the new one must go. The first reason counts.
    pub(super) fn condemn(self) {
        let HandedOver { trial, place, failure } = self;
        let mut reason = format!("it failed over {place}, which the version before judges without fault: {}", failure.reason);
        if let Some(backtrace) = &failure.backtrace {
            reason = format!("{reason}\n{backtrace}");
        }
        trial.condemned.send_if_modified(|told| {
            told.is_none() && {
                *told = Some(reason);
                true
            }
        });
    }
}

/// Where a batch is from, for a person.
pub(super) fn place(batch: &[Event]) -> String {
    let events = batch.len();
    match (batch.first().and_then(|event| event.origin.as_ref()), batch.last().and_then(|event| event.origin.as_ref())) {
        (Some(first), Some(last)) if first.partition == last.partition && first.topic == last.topic => {
            format!(
                "a batch of {events} events (topic {} partition {} offsets {} to {})",
                first.topic, first.partition, first.offset, last.offset
            )
        }
        (Some(first), Some(_)) => {
            format!("a batch of {events} events (from topic {} partition {} offset {} on)", first.topic, first.partition, first.offset)
        }
        _ => format!("a batch of {events} events"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Counts =
        Counts { batches: 100, events: 10_000, cpu_nanos: 20_000_000, discarded: 1000, rejected: 0, memory_peak: 1 << 20 };

    fn fault(now: Counts) -> Option<String> {
        Bounds::new(&Swaps::default(), 64 << 20).fault(&BEFORE, &now)
    }

    #[test]
    fn what_does_as_before_has_no_fault() {
        assert_eq!(fault(BEFORE), None);
        assert_eq!(fault(Counts { cpu_nanos: 4 * BEFORE.cpu_nanos, discarded: 1500, ..BEFORE }), None);
        assert_eq!(fault(Counts { discarded: 0, ..BEFORE }), None, "discarding less is no fault");
    }

    #[test]
    fn each_bound_is_named_with_both_figures() {
        for (now, words) in [
            (Counts { cpu_nanos: 10 * BEFORE.cpu_nanos, ..BEFORE }, ["20.00 µs", "2.00", "trialSlower"]),
            (Counts { discarded: 2000, ..BEFORE }, ["20.0 %", "10.0 %", "trialDiscards"]),
            (Counts { rejected: 1000, ..BEFORE }, ["20.0 %", "10.0 %", "trialDiscards"]),
            (Counts { memory_peak: 60 << 20, ..BEFORE }, ["62914560", "1048576", "trialMemory"]),
        ] {
            let reason = fault(now).expect("a fault");
            assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
        }
    }

    #[test]
    fn a_few_events_say_nothing() {
        assert_eq!(fault(Counts { events: 100, discarded: 100, ..BEFORE }), None);
        assert_eq!(fault(Counts { batches: 1, discarded: 10_000, ..BEFORE }), None);
    }
}
