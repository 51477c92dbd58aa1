//! What may be asked of this agent, answered: [`Control`] on top of the fleet, the reloader and what each pipeline lets be done to it.

use std::sync::Arc;

use super::fleet::{Fleet, Stage, View};
use super::reload::Reloader;
use super::status;
use crate::control::letters::{LetterChoice, LetterPage, LetterQuery, LettersDropped, LettersReplayed};
use crate::control::logs::{LogQuery, Reading};
use crate::control::status::{AgentStatus, PipelineStatus};
use crate::control::swap::{History, Proposal, ReloadReport, RollbackRequest, SwapReport};
use crate::control::tap::{Listening, TapRequest};
use crate::control::{self, Caller, Control, Refusal, RefusalKind, Reply, Target};
use crate::interceptor::{Place, Wasm};
use crate::pipeline::{Controls, Services};
use crate::telemetry::tail::Tail;

/// A handle on a running agent.
pub(super) struct Controller {
    pub(super) fleet: Arc<Fleet>,
    pub(super) reloader: Arc<Reloader>,
    pub(super) services: Services,
    pub(super) log: Tail,
    /// Milliseconds since the epoch.
    pub(super) started: u64,
}

impl Controller {
    fn find(&self, pipeline: &str) -> Result<View, Refusal> {
        self.fleet.view(pipeline).ok_or_else(|| {
            let names: Vec<String> = self.fleet.views().iter().map(|view| view.spec.name.clone()).collect();
            Refusal::new(RefusalKind::NotFound, format!("there is no pipeline {pipeline:?}; there is {}", names.join(", ")))
        })
    }

    fn controls(&self, pipeline: &str) -> Result<Controls, Refusal> {
        let controls = self.find(pipeline)?.controls;
        controls.ok_or_else(|| Refusal::new(RefusalKind::Unavailable, format!("pipeline {pipeline} cannot be controlled")))
    }

    /// As [`Controller::controls`], of a pipeline that is at work.
    fn running(&self, pipeline: &str) -> Result<Controls, Refusal> {
        if let Stage::Ended(why) = self.find(pipeline)?.stage {
            return Err(Refusal::new(RefusalKind::Conflict, format!("pipeline {pipeline} has ended: {why}")));
        }
        self.controls(pipeline)
    }

    fn plugin(&self, target: &Target) -> Result<Wasm, Refusal> {
        self.running(&target.pipeline)?.plugin(target)
    }

    fn pipeline(&self, view: &View) -> PipelineStatus {
        status::pipeline(view, &self.services)
    }
}

impl Control for Controller {
    fn status(&self) -> AgentStatus {
        AgentStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            now: control::now(),
            draining: self.fleet.is_closing(),
            pipelines: self.fleet.views().iter().map(|view| self.pipeline(view)).collect(),
        }
    }

    fn reload<'a>(&'a self, caller: &'a Caller) -> Reply<'a, ReloadReport> {
        Box::pin(self.reloader.reload(caller))
    }

    fn pause<'a>(&'a self, pipeline: &'a str, caller: &'a Caller) -> Reply<'a, PipelineStatus> {
        Box::pin(async move {
            self.running(pipeline)?.gate.pause(&caller.name);
            Ok(self.pipeline(&self.find(pipeline)?))
        })
    }

    fn resume<'a>(&'a self, pipeline: &'a str, _: &'a Caller) -> Reply<'a, PipelineStatus> {
        Box::pin(async move {
            self.running(pipeline)?.gate.resume();
            Ok(self.pipeline(&self.find(pipeline)?))
        })
    }

    fn swap<'a>(&'a self, target: &'a Target, proposal: Proposal, caller: &'a Caller) -> Reply<'a, SwapReport> {
        Box::pin(async move { self.plugin(target)?.swap(proposal, &caller.name).await })
    }

    fn rollback<'a>(&'a self, target: &'a Target, request: RollbackRequest, caller: &'a Caller) -> Reply<'a, SwapReport> {
        Box::pin(async move { self.plugin(target)?.roll_back(request, &caller.name).await })
    }

    fn history<'a>(&'a self, target: &'a Target, most: usize) -> Reply<'a, History> {
        Box::pin(async move {
            let wasm = self.controls(&target.pipeline)?.plugin(target)?;
            Ok(History { path: target.to_string(), versions: wasm.history(most) })
        })
    }

    fn tap(&self, target: &Target, request: &TapRequest) -> Result<Listening, Refusal> {
        let view = self.find(&target.pipeline)?;
        let (source, step) = status::find(&view.spec, target)?;
        let Services { metrics, taps, .. } = &self.services;
        let numbers = metrics.interceptor(&view.spec.name, &source.name, &step.name, step.kind.name());
        let place = Place { pipeline: view.spec.name.clone(), source: source.name.clone(), interceptor: step.name.clone() };
        taps.of(&place, &numbers.tap_dropped_events).listen(request)
    }

    fn logs(&self, query: &LogQuery) -> Result<Reading, Refusal> {
        self.log.read(query)
    }

    fn letters<'a>(&'a self, pipeline: &'a str, query: LetterQuery) -> Reply<'a, LetterPage> {
        Box::pin(async move { self.controls(pipeline)?.desk.list(query).await })
    }

    fn replay_letters<'a>(&'a self, pipeline: &'a str, choice: LetterChoice, caller: &'a Caller) -> Reply<'a, LettersReplayed> {
        Box::pin(async move {
            let controls = self.running(pipeline)?;
            controls.desk.replay(choice, Arc::new(controls.injector), caller).await
        })
    }

    fn drop_letters<'a>(&'a self, pipeline: &'a str, choice: LetterChoice, caller: &'a Caller) -> Reply<'a, LettersDropped> {
        Box::pin(async move { self.controls(pipeline)?.desk.drop(choice, caller).await })
    }
}
