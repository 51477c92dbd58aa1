//! The agent against a real Kafka.
