//! Weir: pipelines of sources, channels and sinks whose interceptors are sandboxed WebAssembly components.

pub mod batch;
pub mod channel;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod event;
pub mod interceptor;
pub mod pipeline;
pub mod sink;
pub mod source;
