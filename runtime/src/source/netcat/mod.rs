//! Lines over TCP: `org.apache.flume.source.NetcatSource`.

mod spec;

pub use spec::Spec;
