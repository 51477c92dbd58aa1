//! Swaps, roll-backs, versions and reloads, in the API's words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A new version, as it was handed in.
#[derive(Debug, Clone, Default)]
pub struct Proposal {
    /// What it is called in messages: a file's name.
    pub name: String,
    /// The component.
    pub component: Vec<u8>,
    /// The text of its detached minisign signature.
    pub signature: Option<String>,
    /// Digest that must be running now, or nothing is done: two teams that deploy at once do not overwrite each other unseen.
    pub expected: Option<String>,
    /// Why, for the history.
    pub why: String,
    /// How long to wait for the first batch.
    pub wait: Option<Duration>,
    /// Whether it is on trial afterwards. Off is for changes that are meant to discard or cost more.
    pub trial: bool,
}

/// Where to go back to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RollbackRequest {
    /// Digest, or its beginning; `None` is the version before this one.
    pub to: Option<String>,
    /// Why, for the history.
    pub why: String,
}

/// Which version of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionStatus {
    /// Number in the interceptor's history.
    pub id: u64,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// As it names itself.
    pub name: String,
    /// As it names its version.
    pub version: String,
    /// Where it came from: a file, or the name it was uploaded under.
    pub origin: String,
    /// Since when it judges.
    pub since: u64,
    /// Who put it there.
    pub by: String,
}

/// How a trial goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialStatus {
    /// When it ends, if nothing happens.
    pub ends: u64,
    /// Batches judged so far.
    pub batches: u64,
    /// Events judged so far.
    pub events: u64,
}

/// What a swap or a roll-back came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwapReport {
    /// In one word.
    pub result: SwapResult,
    /// In a sentence.
    pub detail: String,
    /// What judged before.
    pub from: VersionStatus,
    /// What judges now.
    pub to: VersionStatus,
    /// How it was taken in; `None` for a version that was in memory.
    pub admission: Option<Admission>,
    /// The first real batch it judged; `None` when none came in time.
    pub first_batch: Option<FirstBatch>,
    /// When the trial ends; `None` without one.
    pub trial_ends: Option<u64>,
}

/// What a swap came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapResult {
    /// The new version has judged a batch.
    Swapped,
    /// The new version is in place, and no batch has come yet.
    Waiting,
    /// It failed over its first batches and the version before judges again.
    RolledBack,
    /// That version runs already.
    Unchanged,
}

/// What was done before the switch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Admission {
    /// Bytes of the component.
    pub bytes: u64,
    /// Name of the key that signed it; `None` where no signature is required.
    pub signed_by: Option<String>,
    /// Milliseconds for compiling, or for taking the code from the cache.
    pub compile_ms: u64,
    /// The rehearsal on batches that were really seen; `None` when none was there yet.
    pub rehearsal: Option<Rehearsal>,
}

/// A new version's judgement of the last batches really seen; nothing of it went on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Batches.
    pub batches: u64,
    /// Events in them.
    pub events: u64,
    /// Events that failed, and failed under the present version as well.
    pub failed_events: u64,
    /// Time per event, microseconds of CPU.
    pub micros_per_event: f64,
    /// The same of the present version, on the same batches.
    pub micros_per_event_before: f64,
    /// The most linear memory it had, bytes.
    pub memory_bytes: u64,
}

/// A new version's first real batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FirstBatch {
    /// Events in it.
    pub events: u64,
    /// From the call to the answer, microseconds.
    pub micros: u64,
}

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionState {
    /// Judges, and is watched.
    Trial,
    /// Was replaced before its trial was over.
    Replaced,
    /// Judges, or judged until it was replaced, and its trial was over.
    Good,
    /// Was replaced for a fault; never taken again from a watched file unless that changes.
    RolledBack,
    /// The agent died while it was on trial; the version before it was started again.
    Interrupted,
}

/// Where a partition stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetRange {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// First offset judged.
    pub from: i64,
    /// The offset after the last one judged.
    pub to: i64,
}

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Which version, who put it there and when.
    #[serde(flatten)]
    pub version: VersionStatus,
    /// Why, in the words of who did it.
    pub why: String,
    /// What became of it.
    pub state: VersionState,
    /// Why it was rolled back; empty otherwise.
    pub reason: String,
    /// When it was replaced; `None` while it judges, or where the agent died.
    pub until: Option<u64>,
    /// What it judged, as far as was written down before the agent ended.
    pub offsets: Vec<OffsetRange>,
}

/// An interceptor's versions, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// How the interceptor is addressed.
    pub path: String,
    /// Its versions.
    pub versions: Vec<HistoryEntry>,
}

/// What a reload came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// A line a change; empty when the configuration says what it said before.
    pub changes: Vec<ReloadChange>,
}

/// One change of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReloadChange {
    /// What changed, such as `flume1` or `flume1/int-1`.
    pub path: String,
    /// What was done.
    pub result: ReloadResult,
    /// In a sentence.
    pub detail: String,
}

/// What was done about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReloadResult {
    /// A plugin was exchanged between two batches, or a setting taken over; everything runs on.
    Swapped,
    /// A pipeline was drained and started again.
    Restarted,
    /// A pipeline is new.
    Started,
    /// A pipeline is no longer there; it was drained.
    Stopped,
    /// It was refused, and what ran goes on.
    Rejected,
    /// It takes a restart of the agent, and was left as it was.
    NeedsRestart,
}
