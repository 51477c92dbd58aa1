//! Event files: events as JSON lines, to try a plugin on, and what became of them, to compare a run with.
//!
//! ```text
//! {"body": V, "key": V, "timestamp": 1700000000000, "headers": {"name": V}}          an event; every key is optional
//! {"verdict": "rejected", "reason": "no JSON", "body": V, ...}                       what became of one
//! V: "text" | null | {"base64": "AP8="} | {"json": {"any": ["json"]}}
//! ```
//! `headers` may be `[["name", V], ...]` instead, for names that repeat; a name that is no text is `{"base64": "..."}`. The JSON Schema of a
//! line is `conf/event-file.schema.json`.

mod ending;
mod object;
mod read;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use ending::{Ending, Line, endings};
pub use read::{Form, Reader, expectation};
pub use write::event;

/// An event file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file itself.
    #[error("read {file}")]
    Read {
        /// The file, or what it is called.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line that is none of the format.
    #[error("{file}:{line}: {}{reason}", if key.is_empty() { String::new() } else { format!("{key}: ") })]
    Malformed {
        /// The file, or what it is called.
        file: String,
        /// Line number, from 1.
        line: usize,
        /// Which value, such as `headers.topic`; empty for the line as a whole.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What is wrong with a value, and which one it is.
#[derive(Debug)]
struct Wrong {
    key: String,
    reason: String,
}

impl Wrong {
    fn at(key: impl Into<String>, reason: impl Into<String>) -> Wrong {
        Wrong { key: crate::printable::one_line(&key.into()), reason: reason.into() }
    }
}
