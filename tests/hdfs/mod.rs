//! The seed's second pipeline and what belongs to it, against real Kafka, real HDFS and a real Flume: one file a scenario.

mod exchange;
mod formats;
mod kills;
mod seed;
mod servers;
