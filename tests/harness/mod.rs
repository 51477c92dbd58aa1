//! What the tests need: servers, guests, agents, data and the checker.
//!
//! Servers are real ones, run from Maven's artifacts, one of a kind for a whole test run; topics are a test's own. A test takes its [`turn`] first,
//! starts an [`agent`] on a configuration, feeds it [`transactions`] through [`load`], and has the [`checker`] count what came out.

pub mod agent;
pub mod api;
pub mod bad_plugins;
pub mod broker;
pub mod cache;
pub mod checker;
pub mod configuration;
pub mod dead_letters;
pub mod dice;
pub mod event_lines;
pub mod flume;
pub mod flume_events;
pub mod guests;
pub mod hdfs;
pub mod hdfs_client;
pub mod languages;
pub mod load;
pub mod maven;
pub mod plugin_log;
pub mod process;
pub mod raw;
pub mod reader;
pub mod side;
pub mod signing;
#[path = "../../runtime/benches/smoke/mod.rs"]
pub mod smoke;
pub mod topics;
pub mod transactions;
pub mod turn;
pub mod versions;
pub mod wait;
pub mod zookeeper;
