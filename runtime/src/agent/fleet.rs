//! The pipelines of this process by name: started, drained, given up, and what became of those that ended.
//!
//! A pipeline that ended by itself stays in the fleet with its error, until a reload starts it again or takes it away. The state is behind a
//! lock that is held for a look or a change; whoever waits for something looks again at each change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tracing::{error, warn};

use super::Error;
use super::builder::{Built, InPlace, Run};
use crate::config::spec::PipelineSpec;
use crate::control;
use crate::error_chain;
use crate::pipeline::{Controls, Drain, DrainSwitch, Task, parts};
use crate::telemetry::Health;

/// How long a pipeline that is given up may take to leave its groups, before its tasks are stopped where they are.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// All pipelines.
pub(super) struct Fleet {
    health: Health,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    members: BTreeMap<String, Member>,
    /// The agent ends: nothing is started any more.
    closing: bool,
    /// A reload is at work: pipelines that are gone for the moment are not the agent's end.
    held: bool,
    /// Counts starts and ends, so that each has its number.
    steps: u64,
}

struct Member {
    spec: Arc<PipelineSpec>,
    in_place: Option<Arc<dyn InPlace>>,
    controls: Option<Controls>,
    /// Milliseconds since the epoch.
    started: u64,
    run: u64,
    phase: Phase,
    switch: DrainSwitch,
    task: AbortHandle,
}

enum Phase {
    Running,
    Draining,
    Ended { step: u64, failure: Option<Error>, detail: String },
}

/// A pipeline as it stood when it was looked at.
#[derive(Clone)]
pub(super) struct View {
    pub(super) spec: Arc<PipelineSpec>,
    pub(super) in_place: Option<Arc<dyn InPlace>>,
    pub(super) controls: Option<Controls>,
    /// Milliseconds since the epoch.
    pub(super) started: u64,
    pub(super) stage: Stage,
}

/// How far a pipeline is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    Draining,
    /// By itself; why, for a person.
    Ended(String),
}

/// How a pipeline was brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// All it had read is settled, or it had ended before.
    Drained,
    /// It was not drained in time; what was open comes again.
    Abandoned,
    /// The agent ends meanwhile, and drains it itself.
    Closing,
}

