//! The metrics as Flume's `HTTPMetricsServer` answers them, for dashboards that read that: `{"SOURCE.r1":{..},"CHANNEL.c1":{..}}`, every value a
//! string. From the same numbers as [`super::metrics`].
//!
//! What Flume counts and Weir has not is "0", as it mostly is in Flume: connections, `Append*` of its RPC sources. A put waits for room instead
//! of failing and a take waits for an event, so attempts equal successes; a retried write is what Flume counts as a roll-back.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use super::component::{ChannelMetrics, KafkaChannelMetrics, SinkMetrics, SourceMetrics};
use super::metrics::{Component, Metrics, Numbers};
use super::{HttpMetrics, Seconds};
use crate::http::body::whole;
use crate::http::{self, Body, Handler, Listening, Peer, Problem, host};

/// Serves `/metrics` on an address of its own, as Flume does with `-Dflume.monitoring.type=http`, until `shutdown` ends.
///
/// It shows no event, no setting and no secret, and is served without a password on whatever address the configuration names. On loopback a request
/// must name this host, so that a web page cannot read it through its visitor's browser.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, shutdown: impl Future<Output = ()>) {
    let numbers = metrics.http("flume");
    let listening = Listening { listener, tls: None, metrics: numbers.clone() };
    http::serve(listening, Arc::new(Server { metrics, numbers }), shutdown).await;
}

struct Server {
    metrics: Arc<Metrics>,
    numbers: HttpMetrics,
}

impl Handler for Server {
    fn answer(&self, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Response<Body>> {
        let (path, mut response) = match self.page(&request, &peer) {
            Ok((path, response)) => (path, response),
            Err(problem) => ("other", problem.into_response()),
        };
        if !response.status().is_success() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.numbers.request(path, request.method(), response.status());
        std::future::ready(response).boxed()
    }
}

impl Server {
    fn page(&self, request: &Request<Incoming>, peer: &Peer) -> Result<(&'static str, Response<Body>), Problem> {
        let called = host::called(request).map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail))?;
        let local = peer.local.ip();
        if local.to_canonical().is_loopback() && !host::is_own(&called, local, &[]) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "the Host header must be localhost or a loopback address"));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "here only GET, HEAD is answered");
            return Err(problem.header(ALLOW, HeaderValue::from_static("GET, HEAD")));
        }
        match request.uri().path() {
            "/" => Ok(("/", whole(StatusCode::OK, "text/html; charset=utf-8", LINK))),
            "/metrics" => Ok(("/metrics", whole(StatusCode::OK, "application/json;charset=utf-8", render(&self.metrics)))),
            _ => Err(Problem::new(StatusCode::NOT_FOUND, "there is only /metrics here")),
        }
    }
}

/// What Flume has at the root.
const LINK: &str = "For Flume metrics please click <a href = \"./metrics\"> here</a>.";

/// The document. A name that two pipelines share is told apart as `SOURCE.pipeline.name`; Flume runs one agent a process and has no such case.
pub fn render(metrics: &Metrics) -> String {
    let components = metrics.components();
    let mut uses: HashMap<(&str, &str), usize> = HashMap::new();
    for component in &components {
        *uses.entry((component.kind(), &component.name)).or_default() += 1;
    }
    let mut document = Map::new();
    for component in &components {
        let Component { pipeline, name, .. } = component;
        let kind = component.kind();
        let key = match uses[&(kind, name.as_str())] {
            1 => format!("{kind}.{name}"),
            _ => format!("{kind}.{pipeline}.{name}"),
        };
        document.insert(key, Value::Object(component.entry()));
    }
    Value::Object(document).to_string()
}

impl Component {
    pub(super) fn kind(&self) -> &'static str {
        match self.numbers {
            Numbers::Source(_) => "SOURCE",
            Numbers::Channel { .. } | Numbers::KafkaChannel(_) => "CHANNEL",
            Numbers::Sink(_) => "SINK",
        }
    }

    fn entry(&self) -> Map<String, Value> {
        let mut entry = match &self.numbers {
            Numbers::Source(source) => source_entry(source),
            Numbers::Channel { metrics, capacity_events } => channel_entry(metrics, *capacity_events),
            Numbers::KafkaChannel(halves) => kafka_channel_entry(halves),
            Numbers::Sink(sink) => sink_entry(sink),
        };
        // StopTime is 0 while a component runs, and Weir's run as long as the process does.
        entry.extend([("Type", self.kind().to_owned()), ("StartTime", self.started.to_string()), ("StopTime", "0".to_owned())]);
        entry.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value))).collect()
    }
}

