//! From a file to an [`spec::AgentSpec`].

pub mod spec;

/// Where a Kafka cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brokers {
    /// `host:port,...`
    List(String),
    /// A ZooKeeper connect string (`host:port,...[/chroot]`): the brokers are those registered below `/brokers/ids`, as a Flume 1.6 agent finds them.
    ZooKeeper(String),
}
