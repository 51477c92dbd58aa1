//! Where events go.

pub mod kafka;

/// Which sink.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// `org.apache.flume.sink.kafka.KafkaSink`
    Kafka(Box<kafka::Spec>),
}
