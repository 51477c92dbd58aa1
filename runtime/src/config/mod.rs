//! From a file to an [`spec::AgentSpec`]: Flume's properties or the native TOML form, all problems at once.

mod brokers;
mod check;
mod filter;
mod flume;
mod jaas;
mod load;
mod resolved;
mod substitute;

pub mod convert;
pub mod difference;
pub mod java_regex;
pub mod kafka_properties;
pub mod keys;
pub mod native;
pub mod problem;
pub mod properties;
pub mod secret;
pub mod settings;
pub mod size;
pub mod spec;
pub mod types;

pub use brokers::{Brokers, Error as BrokersError, zookeeper_connect};
pub use flume::brokers as flume_brokers;
pub use load::{Error, Fingerprint, Load, Loaded, load};
pub use problem::{Problem, Severity};
pub use settings::{Plugins, Settings};
