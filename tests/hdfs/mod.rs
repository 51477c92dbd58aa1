//! The seed's second pipeline and what belongs to it, against real Kafka, real HDFS and a real Flume: one file a scenario.

mod formats;
mod servers;
mod sink;
