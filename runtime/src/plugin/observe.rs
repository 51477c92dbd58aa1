//! What a plugin's host tells those who count: a handful of calls a batch, none an event.

use std::sync::Arc;
use std::time::Duration;

use super::Info;
use crate::control::swap::{SwapResult, VersionStatus};

/// What a plugin was given at a time and judged, however many calls it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Events it was given.
    pub events: usize,
    /// From the first call to the last answer.
    pub duration: Duration,
    /// Its share, by events, of the CPU time that its thread took for all that was handed over with it; the host's work for it is included.
    pub cpu: Duration,
    /// Events the plugin dropped on purpose, and those `on_error = discard` dropped.
    pub discarded: usize,
    /// Events that go to the dead letters.
    pub rejected: usize,
    /// New events.
    pub derived: usize,
    /// Events it trapped, spun or ate memory over, whatever `on_error` made of them.
    pub failed: usize,
}

/// Why a call failed. The instance is thrown away each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The guest trapped: a panic, a stack that ran over, a memory access out of bounds.
    Trap,
    /// It did not answer in time.
    Deadline,
    /// It trapped after the host refused it more memory.
    Memory,
    /// It handed the host more bytes than the limit.
    TooLarge,
    /// Its edits do not fit the batch.
    Outcome,
    /// It answered with an error.
    Guest,
    /// The host itself failed; a bug in Weir.
    Host,
}

impl FailureKind {
    /// Every kind there is.
    pub const ALL: [FailureKind; 7] = [
        FailureKind::Trap,
        FailureKind::Deadline,
        FailureKind::Memory,
        FailureKind::TooLarge,
        FailureKind::Outcome,
        FailureKind::Guest,
        FailureKind::Host,
    ];

    /// The label metrics use.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            FailureKind::Trap => "trap",
            FailureKind::Deadline => "deadline",
            FailureKind::Memory => "memory",
            FailureKind::TooLarge => "too-large",
            FailureKind::Outcome => "outcome",
            FailureKind::Guest => "guest",
            FailureKind::Host => "host",
        }
    }
}

/// Told what guests do. Called from the guests' threads; must not block.
pub trait Observer: Send + Sync {
    /// Who is told of one version; `None` is this one, for all of them.
    fn of(&self, plugin: &Info) -> Option<Arc<dyn Observer>> {
        let _ = plugin;
        None
    }
    /// A batch is done.
    fn judged(&self, judgement: Judgement) {
        let _ = judgement;
    }
    /// A call failed; several may, for one batch, while the guilty event is looked for.
    fn failed(&self, kind: FailureKind) {
        let _ = kind;
    }
    /// An instance was replaced because of its age or its memory.
    fn recycled(&self) {}
    /// Linear memory of the instance that has just judged a batch, or failed over it, in bytes.
    fn memory(&self, bytes: usize) {
        let _ = bytes;
    }
    /// Another version judges from the next batch on; `from` is `None` for the first one.
    fn switched(&self, from: Option<&VersionStatus>, to: &VersionStatus) {
        let _ = (from, to);
    }
    /// A swap or a roll-back ended; `None`: it was refused.
    fn swap_ended(&self, result: Option<SwapResult>) {
        let _ = result;
    }
    /// The plugin logged more than it may: so many lines were not written.
    fn log_suppressed(&self, lines: u64) {
        let _ = lines;
    }
    /// The plugin counted, in calls that ended in order, under a name of its own. There are few names, of `a-z`, `0-9` and `_`.
    fn counted(&self, name: &str, by: u64) {
        let _ = (name, by);
    }
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
