//! Weir: pipelines of sources, channels and sinks whose interceptors are sandboxed WebAssembly components.
//!
//! The map of this tree, in reading order:
//!
//! 1. [`event`], [`batch`]: the unit of data, events in source order, and what an interceptor's outcome makes of them.
//!    `json` is where the fields of their bodies are. [`event_file`] is events in files, for those who try plugins.
//! 2. [`delivery`]: the ack. Who holds it owns the events; silence means "send it again".
//! 3. [`pipeline`]: **the flow**. `source_loop` is its left half, `sink_loop` its right half, [`pipeline::ledger`] says how far a source may
//!    commit, [`pipeline::dead_letter`] parks what is refused.
//! 4. [`source`], [`channel`], [`sink`]: the traits, and behind them Kafka and the memory channel; [`file_format`] is the bytes of the files
//!    that sinks write.
//! 5. [`interceptor`]: the trait, the chain, Flume's built-ins one a file, and `wasm`, which runs a plugin; `isolate` finds the guilty event.
//! 6. [`plugin`]: a `.wasm` file's way from bytes to configured instances, each step consuming the one before.
//!    [`project`] is where such a file comes from: an author's sources, and the tools that make a component of them.
//! 7. [`config`]: Flume's properties or native TOML, to [`config::spec`], and from the one to the other; [`graph`] draws what is meant.
//! 8. [`control`]: what may be asked of a running agent, and the JSON of it.
//! 9. [`api`], over [`http`]: the admin address, where that is asked and answered.
//! 10. [`agent`], [`telemetry`]: the process, what it says about itself.
//! 11. [`client`], [`cli`]: a running agent's API from outside, the commands.
//!
//! Dependencies point down this list's grain only: the pipeline knows sources, channels, sinks and interceptors; they know deliveries, batches
//! and events; nothing knows the agent but the commands.

pub mod agent;
pub mod api;
pub mod batch;
mod calendar;
pub mod channel;
pub mod cli;
pub mod client;
pub mod config;
pub mod control;
pub mod delivery;
mod errors;
pub mod escape;
pub mod event;
pub mod event_file;
mod excerpt;
pub mod file_format;
pub mod flume_event;
pub mod graph;
mod headers;
pub mod http;
pub mod interceptor;
mod json;
pub mod localhost;
pub mod pipeline;
pub mod plugin;
mod printable;
pub mod project;
pub mod sink;
pub mod source;
mod stop_at;
pub mod telemetry;
mod token_bucket;

pub use errors::error_chain;
