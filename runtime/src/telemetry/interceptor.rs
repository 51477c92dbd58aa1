//! The numbers of one interceptor, and those of each version of its plugin, so that versions can be compared.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::metrics::{Labels, PluginFamilies, Slot, with};
use super::{Counter, Gauge, Histogram, Seconds};
use crate::plugin::{FailureKind, Judgement, short_digest};

/// Versions that are counted at a time.
const VERSIONS: usize = 4;

/// Numbers of an interceptor, whatever version of its plugin judges.
#[derive(Debug, Clone)]
pub struct InterceptorMetrics {
    /// Events judged.
    pub received_events: Counter,
    /// Events dropped on purpose.
    pub discarded_events: Counter,
    /// Events refused, which went to the dead letters.
    pub rejected_events: Counter,
    /// Lines of the plugin's log that its rate limit swallowed.
    pub suppressed_log_lines: Counter,
    /// Instances replaced because of age, memory or a trap.
    pub recycled: Counter,
    /// Linear memory of the instance that judged last, bytes.
    pub memory_bytes: Gauge,
    /// The most any instance of the present version has had, bytes.
    pub memory_peak_bytes: Gauge,
    /// Events that were not shown to somebody who listens.
    pub tap_dropped_events: Counter,
    pub(super) batch_duration: Histogram,
    pub(super) batches: Counter,
    pub(super) batch_seconds: Seconds,
    pub(super) labels: Labels,
    pub(super) plugins: PluginFamilies,
}

/// What came of an attempt to exchange a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapOutcome {
    /// The new version judges.
    Swapped,
    /// It was running already.
    Unchanged,
    /// The new version was not admitted.
    Refused,
    /// The new version was replaced by the one before, for a fault or by hand.
    RolledBack,
}

impl SwapOutcome {
    fn label(self) -> &'static str {
        match self {
            SwapOutcome::Swapped => "swapped",
            SwapOutcome::Unchanged => "unchanged",
            SwapOutcome::Refused => "refused",
            SwapOutcome::RolledBack => "rolled-back",
        }
    }
}

impl InterceptorMetrics {
    /// A batch took so long, waiting for a free instance included.
    pub fn batch(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.batch_duration.observe(seconds);
        self.batches.inc();
        self.batch_seconds.inc_by(seconds);
    }

    /// Counts a call that did not come back in order.
    pub fn trap(&self, kind: FailureKind) {
        self.plugins.traps.get_or_create(&with(&self.labels, &[("kind", kind.label())])).inc();
    }

    /// Calls that did not come back in order, by kind; kinds without any are left out.
    pub fn traps(&self) -> BTreeMap<String, u64> {
        let count = |kind: FailureKind| Some(self.plugins.traps.get(&with(&self.labels, &[("kind", kind.label())]))?.get());
        FailureKind::ALL.into_iter().filter_map(|kind| Some((kind.label().to_owned(), count(kind)?))).collect()
    }

    /// An instance has so many bytes of linear memory.
    pub fn memory(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.memory_bytes.set(bytes);
        self.memory_peak_bytes.inner().fetch_max(bytes, Ordering::Relaxed);
    }

    /// Counts an attempt to exchange the plugin.
    pub fn swap(&self, outcome: SwapOutcome) {
        self.plugins.swaps.get_or_create(&with(&self.labels, &[("result", outcome.label())])).inc();
    }

    /// Says which plugin judges from now on, in place of the one said before; its memory is measured from here.
    pub fn plugin(&self, name: &str, version: &str, digest: &str) {
        let slot = self.labels.iter().map(|(label, value)| (if *label == "component" { "slot" } else { label }, value.clone())).collect();
        let labels = with(&slot, &[("name", name), ("version", version), ("digest", digest)]);
        let before = self.lock().entry(self.labels.clone()).or_default().running.replace(labels.clone());
        self.plugins.info.get_or_create(&labels).set(1);
        if before.as_ref() == Some(&labels) {
            return;
        }
        self.memory_peak_bytes.set(0);
        if let Some(before) = before {
            self.plugins.info.remove(&before);
        }
    }

