//! What an agent says of itself: `GET /api/v1/status`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::swap::{TrialStatus, VersionStatus};

/// A whole agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Weir's version.
    pub version: String,
    /// When it started.
    pub started: u64,
    /// When this was said.
    pub now: u64,
    /// Whether it takes in nothing more and is ending.
    pub draining: bool,
    /// Its pipelines, by name.
    pub pipelines: Vec<PipelineStatus>,
}

/// What a pipeline is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineState {
    /// Connecting to what it reads and writes.
    #[default]
    Starting,
    /// At work.
    Running,
    /// A part of it failed and is tried again.
    Failing,
    /// Reads nothing, because somebody said so.
    Paused,
    /// Reads nothing more and brings home what it has.
    Draining,
    /// Ended, by an interceptor that halts or by the drain.
    Stopped,
}

/// A pipeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineStatus {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: PipelineState,
    /// Why, for a person: the error of what fails, who paused it.
    pub detail: String,
    /// Since when its present run.
    pub started: u64,
    /// Its sources.
    pub sources: Vec<SourceStatus>,
    /// Its plugins and built-in interceptors, in the order of their chains.
    pub interceptors: Vec<InterceptorStatus>,
    /// Its channels.
    pub channels: Vec<ChannelStatus>,
    /// Its sinks.
    pub sinks: Vec<SinkStatus>,
    /// Events parked since the agent started.
    pub dead_letters: u64,
}

impl PipelineStatus {
    /// Events that came in: through its sources, or where it has none, from its Kafka channels.
    #[must_use]
    pub fn received_events(&self) -> u64 {
        match self.sources.is_empty() {
            true => self.channels.iter().map(|channel| channel.read_events).sum(),
            false => self.sources.iter().map(|source| source.received_events).sum(),
        }
    }

    /// Messages behind, of its sources and of its Kafka channels.
    #[must_use]
    pub fn lag(&self) -> i64 {
        self.sources.iter().map(|source| source.lag).chain(self.channels.iter().map(|channel| channel.lag)).sum()
    }

    /// Batches read and not settled, of its sources and of its Kafka channels.
    #[must_use]
    pub fn open_batches(&self) -> i64 {
        self.sources.iter().map(|source| source.open_batches).chain(self.channels.iter().map(|channel| channel.open_batches)).sum()
    }

    /// Times that its sources, and the reading of its Kafka channels, were started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.sources.iter().map(|source| source.restarts).chain(self.channels.iter().map(|channel| channel.restarts)).sum()
    }
}

/// A source. Counts are since the agent started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Its type, such as `kafka`.
    pub kind: String,
    /// Events read.
    pub received_events: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Batches read and not settled.
    pub open_batches: i64,
    /// Messages behind, over its partitions.
    pub lag: i64,
    /// Times it was started again.
    pub restarts: u64,
}

/// A channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// Its name.
    pub name: String,
    /// Its type, such as `memory`.
    pub kind: String,
    /// Events waiting.
    pub events: i64,
    /// The most that may wait.
    pub capacity_events: u64,
    /// Bytes waiting.
    pub bytes: i64,
    /// Puts that had to wait for room.
    pub put_waits: u64,
    /// Of a Kafka channel: events read from its topic.
    #[serde(default)]
    pub read_events: u64,
    /// Of a Kafka channel: batches read from its topic and not settled.
    #[serde(default)]
    pub open_batches: i64,
    /// Of a Kafka channel: messages behind, over its partitions.
    #[serde(default)]
    pub lag: i64,
    /// Of a Kafka channel: times that reading was started again.
    #[serde(default)]
    pub restarts: u64,
}

/// A sink.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// Its type, such as `kafka`.
    pub kind: String,
    /// Events acknowledged downstream.
    pub sent_events: u64,
    /// Bytes of them.
    pub sent_bytes: u64,
    /// Writes tried again.
    pub retries: u64,
    /// Events refused downstream.
    pub rejected_events: u64,
}

/// An interceptor. What concerns versions is there for plugins only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InterceptorStatus {
    /// How it is addressed, such as `flume1/int-1`.
    pub path: String,
    /// Its source.
    pub source: String,
    /// Its name.
    pub name: String,
    /// Its type, such as `wasm`.
    pub kind: String,
    /// Events judged, by whatever version.
    pub received_events: u64,
    /// Events dropped on purpose.
    pub discarded_events: u64,
    /// Events that went to the dead letters.
    pub rejected_events: u64,
    /// Batches judged.
    pub batches: u64,
    /// Seconds spent on them, waiting for a free instance included.
    pub seconds: f64,
    /// Calls that failed, by kind: `trap`, `deadline`, `memory`, `too-large`, `outcome`, `guest`, `host`.
    #[serde(default)]
    pub failures: BTreeMap<String, u64>,
    /// Instances replaced for age, memory or a failure.
    pub recycled: u64,
    /// Linear memory of the instance that judged last, bytes.
    pub memory_bytes: i64,
    /// The most any instance of the present version has had.
    pub memory_peak_bytes: u64,
    /// The most an instance may have; 0 for a built-in.
    pub memory_limit_bytes: u64,
    /// What judges now.
    pub version: Option<VersionStatus>,
    /// What judged before it and is there to go back to.
    pub previous: Option<VersionStatus>,
    /// While it is on trial.
    pub trial: Option<TrialStatus>,
}
