//! What may be asked of a running agent, and what it answers: the one contract between the admin API, its clients and the agent.
//!
//! [`Control`] is what the API calls and the agent implements; the types beside it are the API's JSON, written by the server and read by the
//! command line, so that the two cannot drift. Times are milliseconds since the epoch unless a name says otherwise.

pub mod letters;
pub mod logs;
pub mod status;
pub mod swap;
pub mod tap;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use letters::{LetterChoice, LetterPage, LetterQuery, LettersDropped, LettersReplayed};
use status::{AgentStatus, PipelineStatus};
use swap::{History, Proposal, ReloadReport, RollbackRequest, SwapReport};
use tap::TapRequest;

/// An answer that takes its time; every one of them has a deadline and comes, whatever a sink does.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, Refusal>>;

/// A running agent, as its admin API sees it. No call waits for a sink longer than its deadline.
pub trait Control: Send + Sync {
    /// The whole agent, from numbers in memory: answers at once.
    fn status(&self) -> AgentStatus;

    /// Stops reading; what was read goes on to its end, offsets and group membership are kept.
    ///
    /// # Errors
    /// [`RefusalKind::NotFound`]. A pipeline that is paused already stays so, which is no error.
    fn pause<'a>(&'a self, pipeline: &'a str, caller: &'a Caller) -> Reply<'a, PipelineStatus>;

    /// Reads again.
    ///
    /// # Errors
    /// As [`Control::pause`].
    fn resume<'a>(&'a self, pipeline: &'a str, caller: &'a Caller) -> Reply<'a, PipelineStatus>;

    /// Reads the configuration again and runs what changed; an invalid one leaves everything as it is.
    ///
    /// # Errors
    /// [`RefusalKind::Unprocessable`] with every problem of the configuration; [`RefusalKind::Conflict`] while another reload is under way.
    fn reload<'a>(&'a self, caller: &'a Caller) -> Reply<'a, ReloadReport>;

    /// Takes a new version of a plugin in and has it judge from the next batch on. Answers when it has judged its first real batch, or when
    /// none came within [`Proposal::wait`].
    ///
    /// # Errors
    /// [`RefusalKind::Unprocessable`]: it was not admitted, and nothing changed. [`RefusalKind::Conflict`]: another swap of this interceptor is under way,
    /// or [`Proposal::expected`] is not what runs. [`RefusalKind::Busy`]: too many plugins wait to be compiled.
    fn swap<'a>(&'a self, target: &'a Target, proposal: Proposal, caller: &'a Caller) -> Reply<'a, SwapReport>;

    /// Back to a version that ran before, by default the one before this; at once, from memory where it is still there.
    ///
    /// # Errors
    /// [`RefusalKind::Conflict`] when there is none.
    fn rollback<'a>(&'a self, target: &'a Target, request: RollbackRequest, caller: &'a Caller) -> Reply<'a, SwapReport>;

    /// The versions this interceptor has run, the newest first.
    ///
    /// # Errors
    /// [`RefusalKind::NotFound`]
    fn history<'a>(&'a self, target: &'a Target, most: usize) -> Reply<'a, History>;

    /// Listens at an interceptor.
    ///
    /// # Errors
    /// [`RefusalKind::NotFound`]; [`RefusalKind::Busy`] when too many listen already.
    fn tap(&self, target: &Target, request: &TapRequest) -> Result<tap::Listening, Refusal>;

    /// Reads the log of the agent and its plugins.
    ///
    /// # Errors
    /// [`RefusalKind::Busy`] when too many read it already; [`RefusalKind::Unprocessable`] for a level there is not.
    fn logs(&self, query: &logs::LogQuery) -> Result<logs::Reading, Refusal>;

    /// A pipeline's dead letters, oldest first.
    ///
    /// # Errors
    /// [`RefusalKind::NotFound`]; [`RefusalKind::Unavailable`] when their place cannot be read.
    fn letters<'a>(&'a self, pipeline: &'a str, query: LetterQuery) -> Reply<'a, LetterPage>;

    /// Sends dead letters through their pipeline's chain again; each is dropped here once it is safe downstream, or parked anew.
    ///
    /// # Errors
    /// As [`Control::letters`].
    fn replay_letters<'a>(&'a self, pipeline: &'a str, choice: LetterChoice, caller: &'a Caller) -> Reply<'a, LettersReplayed>;

    /// Forgets dead letters.
    ///
    /// # Errors
    /// As [`Control::letters`].
    fn drop_letters<'a>(&'a self, pipeline: &'a str, choice: LetterChoice, caller: &'a Caller) -> Reply<'a, LettersDropped>;
}

/// Who asks: a token's name, a certificate's, `local` on loopback without either, or `file`, `signal` and `trial` where no person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name that audit log and history keep.
    pub name: String,
}

impl Caller {
    /// A caller of this name.
    pub fn new(name: impl Into<String>) -> Caller {
        Caller { name: name.into() }
    }
}

