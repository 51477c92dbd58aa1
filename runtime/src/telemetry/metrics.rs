//! Every metric Weir has, and nowhere else a metric's name. Names follow the component specification of Vector where it has one, so that
//! dashboards port. Labels: `pipeline`, `component`, `kind` (source, channel, sink or interceptor) and `type` (such as kafka); an
//! interceptor also has the `source` whose chain it is in, and what an HTTP address counts has its `server` instead of all of them. A label's value comes from the configuration, never from an event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::exponential_buckets;
use prometheus_client::registry::{Registry, Unit};

use super::component::{ChannelMetrics, DeadLetterMetrics, HttpMetrics, InterceptorMetrics, SinkMetrics, SourceMetrics};
use super::{Counter, Gauge, Histogram, Seconds};

/// Label names and values of one series.
pub(super) type Labels = Vec<(&'static str, String)>;
pub(super) type Counts = Family<Labels, Counter>;
pub(super) type Traps = Counts;
pub(super) type PluginInfo = Family<Labels, Gauge>;
/// The series of the plugin that judges in each slot.
pub(super) type Running = Arc<Mutex<HashMap<Labels, Labels>>>;

/// The numbers of the whole process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    running: Running,
    components: Mutex<Vec<Component>>,
}

/// A component that has asked for its numbers: what Flume's JSON lists.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) pipeline: String,
    pub(super) name: String,
    /// Milliseconds since the epoch.
    pub(super) started: u128,
    pub(super) numbers: Numbers,
}

#[derive(Debug, Clone)]
pub(super) enum Numbers {
    Source(SourceMetrics),
    Channel { metrics: ChannelMetrics, capacity_events: u64 },
    Sink(SinkMetrics),
}

impl Metrics {
    /// No component yet.
    pub fn new() -> Arc<Metrics> {
        let mut registry = Registry::with_prefix("weir");
        let families = Families::register(&mut registry);
        Arc::new(Metrics { registry, families, running: Arc::default(), components: Mutex::default() })
    }

    /// Numbers of a source; `kind` is its type, such as `kafka`. Asked for again, the same numbers go on.
    pub fn source(&self, pipeline: &str, name: &str, kind: &'static str) -> SourceMetrics {
        let (families, labels) = (&self.families, labels(pipeline, name, "source", kind));
        let metrics = SourceMetrics {
            received_events: families.received_events.get_or_create_owned(&labels),
            received_bytes: families.received_bytes.get_or_create_owned(&labels),
            accepted_events: families.sent_events.get_or_create_owned(&labels),
            empty_polls: families.empty_polls.get_or_create_owned(&labels),
            commits: families.commits.get_or_create_owned(&labels),
            restarts: families.restarts.get_or_create_owned(&labels),
            revocations: families.revocations.get_or_create_owned(&labels),
            poll_seconds: families.poll_seconds.get_or_create_owned(&labels),
            commit_seconds: families.commit_seconds.get_or_create_owned(&labels),
            open_batches: families.open_batches.get_or_create_owned(&labels),
            lag: families.lag.get_or_create_owned(&labels),
        };
        self.list(pipeline, name, Numbers::Source(metrics.clone()));
        metrics
    }

    /// Numbers of a channel that holds so many events and bytes at most; `kind` is its type, such as `memory`.
    pub fn channel(&self, pipeline: &str, name: &str, kind: &'static str, capacity_events: u64, capacity_bytes: u64) -> ChannelMetrics {
        let (families, labels) = (&self.families, labels(pipeline, name, "channel", kind));
        families.max_size_events.get_or_create(&labels).set(gauge(capacity_events));
        families.max_size_bytes.get_or_create(&labels).set(gauge(capacity_bytes));
        let metrics = ChannelMetrics {
            size_events: families.size_events.get_or_create_owned(&labels),
            size_bytes: families.size_bytes.get_or_create_owned(&labels),
            put_events: families.received_events.get_or_create_owned(&labels),
            take_events: families.sent_events.get_or_create_owned(&labels),
            put_waits: families.put_waits.get_or_create_owned(&labels),
        };
        self.list(pipeline, name, Numbers::Channel { metrics: metrics.clone(), capacity_events });
        metrics
    }

