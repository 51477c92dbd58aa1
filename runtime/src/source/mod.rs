//! Where events come from.

pub mod kafka;

/// Which source.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// `org.apache.flume.source.kafka.KafkaSource`
    Kafka(Box<kafka::Spec>),
}
