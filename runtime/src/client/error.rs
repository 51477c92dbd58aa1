//! Why a call came to nothing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// A call that came to nothing. What the agent itself says against it is [`Error::Refused`]; with the others it is not known whether the agent heard.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be one.
    #[error("the address {text:?} cannot be used: {reason}")]
    Address {
        /// As it was given, without a password in it.
        text: String,
        /// Why.
        reason: &'static str,
    },
    /// An option that does not go with another one, or is missing.
    #[error("{0}")]
    Option(String),
    /// A file that an option names.
    #[error("read {what} {path:?}")]
    Read {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file that an option names, and that is not what it should be.
    #[error("{what} {path:?}: {reason}")]
    File {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nobody is there.
    #[error("cannot reach an agent at {address}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system, or TLS, says.
        #[source]
        source: io::Error,
    },
    /// The call took longer than its limit.
    #[error("no answer from {address} within {limit:?}")]
    TimedOut {
        /// From where.
        address: String,
        /// The limit.
        limit: Duration,
    },
    /// The connection ended before the answer did.
    #[error("the connection to {address} ended before the answer did")]
    CutOff {
        /// To where.
        address: String,
        /// What HTTP says.
        #[source]
        source: hyper::Error,
    },
    /// A stream that went on and broke.
    #[error("the connection to {address} broke off")]
    BrokenOff {
        /// To where.
        address: String,
        /// What HTTP says.
        #[source]
        source: hyper::Error,
    },
    /// A stream without a sign of life.
    #[error("nothing came from {address} for {silence:?}, not even a sign of life")]
    Silent {
        /// From where.
        address: String,
        /// How long.
        silence: Duration,
    },
    /// An answer that no agent gives.
    #[error("the answer of {address} is too large: more than {limit} bytes")]
    TooLarge {
        /// From where.
        address: String,
        /// The most.
        limit: usize,
    },
    /// Something else than Weir's API answers.
    #[error("{address} does not answer as Weir's API does: {found}")]
    Foreign {
        /// From where.
        address: String,
        /// What was met.
        found: String,
    },
    /// The agent refuses.
    #[error("{}", .0.text())]
    Refused(Box<Problem>),
}

/// The API's error (RFC 9457).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// Its kind, in words.
    #[serde(default)]
    pub title: String,
    /// What is wrong, in a sentence.
    #[serde(default)]
    pub detail: String,
    /// All that is wrong, where that is more than one thing.
    #[serde(default)]
    pub problems: Vec<String>,
    /// The document as it came.
    #[serde(skip)]
    pub json: String,
}

impl Problem {
    /// The detail, else the title.
    #[must_use]
    pub fn text(&self) -> &str {
        if self.detail.is_empty() { &self.title } else { &self.detail }
    }
}
