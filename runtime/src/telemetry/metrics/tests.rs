//! The whole exposition, scraped.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::plugin::{FailureKind, Judgement};
use crate::telemetry::SwapOutcome;

/// One of each component, with every number touched that only shows when touched.
fn scraped() -> String {
    let metrics = Metrics::new();
    metrics.source("p", "r1", "kafka").received_events.inc_by(3);
    metrics.channel("p", "c1", "memory", 100, 0).size_events.set(2);
    metrics.sink("p", "k1", "kafka").retries.inc();
    let interceptor = metrics.interceptor("p", "r1", "i1", "wasm");
    interceptor.trap(FailureKind::Deadline);
    interceptor.batch(Duration::from_millis(1));
    interceptor.plugin("fraud-score", "0.1.0", "ab12");
    interceptor.swap(SwapOutcome::RolledBack);
    interceptor.version("ab12", "fraud-score", "0.1.0").failed(FailureKind::Memory);
    interceptor.version("ab12", "fraud-score", "0.1.0").counted("cards_seen", 7);
    metrics.dead_letters("p").events("sink k1").inc_by(4);
    metrics.spans().exported.inc();
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
        let owner = match name {
            _ if name.ends_with("_spans") => "",
            _ if name.starts_with("weir_http_") => "server=\"admin\"",
            _ => "pipeline=\"p\"",
        };
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
        "weir_interceptor_memory_peak_bytes",
        "weir_tap_dropped_events_total",
        "weir_plugin_info",
        "weir_plugin_swaps_total",
        "weir_plugin_events_total",
        "weir_plugin_batches_total",
        "weir_plugin_discarded_events_total",
        "weir_plugin_rejected_events_total",
        "weir_plugin_failures_total",
        "weir_plugin_cpu_seconds_total",
        "weir_plugin_counter_total",
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
    assert!(text.contains("weir_plugin_swaps_total{pipeline=\"p\",component=\"i1\",source=\"r1\",result=\"rolled-back\"} 1"), "{text}");
    let failed = "weir_plugin_failures_total{pipeline=\"p\",component=\"i1\",source=\"r1\",digest=\"ab12\",name=\"fraud-score\",version=\"0.1.0\",kind=\"memory\"} 1";
    assert!(text.contains(failed), "{text}");
    assert!(text.contains("weir_interceptor_traps_total{pipeline=\"p\",component=\"i1\",source=\"r1\",kind=\"deadline\"} 1"), "{text}");
}

#[test]
fn a_swapped_plugin_leaves_no_series_of_the_old_one() {
    let metrics = Metrics::new();
    let interceptor = metrics.interceptor("p", "r1", "i1", "wasm");
    interceptor.plugin("score", "1", "aa");
    metrics.interceptor("p", "r1", "i1", "wasm").plugin("score", "2", "bb");
    let plugins: Vec<String> = metrics.render().lines().filter(|line| line.starts_with("weir_plugin_info{")).map(str::to_owned).collect();
    assert_eq!(plugins, ["weir_plugin_info{pipeline=\"p\",slot=\"i1\",source=\"r1\",name=\"score\",version=\"2\",digest=\"bb\"} 1"]);
}

#[test]
fn versions_are_counted_apart_and_the_oldest_but_the_one_that_judges_is_forgotten() {
    let metrics = Metrics::new();
    let interceptor = metrics.interceptor("p", "r1", "i1", "wasm");
    let digest = |number: usize| format!("{number:064x}").chars().rev().collect::<String>();
    interceptor.plugin("score", "1", &digest(1));
    let first = interceptor.version(&digest(1), "score", "1");
    for number in 2..=6 {
        interceptor.version(&digest(number), "score", &number.to_string()).judged(&judgement(number));
    }
    first.judged(&judgement(1));
    let text = metrics.render();
    let events: Vec<&str> = text.lines().filter(|line| line.starts_with("weir_plugin_events_total{")).collect();
    assert_eq!(events.len(), 4, "{text}");
    for (number, line) in [1, 4, 5, 6].into_iter().zip(sorted(events)) {
        let wanted = format!("digest=\"{number}00000000000\",name=\"score\",version=\"{number}\"}} {number}");
        assert!(line.ends_with(&wanted), "{line}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("weir_plugin_failures_total{")).count(), 4 * FailureKind::ALL.len());
    assert_eq!(text.lines().filter(|line| line.starts_with("weir_plugin_cpu_seconds_total{")).count(), 4);
    // The same version asked for again counts on.
    assert_eq!(interceptor.version(&digest(6), "score", "6").events.get(), 6);
}

#[test]
fn what_a_plugin_counts_itself_goes_on_over_swaps_and_goes_with_its_version() {
    let metrics = Metrics::new();
    let interceptor = metrics.interceptor("p", "r1", "i1", "wasm");
    let series = || {
        let text = metrics.render();
        let lines = text.lines().filter(|line| line.starts_with("weir_plugin_counter_total{")).map(str::to_owned);
        lines.collect::<BTreeSet<String>>().into_iter().collect::<Vec<_>>()
    };
    let first = interceptor.version("aa", "score", "1");
    first.counted("seen", 2);
    interceptor.plugin("score", "2", "bb");
    interceptor.version("bb", "score", "2").counted("seen", 5);
    interceptor.version("aa", "score", "1").counted("seen", 1);
    let label = |digest: &str, version: &str| {
        format!(
            "weir_plugin_counter_total{{pipeline=\"p\",component=\"i1\",source=\"r1\",digest=\"{digest}\",name=\"score\",version=\"{version}\",counter=\"seen\"}}"
        )
    };
    assert_eq!(series(), [format!("{} 3", label("aa", "1")), format!("{} 5", label("bb", "2"))]);
    for number in 3..=6 {
        interceptor.version(&format!("c{number}"), "score", "3");
    }
    first.counted("seen", 1);
    assert_eq!(series(), [format!("{} 5", label("bb", "2"))], "the one that judges is kept");
}

fn judgement(events: usize) -> Judgement {
    Judgement { events, duration: Duration::ZERO, cpu: Duration::from_millis(3), discarded: 1, rejected: 2, derived: 0, failed: 0 }
}

fn sorted(mut lines: Vec<&str>) -> Vec<&str> {
    lines.sort_unstable();
    lines
}

#[test]
fn the_memory_peak_is_the_present_versions() {
    let metrics = Metrics::new();
    let interceptor = metrics.interceptor("p", "r1", "i1", "wasm");
    interceptor.plugin("score", "1", "aa");
    interceptor.memory(300);
    interceptor.memory(200);
    interceptor.plugin("score", "1", "aa");
    assert_eq!((interceptor.memory_bytes.get(), interceptor.memory_peak_bytes.get()), (200, 300));
    interceptor.plugin("score", "2", "bb");
    interceptor.memory(100);
    assert_eq!(interceptor.memory_peak_bytes.get(), 100);
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
