//! What Weir tells about itself: counters ([`metrics`]), Flume's form of them ([`flume`]), its log ([`logs`], and [`tail`] for those who want to
//! read it from elsewhere), and spans for a collector ([`spans`]). [`crate::api`] serves the rest.

pub mod component;
pub mod flume;
pub mod health;
pub mod interceptor;
pub mod logs;
pub mod metrics;
#[cfg(feature = "otlp")]
pub mod spans;
#[cfg(not(feature = "otlp"))]
#[path = "spans_off.rs"]
pub mod spans;
pub mod status;
pub mod tail;

pub use component::{
    ChannelMetrics, DeadLetterMetrics, HttpMetrics, KafkaChannelMetrics, SinkMetrics, SourceMetrics, SpanMetrics, StoringMetrics,
};
pub use health::{Health, NamedCheck};
pub use interceptor::{InterceptorMetrics, SwapOutcome, VersionMetrics};
pub use metrics::Metrics;
pub use spans::Spans;
pub(crate) use spans::{BatchSpan, SourceSpans};
pub use tail::Tail;

/// A count that only grows. Cloning gives another handle on the same number.
pub type Counter = prometheus_client::metrics::counter::Counter;
/// A growing sum of seconds.
pub type Seconds = prometheus_client::metrics::counter::Counter<f64, std::sync::atomic::AtomicU64>;
/// A number that goes up and down. Cloning gives another handle on the same number.
pub type Gauge = prometheus_client::metrics::gauge::Gauge;
/// A distribution of seconds.
pub type Histogram = prometheus_client::metrics::histogram::Histogram;
