//! Every metric Weir has; their names are in `families` and nowhere else. Names follow the component specification of Vector where it has one, so that
//! dashboards port. Labels: `pipeline`, `component`, `kind` (source, channel, sink or interceptor) and `type` (such as kafka); an
//! interceptor also has the `source` whose chain it is in, a Kafka channel the `half` of it (inlet or outlet), and what an HTTP address counts has
//! its `server` instead of all of them. A label's value comes from the configuration, never from an event.

mod families;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Counter;
use super::component::{
    ChannelMetrics, DeadLetterMetrics, HttpMetrics, KafkaChannelMetrics, SinkMetrics, SourceMetrics, SpanMetrics, StoringMetrics,
};
use super::interceptor::InterceptorMetrics;
use families::Families;
pub(super) use families::{PluginFamilies, Slot};

/// Label names and values of one series.
pub(super) type Labels = Vec<(&'static str, String)>;
/// Counts by whichever labels.
pub(super) type Counts = Family<Labels, Counter>;

/// The numbers of the whole process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    components: Mutex<Vec<Component>>,
}

/// A component that has asked for its numbers: what Flume's JSON lists.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) pipeline: String,
    pub(super) name: String,
    /// Its type, such as `kafka`.
    pub(super) type_name: &'static str,
    /// Milliseconds since the epoch.
    pub(super) started: u128,
    pub(super) numbers: Numbers,
}

#[derive(Debug, Clone)]
pub(super) enum Numbers {
    Source(SourceMetrics),
    Channel { metrics: ChannelMetrics, capacity_events: u64 },
    KafkaChannel(Box<KafkaChannelMetrics>),
    Sink(SinkMetrics),
}

impl Metrics {
    /// No component yet.
    pub fn new() -> Arc<Metrics> {
        let mut registry = Registry::with_prefix("weir");
        let families = Families::register(&mut registry);
        Arc::new(Metrics { registry, families, components: Mutex::default() })
    }

    /// Numbers of a source; `kind` is its type, such as `kafka`. Asked for again, the same numbers go on.
    pub fn source(&self, pipeline: &str, name: &str, kind: &'static str) -> SourceMetrics {
        let metrics = self.source_numbers(&labels(pipeline, name, "source", kind));
        self.list(pipeline, name, kind, Numbers::Source(metrics.clone()));
        metrics
    }

    fn source_numbers(&self, labels: &Labels) -> SourceMetrics {
        let families = &self.families;
        SourceMetrics {
            received_events: families.received_events.get_or_create_owned(labels),
            received_bytes: families.received_bytes.get_or_create_owned(labels),
            accepted_events: families.sent_events.get_or_create_owned(labels),
            discarded_events: families.discarded_events.get_or_create_owned(&with(labels, &[("intentional", "true")])),
            dropped_events: families.discarded_events.get_or_create_owned(&with(labels, &[("intentional", "false")])),
            empty_polls: families.empty_polls.get_or_create_owned(labels),
            commits: families.commits.get_or_create_owned(labels),
            restarts: families.restarts.get_or_create_owned(labels),
            revocations: families.revocations.get_or_create_owned(labels),
            poll_seconds: families.poll_seconds.get_or_create_owned(labels),
            commit_seconds: families.commit_seconds.get_or_create_owned(labels),
            open_batches: families.open_batches.get_or_create_owned(labels),
            lag: families.lag.get_or_create_owned(labels),
        }
    }

    /// Numbers of a channel that holds so many events and bytes at most; `kind` is its type, such as `memory`.
    pub fn channel(&self, pipeline: &str, name: &str, kind: &'static str, capacity_events: u64, capacity_bytes: u64) -> ChannelMetrics {
        let metrics = self.channel_numbers(&labels(pipeline, name, "channel", kind), kind, capacity_events, capacity_bytes);
        self.list(pipeline, name, kind, Numbers::Channel { metrics: metrics.clone(), capacity_events });
        metrics
    }

