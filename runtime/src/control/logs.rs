//! The agent's and its plugins' log, in the API's words: `GET /api/v1/logs`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

/// Which lines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogQuery {
    /// Only lines of this pipeline.
    pub pipeline: Option<String>,
    /// Only lines of this interceptor's plugin.
    pub interceptor: Option<String>,
    /// Only lines of this level or a worse one: `error`, `warn`, `info`, `debug`, `trace`.
    pub level: Option<String>,
    /// Of what was logged before, the last so many that fit. Default: 100.
    pub limit: Option<usize>,
    /// Go on with what comes.
    pub follow: bool,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub time: u64,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: String,
    /// Who, such as `weir::plugin`.
    pub target: String,
    /// What.
    pub message: String,
    /// The line's and its spans' fields, such as `pipeline`.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

/// One thing read from the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum LogItem {
    /// A line.
    Line(LogLine),
    /// So many lines were not shown, because the reader is slow.
    Dropped {
        /// How many since this was last said.
        lines: u64,
    },
}

/// A reader's end: items come until the sender is gone.
#[derive(Debug)]
pub struct Reading {
    /// Lines.
    pub items: mpsc::Receiver<LogItem>,
}
