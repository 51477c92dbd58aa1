//! From a proposal to a version that judges, and back.
//!
//! [`Wasm::prepare`] does all that can fail, off the data path: it admits, compiles, configures, rehearses and starts warm instances. [`Wasm::commit`]
//! writes the change down and exchanges one pointer. A caller that goes away in between changes nothing: both run in tasks of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::trial::{Bounds, Trial};
use super::version::Version;
use super::{Shared, Wasm, described, rehearsal, resume, spec};
use crate::control::swap::{Admission, HistoryEntry, Proposal, RollbackRequest, SwapReport, SwapResult, VersionState, VersionStatus};
use crate::control::{Refusal, RefusalKind, now};
use crate::error_chain;
use crate::plugin::store::Component;
use crate::plugin::{self, Artifact};
use crate::stop_at::stop_at;

/// How long a swap waits for the first batch, unless it says otherwise.
const WAIT: Duration = Duration::from_secs(10);
/// The longest it may.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A version that was found good and stands ready, warm. Dropped, it leaves no trace.
pub struct Prepared {
    crew: Arc<Crew>,
    artifact: Artifact,
    origin: String,
    admission: Admission,
    trial: bool,
}

/// Who changes something, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) by: &'a str,
    pub(super) why: &'a str,
}

impl Wasm {
    /// Takes a new version in, switches to it, and waits for its first batch.
    ///
    /// # Errors
    /// As [`crate::control::Control::swap`].
    pub async fn swap(&self, proposal: Proposal, by: &str) -> Result<SwapReport, Refusal> {
        let (wasm, by) = (self.clone(), by.to_owned());
        let swapped = finished(tokio::spawn(async move { wasm.swap_in_turn(proposal, &by).await })).await;
        self.shared.count(&swapped);
        swapped
    }

    async fn swap_in_turn(&self, proposal: Proposal, by: &str) -> Result<SwapReport, Refusal> {
        let Ok(_proposing) = self.shared.proposing.try_lock() else {
            return Err(Refusal::new(RefusalKind::Conflict, "another swap of this interceptor is under way"));
        };
        let current = self.shared.version();
        if let Some(expected) = proposal.expected.as_deref().filter(|expected| !current.status().digest.starts_with(*expected)) {
            let detail = format!("{expected} was expected to run, and {} does: somebody else has swapped", current.status().digest);
            return Err(Refusal::new(RefusalKind::Conflict, detail));
        }
        stop_at("swap-read");
        let spec = current.crew().spec().clone();
        let terms = self.shared.host.terms(&spec.grants);
        let Proposal { name, component, signature, why, wait, trial, .. } = proposal;
        let read = tokio::task::spawn_blocking(move || Artifact::from_bytes(&name, component, signature.as_deref(), &terms));
        let artifact = read.await.map_err(panicked)?.map_err(|error| refused(&error))?;
        if artifact.digest() == current.status().digest {
            return Ok(unchanged(current.status()));
        }
        let prepared = self.prepare_artifact(spec, artifact, trial).await?;
        stop_at("swap-admitted");
        let (mut report, version) = self.commit_version(prepared, Change { by, why: &why }).await?;
        self.wait_for_first(&version, wait.unwrap_or(WAIT).min(LONGEST_WAIT), &mut report).await;
        Ok(report)
    }

    /// Does all that can fail about a changed configuration of this interceptor: its file, settings, limits or grants.
    ///
    /// # Errors
    /// [`RefusalKind::Unprocessable`], [`RefusalKind::Busy`]; nothing changed.
    pub async fn prepare(&self, spec: &spec::Wasm) -> Result<Prepared, Refusal> {
        let (spec, terms) = (spec.clone(), self.shared.host.terms(&spec.grants));
        let path = spec.plugin.clone();
        let read = tokio::task::spawn_blocking(move || Artifact::read(&plugin::file::find(&path)?, &terms));
        let artifact = read.await.map_err(panicked)?.map_err(|error| refused(&error))?;
        self.prepare_artifact(spec, artifact, true).await
    }

