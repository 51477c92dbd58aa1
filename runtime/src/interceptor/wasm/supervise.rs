//! What goes on beside the batches: trials end, versions that are not good enough go, the file is watched, offsets are written down.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::swap::Change;
use super::trial::{Standing, Trial};
use super::version::Version;
use super::{Shared, Wasm};
use crate::control::RefusalKind;
use crate::control::swap::{Proposal, SwapResult, VersionState};
use crate::error_chain;
use crate::pipeline::Task;
use crate::plugin::file::Watcher;
use crate::plugin::{Artifact, digest};
use crate::stop_at::stop_at;

/// How often trials are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often offsets are written down.
const WRITE: Duration = Duration::from_secs(10);

/// The tasks beside an interceptor's batches; dropped, they end.
pub struct Supervision {
    _tasks: [Task<()>; 2],
}

impl Wasm {
    /// Starts the tasks that end trials, roll back and watch the file. A file that changed while the agent was down is taken, or refused, before this
    /// returns.
    pub async fn supervise(&self) -> Supervision {
        let shared = &self.shared;
        // Not before: a pipeline that is built may never run.
        shared.common.observer.switched(None, shared.version().status());
        if !self.spec().swaps.watch.is_zero() {
            self.look_at_file().await;
        }
        let (watching, watched) = (Arc::downgrade(shared), Arc::downgrade(shared));
        Supervision { _tasks: [tokio::spawn(watch_versions(watching)).into(), tokio::spawn(watch_file(watched)).into()] }
    }

    /// Proposes what is at the configured place, unless it was seen there before.
    async fn look_at_file(&self) {
        let (place, terms) = (self.spec().plugin, self.shared.host.terms(&[]));
        let read = tokio::task::spawn_blocking(move || {
            let file = crate::plugin::file::find(&place)?;
            let (component, signature) = Artifact::look(&file, &terms)?;
            Ok::<_, crate::plugin::Error>((file, component, signature))
        });
        let (file, component, signature) = match read.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return warn!(error = %error_chain(&error), "the plugin's file cannot be read; what judges goes on"),
            Err(_panic) => return,
        };
        let found = found(&component, signature.as_deref());
        if self.shared.store.seen().as_ref() == Some(&found) {
            return;
        }
        let name = file.display().to_string();
        let why = format!("{name} changed");
        let proposal = Proposal { name, component, signature, why, wait: Some(Duration::ZERO), trial: true, expected: None };
        let place = &self.shared.common.place;
        match self.swap(proposal, "file").await {
            Ok(report) if report.result == SwapResult::Unchanged => {}
            Ok(report) => info!(
                pipeline = place.pipeline,
                interceptor = place.interceptor,
                from = report.from.digest,
                to = report.to.digest,
                version = report.to.version,
                "swapped: {}",
                file.display()
            ),
            // Not this file's fault: it is looked at again.
            Err(refusal) if matches!(refusal.kind, RefusalKind::Conflict | RefusalKind::Busy | RefusalKind::Unavailable) => {
                warn!(file = %file.display(), reason = refusal.detail, "the new plugin has to wait");
                return self.shared.again.store(true, Ordering::Relaxed);
            }
            Err(refusal) => error!(
                pipeline = place.pipeline,
                interceptor = place.interceptor,
                file = %file.display(),
                reason = refusal.detail,
                "the new plugin is refused, what judged goes on"
            ),
        }
        if let Err(error) = self.shared.store.saw(&found) {
            warn!(error = %error_chain(&error), "not written down, that this file was looked at");
        }
    }
}

/// What is remembered of what was found: a component that was refused unsigned is another find once it is signed.
pub(super) fn found(component: &[u8], signature: Option<&str>) -> String {
    match signature {
        Some(signature) => format!("{} {}", digest(component), digest(signature.as_bytes())),
        None => digest(component),
    }
}

