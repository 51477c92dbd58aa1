//! The API over real sockets, before an agent that is none.

mod abuse;
mod access;
mod contract;
mod deadlines;
mod fake;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use fake::Fake;

const OBSERVER: &str = "observer-0123456789";
const OPERATOR: &str = "operator-0123456789";

/// With a token for each role.
fn guarded() -> Settings {
    let text = format!(
        "tokens = [{{ name = 'olga', role = 'observe', token = '{OBSERVER}' }}, {{ name = 'otto', role = 'operate', token = '{OPERATOR}' }}]"
    );
    toml::from_str(&text).expect("settings")
}

/// A server that runs.
struct Running {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    fake: Arc<Fake>,
    folder: tempfile::TempDir,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Running {
    async fn start(settings: &Settings) -> Running {
        let bound = Bound::bind(Some(SocketAddr::from(([127, 0, 0, 1], 0))), settings).await.expect("an address");
        let (address, folder, fake) = (bound.address(), tempfile::tempdir().expect("a folder"), Arc::new(Fake::default()));
        let served = served(&fake, folder.path().join("audit.jsonl"));
        let metrics = served.metrics.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(bound.serve(served, async {
            let _ = stopped.await;
        }));
        Running { address, metrics, fake, folder, stop, server }
    }

    async fn ask(&self, ask: Ask) -> Answer {
        ask.send(TcpStream::connect(self.address).await.expect("connect")).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Ask::get(path)).await
    }

    fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn served(fake: &Arc<Fake>, audit: PathBuf) -> Served {
    let control: Arc<dyn Control> = fake.clone();
    let health = Health::new();
    health.set("pipeline flume1", true, "running");
    Served {
        control,
        metrics: Metrics::new(),
        health,
        audit: audit::Log::at(audit),
        component_cap: 8 << 20,
    }
}

/// A request.
#[derive(Debug, Clone)]
struct Ask {
    method: String,
    path: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Ask {
    fn new(method: &str, path: &str) -> Ask {
        Ask { method: method.to_owned(), path: path.to_owned(), headers: vec!["Host: localhost".to_owned()], body: Vec::new() }
    }

    fn get(path: &str) -> Ask {
        Ask::new("GET", path)
    }

    fn post(path: &str) -> Ask {
        Ask::new("POST", path)
    }

    fn header(mut self, header: &str) -> Ask {
        self.headers.push(header.to_owned());
        self
    }

    fn host(mut self, host: &str) -> Ask {
        self.headers[0] = format!("Host: {host}");
        self
    }

    fn token(self, token: &str) -> Ask {
        self.header(&format!("Authorization: Bearer {token}"))
    }

    fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Ask {
        self.body = body.into();
        self.header(&format!("Content-Type: {media_type}"))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.path);
        for header in &self.headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }

    async fn send(&self, mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) -> Answer {
        stream.write_all(&self.bytes()).await.expect("ask");
        Answer::read(stream).await
    }
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    async fn read(mut stream: impl tokio::io::AsyncRead + Unpin) -> Answer {
        let mut bytes = Vec::new();
        // A reset after the answer takes nothing from it.
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8(bytes).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn probes_scrapes_and_flume_metrics_are_answered_until_the_end() {
    let running = Running::start(&Settings::default()).await;
    assert_eq!(running.get("/livez").await.status, 200);
    let ready = running.get("/readyz?verbose").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "[+] pipeline flume1: running\nok\n"));
    assert!(ready.head.contains("cache-control: no-store"), "{ready:?}");
    running.metrics.source("flume1", "r1", "kafka").received_events.inc_by(7);
    let scraped = running.get("/metrics").await;
    assert!(scraped.body.contains("weir_component_received_events_total{") && scraped.body.contains("} 7\n"), "{scraped:?}");
    assert!(scraped.body.contains("weir_http_requests_total{server=\"admin\",path=\"/livez\",method=\"GET\",status=\"2xx\"} 1\n"));
    assert!(scraped.body.ends_with("# EOF\n"));
    let head = running.ask(Ask::new("HEAD", "/livez")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(running.get("/version").await.json()["version"], env!("CARGO_PKG_VERSION"));

    let old_dashboards = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let old_address = old_dashboards.local_addr().expect("address");
    tokio::spawn(crate::telemetry::flume::serve(old_dashboards, running.metrics.clone(), std::future::pending()));
    let ask = |ask: Ask| async move { ask.send(TcpStream::connect(old_address).await.expect("connect")).await };
    let flume = ask(Ask::get("/metrics")).await;
    assert!(flume.head.contains("application/json;charset=utf-8") && flume.body.contains(r#""SOURCE.r1":{"#), "{flume:?}");
    assert_eq!(ask(Ask::get("/metrics").host("attacker.example")).await.status, 403);
    assert_eq!(ask(Ask::get("/other")).await.status, 404);
    assert_eq!(ask(Ask::post("/metrics")).await.status, 405);

    running.stop.send(()).expect("the server runs");
    running.server.await.expect("no panic");
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_stream_ends_with_the_server_and_an_answer_under_way_is_finished() {
    let running = Running::start(&Settings::default()).await;
    let mut tap = TcpStream::connect(running.address).await.expect("connect");
    tap.write_all(&Ask::get("/api/v1/interceptors/endless/i/tap").bytes()).await.expect("ask");
    let mut begun = [0; 1024];
    assert!(tap.read(&mut begun).await.expect("an answer") > 0);
    let address = running.address;
    let paused =
        tokio::spawn(
            async move { Ask::post("/api/v1/pipelines/slow/pause").send(TcpStream::connect(address).await.expect("connect")).await },
        );
    running.fake.slow.begun.notified().await;
    running.stop.send(()).expect("the server runs");
    let ended = Answer::read(tap).await;
    assert!(ended.head.ends_with("0") || ended.body.is_empty(), "the last chunk: {ended:?}");
    running.fake.slow.end.notify_one();
    assert_eq!(paused.await.expect("no panic").status, 200);
    running.server.await.expect("no panic");
}

#[tokio::test]
async fn an_address_open_to_the_network_is_not_served_without_a_guard() {
    let open = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = Bound::bind(Some(open), &Settings::default()).await.err().expect("refused");
    assert!(error.to_string().contains("is not on loopback"), "{error}");
    Bound::bind(Some(open), &guarded()).await.expect("guarded");
}
