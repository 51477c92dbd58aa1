//! The numbers of one source, channel or sink, handed to it when it is built. Each handle is cheap to clone and is meant to be updated once per batch.

use hyper::{Method, StatusCode};

use super::metrics::Counts;
use super::{Counter, Gauge, Seconds};

/// Numbers of a source.
#[derive(Debug, Clone)]
pub struct SourceMetrics {
    /// Events read.
    pub received_events: Counter,
    /// Bytes of those events, headers and keys included.
    pub received_bytes: Counter,
    /// Events that came through the chain and were put into every channel.
    pub accepted_events: Counter,
    /// Events that the selector had no channel for.
    pub discarded_events: Counter,
    /// Events that an optional channel had no room for; once for each such channel.
    pub dropped_events: Counter,
    /// Polls that brought nothing.
    pub empty_polls: Counter,
    /// Checkpoints stored.
    pub commits: Counter,
    /// Times the source was started again from its last commit.
    pub restarts: Counter,
    /// Times partitions were taken away by a rebalance.
    pub revocations: Counter,
    /// Time spent waiting for events and reading them; handing them over is not in it.
    pub poll_seconds: Seconds,
    /// Time spent storing checkpoints.
    pub commit_seconds: Seconds,
    /// Batches read and not settled.
    pub open_batches: Gauge,
    /// Messages in the assigned partitions behind the committed offset.
    pub lag: Gauge,
}

/// Numbers of a channel.
#[derive(Debug, Clone)]
pub struct ChannelMetrics {
    /// Events waiting.
    pub size_events: Gauge,
    /// Bytes waiting.
    pub size_bytes: Gauge,
    /// Events put.
    pub put_events: Counter,
    /// Events taken and committed.
    pub take_events: Counter,
    /// Puts that had to wait for room.
    pub put_waits: Counter,
    /// Of a channel on disk.
    pub storing: StoringMetrics,
}

/// What goes wrong on a channel's disk.
#[derive(Debug, Clone, Default)]
pub struct StoringMetrics {
    /// Writes, syncs and reads that failed, and are tried again.
    pub write_failed: Counter,
    /// Times that there was no space to go on.
    pub no_space: Counter,
    /// Events lost to damaged files; the files' bytes are set aside.
    pub damaged_events: Counter,
}

/// Numbers of a sink.
#[derive(Debug, Clone, Default)]
pub struct SinkMetrics {
    /// Events taken from the channel.
    pub taken_events: Counter,
    /// Events acknowledged downstream.
    pub sent_events: Counter,
    /// Bytes of those events.
    pub sent_bytes: Counter,
    /// Writes that failed and were tried again.
    pub retries: Counter,
    /// Events that can never be written, which went to the dead letters.
    pub rejected_events: Counter,
    /// Batches as large as the sink takes.
    pub batches_complete: Counter,
    /// Smaller batches.
    pub batches_underflow: Counter,
    /// Times the channel ran dry: the sink came for events and had to wait.
    pub batches_empty: Counter,
    /// Time from handing a write over to its end. Several writes are in flight, so that this may grow faster than the clock; divided by the batches
    /// it is what one write took.
    pub write_seconds: Seconds,
}

/// Numbers of a Kafka channel's two halves. What one half counts and the memory in it would count again goes nowhere.
#[derive(Debug, Clone)]
pub struct KafkaChannelMetrics {
    /// The memory before the topic: what sources put in.
    pub inlet: ChannelMetrics,
    /// What writes it to the topic.
    pub writer: SinkMetrics,
    /// What reads from the topic.
    pub reader: SourceMetrics,
    /// The memory behind it: what sinks take.
    pub outlet: ChannelMetrics,
}

/// How many events a pipeline parked.
#[derive(Debug, Clone)]
pub struct DeadLetterMetrics {
    pub(super) source: Counter,
    pub(super) channel: Counter,
    pub(super) interceptor: Counter,
    pub(super) sink: Counter,
}

impl DeadLetterMetrics {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.source.get() + self.channel.get() + self.interceptor.get() + self.sink.get()
    }

    /// The count for the kind of stage that refused: the first word of [`crate::batch::Rejection::stage`], such as `sink` of `sink k1`.
    /// A stage of no known kind counts with the interceptors, the only stage whose name somebody else may choose.
    pub fn events(&self, stage: &str) -> &Counter {
        match stage.split_whitespace().next() {
            Some("source") => &self.source,
            Some("channel") => &self.channel,
            Some("sink") => &self.sink,
            _ => &self.interceptor,
        }
    }
}

/// What became of the agent's spans.
#[derive(Debug, Clone, Default)]
pub struct SpanMetrics {
    /// Taken by the collector.
    pub exported: Counter,
    /// Dropped because too many waited for the collector.
    pub dropped_for_room: Counter,
    /// Dropped because the collector did not take them.
    pub dropped_in_export: Counter,
}

/// Numbers of an address that is served by HTTP.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    pub(super) server: &'static str,
    pub(super) requests: Counts,
    pub(super) refused: Counts,
}

impl HttpMetrics {
    /// Counts an answer. `path` is a route's template or `other`, never what a client chose.
    pub fn request(&self, path: &'static str, method: &Method, status: StatusCode) {
        let method = match *method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            _ => "other",
        };
        let class = format!("{}xx", status.as_u16() / 100);
        let labels = [("server", self.server), ("path", path), ("method", method), ("status", class.as_str())];
        self.requests.get_or_create(&labels.map(|(name, value)| (name, value.to_owned())).into()).inc();
    }

    /// Counts a connection that was not served; `reason` is `full`, `displaced` (closed idle, for another) or `tls` (no handshake).
    pub fn refused(&self, reason: &'static str) {
        let labels = vec![("server", self.server.to_owned()), ("reason", reason.to_owned())];
        self.refused.get_or_create(&labels).inc();
    }
}
