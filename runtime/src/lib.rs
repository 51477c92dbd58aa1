//! Weir: pipelines of sources, channels and sinks whose interceptors are sandboxed WebAssembly components.

pub mod agent;
pub mod batch;
mod calendar;
pub mod channel;
pub mod cli;
pub mod config;
pub mod delivery;
mod errors;
pub mod escape;
pub mod event;
mod excerpt;
pub mod flume_event;
pub mod interceptor;
pub mod localhost;
pub mod pipeline;
pub mod plugin;
pub mod sink;
pub mod source;
pub mod telemetry;

pub use errors::error_chain;
