//! Makes planned changes, all or none: everything new is built before anything that runs is touched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::time::{Instant, timeout_at};

use super::builder::{Builder, Built, Commit};
use super::fleet::{Fleet, Stopped};
use super::plan::{Action, Change};
use crate::config::spec::PipelineSpec;
use crate::control::swap::{ReloadChange, ReloadReport, ReloadResult};
use crate::control::{Caller, Target};
use crate::error_chain;
use crate::interceptor::spec;

/// How long building all that is new may take; most of it is for compiling plugins, which yields to the data path.
const BUILD_LIMIT: Duration = Duration::from_secs(240);
/// How long a pipeline may take to drain before another takes its place, however long the agent's own drain may be.
const REPLACE_LIMIT: Duration = Duration::from_secs(30);

/// What changes are made to, and by what.
pub(super) struct Site<'a> {
    pub(super) fleet: &'a Arc<Fleet>,
    pub(super) builder: &'a dyn Builder,
    /// The agent's limit for draining.
    pub(super) drain_limit: Duration,
    pub(super) caller: &'a Caller,
}

/// A change with all it needs.
struct Prepared {
    change: Change,
    ready: Ready,
}

enum Ready {
    Swap(Commit, Arc<PipelineSpec>),
    Restart(Built, Arc<PipelineSpec>),
    Start(Built, Arc<PipelineSpec>),
    Stop,
    Setting(ReloadResult),
}

/// Makes the changes, or none of them; false with the report of why when it was none.
pub(super) async fn carry_out(changes: Vec<Change>, site: &Site<'_>) -> (bool, ReloadReport) {
    match prepare(changes, site).await {
        Ok(prepared) => (true, ReloadReport { changes: commit(prepared, site).await }),
        Err(refused) => (false, ReloadReport { changes: refused }),
    }
}

/// Builds all that is new. One that cannot be built refuses all, each with its own reason.
async fn prepare(changes: Vec<Change>, site: &Site<'_>) -> Result<Vec<Prepared>, Vec<ReloadChange>> {
    let deadline = Instant::now() + BUILD_LIMIT;
    let mut tried = Vec::new();
    for change in changes {
        let ready = match timeout_at(deadline, site.ready(&change.action)).await {
            Ok(ready) => ready,
            Err(_) => Err(format!("not built within {BUILD_LIMIT:?}")),
        };
        tried.push((change, ready));
    }
    let guilty: Vec<&str> = tried.iter().filter(|(_, ready)| ready.is_err()).map(|(change, _)| change.path.as_str()).collect();
    if guilty.is_empty() {
        return Ok(tried.into_iter().filter_map(|(change, ready)| Some(Prepared { change, ready: ready.ok()? })).collect());
    }
    let because = format!("left as it was, since {} cannot be changed", guilty.join(", "));
    Err(tried.into_iter().map(|(change, ready)| refused(change, ready, &because)).collect())
}

fn refused(change: Change, ready: Result<Ready, String>, because: &str) -> ReloadChange {
    match ready {
        Err(reason) => report(change.path, ReloadResult::Rejected, reason),
        Ok(Ready::Setting(ReloadResult::NeedsRestart)) => report(change.path, ReloadResult::NeedsRestart, change.detail),
        Ok(_) => report(change.path, ReloadResult::Rejected, because.to_owned()),
    }
}

