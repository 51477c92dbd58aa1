//! Several sinks as one: Flume's sink processors (`org.apache.flume.sink.FailoverSinkProcessor`, `LoadBalancingSinkProcessor`).

mod spec;

pub use spec::Processor;