    /// Numbers of a version of the plugin, which go on where it was here before. Four versions are kept, the one that judges
    /// among them: the one that came longest ago is forgotten for a fifth, and begins at nothing if it comes back.
    pub fn version(&self, digest: &str, name: &str, version: &str) -> VersionMetrics {
        let labels = with(&self.labels, &[("digest", short_digest(digest)), ("name", name), ("version", version)]);
        let forgotten = self.lock().entry(self.labels.clone()).or_default().keep(&labels);
        if let Some((labels, counters)) = forgotten {
            self.plugins.forget(&labels, &counters);
        }
        let plugins = &self.plugins;
        VersionMetrics {
            events: plugins.events.get_or_create_owned(&labels),
            batches: plugins.batches.get_or_create_owned(&labels),
            discarded_events: plugins.discarded_events.get_or_create_owned(&labels),
            rejected_events: plugins.rejected_events.get_or_create_owned(&labels),
            cpu_seconds: plugins.cpu_seconds.get_or_create_owned(&labels),
            failures: FailureKind::ALL.map(|kind| plugins.failures.get_or_create_owned(&with(&labels, &[("kind", kind.label())]))),
            plugins: plugins.clone(),
            slot: self.labels.clone(),
            labels,
        }
    }
    fn lock(&self) -> MutexGuard<'_, HashMap<Labels, Slot>> {
        self.plugins.lock()
    }
}

impl Slot {
    /// Puts a version last, and says which is to be forgotten for it.
    fn keep(&mut self, version: &Labels) -> Option<(Labels, BTreeMap<String, Counter>)> {
        self.versions.retain(|other| other != version);
        self.versions.push(version.clone());
        if self.versions.len() <= VERSIONS {
            return None;
        }
        let oldest = self.versions.iter().position(|other| !self.is_running(other))?;
        let oldest = self.versions.remove(oldest);
        let counters = self.counters.remove(&oldest).unwrap_or_default();
        Some((oldest, counters))
    }

    fn is_running(&self, version: &Labels) -> bool {
        let running = self.running.as_ref().and_then(digest).map(short_digest);
        running.is_some() && running == digest(version)
    }
}

fn digest(labels: &Labels) -> Option<&str> {
    labels.iter().find(|(label, _)| *label == "digest").map(|(_, value)| value.as_str())
}

impl PluginFamilies {
    /// Takes a version's series away. Whoever still holds its numbers counts on, unseen.
    fn forget(&self, version: &Labels, counters: &BTreeMap<String, Counter>) {
        for family in [&self.events, &self.batches, &self.discarded_events, &self.rejected_events] {
            family.remove(version);
        }
        self.cpu_seconds.remove(version);
        for kind in FailureKind::ALL {
            self.failures.remove(&with(version, &[("kind", kind.label())]));
        }
        for name in counters.keys() {
            self.counters.remove(&with(version, &[("counter", name)]));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Labels, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers of one version of a plugin in one interceptor.
#[derive(Debug, Clone)]
pub struct VersionMetrics {
    /// Events judged.
    pub events: Counter,
    /// Batches judged.
    pub batches: Counter,
    /// Events dropped, by the plugin or by `on_error = discard`.
    pub discarded_events: Counter,
    /// Events sent to the dead letters.
    pub rejected_events: Counter,
    /// CPU time of its threads, the host's work for it included.
    pub cpu_seconds: Seconds,
    /// In the order of [`FailureKind::ALL`].
    failures: [Counter; FailureKind::ALL.len()],
    plugins: PluginFamilies,
    /// The interceptor's labels, and this version's.
    slot: Labels,
    labels: Labels,
}

impl VersionMetrics {
    /// A batch was judged.
    pub fn judged(&self, judgement: &Judgement) {
        self.events.inc_by(judgement.events as u64);
        self.batches.inc();
        self.discarded_events.inc_by(judgement.discarded as u64);
        self.rejected_events.inc_by(judgement.rejected as u64);
        self.cpu_seconds.inc_by(judgement.cpu.as_secs_f64());
    }

    /// A call did not come back in order.
    pub fn failed(&self, kind: FailureKind) {
        for (other, count) in FailureKind::ALL.iter().zip(&self.failures) {
            if *other == kind {
                count.inc();
            }
        }
    }

    /// The plugin counted under a name of its own. Of a version that was forgotten nothing is shown any more.
    pub fn counted(&self, name: &str, by: u64) {
        let mut slots = self.plugins.lock();
        let Some(slot) = slots.get_mut(&self.slot).filter(|slot| slot.versions.contains(&self.labels)) else { return };
        if let Some(counter) = slot.counters.get(&self.labels).and_then(|counters| counters.get(name)) {
            counter.inc_by(by);
            return;
        }
        let counter = self.plugins.counters.get_or_create_owned(&with(&self.labels, &[("counter", name)]));
        counter.inc_by(by);
        slot.counters.entry(self.labels.clone()).or_default().insert(name.to_owned(), counter);
    }
}