/// Nothing but a history that cannot be written can fail from here on. Plugins first, between two batches; then what has to go drains, all at once, and what takes its place follows
/// each; last what is new, so that it meets nothing of what is gone.
async fn commit(prepared: Vec<Prepared>, site: &Site<'_>) -> Vec<ReloadChange> {
    let mut done = Vec::new();
    let mut draining: Vec<BoxFuture<'_, ReloadChange>> = Vec::new();
    let mut new = Vec::new();
    // A pipeline says what it said before while one of its plugins still has to be exchanged: the next reload tries again.
    let mut described: BTreeMap<String, Option<Arc<PipelineSpec>>> = BTreeMap::new();
    for Prepared { change: Change { path, detail, .. }, ready } in prepared {
        match ready {
            Ready::Setting(result) => done.push(report(path, result, detail)),
            Ready::Swap(commit, spec) => {
                done.push(match commit(site.caller.clone(), detail.clone()).await {
                    Ok(()) => {
                        described.entry(spec.name.clone()).or_insert(Some(spec));
                        report(path, ReloadResult::Swapped, detail)
                    }
                    Err(reason) => {
                        described.insert(spec.name.clone(), None);
                        report(path, ReloadResult::Rejected, reason)
                    }
                });
            }
            Ready::Restart(built, spec) => draining.push(Box::pin(site.replace(path, detail, built, spec))),
            Ready::Stop => draining.push(Box::pin(site.remove(path, detail))),
            Ready::Start(built, spec) => new.push((path, detail, built, spec)),
        }
    }
    described.into_values().flatten().for_each(|spec| site.fleet.describe(spec));
    done.extend(join_all(draining).await);
    for (path, detail, built, spec) in new {
        done.push(match site.fleet.start(spec, built) {
            true => report(path, ReloadResult::Started, detail),
            false => report(path, ReloadResult::Rejected, "not started: the agent is ending".to_owned()),
        });
    }
    done
}

impl Site<'_> {
    async fn ready(&self, action: &Action) -> Result<Ready, String> {
        Ok(match action {
            Action::Swap { target, spec, pipeline } => Ready::Swap(self.in_place(target, spec).await?, pipeline.clone()),
            Action::Restart(spec) => Ready::Restart(self.build(spec).await?, spec.clone()),
            Action::Start(spec) => Ready::Start(self.build(spec).await?, spec.clone()),
            Action::Stop => Ready::Stop,
            Action::Apply => Ready::Setting(ReloadResult::Swapped),
            Action::NeedsRestart => Ready::Setting(ReloadResult::NeedsRestart),
        })
    }

    async fn build(&self, spec: &PipelineSpec) -> Result<Built, String> {
        self.builder.build(spec).await.map_err(|error| error_chain(&error))
    }

    async fn in_place(&self, target: &Target, spec: &spec::Wasm) -> Result<Commit, String> {
        let in_place = self.fleet.view(&target.pipeline).and_then(|view| view.in_place);
        in_place.ok_or("the pipeline is gone")?.prepare(target, spec).await
    }

    /// The old one reads nothing any more before the new one begins.
    async fn replace(&self, path: String, detail: String, built: Built, spec: Arc<PipelineSpec>) -> ReloadChange {
        // Somebody paused it, and nobody said otherwise.
        let paused = self.fleet.view(&path).and_then(|view| view.controls?.gate.paused());
        if let (Some(pause), Some(controls)) = (paused, &built.controls) {
            controls.gate.pause(&pause.by);
        }
        let stopped = self.stop(&path).await;
        if stopped == Stopped::Closing || !self.fleet.start(spec, built) {
            return report(path, ReloadResult::Stopped, "not started again: the agent is ending".to_owned());
        }
        report(path, ReloadResult::Restarted, self.told(detail, stopped))
    }

    async fn remove(&self, path: String, detail: String) -> ReloadChange {
        let controls = self.fleet.view(&path).and_then(|view| view.controls);
        let stopped = self.stop(&path).await;
        if let Some(controls) = controls {
            controls.end_taps(&detail);
        }
        report(path, ReloadResult::Stopped, self.told(detail, stopped))
    }

    async fn stop(&self, name: &str) -> Stopped {
        self.fleet.stop(name, self.limit()).await
    }

    fn limit(&self) -> Duration {
        self.drain_limit.min(REPLACE_LIMIT)
    }

    fn told(&self, detail: String, stopped: Stopped) -> String {
        match stopped {
            Stopped::Drained | Stopped::Closing => detail,
            Stopped::Abandoned => format!("{detail}; not drained within {:?}, what was open comes again", self.limit()),
        }
    }
}

fn report(path: String, result: ReloadResult, detail: String) -> ReloadChange {
    ReloadChange { path, result, detail }
}
