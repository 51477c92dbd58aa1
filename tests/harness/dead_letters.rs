//! The agent's dead-letter file, as a person with a script would read it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// One letter of the file.
#[derive(Debug, Clone, Deserialize)]
pub struct DeadLetter {
    /// Its name in the file.
    pub id: String,
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

/// A line that drops letters.
#[derive(Debug, Deserialize)]
struct Dropped {
    dropped: HashSet<String>,
}

/// The letters of a file that nobody has dropped, and how many lines were not whole: an agent killed in the middle of a write may leave one.
/// A file that is not there has none.
pub fn read(file: &Path) -> (Vec<DeadLetter>, usize) {
    let text = fs::read(file).unwrap_or_default();
    let (mut letters, mut dropped, mut torn) = (Vec::new(), HashSet::new(), 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match (serde_json::from_slice::<DeadLetter>(line), serde_json::from_slice::<Dropped>(line)) {
            (Ok(letter), _) => letters.push(letter),
            (_, Ok(line)) => dropped.extend(line.dropped),
            _ => torn += 1,
        }
    }
    letters.retain(|letter| !dropped.contains(&letter.id));
    (letters, torn)
}