    /// What goes wrong on disk, of channels that have one.
    fn storing(&self, labels: &Labels, kind: &str) -> StoringMetrics {
        if !matches!(kind, "file" | "spillable_memory") {
            return StoringMetrics::default();
        }
        let errors = |what| self.families.errors.get_or_create_owned(&with(labels, &[("stage", "storing"), ("error_type", what)]));
        StoringMetrics { write_failed: errors("write_failed"), no_space: errors("no_space"), damaged_events: errors("damaged") }
    }

    /// Numbers of a Kafka channel, whose halves hold so many events and bytes each. They have a label more, `half`.
    pub fn kafka_channel(&self, pipeline: &str, name: &str, capacity_events: u64, capacity_bytes: u64) -> KafkaChannelMetrics {
        let labels = labels(pipeline, name, "channel", "kafka");
        let (inlet, outlet) = (with(&labels, &[("half", "inlet")]), with(&labels, &[("half", "outlet")]));
        let channel = |labels| self.channel_numbers(labels, "kafka", capacity_events, capacity_bytes);
        let metrics = KafkaChannelMetrics {
            inlet: ChannelMetrics { take_events: Counter::default(), ..channel(&inlet) },
            writer: SinkMetrics { taken_events: Counter::default(), ..self.sink_numbers(&inlet) },
            reader: SourceMetrics { accepted_events: Counter::default(), ..self.source_numbers(&outlet) },
            outlet: ChannelMetrics { put_events: Counter::default(), ..channel(&outlet) },
        };
        self.list(pipeline, name, "kafka", Numbers::KafkaChannel(Box::new(metrics.clone())));
        metrics
    }

    fn channel_numbers(&self, labels: &Labels, kind: &str, capacity_events: u64, capacity_bytes: u64) -> ChannelMetrics {
        let families = &self.families;
        families.max_size_events.get_or_create(labels).set(gauge(capacity_events));
        families.max_size_bytes.get_or_create(labels).set(gauge(capacity_bytes));
        ChannelMetrics {
            size_events: families.size_events.get_or_create_owned(labels),
            size_bytes: families.size_bytes.get_or_create_owned(labels),
            put_events: families.received_events.get_or_create_owned(labels),
            take_events: families.sent_events.get_or_create_owned(labels),
            put_waits: families.put_waits.get_or_create_owned(labels),
            storing: self.storing(labels, kind),
        }
    }

    /// Numbers of a sink; `kind` is its type, such as `kafka`.
    pub fn sink(&self, pipeline: &str, name: &str, kind: &'static str) -> SinkMetrics {
        let metrics = self.sink_numbers(&labels(pipeline, name, "sink", kind));
        self.list(pipeline, name, kind, Numbers::Sink(metrics.clone()));
        metrics
    }

    fn sink_numbers(&self, labels: &Labels) -> SinkMetrics {
        let families = &self.families;
        SinkMetrics {
            taken_events: families.received_events.get_or_create_owned(labels),
            sent_events: families.sent_events.get_or_create_owned(labels),
            sent_bytes: families.sent_bytes.get_or_create_owned(labels),
            retries: families.errors.get_or_create_owned(&with(labels, &[("stage", "sending"), ("error_type", "write_failed")])),
            rejected_events: families.errors.get_or_create_owned(&with(labels, &[("stage", "sending"), ("error_type", "rejected")])),
            batches_complete: families.sink_batches.get_or_create_owned(&with(labels, &[("fill", "complete")])),
            batches_underflow: families.sink_batches.get_or_create_owned(&with(labels, &[("fill", "underflow")])),
            batches_empty: families.sink_batches.get_or_create_owned(&with(labels, &[("fill", "empty")])),
            write_seconds: families.write_seconds.get_or_create_owned(labels),
        }
    }

