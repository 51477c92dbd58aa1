//! The admin address: `/metrics`, `/livez`, `/readyz`, `/version`. Read only and without a password, so that the default is a
//! loopback address; there a request must name this host in its `Host` header, which keeps web pages with DNS rebinding out.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Health, Metrics, http, metrics};

/// The version of wasmtime that runs the plugins, as this crate's manifest pins it.
const WASMTIME: &str = "48.0.8";

/// What the admin address shows.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Behind `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Behind `/livez` and `/readyz`.
    pub health: Health,
}

/// Serves the admin address until `shutdown` ends.
///
/// # Errors
/// When the listener's own address cannot be read.
pub async fn serve(listener: TcpListener, admin: Admin, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics_text))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/version", get(|| async { ([(CONTENT_TYPE, "application/json")], version().to_string()) }))
        .with_state(admin);
    http::serve(listener, router, shutdown).await
}

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

async fn metrics_text(State(admin): State<Admin>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], admin.metrics.render())
}

/// Alive means that the main loop comes round. It never asks Kafka: restarting the agent would not mend the broker.
async fn livez(State(admin): State<Admin>) -> impl IntoResponse {
    if admin.health.is_live() { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "the main loop hangs\n") }
}

/// `?verbose` lists the checks, in the manner of Kubernetes' own `/readyz`.
async fn readyz(State(admin): State<Admin>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let (ready, checks) = admin.health.readiness();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::new();
    if query.is_some_and(|query| query.split('&').any(|name| name.split('=').next() == Some("verbose"))) {
        for (name, check) in checks {
            let sign = if check.ok { '+' } else { '-' };
            writeln!(text, "[{sign}] {name}: {}", check.detail).expect("writing to a string does not fail");
        }
    }
    text.push_str(if ready { "ok\n" } else { "not ready\n" });
    (status, [(CACHE_CONTROL, "no-store")], text)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// The status code and the whole answer, asked for over a socket.
    async fn get(address: std::net::SocketAddr, path: &str, host: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.expect("connect");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answer");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        (status, answer)
    }

    #[tokio::test]
    async fn the_admin_address_answers_probes_and_scrapes_until_it_is_shut() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let admin = Admin { metrics: Metrics::new(), health: Health::new() };
        let (metrics, health) = (admin.metrics.clone(), admin.health.clone());
        let (shut, shutdown) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, admin, async move {
            let _ = shutdown.await;
        }));

        assert_eq!(get(address, "/livez", "localhost").await.0, 200);
        assert_eq!(get(address, "/readyz", "localhost").await.0, 503);
        health.set("pipeline flume1", true, "running");
        assert_eq!(get(address, "/readyz", "localhost").await.0, 200);
        health.draining();
        let (status, verbose) = get(address, "/readyz?verbose", "localhost").await;
        assert_eq!(status, 503);
        assert!(verbose.ends_with("[-] draining: the agent is ending\n[+] pipeline flume1: running\nnot ready\n"), "{verbose}");

        metrics.source("flume1", "r1", "kafka").received_events.inc_by(7);
        let (status, text) = get(address, "/metrics", "127.0.0.1").await;
        assert_eq!(status, 200);
        assert!(text.contains("weir_component_received_events_total{") && text.contains("} 7\n") && text.ends_with("# EOF\n"), "{text}");
        assert_eq!(get(address, "/metrics", "attacker.example").await.0, 403);
        assert_eq!(get(address, "/other", "localhost").await.0, 404);
        let (_, version) = get(address, "/version", "localhost").await;
        assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");

        let old_dashboards = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let old_address = old_dashboards.local_addr().expect("address");
        tokio::spawn(super::super::flume::serve(old_dashboards, metrics, std::future::pending()));
        let (status, json) = get(old_address, "/metrics", "localhost").await;
        assert_eq!(status, 200);
        assert!(json.contains("application/json;charset=utf-8") && json.contains(r#""SOURCE.r1":{"#), "{json}");

        shut.send(()).expect("the server runs");
        server.await.expect("no panic").expect("a clean end");
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[test]
    fn the_wasmtime_version_is_the_pinned_one() {
        let manifest: toml::Table = include_str!("../../Cargo.toml").parse().expect("TOML");
        assert_eq!(manifest["dependencies"]["wasmtime"]["version"].as_str(), Some(format!("={WASMTIME}").as_str()));
    }
}