    async fn prepare_artifact(&self, spec: spec::Wasm, artifact: Artifact, trial: bool) -> Result<Prepared, Refusal> {
        let Some(_turn) = self.shared.host.turn().await else {
            return Err(Refusal::new(RefusalKind::Busy, "too many plugins wait to be compiled; try again in a while"));
        };
        let shared = self.shared.clone();
        let prepared = tokio::task::spawn_blocking(move || shared.prepare(spec, artifact, trial));
        prepared.await.map_err(panicked)?
    }

    /// Switches to a version that stands ready.
    ///
    /// # Errors
    /// [`RefusalKind::Unavailable`] when it cannot be written down; nothing changed.
    pub async fn commit(&self, prepared: Prepared, by: &str, why: &str) -> Result<SwapReport, Refusal> {
        let (wasm, by, why) = (self.clone(), by.to_owned(), why.to_owned());
        let committed = tokio::spawn(async move { Ok(wasm.commit_version(prepared, Change { by: &by, why: &why }).await?.0) });
        let committed = finished(committed).await;
        self.shared.count(&committed);
        committed
    }

    async fn commit_version(&self, prepared: Prepared, change: Change<'_>) -> Result<(SwapReport, Arc<Version>), Refusal> {
        let _switching = self.shared.switching.lock().await;
        let current = self.shared.version();
        let Prepared { crew, artifact, origin, admission, trial } = prepared;
        // Compared with what was good, not with what is on trial itself, unless that is what comes back.
        let comes_back = |trial: &Arc<Trial>| trial.fallback.status().digest == crew.plugin().info().digest;
        let (good, before) = match current.trial().filter(|trial| !comes_back(trial)) {
            Some(trial) => (trial.fallback.clone(), trial.before),
            None => (current.clone(), self.shared.of_late(&current)),
        };
        let swaps = &crew.spec().swaps;
        let trial = (trial && !swaps.trial.is_zero()).then(|| Trial::new(good, before, swaps, crew.plugin().memory_limit()));
        let state = if trial.is_some() { VersionState::Trial } else { VersionState::Good };
        let status = described(crew.plugin().info(), &origin, change.by);
        let status = self.shared.write_down(status, state, change.why, Some(artifact), None).await?;
        let trial_ends = trial.as_ref().map(|trial| trial.ends_at());
        let next = Version::new(status.clone(), crew, trial, &[]);
        self.shared.switch(next.clone(), Some(current.clone()));
        stop_at("swap-switched");
        let report = SwapReport {
            result: SwapResult::Waiting,
            detail: "it judges from the next batch on".to_owned(),
            from: current.status().clone(),
            to: status,
            admission: Some(admission),
            first_batch: None,
            trial_ends,
        };
        Ok((report, next))
    }