    /// Numbers of an interceptor in a source's chain; `kind` is its type, such as `wasm` or `regex_filter`.
    pub fn interceptor(&self, pipeline: &str, source: &str, name: &str, kind: &'static str) -> InterceptorMetrics {
        let (families, labels) = (&self.families, with(&labels(pipeline, name, "interceptor", kind), &[("source", source)]));
        let errors = with(&labels, &[("stage", "processing"), ("error_type", "rejected")]);
        InterceptorMetrics {
            received_events: families.received_events.get_or_create_owned(&labels),
            discarded_events: families.discarded_events.get_or_create_owned(&with(&labels, &[("intentional", "true")])),
            rejected_events: families.errors.get_or_create_owned(&errors),
            suppressed_log_lines: families.suppressed_log_lines.get_or_create_owned(&labels),
            recycled: families.recycled.get_or_create_owned(&labels),
            memory_bytes: families.memory_bytes.get_or_create_owned(&labels),
            memory_peak_bytes: families.memory_peak_bytes.get_or_create_owned(&labels),
            tap_dropped_events: families.tap_dropped_events.get_or_create_owned(&labels),
            batch_duration: families.batch_duration.get_or_create_owned(&labels),
            batches: families.batches.get_or_create_owned(&labels),
            batch_seconds: families.batch_seconds.get_or_create_owned(&labels),
            plugins: families.plugins.clone(),
            labels: labels.into_iter().filter(|(label, _)| !matches!(*label, "kind" | "type")).collect(),
        }
    }

    /// How many events a pipeline parks.
    pub fn dead_letters(&self, pipeline: &str) -> DeadLetterMetrics {
        let events = |reason: &str| {
            let labels = vec![("pipeline", pipeline.to_owned()), ("reason", reason.to_owned())];
            self.families.dead_letters.get_or_create_owned(&labels)
        };
        DeadLetterMetrics { source: events("source"), channel: events("channel"), interceptor: events("interceptor"), sink: events("sink") }
    }

    /// What became of the spans of the whole process.
    pub fn spans(&self) -> SpanMetrics {
        let dropped = |reason: &str| self.families.dropped_spans.get_or_create_owned(&vec![("reason", reason.to_owned())]);
        SpanMetrics {
            exported: self.families.exported_spans.get_or_create_owned(&Labels::new()),
            dropped_for_room: dropped("queue_full"),
            dropped_in_export: dropped("export_failed"),
        }
    }

    /// Numbers of an address that is served by HTTP, such as `admin`.
    pub fn http(&self, server: &'static str) -> HttpMetrics {
        let (requests, refused) = (self.families.http_requests.clone(), self.families.http_refused.clone());
        HttpMetrics { server, requests, refused }
    }

    /// All numbers as OpenMetrics text, which Prometheus reads as [`CONTENT_TYPE`].
    pub fn render(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("writing to a string does not fail");
        out
    }

    /// The components so far, in the order they asked for their numbers.
    pub(super) fn components(&self) -> Vec<Component> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn list(&self, pipeline: &str, name: &str, type_name: &'static str, numbers: Numbers) {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let component = Component { pipeline: pipeline.to_owned(), name: name.to_owned(), type_name, started, numbers };
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        match components.iter_mut().find(|other| other.is(&component)) {
            Some(other) => *other = component,
            None => components.push(component),
        }
    }
}

impl Component {
    fn is(&self, other: &Component) -> bool {
        self.pipeline == other.pipeline && self.name == other.name && self.kind() == other.kind()
    }
}

/// Media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn labels(pipeline: &str, component: &str, kind: &str, type_name: &str) -> Labels {
    let labels = [("pipeline", pipeline), ("component", component), ("kind", kind), ("type", type_name)];
    labels.map(|(name, value)| (name, value.to_owned())).into()
}

/// The labels, and more of them.
pub(super) fn with(labels: &Labels, more: &[(&'static str, &str)]) -> Labels {
    labels.iter().cloned().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
}

/// Prometheus' gauges are signed here; a capacity beyond them is no limit anyway.
fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