    /// Numbers of a sink; `kind` is its type, such as `kafka`.
    pub fn sink(&self, pipeline: &str, name: &str, kind: &'static str) -> SinkMetrics {
        let (families, labels) = (&self.families, labels(pipeline, name, "sink", kind));
        let metrics = SinkMetrics {
            taken_events: families.received_events.get_or_create_owned(&labels),
            sent_events: families.sent_events.get_or_create_owned(&labels),
            sent_bytes: families.sent_bytes.get_or_create_owned(&labels),
            retries: families.errors.get_or_create_owned(&with(&labels, &[("stage", "sending"), ("error_type", "write_failed")])),
            rejected_events: families.errors.get_or_create_owned(&with(&labels, &[("stage", "sending"), ("error_type", "rejected")])),
            batches_complete: families.sink_batches.get_or_create_owned(&with(&labels, &[("fill", "complete")])),
            batches_underflow: families.sink_batches.get_or_create_owned(&with(&labels, &[("fill", "underflow")])),
            batches_empty: families.sink_batches.get_or_create_owned(&with(&labels, &[("fill", "empty")])),
            write_seconds: families.write_seconds.get_or_create_owned(&labels),
        };
        self.list(pipeline, name, Numbers::Sink(metrics.clone()));
        metrics
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
            batch_duration: families.batch_duration.get_or_create_owned(&labels),
            traps: families.traps.clone(),
            plugins: families.plugins.clone(),
            running: self.running.clone(),
            labels,
        }
    }

    /// How many events a pipeline parks.
    pub fn dead_letters(&self, pipeline: &str) -> DeadLetterMetrics {
        let events = |reason: &str| {
            let labels = vec![("pipeline", pipeline.to_owned()), ("reason", reason.to_owned())];
            self.families.dead_letters.get_or_create_owned(&labels)
        };
        DeadLetterMetrics { source: events("source"), interceptor: events("interceptor"), sink: events("sink") }
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

    fn list(&self, pipeline: &str, name: &str, numbers: Numbers) {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let component = Component { pipeline: pipeline.to_owned(), name: name.to_owned(), started, numbers };
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        match components.iter_mut().find(|other| other.is(&component)) {
            Some(other) => *other = component,
            None => components.push(component),
        }
    }
}

impl Component {
    fn is(&self, other: &Component) -> bool {
        let kind = std::mem::discriminant::<Numbers>;
        self.pipeline == other.pipeline && self.name == other.name && kind(&self.numbers) == kind(&other.numbers)
    }
}

/// Media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug)]
struct Families {
    received_events: Family<Labels, Counter>,
    received_bytes: Family<Labels, Counter>,
    sent_events: Family<Labels, Counter>,
    sent_bytes: Family<Labels, Counter>,
    errors: Family<Labels, Counter>,
    discarded_events: Family<Labels, Counter>,
    empty_polls: Family<Labels, Counter>,
    commits: Family<Labels, Counter>,
    restarts: Family<Labels, Counter>,
    revocations: Family<Labels, Counter>,
    poll_seconds: Family<Labels, Seconds>,
    commit_seconds: Family<Labels, Seconds>,
    open_batches: Family<Labels, Gauge>,
    lag: Family<Labels, Gauge>,
    size_events: Family<Labels, Gauge>,
    size_bytes: Family<Labels, Gauge>,
    max_size_events: Family<Labels, Gauge>,
    max_size_bytes: Family<Labels, Gauge>,
    put_waits: Family<Labels, Counter>,
    sink_batches: Family<Labels, Counter>,
    write_seconds: Family<Labels, Seconds>,
    batch_duration: Family<Labels, Histogram, fn() -> Histogram>,
    traps: Traps,
    recycled: Family<Labels, Counter>,
    memory_bytes: Family<Labels, Gauge>,
    suppressed_log_lines: Family<Labels, Counter>,
    plugins: PluginInfo,
    dead_letters: Family<Labels, Counter>,
    http_requests: Counts,
    http_refused: Counts,
}