type Entry = Vec<(&'static str, String)>;

/// The attributes of `org.apache.flume.instrumentation.kafka.KafkaSourceCounter`.
fn source_entry(source: &SourceMetrics) -> Entry {
    vec![
        ("EventReceivedCount", source.received_events.get().to_string()),
        ("EventAcceptedCount", source.accepted_events.get().to_string()),
        ("AppendReceivedCount", "0".to_owned()),
        ("AppendAcceptedCount", "0".to_owned()),
        ("AppendBatchReceivedCount", "0".to_owned()),
        ("AppendBatchAcceptedCount", "0".to_owned()),
        ("OpenConnectionCount", "0".to_owned()),
        ("KafkaEventGetTimer", millis(&source.poll_seconds)),
        ("KafkaCommitTimer", millis(&source.commit_seconds)),
        ("KafkaEmptyCount", source.empty_polls.get().to_string()),
    ]
}

/// The attributes of `org.apache.flume.instrumentation.ChannelCounter`.
fn channel_entry(channel: &ChannelMetrics, capacity: u64) -> Entry {
    let size = channel.size_events.get();
    // Beyond 2^53 events a percentage may round; no channel is that large.
    let filled = if capacity == 0 { f64::MAX } else { size as f64 / capacity as f64 * 100.0 };
    vec![
        ("ChannelSize", size.to_string()),
        ("ChannelCapacity", capacity.to_string()),
        ("ChannelFillPercentage", java_double(filled)),
        ("EventPutAttemptCount", channel.put_events.get().to_string()),
        ("EventPutSuccessCount", channel.put_events.get().to_string()),
        ("EventTakeAttemptCount", channel.take_events.get().to_string()),
        ("EventTakeSuccessCount", channel.take_events.get().to_string()),
    ]
}

/// The attributes of `org.apache.flume.instrumentation.kafka.KafkaChannelCounter`. Flume does not know how many events a topic holds: size and
/// capacity are 0, and the part of it that is filled is Java's largest double.
fn kafka_channel_entry(halves: &KafkaChannelMetrics) -> Entry {
    let KafkaChannelMetrics { inlet, writer, reader, outlet } = halves;
    vec![
        ("ChannelSize", "0".to_owned()),
        ("ChannelCapacity", "0".to_owned()),
        ("ChannelFillPercentage", java_double(f64::MAX)),
        ("EventPutAttemptCount", inlet.put_events.get().to_string()),
        ("EventPutSuccessCount", writer.sent_events.get().to_string()),
        ("EventTakeAttemptCount", outlet.take_events.get().to_string()),
        ("EventTakeSuccessCount", outlet.take_events.get().to_string()),
        ("KafkaEventGetTimer", millis(&reader.poll_seconds)),
        ("KafkaEventSendTimer", millis(&writer.write_seconds)),
        ("KafkaCommitTimer", millis(&reader.commit_seconds)),
        ("RollbackCount", writer.retries.get().to_string()),
    ]
}

/// The attributes of `org.apache.flume.instrumentation.kafka.KafkaSinkCounter`.
fn sink_entry(sink: &SinkMetrics) -> Entry {
    vec![
        ("ConnectionCreatedCount", "0".to_owned()),
        ("ConnectionClosedCount", "0".to_owned()),
        ("ConnectionFailedCount", "0".to_owned()),
        ("BatchEmptyCount", sink.batches_empty.get().to_string()),
        ("BatchUnderflowCount", sink.batches_underflow.get().to_string()),
        ("BatchCompleteCount", sink.batches_complete.get().to_string()),
        ("EventDrainAttemptCount", sink.taken_events.get().to_string()),
        ("EventDrainSuccessCount", sink.sent_events.get().to_string()),
        ("KafkaEventSendTimer", millis(&sink.write_seconds)),
        ("RollbackCount", sink.retries.get().to_string()),
    ]
}

fn millis(time: &Seconds) -> String {
    format!("{:.0}", time.get() * 1000.0)
}

/// A number as Java's `Double.toString` writes it: a decimal point always, an exponent below 0.001 and from 10^7 on.
fn java_double(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(metrics: &Metrics) -> Map<String, Value> {
        serde_json::from_str(&render(metrics)).expect("JSON")
    }

    fn keys(entry: &Value) -> Vec<&str> {
        let mut keys: Vec<&str> = entry.as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_document_has_flumes_keys_and_only_strings() {
        let metrics = Metrics::new();
        metrics.source("a1", "r1", "kafka").received_events.inc_by(25);
        metrics.channel("a1", "c1", "memory", 8, 0).size_events.set(2);
        let sink = metrics.sink("a1", "k1", "kafka");
        sink.retries.inc();
        sink.write_seconds.inc_by(1.5);
        let document = parsed(&metrics);
        let source = "AppendAcceptedCount AppendBatchAcceptedCount AppendBatchReceivedCount AppendReceivedCount EventAcceptedCount \
                      EventReceivedCount KafkaCommitTimer KafkaEmptyCount KafkaEventGetTimer OpenConnectionCount StartTime StopTime Type";
        assert_eq!(keys(&document["SOURCE.r1"]).join(" "), source);
        let channel = "ChannelCapacity ChannelFillPercentage ChannelSize EventPutAttemptCount EventPutSuccessCount EventTakeAttemptCount \
                       EventTakeSuccessCount StartTime StopTime Type";
        assert_eq!(keys(&document["CHANNEL.c1"]).join(" "), channel);
        let sink = "BatchCompleteCount BatchEmptyCount BatchUnderflowCount ConnectionClosedCount ConnectionCreatedCount ConnectionFailedCount \
                    EventDrainAttemptCount EventDrainSuccessCount KafkaEventSendTimer RollbackCount StartTime StopTime Type";
        assert_eq!(keys(&document["SINK.k1"]).join(" "), sink);
        assert!(document.values().flat_map(|entry| entry.as_object()).flat_map(Map::values).all(Value::is_string));
        assert_eq!(document["SOURCE.r1"]["EventReceivedCount"], "25");
        assert_eq!(document["CHANNEL.c1"]["ChannelFillPercentage"], "25.0");
        assert_eq!(document["CHANNEL.c1"]["Type"], "CHANNEL");
        assert_eq!(document["SINK.k1"]["RollbackCount"], "1");
        assert_eq!(document["SINK.k1"]["KafkaEventSendTimer"], "1500");
    }

    #[test]
    fn a_kafka_channel_has_flumes_keys_for_one_and_is_neither_source_nor_sink() {
        let metrics = Metrics::new();
        let halves = metrics.kafka_channel("a1", "c1", 100, 0);
        halves.inlet.put_events.inc_by(7);
        halves.inlet.take_events.inc_by(1);
        halves.writer.sent_events.inc_by(6);
        halves.reader.received_events.inc_by(5);
        halves.outlet.take_events.inc_by(4);
        let document = parsed(&metrics);
        assert_eq!(document.len(), 1);
        let channel = &document["CHANNEL.c1"];
        let wanted = "ChannelCapacity ChannelFillPercentage ChannelSize EventPutAttemptCount EventPutSuccessCount EventTakeAttemptCount \
                      EventTakeSuccessCount KafkaCommitTimer KafkaEventGetTimer KafkaEventSendTimer RollbackCount StartTime StopTime Type";
        assert_eq!(keys(channel).join(" "), wanted);
        let count = |name: &str| channel[name].as_str().expect("text").to_owned();
        assert_eq!(["EventPutAttemptCount", "EventPutSuccessCount", "EventTakeSuccessCount"].map(count), ["7", "6", "4"]);
        assert_eq!(["ChannelSize", "ChannelCapacity", "ChannelFillPercentage"].map(count), ["0", "0", "1.7976931348623157E308"]);
    }

    #[test]
    fn a_name_two_pipelines_share_is_told_apart() {
        let metrics = Metrics::new();
        metrics.source("a1", "r1", "kafka");
        metrics.source("a2", "r1", "kafka");
        metrics.sink("a2", "k1", "kafka");
        let names: Vec<String> = parsed(&metrics).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["SINK.k1", "SOURCE.a1.r1", "SOURCE.a2.r1"]);
    }

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        let written = [0.0, 25.0, 33.333_333_333_333_336, 0.001, 0.0001, f64::MAX].map(java_double);
        assert_eq!(written, ["0.0", "25.0", "33.333333333333336", "0.001", "1.0E-4", "1.7976931348623157E308"]);
    }
}
