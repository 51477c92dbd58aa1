//! Spans over a fake collector: an HTTP server that decodes what it is sent.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue as ProtoKeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{Span as ProtoSpan, span::SpanKind as ProtoKind, status::StatusCode as ProtoStatus};
use opentelemetry_sdk::trace::Sampler;
use prost::Message;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use super::*;
use crate::batch::{Change, Fate, Outcome, Verdict};
use crate::event::{Origin, Scope};
use crate::interceptor::{self, Chain, Interceptor, Judging, Step, Taps};

/// What a collector was sent.
#[derive(Clone, Default)]
struct Received {
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Received {
    fn spans(&self) -> Vec<ProtoSpan> {
        let requests = self.requests.lock().expect("no panic").clone();
        requests
            .into_iter()
            .flat_map(|request| request.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }

    /// The span of this name; there is one.
    fn span(&self, name: &str) -> ProtoSpan {
        let mut found: Vec<_> = self.spans().into_iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name} in {:?}", self.spans());
        found.remove(0)
    }
}

/// A collector that answers with this status, over TLS where it is given a certificate; and its port.
async fn collector(status: StatusCode, tls: Option<TlsAcceptor>) -> (Received, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    let received = Received::default();
    let answering = received.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (received, tls) = (answering.clone(), tls.clone());
            let service = service_fn(move |request| answer(request, status, received.clone()));
            tokio::spawn(async move {
                let http = hyper::server::conn::http1::Builder::new();
                match tls {
                    None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                        Err(_) => None,
                    },
                }
            });
        }
    });
    (received, port)
}