impl Families {
    /// The names. The registry puts `weir_` before each, a unit after some, and `_total` after every counter.
    fn register(registry: &mut Registry) -> Families {
        // 20 µs to 10 s: a small native interceptor at one end, a guest past every sensible deadline at the other.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(20e-6, 2.0, 20));
        Families {
            received_events: plain(registry, "component_received_events", "Events a component got"),
            received_bytes: plain(registry, "component_received_event_bytes", "Bytes of the events a component got"),
            sent_events: plain(registry, "component_sent_events", "Events a component passed on, safely"),
            sent_bytes: plain(registry, "component_sent_event_bytes", "Bytes of the events a component passed on"),
            errors: plain(registry, "component_errors", "Failed writes (write_failed) and events refused (rejected)"),
            discarded_events: plain(registry, "component_discarded_events", "Events dropped on purpose"),
            empty_polls: plain(registry, "source_empty_polls", "Polls that brought nothing"),
            commits: plain(registry, "source_commits", "Checkpoints stored"),
            restarts: plain(registry, "source_restarts", "Starts of a source again from its last commit"),
            revocations: plain(registry, "source_revocations", "Rebalances that took partitions away"),
            poll_seconds: seconds(registry, "source_poll", "Time spent waiting for events"),
            commit_seconds: seconds(registry, "source_commit", "Time spent storing checkpoints"),
            open_batches: plain(registry, "source_open_batches", "Batches read and not settled"),
            lag: plain(registry, "kafka_lag_messages", "Messages in the assigned partitions behind the committed offset"),
            size_events: plain(registry, "buffer_size_events", "Events waiting in a channel"),
            size_bytes: plain(registry, "buffer_size_bytes", "Bytes waiting in a channel"),
            max_size_events: plain(registry, "buffer_max_size_events", "Most events a channel holds"),
            max_size_bytes: plain(registry, "buffer_max_size_bytes", "Most bytes a channel holds; 0 is no limit"),
            put_waits: plain(registry, "buffer_put_waits", "Puts that had to wait for room"),
            sink_batches: plain(registry, "sink_batches", "Takes from the channel by how full the batch was"),
            write_seconds: seconds(registry, "sink_write", "Time spent on writes"),
            batch_duration: {
                let family = Family::new_with_constructor(histogram);
                registry.register_with_unit("interceptor_batch_duration", "Time for one batch", Unit::Seconds, family.clone());
                family
            },
            traps: plain(registry, "interceptor_traps", "Calls of a guest that did not come back in order, by how"),
            recycled: plain(registry, "interceptor_recycled_instances", "Instances replaced for age, memory or a trap"),
            memory_bytes: plain(registry, "interceptor_memory_bytes", "Linear memory of the instance that judged last"),
            suppressed_log_lines: plain(registry, "interceptor_suppressed_log_lines", "Plugin log lines over the rate limit"),
            plugins: plain(registry, "plugin_info", "1 for the plugin that judges in a slot"),
            dead_letters: plain(registry, "dlq_events", "Events parked, by the kind of stage that refused them"),
            http_requests: plain(registry, "http_requests", "Requests answered, by route, method and class of status"),
            http_refused: plain(registry, "http_refused_connections", "Connections closed unserved: full, displaced, tls"),
        }
    }
}

