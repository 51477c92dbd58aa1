//! The names of all metrics, what each means, and the series that come and go with plugins.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::exponential_buckets;
use prometheus_client::registry::{Registry, Unit};

use super::super::{Counter, Gauge, Histogram, Seconds};
use super::{Counts, Labels};

/// What is counted by plugin. Cloning gives another handle on the same families.
#[derive(Debug, Clone)]
pub(in super::super) struct PluginFamilies {
    pub(in super::super) traps: Family<Labels, Counter>,
    pub(in super::super) info: Family<Labels, Gauge>,
    pub(in super::super) swaps: Family<Labels, Counter>,
    pub(in super::super) events: Family<Labels, Counter>,
    pub(in super::super) batches: Family<Labels, Counter>,
    pub(in super::super) discarded_events: Family<Labels, Counter>,
    pub(in super::super) rejected_events: Family<Labels, Counter>,
    pub(in super::super) failures: Family<Labels, Counter>,
    pub(in super::super) cpu_seconds: Family<Labels, Seconds>,
    pub(in super::super) counters: Family<Labels, Counter>,
    pub(in super::super) slots: Arc<Mutex<HashMap<Labels, Slot>>>,
}

/// The series that are there for one interceptor's plugins.
#[derive(Debug, Default)]
pub(in super::super) struct Slot {
    /// Of the plugin that judges.
    pub(in super::super) running: Option<Labels>,
    /// Of the versions that are counted, in the order in which they came.
    pub(in super::super) versions: Vec<Labels>,
    /// The counters each of these versions has of its own.
    pub(in super::super) counters: HashMap<Labels, BTreeMap<String, Counter>>,
}

#[derive(Debug)]
pub(super) struct Families {
    pub(in super::super) received_events: Family<Labels, Counter>,
    pub(in super::super) received_bytes: Family<Labels, Counter>,
    pub(in super::super) sent_events: Family<Labels, Counter>,
    pub(in super::super) sent_bytes: Family<Labels, Counter>,
    pub(in super::super) errors: Family<Labels, Counter>,
    pub(in super::super) discarded_events: Family<Labels, Counter>,
    pub(in super::super) empty_polls: Family<Labels, Counter>,
    pub(in super::super) commits: Family<Labels, Counter>,
    pub(in super::super) restarts: Family<Labels, Counter>,
    pub(in super::super) revocations: Family<Labels, Counter>,
    pub(in super::super) poll_seconds: Family<Labels, Seconds>,
    pub(in super::super) commit_seconds: Family<Labels, Seconds>,
    pub(in super::super) open_batches: Family<Labels, Gauge>,
    pub(in super::super) lag: Family<Labels, Gauge>,
    pub(in super::super) size_events: Family<Labels, Gauge>,
    pub(in super::super) size_bytes: Family<Labels, Gauge>,
    pub(in super::super) max_size_events: Family<Labels, Gauge>,
    pub(in super::super) max_size_bytes: Family<Labels, Gauge>,
    pub(in super::super) put_waits: Family<Labels, Counter>,
    pub(in super::super) sink_batches: Family<Labels, Counter>,
    pub(in super::super) write_seconds: Family<Labels, Seconds>,
    pub(in super::super) batch_duration: Family<Labels, Histogram, fn() -> Histogram>,
    pub(in super::super) recycled: Family<Labels, Counter>,
    pub(in super::super) memory_bytes: Family<Labels, Gauge>,
    pub(in super::super) suppressed_log_lines: Family<Labels, Counter>,
    pub(in super::super) memory_peak_bytes: Family<Labels, Gauge>,
    pub(in super::super) tap_dropped_events: Family<Labels, Counter>,
    pub(in super::super) plugins: PluginFamilies,
    /// Not shown, as the histogram shows them: it cannot be read back.
    pub(in super::super) batches: Family<Labels, Counter>,
    pub(in super::super) batch_seconds: Family<Labels, Seconds>,
    pub(in super::super) dead_letters: Family<Labels, Counter>,
    pub(in super::super) http_requests: Counts,
    pub(in super::super) http_refused: Counts,
    pub(in super::super) exported_spans: Family<Labels, Counter>,
    pub(in super::super) dropped_spans: Family<Labels, Counter>,
}