/// An interceptor: `PIPELINE/INTERCEPTOR`, or `PIPELINE/SOURCE/INTERCEPTOR` where two sources have one of that name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Pipeline.
    pub pipeline: String,
    /// Source; `None` where the interceptor's name says enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Interceptor.
    pub interceptor: String,
}

impl Target {
    /// Whether this interceptor of this source is meant.
    #[must_use]
    pub fn fits(&self, source: &str, interceptor: &str) -> bool {
        self.interceptor == interceptor && self.source.as_ref().is_none_or(|name| name == source)
    }

    /// The one that is meant of a pipeline's `what`, such as its plugins, given with their sources and names.
    ///
    /// # Errors
    /// [`RefusalKind::NotFound`], with those there are; [`RefusalKind::Unprocessable`] where the name alone is not enough.
    pub fn resolve<'a, T>(&self, what: &str, all: impl Iterator<Item = (&'a str, &'a str, T)>) -> Result<T, Refusal> {
        let mut there = Vec::new();
        let mut found = None;
        for (source, interceptor, one) in all {
            there.push(format!("{}/{source}/{interceptor}", self.pipeline));
            if self.fits(source, interceptor) && found.replace(one).is_some() {
                let detail = format!("several sources have an interceptor {}: say PIPELINE/SOURCE/INTERCEPTOR", self.interceptor);
                return Err(Refusal::new(RefusalKind::Unprocessable, detail));
            }
        }
        let there = if there.is_empty() { "this pipeline has none".to_owned() } else { format!("there is {}", there.join(", ")) };
        found.ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("there is no {what} {self}: {there}")))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(formatter, "{}/{source}/{}", self.pipeline, self.interceptor),
            None => write!(formatter, "{}/{}", self.pipeline, self.interceptor),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(format!("{text:?} is not PIPELINE/INTERCEPTOR: a part is empty"));
        }
        let owned = |part: &str| part.to_owned();
        match parts.as_slice() {
            [pipeline, interceptor] => Ok(Target { pipeline: owned(pipeline), source: None, interceptor: owned(interceptor) }),
            [pipeline, source, interceptor] => {
                Ok(Target { pipeline: owned(pipeline), source: Some(owned(source)), interceptor: owned(interceptor) })
            }
            _ => Err(format!("{text:?} is not PIPELINE/INTERCEPTOR or PIPELINE/SOURCE/INTERCEPTOR")),
        }
    }
}

/// The agent does not do what was asked, and nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// Of which kind.
    pub kind: RefusalKind,
    /// In a sentence a person can act on.
    pub detail: String,
    /// All that is wrong, where that is more than one thing.
    pub problems: Vec<String>,
}

impl Refusal {
    /// A refusal with one reason.
    pub fn new(kind: RefusalKind, detail: impl Into<String>) -> Refusal {
        Refusal { kind, detail: detail.into(), problems: Vec::new() }
    }
}

/// Why the agent refuses; each is one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// There is none of that name (404).
    NotFound,
    /// Not now, or not from this state (409).
    Conflict,
    /// It was understood and is not good enough, such as a plugin that is not admitted (422).
    Unprocessable,
    /// Too much of this is under way already (429).
    Busy,
    /// What it needs cannot be reached (503).
    Unavailable,
    /// It was begun and is not done; what is known is in the detail (504).
    Deadline,
}

/// Longest that a mutating call takes in all. Most of it is for a swap or a reload with a Python plugin: its code is compiled at a low priority, which
/// beside a full data path on two cores takes minutes.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// Now, in milliseconds since the epoch.
#[must_use]
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Puts events into a pipeline's chain beside what its sources read, for replays.
pub trait Inject: Send + Sync {
    /// Resolves when every event is delivered, discarded or parked again; an error says what is not known to be safe.
    fn inject(&self, batch: Batch, deadline: Duration) -> BoxFuture<'_, Result<(), Refusal>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_means_one_interceptor_or_says_which_there_are() {
        let all = [("r", "int-1", 1), ("r", "int-2", 2), ("s", "int-1", 3)];
        let resolve = |text: &str, all: &[(&'static str, &'static str, i32)]| {
            let target: Target = text.parse().unwrap_or_else(|error| panic!("{error}"));
            target.resolve("interceptor", all.iter().copied()).map_err(|refusal| (refusal.kind, refusal.detail))
        };
        assert_eq!(resolve("p/int-2", &all), Ok(2));
        assert_eq!(resolve("p/s/int-1", &all), Ok(3));
        let several = "several sources have an interceptor int-1: say PIPELINE/SOURCE/INTERCEPTOR";
        assert_eq!(resolve("p/int-1", &all), Err((RefusalKind::Unprocessable, several.to_owned())));
        let none = "there is no interceptor p/s/int-2: there is p/r/int-1, p/r/int-2, p/s/int-1";
        assert_eq!(resolve("p/s/int-2", &all), Err((RefusalKind::NotFound, none.to_owned())));
        let empty = "there is no interceptor p/x: this pipeline has none";
        assert_eq!(resolve("p/x", &[]), Err((RefusalKind::NotFound, empty.to_owned())));
    }
}
