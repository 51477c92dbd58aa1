//! What Weir tells about itself: counters ([`metrics`]), the addresses that serve them ([`admin`], [`flume`]) and its log ([`logs`], and [`tail`]
//! for those who want to read it from elsewhere).

pub mod admin;
pub mod component;
pub mod flume;
pub mod health;
mod http;
pub mod interceptor;
pub mod logs;
pub mod metrics;
pub mod status;
pub mod tail;

pub use component::{ChannelMetrics, DeadLetterMetrics, SinkMetrics, SourceMetrics};
pub use health::Health;
pub use interceptor::{InterceptorMetrics, SwapOutcome, VersionMetrics};
pub use metrics::Metrics;
pub use tail::Tail;

/// A count that only grows. Cloning gives another handle on the same number.
pub type Counter = prometheus_client::metrics::counter::Counter;
/// A growing sum of seconds.
pub type Seconds = prometheus_client::metrics::counter::Counter<f64, std::sync::atomic::AtomicU64>;
/// A number that goes up and down. Cloning gives another handle on the same number.
pub type Gauge = prometheus_client::metrics::gauge::Gauge;
/// A distribution of seconds.
pub type Histogram = prometheus_client::metrics::histogram::Histogram;
