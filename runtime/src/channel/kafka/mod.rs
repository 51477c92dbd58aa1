//! The Kafka channel: `org.apache.flume.channel.kafka.KafkaChannel`, a topic between sources and sinks, of this agent or of others.
//!
//! It moves no event itself: to write the topic it is a Kafka sink and to read it a Kafka source, which its [`Spec`] describes and the pipeline
//! runs (`pipeline::kafka_channel`).

mod spec;
#[cfg(test)]
mod tests;

pub use spec::Spec;
