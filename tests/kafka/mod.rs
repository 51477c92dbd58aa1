//! The agent against a real Kafka: one file a scenario. Each prints the counts it saw.

mod channel;
mod chaos;
mod demo;
mod dialects;
mod hostile;
mod letters;
mod lifecycle;
mod malformed;
mod pause;
mod poison;
mod rebalance;
mod reload;
mod seed;
mod servers;
