//! The four pages at the root: `/livez`, `/readyz`, `/metrics`, `/version`. Keys of a query that they do not know are passed over, as probes and
//! scrapers have some of their own.

use std::fmt::Write;

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::Served;
use super::read::json;
use super::routes::Page;
use crate::http::Body;
use crate::http::body::whole;
use crate::telemetry::{Health, Metrics, metrics};

/// The version of wasmtime that runs the plugins, as this crate's manifest pins it.
const WASMTIME: &str = "48.0.8";

const TEXT: &str = "text/plain; charset=utf-8";

/// What runs here: Weir's version, the commit it was built from where the build knew it (`WEIR_COMMIT`), and the versions of the two engines.
pub fn version() -> Value {
    let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("WEIR_COMMIT"),
        "wasmtime": WASMTIME,
        "librdkafka": librdkafka,
    })
}

/// The page.
pub(super) fn page(page: Page, served: &Served, query: Option<&str>) -> Response<Body> {
    match page {
        Page::Livez => livez(&served.health),
        Page::Readyz => readyz(&served.health, query),
        Page::Metrics => metrics_text(&served.metrics),
        Page::Version => json(&version()),
    }
}

fn metrics_text(metrics: &Metrics) -> Response<Body> {
    whole(StatusCode::OK, metrics::CONTENT_TYPE, metrics.render())
}

/// Alive means that the main loop comes round. It never asks Kafka: restarting the agent would not mend the broker.
fn livez(health: &Health) -> Response<Body> {
    match health.is_live() {
        true => whole(StatusCode::OK, TEXT, "ok\n"),
        false => whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the main loop hangs\n"),
    }
}

/// `?verbose` lists the checks, in the manner of Kubernetes' own `/readyz`.
fn readyz(health: &Health, query: Option<&str>) -> Response<Body> {
    let (ready, checks) = health.readiness();
    let mut text = String::new();
    if query.is_some_and(|query| query.split('&').any(|name| name.split('=').next() == Some("verbose"))) {
        for (name, check) in checks {
            let sign = if check.ok { '+' } else { '-' };
            writeln!(text, "[{sign}] {name}: {}", check.detail).expect("writing to a string does not fail");
        }
    }
    text.push_str(if ready { "ok\n" } else { "not ready\n" });
    whole(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, TEXT, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wasmtime_version_is_the_pinned_one() {
        let manifest: toml::Table = include_str!("../../Cargo.toml").parse().expect("TOML");
        assert_eq!(manifest["dependencies"]["wasmtime"]["version"].as_str(), Some(format!("={WASMTIME}").as_str()));
    }
}
