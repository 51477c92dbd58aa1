//! A Kafka channel in a pipeline: two halves and a topic between them, each half of parts that there are anyway.
//!
//! ```text
//! sources ─► inlet: memory ─► Kafka sink ─► topic ─► Kafka source ─► memory: outlet ─► sinks
//! ```
//! The inlet is there where sources feed the channel, the outlet where sinks drain it. The inlet's end is one more sink of the pipeline: a source's
//! batch is settled when the broker has it. The outlet's begin is one more source, without interceptors: its offsets are committed when the sinks
//! are done, and the pipeline's gate, its drain, restarts and dead letters are those of any source. One consumer reads for all sinks of the
//! channel.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::dead_letter::DeadLetters;
use super::gate::Gate;
use super::hurry::Hurry;
use super::injector::Entry;
use super::ledger::Limit;
use super::selector::{self, Selector};
use super::{Services, sink_loop, source_loop};
use crate::channel::{Channel, kafka, memory};
use crate::config::spec::{SinkSpec, SourceSpec};
use crate::interceptor::Chain;
use crate::telemetry::KafkaChannelMetrics;
use crate::{sink, source};

/// Most events and bytes that wait in a half.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not 0");
const BYTE_CAPACITY: u64 = 16 << 20;

/// What the inlet of this channel is called in dead letters, in the log and as a check.
pub(super) fn inlet_name(channel: &str) -> String {
    format!("channel {channel} inlet")
}

/// What the outlet is called.
pub(super) fn outlet_name(channel: &str) -> String {
    format!("channel {channel} outlet")
}

/// What both halves are built with.
pub(super) struct Surroundings<'a> {
    pub(super) pipeline: &'a str,
    pub(super) services: &'a Services,
    pub(super) dead_letters: &'a DeadLetters,
    pub(super) gate: &'a Gate,
    pub(super) hurry: &'a Hurry,
}

/// A Kafka channel whose halves are not built yet.
pub(super) struct Halves<'a> {
    name: &'a str,
    spec: &'a kafka::Spec,
    surroundings: &'a Surroundings<'a>,
    metrics: KafkaChannelMetrics,
}

impl<'a> Halves<'a> {
    pub(super) fn new(name: &'a str, spec: &'a kafka::Spec, surroundings: &'a Surroundings<'a>) -> Halves<'a> {
        let metrics = surroundings.services.metrics.kafka_channel(surroundings.pipeline, name, CAPACITY.get() as u64, BYTE_CAPACITY);
        Halves { name, spec, surroundings, metrics }
    }

    /// What sources feed, and the sink that empties it into the topic.
    pub(super) fn inlet(&self) -> (Arc<dyn Channel>, SinkSpec, sink_loop::Drained) {
        let Surroundings { dead_letters, hurry, .. } = self.surroundings;
        let inlet: Arc<dyn Channel> = Arc::new(memory::Memory::new(&waiting(), self.metrics.inlet.clone()));
        let writer = self.spec.writer();
        let drained = sink_loop::Drained {
            stage: inlet_name(self.name),
            batch_size: writer.batch_size.get(),
            at_once: writer.batch_size.get().max(super::AT_ONCE),
            channel: inlet.clone(),
            dead_letters: (*dead_letters).clone(),
            metrics: self.metrics.writer.clone(),
            hurry: (*hurry).clone(),
        };
        let spec = SinkSpec { name: inlet_name(self.name), channel: self.name.to_owned(), kind: sink::Spec::Kafka(Box::new(writer)) };
        (inlet, spec, drained)
    }

    /// What sinks drain, the source that fills it from the topic with no more than `limit` open, and the way in for replayed letters.
    pub(super) fn outlet(&self, limit: Limit) -> (Arc<dyn Channel>, SourceSpec, source_loop::Route, Entry) {
        let Surroundings { pipeline, services, dead_letters, gate, hurry } = self.surroundings;
        let outlet: Arc<dyn Channel> = Arc::new(memory::Memory::new(&waiting(), self.metrics.outlet.clone()));
        let name = outlet_name(self.name);
        let kind = source::Spec::Kafka(Box::new(self.spec.reader()));
        let batch_size = kind.batch_size().get();
        let (entry, injected) = Entry::new(&name, &kind);
        let route = source_loop::Route {
            name: name.clone(),
            stage: name.clone(),
            gate: (*gate).clone(),
            injected,
            batch_size,
            at_once: batch_size.max(super::AT_ONCE),
            chain: Chain::new(Vec::new()),
            selector: Selector::replicating(vec![outlet.clone()]),
            dead_letters: (*dead_letters).clone(),
            metrics: self.metrics.reader.clone(),
            spans: services.spans.as_ref().map(|spans| spans.source(pipeline, &name)),
            limit,
            hurry: (*hurry).clone(),
        };
        let (channels, selector, interceptors) = (vec![self.name.to_owned()], selector::Spec::default(), Vec::new());
        (outlet, SourceSpec { name, channels, selector, interceptors, kind }, route, entry)
    }
}

/// The memory of a half. What waits there is not safe by itself: its ack waits with it.
fn waiting() -> memory::Spec {
    memory::Spec {
        capacity: CAPACITY,
        transaction_capacity: CAPACITY,
        keep_alive: Duration::ZERO,
        byte_capacity: BYTE_CAPACITY,
        byte_capacity_buffer_percentage: 0,
    }
}
