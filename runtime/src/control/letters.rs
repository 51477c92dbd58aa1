//! Dead letters, in the API's words.

use serde::{Deserialize, Serialize};

use super::tap::EventView;

/// Which letters to show.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LetterQuery {
    /// Only those behind this id: the `next` of the page before.
    pub after: Option<String>,
    /// At most so many. Default: 100, at most 1,000.
    pub limit: Option<usize>,
    /// Only these ids.
    pub ids: Vec<String>,
    /// Only those a stage refused, such as `interceptor int-1`.
    pub stage: Option<String>,
    /// Only those whose reason contains this text.
    pub reason: Option<String>,
    /// Only those a plugin of this digest (or its beginning) refused.
    pub plugin: Option<String>,
}

/// Letters, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LetterPage {
    /// Where they are: a file's path, or `topic NAME`.
    pub place: String,
    /// The letters.
    pub letters: Vec<Letter>,
    /// What to ask for next; `None` at the end.
    pub next: Option<String>,
    /// Lines or records that are no letters, torn by a crash or written by somebody else; they are left alone.
    pub unreadable: u64,
}

/// A parked event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Names it in its place.
    pub id: String,
    /// When it was parked.
    pub time: u64,
    /// Component that refused it, such as `interceptor int-1`.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// The guest's backtrace, where a trap was the cause.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backtrace: Option<String>,
    /// SHA-256 of the plugin that refused it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plugin: Option<String>,
    /// How often it was replayed and parked again.
    #[serde(default)]
    pub attempt: u32,
    /// The event.
    pub event: EventView,
}

/// Which letters to replay or to drop: these ids, or all that a query finds. An empty choice is refused; `all` must be said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LetterChoice {
    /// These.
    pub ids: Vec<String>,
    /// All that the filters below let through.
    pub all: bool,
    /// As [`LetterQuery::stage`].
    pub stage: Option<String>,
    /// As [`LetterQuery::reason`].
    pub reason: Option<String>,
    /// As [`LetterQuery::plugin`].
    pub plugin: Option<String>,
}

/// What a replay came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LettersReplayed {
    /// Letters that went through the chain and are settled: delivered, discarded, or parked anew.
    pub replayed: u64,
    /// Of those, parked anew.
    pub parked_again: u64,
    /// Letters that are still there because their replay did not end in time.
    pub remaining: u64,
    /// Ids that were asked for and are not there.
    pub missing: Vec<String>,
}

/// What a drop came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LettersDropped {
    /// Letters forgotten.
    pub dropped: u64,
    /// Ids that were asked for and are not there.
    pub missing: Vec<String>,
}