impl Fleet {
    pub(super) fn new(health: Health) -> Arc<Fleet> {
        Arc::new(Fleet { health, state: Mutex::default(), changed: watch::Sender::new(()) })
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`Fleet::with`]; then everybody who waits looks again.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = self.with(change);
        self.changed.send_replace(());
        changed
    }

    /// Resolves when `look` finds something; cancel safe.
    async fn until<T>(&self, look: impl Fn(&mut State) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(found) = self.with(&look) {
                return found;
            }
            // Its sender is this fleet.
            let _ = changes.changed().await;
        }
    }

    /// Starts a pipeline, in place of an ended one of its name; false, and it is dropped, when the agent ends.
    pub(super) fn start(self: &Arc<Fleet>, spec: Arc<PipelineSpec>, built: Built) -> bool {
        let (switch, drain) = DrainSwitch::new();
        self.change(|state| {
            if state.closing {
                return false;
            }
            for part in parts(&spec).iter().filter(|part| part.reads) {
                self.health.starting(&part.check);
            }
            let run = state.step();
            let task = tokio::spawn(self.clone().keep(spec.name.clone(), run, built.run, drain)).abort_handle();
            let phase = Phase::Running;
            let Built { in_place, controls, .. } = built;
            let member = Member { spec: spec.clone(), in_place, controls, started: control::now(), run, phase, switch, task };
            state.members.insert(spec.name.clone(), member);
            true
        })
    }

    async fn keep(self: Arc<Fleet>, name: String, run: u64, work: Run, drain: Drain) {
        // A task of its own, so that a panic ends this pipeline and is known.
        let failure = match Task::spawn(work(drain)).await {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(Error::Pipeline(name.clone(), Box::new(failure))),
            Err(panic) => Some(Error::Panicked(panic.to_string())),
        };
        let detail = failure.as_ref().map(|failure| error_chain(failure)).unwrap_or_default();
        if failure.is_some() {
            error!(pipeline = %name, error = %detail, "pipeline ended");
        }
        self.change(|state| {
            let step = state.step();
            if let Some(member) = state.members.get_mut(&name).filter(|member| member.run == run) {
                member.phase = Phase::Ended { step, failure, detail };
            }
        });
    }

    /// Drains a pipeline for `limit` at most, gives it up after that, and forgets it. Reads nothing any more when this resolves, but for
    /// [`Stopped::Closing`].
    pub(super) async fn stop(&self, name: &str, limit: Duration) -> Stopped {
        self.change(|state| state.drain(name));
        let over = self.until(|state| {
            let over = state.is_over(name).then_some(Stopped::Drained);
            over.or(state.closing.then_some(Stopped::Closing))
        });
        let stopped = match timeout(limit, over).await {
            Ok(stopped) => stopped,
            Err(_) => self.abandon(name, limit).await,
        };
        if stopped != Stopped::Closing {
            self.forget(name);
        }
        stopped
    }

    async fn abandon(&self, name: &str, limit: Duration) -> Stopped {
        warn!(pipeline = name, ?limit, "not drained in time: given up, unsettled events will come again");
        self.change(|state| state.members.get(name).map(|member| member.switch.abandon()));
        let over = self.until(|state| state.is_over(name).then_some(()));
        if timeout(LEAVE_LIMIT, over).await.is_err() {
            warn!(pipeline = name, "does not leave its groups: its tasks are stopped where they are");
            self.with(|state| state.members.get(name).map(|member| member.task.abort()));
        }
        Stopped::Abandoned
    }

    fn forget(&self, name: &str) {
        let Some(member) = self.change(|state| state.members.remove(name)) else { return };
        for part in parts(&member.spec) {
            self.health.remove(&part.check);
        }
    }

    /// The pipeline runs what this says, since its plugins were exchanged.
    pub(super) fn describe(&self, spec: Arc<PipelineSpec>) {
        self.change(|state| {
            if let Some(member) = state.members.get_mut(&spec.name) {
                member.spec = spec;
            }
        });
    }

    /// Every pipeline, by name.
    pub(super) fn views(&self) -> Vec<View> {
        self.with(|state| state.members.values().map(Member::view).collect())
    }

    /// One pipeline.
    pub(super) fn view(&self, name: &str) -> Option<View> {
        self.with(|state| state.members.get(name).map(Member::view))
    }

    /// Until the guard is dropped [`Fleet::all_ended`] does not resolve.
    pub(super) fn hold(self: &Arc<Fleet>) -> Hold {
        self.change(|state| state.held = true);
        Hold(self.clone())
    }

    /// Nothing is started from here on; every pipeline drains.
    pub(super) fn close(&self) {
        self.change(|state| {
            state.closing = true;
            let names: Vec<String> = state.members.keys().cloned().collect();
            names.iter().for_each(|name| state.drain(name));
        });
    }

    pub(super) fn is_closing(&self) -> bool {
        self.with(|state| state.closing)
    }

    /// Resolves when no pipeline runs.
    pub(super) async fn all_ended(&self) {
        self.until(|state| {
            let waits = state.held && !state.closing;
            (!waits && state.members.values().all(Member::is_over)).then_some(())
        })
        .await;
    }

    /// The first error with which one of its pipelines ended.
    pub(super) fn outcome(&self) -> Result<(), Error> {
        self.with(|state| {
            let failures = state.members.values_mut().filter_map(|member| match &mut member.phase {
                Phase::Ended { step, failure, .. } => failure.take().map(|failure| (*step, failure)),
                Phase::Running | Phase::Draining => None,
            });
            failures.min_by_key(|(step, _)| *step).map_or(Ok(()), |(_, failure)| Err(failure))
        })
    }

    /// Stops every task where it is.
    pub(super) fn abort(&self) {
        self.with(|state| state.members.values().for_each(|member| member.task.abort()));
    }
}

impl State {
    fn step(&mut self) -> u64 {
        self.steps += 1;
        self.steps
    }

    fn drain(&mut self, name: &str) {
        let Some(member) = self.members.get_mut(name) else { return };
        if matches!(member.phase, Phase::Running) {
            member.phase = Phase::Draining;
        }
        member.switch.request();
    }

    fn is_over(&self, name: &str) -> bool {
        self.members.get(name).is_none_or(Member::is_over)
    }
}

impl Member {
    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    fn view(&self) -> View {
        let stage = match &self.phase {
            Phase::Running => Stage::Running,
            Phase::Draining => Stage::Draining,
            Phase::Ended { detail, .. } => Stage::Ended(detail.clone()),
        };
        let (in_place, controls) = (self.in_place.clone(), self.controls.clone());
        View { spec: self.spec.clone(), in_place, controls, started: self.started, stage }
    }
}

/// Keeps the agent going while its pipelines are exchanged.
pub(super) struct Hold(Arc<Fleet>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.change(|state| state.held = false);
    }
}