async fn answer(request: Request<Incoming>, status: StatusCode, received: Received) -> io::Result<Response<Full<bytes::Bytes>>> {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v1/traces"));
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    assert!(request.headers()["host"].to_str().is_ok_and(|host| host.starts_with("localhost:") || host.starts_with("127.0.0.1:")));
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    if status.is_success() {
        received.requests.lock().expect("no panic").push(ExportTraceServiceRequest::decode(body)?);
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

fn settings(endpoint: &str, sampler: Sampler) -> Settings {
    let endpoint = endpoint.parse().expect("a URL");
    Settings { endpoint, certificate: None, timeout: Duration::from_secs(10), sampler, service_name: Some("fraud".into()) }
}

fn spans(port: u16, metrics: &Metrics) -> Spans {
    let settings = settings(&format!("http://127.0.0.1:{port}/v1/traces"), Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
    Spans::start(settings, metrics.spans()).expect("spans")
}

/// Rejects the first event, discards the second, sets a header on the third.
struct Mixed;

impl Interceptor for Mixed {
    fn intercept(&self, _: Arc<Batch>) -> Judging {
        let set = Change::SetHeader { name: "score".into(), value: "9".into(), scope: Scope::Both };
        let verdicts =
            vec![(0, Verdict::fate(Fate::Reject(Box::default()))), (1, Verdict::fate(Fate::Discard)), (2, Verdict::changes(vec![set]))];
        Judging::Now(Ok(Outcome { verdicts }))
    }

    fn version(&self) -> Option<&Info> {
        static INFO: std::sync::LazyLock<Info> =
            std::sync::LazyLock::new(|| Info { name: "fraud-score".into(), version: "1.2".into(), digest: "ab".repeat(32), file: None });
        Some(&INFO)
    }
}

struct Halts;

impl Interceptor for Halts {
    fn intercept(&self, _: Arc<Batch>) -> Judging {
        Judging::Now(Err(interceptor::Error::Halted { place: "t/0".into(), reason: "told to".into() }))
    }
}

fn chain(metrics: &Metrics, interceptors: Vec<(&str, Box<dyn Interceptor>)>) -> Chain {
    let step = |(name, interceptor)| {
        let metrics = metrics.interceptor("p", "s", name, "fake");
        Step { stage: format!("interceptor {name}"), interceptor, taps: Taps::new(metrics.tap_dropped_events.clone()), metrics }
    };
    Chain::new(interceptors.into_iter().map(step).collect())
}

/// The n-th event of a topic, sent in the n-th span of a trace.
fn traced(number: u64) -> Event {
    let mut event =
        Event { origin: Some(Origin { topic: "txn".into(), partition: 0, offset: number as i64 }), ..Event::new(number.to_string()) };
    event.headers.push("traceparent", Some(format!("00-{:032x}-{:016x}-01", 7, number + 1).into()), Scope::Record);
    event.headers.push("tracestate", Some("vendor=1".into()), Scope::Record);
    event
}

fn attributes(span: &ProtoSpan) -> BTreeMap<String, String> {
    span.attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

fn text(attribute: &ProtoKeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_a_span_with_links_to_its_events_traces_and_a_child_an_interceptor() {
    let (received, port) = collector(StatusCode::OK, None).await;
    let metrics = Metrics::new();
    let spans = spans(port, &metrics);
    let source = spans.source("flume1", "r1");
    let mut events: Vec<Event> = (0..4).map(traced).collect();
    // Of one trace and span with the first, of none, of a malformed one.
    events.push(traced(0));
    events.push(Event { headers: Default::default(), ..traced(5) });
    events[3].set_header("traceparent", "00-zz", Scope::Record);
    let batch = Batch::from(events);
    let span = BatchSpan::begin(Some(&source), &batch, &[]);
    let chain = chain(&metrics, vec![("score", Box::new(Mixed)), ("stamp", Box::new(Passes))]);
    let judged = chain.pin(1000).judge(batch, &span).await;
    let judged = span.end(judged).expect("judged");
    spans.end().await;

    let batch = received.span("process txn");
    let all = attributes(&batch);
    for (name, value) in [
        ("messaging.system", "kafka"),
        ("messaging.operation.name", "process"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "txn"),
        ("messaging.batch.message_count", "6"),
        ("weir.pipeline", "flume1"),
        ("weir.source", "r1"),
        ("weir.events.passed", "4"),
        ("weir.events.discarded", "1"),
        ("weir.events.rejected", "1"),
    ] {
        assert_eq!(all.get(name).map(String::as_str), Some(value), "{name} in {all:?}");
    }
    assert_eq!(batch.kind(), ProtoKind::Consumer);
    assert!(batch.parent_span_id.is_empty() && batch.status.clone().is_none_or(|status| status.code() == ProtoStatus::Unset));
    let links: Vec<u64> = batch.links.iter().map(|link| u64::from_be_bytes(link.span_id.clone().try_into().expect("8 bytes"))).collect();
    assert_eq!(links, [1, 2, 3]);
    assert!(batch.links.iter().all(|link| link.trace_id[15] == 7 && link.trace_state == "vendor=1"));
    for (name, passed, digest) in [("intercept score", "4", Some("ab".repeat(32))), ("intercept stamp", "4", None)] {
        let child = received.span(name);
        assert_eq!((&child.trace_id, &child.parent_span_id), (&batch.trace_id, &batch.span_id), "{name}");
        let all = attributes(&child);
        assert_eq!(all["weir.events.passed"], passed);
        assert_eq!(all.get("weir.plugin.digest"), digest.as_ref());
    }
    assert_eq!(attributes(&received.span("intercept score"))["weir.plugin.version"], "1.2");
    let resource = received.requests.lock().expect("no panic")[0].resource_spans[0].resource.clone().expect("a resource");
    let resource: BTreeMap<_, _> = resource.attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect();
    assert_eq!((resource["service.name"].as_str(), resource["service.version"].as_str()), ("fraud", env!("CARGO_PKG_VERSION")));
    assert_eq!((metrics.spans().exported.get(), metrics.spans().dropped_for_room.get()), (3, 0));

    // The events' own trace headers went on as they came, changed event or not.
    let values = |event: &Event| event.headers.records().map(|header| header.value.map(<[u8]>::to_vec)).collect::<Vec<_>>();
    let after = |index: usize| values(&judged.batch.events[index]);
    let before = |number: u64| values(&traced(number));
    assert_eq!(after(0)[..2], before(2)[..]);
    assert_eq!(after(2), before(0));
    assert_eq!(judged.rejected[0].event.headers, traced(0).headers);
}

struct Passes;

impl Interceptor for Passes {
    fn intercept(&self, _: Arc<Batch>) -> Judging {
        Judging::Now(Ok(Outcome::default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_halts_or_is_abandoned_is_an_error() {
    let (received, port) = collector(StatusCode::OK, None).await;
    let metrics = Metrics::new();
    let spans = spans(port, &metrics);
    let source = spans.source("p", "s");
    let batch = Batch::from(vec![traced(0)]);
    let span = BatchSpan::begin(Some(&source), &batch, &[]);
    let judged = chain(&metrics, vec![("halts", Box::new(Halts))]).pin(1000).judge(batch, &span).await;
    span.end(judged).expect_err("halted");
    let mut other = traced(1);
    other.origin = None;
    drop(BatchSpan::begin(Some(&source), &Batch::from(vec![other]), &[]));
    spans.end().await;
    for (name, message) in
        [("process txn", "halted at t/0: told to"), ("intercept halts", "halted at t/0: told to"), ("process", "abandoned")]
    {
        let status = received.span(name).status.expect("a status");
        assert_eq!(status.code(), ProtoStatus::Error, "{name}");
        assert!(status.message.starts_with(message), "{name}: {}", status.message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_have_an_end_and_a_batch_of_several_topics_names_none() {
    let (received, port) = collector(StatusCode::OK, None).await;
    let metrics = Metrics::new();
    let spans = spans(port, &metrics);
    let source = spans.source("p", "s");
    let mut events: Vec<Event> = (0..200).map(traced).collect();
    events[199].origin = Some(Origin { topic: "other".into(), partition: 0, offset: 0 });
    let batch = Batch::from(events);
    let span = BatchSpan::begin(Some(&source), &batch, &[]);
    span.end(Ok::<_, interceptor::Error>(Judged { batch, ..Judged::default() })).expect("judged");
    spans.end().await;
    let span = received.span("process");
    assert_eq!(span.links.len(), LINKS);
    assert!(!attributes(&span).contains_key("messaging.destination.name"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_not_sampled_has_no_span_and_none_below_it() {
    let (received, port) = collector(StatusCode::OK, None).await;
    let metrics = Metrics::new();
    let settings = settings(&format!("http://127.0.0.1:{port}/v1/traces"), Sampler::TraceIdRatioBased(0.0));
    let spans = Spans::start(settings, metrics.spans()).expect("spans");
    let batch = Batch::from(vec![traced(0)]);
    let span = BatchSpan::begin(Some(&spans.source("p", "s")), &batch, &[]);
    assert!(span.sampled.is_none() && span.intercept("interceptor i", None).span.is_none());
    spans.end().await;
    assert!(received.spans().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_refuses_or_is_not_there_costs_its_spans_and_nothing_else() {
    let metrics = Metrics::new();
    let (_, refusing) = collector(StatusCode::FORBIDDEN, None).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("bind").local_addr().expect("address").port();
    for (port, lost) in [(refusing, 1), (nobody, 2)] {
        let spans = spans(port, &metrics);
        let batch = Batch::from(vec![traced(0)]);
        let span = BatchSpan::begin(Some(&spans.source("p", "s")), &batch, &[]);
        span.end(Ok::<_, interceptor::Error>(Judged { batch, ..Judged::default() })).expect("judged");
        spans.end().await;
        assert_eq!((metrics.spans().exported.get(), metrics.spans().dropped_in_export.get()), (0, lost));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_into_the_queue_is_dropped_and_counted() {
    // It takes connections and answers nothing, so that the first export hangs.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let metrics = Metrics::new();
    let spans = spans(silent.local_addr().expect("address").port(), &metrics);
    let source = spans.source("p", "s");
    let made = 3 * export::QUEUE as u64;
    for _ in 0..made {
        drop(BatchSpan::begin(Some(&source), &Batch::from(vec![Event::new("x")]), &[]));
    }
    // What one export holds has left the queue; at most that much more than the queue is not dropped.
    let dropped = metrics.spans().dropped_for_room.get();
    assert!(dropped >= made / 3 && dropped <= made - export::QUEUE as u64, "{dropped} of {made}");
    // Nothing is to be waited for.
    spans.provider.shutdown_with_timeout(Duration::ZERO).expect_err("it hangs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_behind_tls_is_trusted_by_its_ca_and_no_other() {
    let (ca, other) = (authority(), authority());
    let (received, port) = collector(StatusCode::OK, Some(acceptor(&ca))).await;
    let folder = tempfile::tempdir().expect("folder");
    let metrics = Metrics::new();
    for (name, issuer) in [("other.pem", &other), ("ca.pem", &ca)] {
        let file = folder.path().join(name);
        std::fs::write(&file, issuer.pem()).expect("write");
        let settings = settings(&format!("https://localhost:{port}/v1/traces"), Sampler::AlwaysOn);
        let spans = Spans::start(Settings { certificate: Some(file), ..settings }, metrics.spans()).expect("spans");
        drop(BatchSpan::begin(Some(&spans.source("p", "s")), &Batch::from(vec![traced(0)]), &[]));
        spans.end().await;
    }
    assert_eq!((metrics.spans().exported.get(), metrics.spans().dropped_in_export.get()), (1, 1));
    received.span("process txn");
    let missing = Settings { certificate: Some(folder.path().join("none.pem")), ..settings("https://localhost:1/", Sampler::AlwaysOn) };
    let refused = Spans::start(missing, metrics.spans()).expect_err("no such file");
    assert!(refused.to_string().contains("none.pem"), "{refused}");
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("key")).expect("a CA")
}

fn acceptor(ca: &CertifiedIssuer<'static, KeyPair>) -> TlsAcceptor {
    let key = KeyPair::generate().expect("key");
    let certificate = CertificateParams::new(vec!["localhost".into()]).expect("parameters").signed_by(&key, ca).expect("signed");
    let private = tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let config =
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private.into()).expect("a certificate");
    TlsAcceptor::from(Arc::new(config))
}