fn plain<M>(registry: &mut Registry, name: &str, help: &str) -> Family<Labels, M>
where
    Family<Labels, M>: prometheus_client::registry::Metric + Clone + Default,
{
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

fn seconds(registry: &mut Registry, name: &str, help: &str) -> Family<Labels, Seconds> {
    let family = Family::default();
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

fn labels(pipeline: &str, component: &str, kind: &str, type_name: &str) -> Labels {
    let labels = [("pipeline", pipeline), ("component", component), ("kind", kind), ("type", type_name)];
    labels.map(|(name, value)| (name, value.to_owned())).into()
}

fn with(labels: &Labels, more: &[(&'static str, &str)]) -> Labels {
    labels.iter().cloned().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
}

/// Prometheus' gauges are signed here; a capacity beyond them is no limit anyway.
fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One of each component, with every number touched that only shows when touched.
    fn scraped() -> String {
        let metrics = Metrics::new();
        metrics.source("p", "r1", "kafka").received_events.inc_by(3);
        metrics.channel("p", "c1", "memory", 100, 0).size_events.set(2);
        metrics.sink("p", "k1", "kafka").retries.inc();
        let interceptor = metrics.interceptor("p", "r1", "i1", "wasm");
        interceptor.trap("deadline");
        interceptor.batch_duration.observe(0.001);
        interceptor.plugin("fraud-score", "0.1.0", "ab12");
        metrics.dead_letters("p").events("sink k1").inc_by(4);
        let http = metrics.http("admin");
        http.request("/livez", &hyper::Method::GET, hyper::StatusCode::OK);
        http.refused("full");
        metrics.render()
    }

    #[test]
    fn every_metric_has_its_own_name_a_help_line_and_a_series() {
        let text = scraped();
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len(), "{names:?}");
        for name in unique {
            assert!(name.starts_with("weir_"), "{name}");
            assert!(text.lines().any(|line| line.starts_with(&format!("# HELP {name} "))), "{name} has no help");
            let owner = if name.starts_with("weir_http_") { "server=\"admin\"" } else { "pipeline=\"p\"" };
            assert!(text.lines().any(|line| line.starts_with(name) && line.contains(owner)), "{name} has no series");
        }
    }

    #[test]
    fn the_names_dashboards_rely_on_are_there() {
        let text = scraped();
        let series = |name: &str| text.lines().find(|line| line.split(['{', ' ']).next() == Some(name)).map(str::to_owned);
        for name in [
            "weir_component_received_events_total",
            "weir_component_received_event_bytes_total",
            "weir_component_sent_events_total",
            "weir_component_sent_event_bytes_total",
            "weir_component_errors_total",
            "weir_component_discarded_events_total",
            "weir_buffer_size_events",
            "weir_buffer_size_bytes",
            "weir_buffer_max_size_events",
            "weir_buffer_max_size_bytes",
            "weir_interceptor_batch_duration_seconds_bucket",
            "weir_interceptor_traps_total",
            "weir_interceptor_memory_bytes",
            "weir_plugin_info",
            "weir_kafka_lag_messages",
            "weir_dlq_events_total",
            "weir_source_poll_seconds_total",
        ] {
            assert!(series(name).is_some(), "{name} is missing from\n{text}");
        }
        let received = series("weir_component_received_events_total");
        assert!(
            text.contains("weir_component_received_events_total{pipeline=\"p\",component=\"r1\",kind=\"source\",type=\"kafka\"} 3"),
            "{received:?}"
        );
        assert!(text.contains("weir_dlq_events_total{pipeline=\"p\",reason=\"sink\"} 4"), "{text}");
        assert!(text.contains("weir_interceptor_traps_total{pipeline=\"p\",component=\"i1\",source=\"r1\",kind=\"deadline\"} 1"), "{text}");
    }

    #[test]
    fn a_swapped_plugin_leaves_no_series_of_the_old_one() {
        let metrics = Metrics::new();
        let interceptor = metrics.interceptor("p", "r1", "i1", "wasm");
        interceptor.plugin("score", "1", "aa");
        metrics.interceptor("p", "r1", "i1", "wasm").plugin("score", "2", "bb");
        let plugins: Vec<String> =
            metrics.render().lines().filter(|line| line.starts_with("weir_plugin_info{")).map(str::to_owned).collect();
        assert_eq!(plugins, ["weir_plugin_info{pipeline=\"p\",slot=\"i1\",source=\"r1\",name=\"score\",version=\"2\",digest=\"bb\"} 1"]);
    }

    #[test]
    fn a_restarted_source_counts_on_and_is_listed_once() {
        let metrics = Metrics::new();
        metrics.source("p", "r1", "kafka").received_events.inc_by(2);
        assert_eq!(metrics.source("p", "r1", "kafka").received_events.inc_by(1), 2);
        assert_eq!(metrics.components().len(), 1);
    }

    #[test]
    fn a_label_value_cannot_break_out_of_its_quotes() {
        let metrics = Metrics::new();
        metrics.source("p", "a\"} 1\nfake{x=\"", "kafka");
        assert!(!metrics.render().lines().any(|line| line.starts_with("fake")));
    }
}
