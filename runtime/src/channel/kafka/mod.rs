//! The Kafka channel: `org.apache.flume.channel.kafka.KafkaChannel`.

mod spec;

pub use spec::Spec;
