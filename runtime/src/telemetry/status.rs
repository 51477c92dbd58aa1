//! The counts of [`crate::control::status`], from the numbers in memory. What has a state, a version or a limit is told by those who know it.

use super::metrics::Numbers;
use super::{InterceptorMetrics, Metrics};
use crate::control::status::{ChannelStatus, InterceptorStatus, SinkStatus, SourceStatus};

/// What a pipeline counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PipelineNumbers {
    /// Its sources, in the order in which they were built.
    pub sources: Vec<SourceStatus>,
    /// Its channels.
    pub channels: Vec<ChannelStatus>,
    /// Its sinks.
    pub sinks: Vec<SinkStatus>,
    /// Events parked.
    pub dead_letters: u64,
}

/// The numbers of a pipeline. A component that the pipeline had once and has no more is still among them.
pub fn pipeline_numbers(metrics: &Metrics, pipeline: &str) -> PipelineNumbers {
    let mut numbers = PipelineNumbers { dead_letters: metrics.dead_letters(pipeline).total(), ..PipelineNumbers::default() };
    for component in metrics.components() {
        if component.pipeline != pipeline {
            continue;
        }
        let (name, kind) = (component.name, component.type_name.to_owned());
        match component.numbers {
            Numbers::Source(source) => numbers.sources.push(SourceStatus {
                name,
                kind,
                received_events: source.received_events.get(),
                received_bytes: source.received_bytes.get(),
                open_batches: source.open_batches.get(),
                lag: source.lag.get(),
                restarts: source.restarts.get(),
            }),
            Numbers::Channel { metrics, capacity_events } => numbers.channels.push(ChannelStatus {
                name,
                kind,
                events: metrics.size_events.get(),
                capacity_events,
                bytes: metrics.size_bytes.get(),
                put_waits: metrics.put_waits.get(),
                ..ChannelStatus::default()
            }),
            Numbers::KafkaChannel(halves) => numbers.channels.push(ChannelStatus {
                name,
                kind,
                events: halves.inlet.size_events.get() + halves.outlet.size_events.get(),
                capacity_events: 0,
                bytes: halves.inlet.size_bytes.get() + halves.outlet.size_bytes.get(),
                put_waits: halves.inlet.put_waits.get(),
                read_events: halves.reader.received_events.get(),
                open_batches: halves.reader.open_batches.get(),
                lag: halves.reader.lag.get(),
                restarts: halves.reader.restarts.get(),
            }),
            Numbers::Sink(sink) => numbers.sinks.push(SinkStatus {
                name,
                kind,
                sent_events: sink.sent_events.get(),
                sent_bytes: sink.sent_bytes.get(),
                retries: sink.retries.get(),
                rejected_events: sink.rejected_events.get(),
            }),
        }
    }
    numbers
}

/// Fills in what an interceptor counts, and leaves the rest as it is.
pub fn count_interceptor(metrics: &InterceptorMetrics, status: &mut InterceptorStatus) {
    status.received_events = metrics.received_events.get();
    status.discarded_events = metrics.discarded_events.get();
    status.rejected_events = metrics.rejected_events.get();
    status.batches = metrics.batches.get();
    status.seconds = metrics.batch_seconds.get();
    status.failures = metrics.traps();
    status.recycled = metrics.recycled.get();
    status.memory_bytes = metrics.memory_bytes.get();
    status.memory_peak_bytes = u64::try_from(metrics.memory_peak_bytes.get()).unwrap_or(0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::plugin::FailureKind;

    #[test]
    fn a_pipeline_has_its_own_numbers_and_nobody_elses() {
        let metrics = Metrics::new();
        for (pipeline, events) in [("p", 3), ("q", 5)] {
            let source = metrics.source(pipeline, "r1", "kafka");
            source.received_events.inc_by(events);
            source.lag.set(7);
            metrics.channel(pipeline, "c1", "memory", 100, 0).size_events.set(2);
            metrics.sink(pipeline, "k1", "kafka").sent_events.inc_by(events - 1);
        }
        metrics.dead_letters("p").events("sink k1").inc_by(4);
        metrics.dead_letters("p").events("source r1").inc();
        let numbers = pipeline_numbers(&metrics, "p");
        let wanted = PipelineNumbers {
            sources: vec![SourceStatus { name: "r1".into(), kind: "kafka".into(), received_events: 3, lag: 7, ..SourceStatus::default() }],
            channels: vec![ChannelStatus {
                name: "c1".into(),
                kind: "memory".into(),
                events: 2,
                capacity_events: 100,
                ..ChannelStatus::default()
            }],
            sinks: vec![SinkStatus { name: "k1".into(), kind: "kafka".into(), sent_events: 2, ..SinkStatus::default() }],
            dead_letters: 5,
        };
        assert_eq!(numbers, wanted);
    }

    #[test]
    fn an_interceptors_counts_are_filled_in_and_the_rest_is_left() {
        let metrics = Metrics::new().interceptor("p", "r1", "i1", "wasm");
        metrics.received_events.inc_by(10);
        metrics.batch(Duration::from_millis(1500));
        metrics.batch(Duration::from_millis(500));
        metrics.trap(FailureKind::TooLarge);
        metrics.memory(64);
        let mut status = InterceptorStatus { name: "i1".into(), memory_limit_bytes: 100, ..InterceptorStatus::default() };
        count_interceptor(&metrics, &mut status);
        let wanted = InterceptorStatus {
            name: "i1".into(),
            received_events: 10,
            batches: 2,
            seconds: 2.0,
            failures: BTreeMap::from([("too-large".into(), 1)]),
            memory_bytes: 64,
            memory_peak_bytes: 64,
            memory_limit_bytes: 100,
            ..InterceptorStatus::default()
        };
        assert_eq!(status, wanted);
    }
}
