//! The agent's dead-letter file, as a person with a script would read it.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// One line of the file.
#[derive(Debug, Clone, Deserialize)]
pub struct DeadLetter {
    /// Pipeline it was in.
    pub pipeline: String,
    /// Component that refused the event.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// The guest's backtrace, where it trapped.
    #[serde(default)]
    pub backtrace: Option<String>,
    /// Digest of the plugin that refused it.
    #[serde(default)]
    pub plugin: Option<String>,
    /// Topic it was read from.
    pub topic: String,
    /// Partition it was read from.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its body: text, or an object with the bytes in `base64`.
    pub body: Option<Value>,
}

impl DeadLetter {
    /// The body, where it is text.
    pub fn text(&self) -> Option<&str> {
        self.body.as_ref()?.as_str()
    }
}

/// Every whole line of a file, and how many lines were not whole: an agent killed in the middle of a write may leave one.
/// A file that is not there has none.
pub fn read(file: &Path) -> (Vec<DeadLetter>, usize) {
    let text = fs::read(file).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let (whole, torn): (Vec<_>, Vec<_>) = lines.map(serde_json::from_slice::<DeadLetter>).partition(Result::is_ok);
    (whole.into_iter().flatten().collect(), torn.len())
}