async fn watch_file(shared: Weak<Shared>) {
    let Some(mut watcher) = shared.upgrade().map(|shared| Watcher::knowing(&shared.version().crew().spec().plugin)) else { return };
    loop {
        let Some(every) = shared.upgrade().map(|shared| shared.version().crew().spec().swaps.watch) else { return };
        // Switched off: a reload may switch it on again.
        let pause = if every.is_zero() { Duration::from_secs(1) } else { every };
        tokio::time::sleep(pause).await;
        let Some(shared) = shared.upgrade() else { return };
        if every.is_zero() {
            continue;
        }
        let place = shared.version().crew().spec().plugin.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let changed = watcher.look(&place);
            (watcher, changed)
        });
        let Ok((back, changed)) = looked.await else { return };
        watcher = back;
        let again = shared.again.swap(false, Ordering::Relaxed);
        if changed.is_some() || again {
            Wasm { shared }.look_at_file().await;
        }
    }
}

async fn watch_versions(shared: Weak<Shared>) {
    let mut written = Instant::now();
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let trial = strong.version().trial();
        drop(strong);
        // A verdict is acted on at once, bounds are looked at now and then.
        let condemned = async {
            match trial {
                Some(trial) => drop(trial.condemned().wait_for(Option::is_some).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = condemned => {}
            () = tokio::time::sleep(TICK) => {}
        }
        let Some(shared) = shared.upgrade() else { return };
        shared.look_at_trial().await;
        let version = shared.version();
        shared.samples().take(version.status().id, version.tally().counts());
        if written.elapsed() >= WRITE || !shared.retired().is_empty() {
            shared.write_offsets().await;
            written = Instant::now();
        }
    }
}

impl Shared {
    async fn look_at_trial(self: &Arc<Shared>) {
        let version = self.version();
        let Some(trial) = version.trial() else { return };
        match trial.standing(&version.tally().counts()) {
            Standing::Open => {}
            Standing::Passed => self.pass(&version).await,
            Standing::Failed(reason) => self.fail(&version, &trial, reason).await,
        }
    }

    async fn pass(self: &Arc<Shared>, version: &Arc<Version>) {
        let (shared, id) = (self.clone(), version.status().id);
        let written = tokio::task::spawn_blocking(move || shared.store.passed(id)).await;
        if let Ok(Err(error)) = written {
            // On trial still: it is tried again at the next tick.
            return warn!(error = %error_chain(&error), "the end of a trial cannot be written down");
        }
        stop_at("swap-trial-end");
        version.passed();
        let place = &self.common.place;
        info!(pipeline = place.pipeline, interceptor = place.interceptor, digest = version.status().digest, "its trial is over: it stays");
    }

    async fn fail(self: &Arc<Shared>, version: &Arc<Version>, trial: &Trial, reason: String) {
        let _switching = self.switching.lock().await;
        // Somebody else was quicker.
        if self.version().status().id != version.status().id {
            return;
        }
        let fallback = &trial.fallback;
        let place = &self.common.place;
        error!(
            pipeline = place.pipeline,
            interceptor = place.interceptor,
            digest = version.status().digest,
            back_to = fallback.status().digest,
            reason,
            "the new version is rolled back"
        );
        let change = Change { by: "trial", why: "the version on trial was not good enough" };
        let fate = (VersionState::RolledBack, reason);
        if let Err(refusal) = self.go_back(fallback.crew(), fallback.status(), change, fate).await {
            error!(reason = refusal.detail, "it could not be rolled back, and is tried again");
            return;
        }
        self.common.observer.swap_ended(Some(SwapResult::RolledBack));
    }

    /// Also for the last time, of versions that no batch is pinned to any more.
    async fn write_offsets(self: &Arc<Shared>) {
        let versions = self.at_work();
        // One hold here, one in the list of the retired: nothing more can come.
        self.retired().retain(|version| Arc::strong_count(version) > 2);
        let offsets: Vec<_> = versions.iter().map(|version| (version.status().id, version.offsets())).collect();
        drop(versions);
        let shared = self.clone();
        let written = tokio::task::spawn_blocking(move || shared.store.judged(offsets)).await;
        if let Ok(Err(error)) = written {
            warn!(error = %error_chain(&error), "what versions have judged cannot be written down");
        }
    }
}
