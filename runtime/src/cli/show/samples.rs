//! An agent at work, for the tests of what is shown.

use crate::control::status::{AgentStatus, ChannelStatus, InterceptorStatus, PipelineState, PipelineStatus, SinkStatus, SourceStatus};
use crate::control::swap::{TrialStatus, VersionStatus};

/// 2026-11-24T14:00:00Z.
pub(in crate::cli) const NOW: u64 = 1_795_528_800_000;
const MINUTE: u64 = 60_000;

/// A version of `fraud-score` that is in place for three minutes.
pub(in crate::cli) fn version(id: u64, digest: &str) -> VersionStatus {
    VersionStatus {
        id,
        digest: digest.repeat(64 / digest.len() + 1)[..64].to_owned(),
        name: "fraud-score".into(),
        version: format!("0.{id}.0"),
        origin: "score.wasm".into(),
        since: NOW - 3 * MINUTE,
        by: "ana".into(),
    }
}

/// One pipeline with two interceptors, one of them a plugin on trial.
pub(in crate::cli) fn agent() -> AgentStatus {
    let timestamp = InterceptorStatus {
        path: "flume1/int-0".into(),
        source: "r1".into(),
        name: "int-0".into(),
        kind: "timestamp".into(),
        received_events: 1_234_567,
        batches: 1_235,
        seconds: 0.5,
        ..InterceptorStatus::default()
    };
    let score = InterceptorStatus {
        path: "flume1/int-1".into(),
        name: "int-1".into(),
        kind: "wasm".into(),
        discarded_events: 4_000,
        rejected_events: 3,
        seconds: 1.5,
        failures: [("trap".to_owned(), 2), ("deadline".to_owned(), 1)].into(),
        memory_bytes: 2_000_000,
        memory_limit_bytes: 64 << 20,
        version: Some(version(2, "77ab12cd34ef")),
        previous: Some(version(1, "9f2c00aa11bb")),
        trial: Some(TrialStatus { ends: NOW + 2 * MINUTE + 11_000, batches: 41, events: 41_000 }),
        ..timestamp.clone()
    };
    let pipeline = PipelineStatus {
        name: "flume1".into(),
        state: PipelineState::Running,
        detail: String::new(),
        started: NOW - 120 * MINUTE,
        sources: vec![SourceStatus {
            name: "r1".into(),
            kind: "kafka".into(),
            received_events: 1_234_567,
            received_bytes: 308_000_000,
            open_batches: 4,
            lag: 12,
            restarts: 0,
        }],
        interceptors: vec![timestamp, score],
        channels: vec![ChannelStatus {
            name: "ch1".into(),
            kind: "memory".into(),
            events: 120,
            capacity_events: 1_000,
            bytes: 30_000,
            put_waits: 7,
            ..ChannelStatus::default()
        }],
        sinks: vec![SinkStatus {
            name: "k1".into(),
            kind: "kafka".into(),
            sent_events: 1_230_000,
            sent_bytes: 308_000_000,
            retries: 1,
            rejected_events: 0,
        }],
        dead_letters: 3,
    };
    AgentStatus { version: "0.1.0".into(), started: NOW - 192 * MINUTE, now: NOW, draining: false, pipelines: vec![pipeline] }
}
