//! What may be asked of this agent, answered: [`Control`] on top of the fleet and the reloader.

use std::sync::Arc;

use super::fleet::{Fleet, View};
use super::reload::Reloader;
use super::status;
use crate::control::letters::{LetterChoice, LetterPage, LetterQuery, LettersDropped, LettersReplayed};
use crate::control::logs::{LogQuery, Reading};
use crate::control::status::{AgentStatus, PipelineStatus};
use crate::control::swap::{History, Proposal, ReloadReport, RollbackRequest, SwapReport};
use crate::control::tap::{Listening, TapRequest};
use crate::control::{self, Caller, Control, Refusal, RefusalKind, Reply, Target};
use crate::telemetry::Health;

/// A handle on a running agent.
pub(super) struct Controller {
    pub(super) fleet: Arc<Fleet>,
    pub(super) reloader: Arc<Reloader>,
    pub(super) health: Health,
    /// Milliseconds since the epoch.
    pub(super) started: u64,
}

impl Controller {
    fn find(&self, pipeline: &str) -> Result<View, Refusal> {
        self.fleet.view(pipeline).ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("there is no pipeline {pipeline:?}")))
    }

    /// What the pipeline's parts do not offer yet.
    fn unavailable<T: Send + 'static>(&self, pipeline: &str) -> Reply<'_, T> {
        let refusal = self.find(pipeline).err();
        Box::pin(async { Err(refusal.unwrap_or_else(not_wired)) })
    }
}

fn not_wired() -> Refusal {
    Refusal::new(RefusalKind::Unavailable, "this agent does not offer it")
}

impl Control for Controller {
    fn status(&self) -> AgentStatus {
        let (_, checks) = self.health.readiness();
        AgentStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            now: control::now(),
            draining: self.fleet.is_closing(),
            pipelines: self.fleet.views().iter().map(|view| status::pipeline(view, &checks)).collect(),
        }
    }

    fn reload<'a>(&'a self, caller: &'a Caller) -> Reply<'a, ReloadReport> {
        Box::pin(self.reloader.reload(caller))
    }

    fn pause<'a>(&'a self, pipeline: &'a str, _: &'a Caller) -> Reply<'a, PipelineStatus> {
        self.unavailable(pipeline)
    }

    fn resume<'a>(&'a self, pipeline: &'a str, _: &'a Caller) -> Reply<'a, PipelineStatus> {
        self.unavailable(pipeline)
    }

    fn swap<'a>(&'a self, target: &'a Target, _: Proposal, _: &'a Caller) -> Reply<'a, SwapReport> {
        self.unavailable(&target.pipeline)
    }

    fn rollback<'a>(&'a self, target: &'a Target, _: RollbackRequest, _: &'a Caller) -> Reply<'a, SwapReport> {
        self.unavailable(&target.pipeline)
    }

    fn history<'a>(&'a self, target: &'a Target, _: usize) -> Reply<'a, History> {
        self.unavailable(&target.pipeline)
    }

    fn tap(&self, target: &Target, _: &TapRequest) -> Result<Listening, Refusal> {
        self.find(&target.pipeline)?;
        Err(not_wired())
    }

    fn logs(&self, _: &LogQuery) -> Result<Reading, Refusal> {
        Err(not_wired())
    }

    fn letters<'a>(&'a self, pipeline: &'a str, _: LetterQuery) -> Reply<'a, LetterPage> {
        self.unavailable(pipeline)
    }

    fn replay_letters<'a>(&'a self, pipeline: &'a str, _: LetterChoice, _: &'a Caller) -> Reply<'a, LettersReplayed> {
        self.unavailable(pipeline)
    }

    fn drop_letters<'a>(&'a self, pipeline: &'a str, _: LetterChoice, _: &'a Caller) -> Reply<'a, LettersDropped> {
        self.unavailable(pipeline)
    }
}