    /// Until the version has judged a batch, or was rolled back over it, or nothing came.
    async fn wait_for_first(&self, version: &Arc<Version>, wait: Duration, report: &mut SwapReport) {
        let mut first = version.first();
        let condemned = async {
            match version.trial() {
                Some(trial) => drop(trial.condemned().wait_for(Option::is_some).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = condemned => self.tell_of_return(version, report).await,
            judged = async { first.wait_for(Option::is_some).await.ok().and_then(|judged| judged.clone()) } => {
                stop_at("swap-first-batch");
                report.result = SwapResult::Swapped;
                report.detail = "it has judged its first batch".to_owned();
                report.first_batch = judged;
            }
            () = tokio::time::sleep(wait) => {
                report.detail = format!("it judges from the next batch on; none came within {wait:?}");
            }
        }
    }

    /// The supervisor switches back; its report is the history's.
    async fn tell_of_return(&self, version: &Arc<Version>, report: &mut SwapReport) {
        let id = version.status().id;
        while self.shared.version().status().id == id {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let entry = self.shared.store.history(16).into_iter().find(|entry| entry.version.id == id);
        report.result = SwapResult::RolledBack;
        report.detail = entry.map(|entry| entry.reason).unwrap_or_default();
        report.to = self.shared.version().status().clone();
        report.trial_ends = None;
    }

    /// Back to a version that ran before.
    ///
    /// # Errors
    /// As [`crate::control::Control::rollback`].
    pub async fn roll_back(&self, request: RollbackRequest, by: &str) -> Result<SwapReport, Refusal> {
        let (wasm, by) = (self.clone(), by.to_owned());
        let rolled_back = finished(tokio::spawn(async move { wasm.roll_back_now(request, &by).await })).await;
        let result = rolled_back.as_ref().ok().map(|report| match report.result {
            SwapResult::Swapped => SwapResult::RolledBack,
            other => other,
        });
        self.shared.common.observer.swap_ended(result);
        rolled_back
    }

    async fn roll_back_now(&self, request: RollbackRequest, by: &str) -> Result<SwapReport, Refusal> {
        let _switching = self.shared.switching.lock().await;
        let current = self.shared.version();
        let wanted = |version: &Arc<Version>| match &request.to {
            Some(digest) => version.status().digest.starts_with(digest.as_str()),
            None => true,
        };
        if request.to.is_some() && wanted(&current) {
            return Ok(unchanged(current.status()));
        }
        let warm = self.shared.previous().clone().filter(wanted);
        let (crew, to) = match warm {
            Some(version) => (version.crew().clone(), version.status().clone()),
            None => self.kept(&current, request.to.as_deref()).await?,
        };
        let why = if request.why.is_empty() { "rolled back".to_owned() } else { request.why };
        let fate = (VersionState::RolledBack, format!("rolled back by {by}: {why}"));
        let next = self.shared.go_back(&crew, &to, Change { by, why: &why }, fate).await?;
        Ok(SwapReport {
            result: SwapResult::Swapped,
            detail: "it judges from the next batch on".to_owned(),
            from: current.status().clone(),
            to: next.status().clone(),
            admission: None,
            first_batch: None,
            trial_ends: None,
        })
    }

    /// A version that is no longer warm, from the history.
    async fn kept(&self, current: &Version, to: Option<&str>) -> Result<(Arc<Crew>, VersionStatus), Refusal> {
        let Some(entry) = self.shared.store.before(current.status().id, to) else {
            let detail = match to {
                Some(digest) => format!("no version {digest} has run here; see the history"),
                None => "no version without fault has run here before this one".to_owned(),
            };
            return Err(Refusal::new(RefusalKind::Conflict, detail));
        };
        let Some(_turn) = self.shared.host.turn().await else {
            return Err(Refusal::new(RefusalKind::Busy, "too many plugins wait to be compiled; try again in a while"));
        };
        let (shared, spec) = (self.shared.clone(), current.crew().spec().clone());
        let started = tokio::task::spawn_blocking(move || {
            let plugin = resume::stored(&shared.host, &spec, &shared.store, &entry.version.digest)?;
            Ok((Arc::new(Crew::start(plugin, &shared.common, &spec)?), entry.version))
        });
        started.await.map_err(panicked)?.map_err(|error| refused(&error))
    }
}

impl Shared {
    /// Blocks.
    fn prepare(&self, spec: spec::Wasm, artifact: Artifact, trial: bool) -> Result<Prepared, Refusal> {
        let begun = Instant::now();
        let origin = artifact.name().to_owned();
        let plugin = self.host.admit(artifact.clone(), spec.settings.clone(), &spec.limits).map_err(|error| refused(&error))?;
        let compile_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let present = self.version();
        let bounds = trial.then(|| Bounds::new(&spec.swaps, plugin.memory_limit()));
        let batches = self.common.recent.batches();
        let rehearsal = rehearsal::rehearse(&plugin, present.crew().plugin(), &batches, bounds.as_ref())
            .map_err(|reason| Refusal::new(RefusalKind::Unprocessable, format!("plugin {origin}: {reason}")))?;
        let bytes = artifact.bytes().len() as u64;
        let admission = Admission { bytes, signed_by: artifact.signed_by().map(str::to_owned), compile_ms, rehearsal };
        let crew = Arc::new(Crew::start(plugin, &self.common, &spec).map_err(|error| refused(&error))?);
        Ok(Prepared { crew, artifact, origin, admission, trial })
    }

    /// Exchanges the current version for one whose crew is there, without a trial. The caller holds `switching`.
    pub(super) async fn go_back(
        self: &Arc<Shared>,
        crew: &Arc<Crew>,
        to: &VersionStatus,
        change: Change<'_>,
        fate: (VersionState, String),
    ) -> Result<Arc<Version>, Refusal> {
        let status = VersionStatus { id: 0, since: now(), by: change.by.to_owned(), ..to.clone() };
        let written = self.write_down(status.clone(), VersionState::Good, change.why, None, Some(fate)).await;
        let status = match written {
            Ok(status) => status,
            // A bad version that cannot be written off must go all the same.
            Err(error) => {
                tracing::error!(error = error.detail, "going back to the version before, though it cannot be written down");
                VersionStatus { id: self.version().status().id, ..status }
            }
        };
        stop_at("rollback-journalled");
        let next = Version::new(status, crew.clone(), None, &[]);
        self.switch(next.clone(), None);
        stop_at("rollback-switched");
        Ok(next)
    }

    /// The component kept and the entry written, durably, before anything changes; the status with the entry's number.
    async fn write_down(
        self: &Arc<Shared>,
        status: VersionStatus,
        state: VersionState,
        why: &str,
        artifact: Option<Artifact>,
        fate: Option<(VersionState, String)>,
    ) -> Result<VersionStatus, Refusal> {
        let why = why.to_owned();
        let entry = HistoryEntry { version: status.clone(), why, state, reason: String::new(), until: None, offsets: Vec::new() };
        let shared = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            if let Some(artifact) = &artifact {
                shared.store.keep(Component { digest: artifact.digest(), bytes: artifact.bytes(), signature: artifact.signature() })?;
                stop_at("swap-stored");
            }
            let id = shared.store.begin(entry, fate)?;
            if artifact.is_some() {
                stop_at("swap-journalled");
            }
            Ok::<u64, plugin::store::Error>(id)
        });
        match written.await.map_err(panicked)? {
            Ok(id) => Ok(VersionStatus { id, ..status }),
            Err(error) => Err(Refusal::new(RefusalKind::Unavailable, error_chain(&error))),
        }
    }

    /// What a version did of late.
    fn of_late(&self, version: &Version) -> super::tally::Counts {
        let counts = version.tally().counts();
        self.samples().of_late(version.status().id, counts)
    }

    fn count(&self, ended: &Result<SwapReport, Refusal>) {
        self.common.observer.swap_ended(ended.as_ref().ok().map(|report| report.result));
    }
}

fn unchanged(status: &VersionStatus) -> SwapReport {
    SwapReport {
        result: SwapResult::Unchanged,
        detail: "this version judges already".to_owned(),
        from: status.clone(),
        to: status.clone(),
        admission: None,
        first_batch: None,
        trial_ends: None,
    }
}

fn refused(error: &plugin::Error) -> Refusal {
    Refusal::new(RefusalKind::Unprocessable, error_chain(error))
}

fn panicked(panic: tokio::task::JoinError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("a task of the swap ended early: {panic}"))
}

async fn finished<T>(task: tokio::task::JoinHandle<Result<T, Refusal>>) -> Result<T, Refusal> {
    task.await.map_err(panicked)?
}