impl Families {
    /// The names. The registry puts `weir_` before each, a unit after some, and `_total` after every counter.
    pub(super) fn register(registry: &mut Registry) -> Families {
        // 20 µs to 10 s: a small native interceptor at one end, a guest past every sensible deadline at the other.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(20e-6, 2.0, 20));
        Families {
            received_events: plain(registry, "component_received_events", "Events a component got"),
            received_bytes: plain(registry, "component_received_event_bytes", "Bytes of the events a component got"),
            sent_events: plain(registry, "component_sent_events", "Events a component passed on, safely"),
            sent_bytes: plain(registry, "component_sent_event_bytes", "Bytes of the events a component passed on"),
            errors: plain(
                registry,
                "component_errors",
                "Failed writes (write_failed), events refused (rejected), times a disk was full (no_space), events lost to damaged files (damaged)",
            ),
            discarded_events: plain(
                registry,
                "component_discarded_events",
                "Events dropped: on purpose, or (intentional=\"false\") by an optional channel without room",
            ),
            empty_polls: plain(registry, "source_empty_polls", "Polls that brought nothing"),
            commits: plain(registry, "source_commits", "Checkpoints stored"),
            restarts: plain(registry, "source_restarts", "Starts of a source again from its last commit"),
            revocations: plain(registry, "source_revocations", "Rebalances that took partitions away"),
            poll_seconds: seconds(registry, "source_poll", "Time spent waiting for events and reading them"),
            commit_seconds: seconds(registry, "source_commit", "Time spent storing checkpoints"),
            open_batches: plain(registry, "source_open_batches", "Batches read and not settled"),
            lag: plain(registry, "kafka_lag_messages", "Messages in the assigned partitions behind the committed offset"),
            size_events: plain(registry, "buffer_size_events", "Events waiting in a channel"),
            size_bytes: plain(registry, "buffer_size_bytes", "Bytes waiting in a channel"),
            max_size_events: plain(registry, "buffer_max_size_events", "Most events a channel holds"),
            max_size_bytes: plain(registry, "buffer_max_size_bytes", "Most bytes a channel holds; 0 is no limit"),
            put_waits: plain(registry, "buffer_put_waits", "Puts that had to wait for room"),
            sink_batches: plain(registry, "sink_batches", "Takes from the channel by how full the batch was"),
            write_seconds: seconds(registry, "sink_write", "Time from handing a write over to its end, summed over writes that overlap"),
            batch_duration: {
                let family = Family::new_with_constructor(histogram);
                registry.register_with_unit(
                    "interceptor_batch_duration",
                    "Time for one batch, or small ones together",
                    Unit::Seconds,
                    family.clone(),
                );
                family
            },
            recycled: plain(registry, "interceptor_recycled_instances", "Instances replaced for age, memory or a trap"),
            memory_bytes: plain(registry, "interceptor_memory_bytes", "Linear memory of the instance that judged last"),
            memory_peak_bytes: plain(
                registry,
                "interceptor_memory_peak_bytes",
                "Most linear memory an instance of the present version has had",
            ),
            suppressed_log_lines: plain(registry, "interceptor_suppressed_log_lines", "Plugin log lines over the rate limit"),
            tap_dropped_events: plain(registry, "tap_dropped_events", "Events not shown to a listener, for its rate or because it is slow"),
            plugins: PluginFamilies::register(registry),
            batches: Family::default(),
            batch_seconds: Family::default(),
            dead_letters: plain(registry, "dlq_events", "Events parked, by the kind of stage that refused them"),
            http_requests: plain(registry, "http_requests", "Requests answered, by route, method and class of status"),
            http_refused: plain(registry, "http_refused_connections", "Connections closed unserved: full, displaced, tls"),
            exported_spans: plain(registry, "exported_spans", "Spans that the collector took"),
            dropped_spans: plain(registry, "dropped_spans", "Spans that the collector did not get, by why"),
        }
    }
}

impl PluginFamilies {
    fn register(registry: &mut Registry) -> PluginFamilies {
        PluginFamilies {
            traps: plain(registry, "interceptor_traps", "Calls of a guest that did not come back in order, by how"),
            info: plain(registry, "plugin_info", "1 for the plugin that judges in a slot"),
            swaps: plain(registry, "plugin_swaps", "Attempts to exchange a plugin, by what came of them"),
            events: plain(registry, "plugin_events", "Events a version of a plugin judged"),
            batches: plain(registry, "plugin_batches", "Batches a version of a plugin judged"),
            discarded_events: plain(registry, "plugin_discarded_events", "Events a version of a plugin dropped"),
            rejected_events: plain(registry, "plugin_rejected_events", "Events a version of a plugin sent to the dead letters"),
            failures: plain(registry, "plugin_failures", "Calls of a version of a plugin that did not come back in order, by how"),
            cpu_seconds: seconds(registry, "plugin_cpu", "CPU time of a version of a plugin, the host's work for it included"),
            counters: plain(registry, "plugin_counter", "What a version of a plugin counts itself, by the name it gives it"),
            slots: Arc::default(),
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
