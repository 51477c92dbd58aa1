//! What Weir tells about itself: counters ([`metrics`]), Flume's form of them ([`flume`]) and its log ([`logs`]). [`crate::api`] serves the rest.

pub mod component;
pub mod flume;
pub mod health;
pub mod logs;
pub mod metrics;

pub use component::{ChannelMetrics, DeadLetterMetrics, HttpMetrics, InterceptorMetrics, SinkMetrics, SourceMetrics};
pub use health::Health;
pub use metrics::Metrics;

/// A count that only grows. Cloning gives another handle on the same number.
pub type Counter = prometheus_client::metrics::counter::Counter;
/// A growing sum of seconds.
pub type Seconds = prometheus_client::metrics::counter::Counter<f64, std::sync::atomic::AtomicU64>;
/// A number that goes up and down. Cloning gives another handle on the same number.
pub type Gauge = prometheus_client::metrics::gauge::Gauge;
/// A distribution of seconds.
pub type Histogram = prometheus_client::metrics::histogram::Histogram;
