//! The interceptor whose verdicts a plugin makes, and whose plugin is exchanged while it runs.
//!
//! ```text
//!  pin: one version a batch          hand over: what a version on trial fails over
//!  batch ─► Pinned ─► Crew ─► Worker ─────────────────────► the version before ─► condemned ─► back
//!             ▲        queue, threads, warm instances
//!          current ◄── commit ◄── prepare (admit, compile, configure, rehearse) ◄── file, upload, reload
//! ```
//! A batch takes the current version once, when it is read, and is judged whole by it; what is in flight ends on the version it began with, which goes
//! with its last batch. The version before the current one stays warm, so that going back takes no longer than going on.

mod crew;
mod isolate;
mod recent;
mod rehearsal;
mod resume;
mod samples;
mod supervise;
mod swap;
mod tally;
mod trial;
mod version;
mod worker;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

pub use supervise::Supervision;
pub use swap::Prepared;

use super::{Error, Interceptor, Judging, spec};
use crate::batch::Batch;
use crate::config::settings::file_name;
use crate::control::status::InterceptorStatus;
use crate::control::swap::{HistoryEntry, VersionStatus};
use crate::plugin::store::Store;
use crate::plugin::{self, Host, Info, Observer};
use crew::Common;
use recent::Recent;
use samples::Samples;
use version::{Pinned, Version};

/// Where an interceptor is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Name of the source whose chain it is in.
    pub source: String,
    /// Its own name.
    pub interceptor: String,
}

/// A plugin at work, and the way to exchange it. Cheap to clone: all clones are one interceptor. With the last one its threads end, once what waits is
/// judged or nobody waits for it any more.
#[derive(Clone)]
pub struct Wasm {
    shared: Arc<Shared>,
}

struct Shared {
    host: Host,
    common: Common,
    store: Arc<Store>,
    current: ArcSwap<Version>,
    /// The version before the current one, with its crew: where a roll-back goes.
    previous: Mutex<Option<Arc<Version>>>,
    /// Versions whose last offsets are not written down yet.
    retired: Mutex<Vec<Arc<Version>>>,
    samples: Mutex<Samples>,
    /// Held from reading a proposal to its end: a second one is refused meanwhile.
    proposing: tokio::sync::Mutex<()>,
    /// Held over each exchange of the current version.
    switching: tokio::sync::Mutex<()>,
    /// What is at the configured place could not be proposed just now.
    again: AtomicBool,
}

impl Wasm {
    /// Takes the plugin in and starts its threads: the version that judged last, where `state` (the state directory) remembers one that can, else the
    /// configured file. Blocks while the plugin is compiled.
    ///
    /// # Errors
    /// Whatever is wrong with the configured plugin or its settings, when there is no other.
    pub fn start(
        host: &Host,
        place: Place,
        spec: &spec::Wasm,
        observer: Arc<dyn Observer>,
        state: Option<&Path>,
    ) -> Result<Wasm, plugin::Error> {
        let directory = state.map(|state| {
            let names = [&place.pipeline, &place.source, &place.interceptor];
            names.iter().fold(state.join("versions"), |directory, name| directory.join(file_name(name)))
        });
        let store = Store::open(directory.as_deref());
        let common = Common { place, observer, recent: Arc::new(Recent::new(spec.swaps.rehearsal)) };
        let resumed = resume::resume(host, &common, spec, &store)?;
        Ok(Wasm {
            shared: Arc::new(Shared {
                host: host.clone(),
                common,
                store,
                current: ArcSwap::new(resumed.current),
                previous: Mutex::new(resumed.previous),
                retired: Mutex::default(),
                samples: Mutex::default(),
                proposing: tokio::sync::Mutex::default(),
                switching: tokio::sync::Mutex::default(),
                again: AtomicBool::new(false),
            }),
        })
    }

    /// Which plugin judges now.
    #[must_use]
    pub fn plugin(&self) -> Info {
        self.shared.version().crew().plugin().info().clone()
    }

    /// What it was configured with: the newest configuration that took effect.
    #[must_use]
    pub fn spec(&self) -> spec::Wasm {
        self.shared.version().crew().spec().clone()
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.shared.common.place
    }

    /// The newest versions first.
    #[must_use]
    pub fn history(&self, most: usize) -> Vec<HistoryEntry> {
        let mut history = self.shared.store.history(most);
        for version in self.shared.at_work() {
            if let Some(entry) = history.iter_mut().find(|entry| entry.version.id == version.status().id) {
                entry.offsets = version.offsets();
            }
        }
        history
    }

    /// Fills in what concerns versions.
    pub fn tell(&self, status: &mut InterceptorStatus) {
        let version = self.shared.version();
        let counts = version.tally().counts();
        status.version = Some(version.status().clone());
        status.previous = self.shared.previous().as_ref().map(|previous| previous.status().clone());
        status.trial = version.trial().map(|trial| trial.status(&counts));
        status.memory_peak_bytes = counts.memory_peak;
        status.memory_limit_bytes = version.crew().plugin().memory_limit() as u64;
    }
}

impl Interceptor for Wasm {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        Pinned { version: self.shared.version(), most: usize::MAX }.intercept(batch)
    }

    fn pin(&self, most: usize) -> Option<Arc<dyn Interceptor>> {
        Some(Arc::new(Pinned { version: self.shared.version(), most }))
    }
}

impl Shared {
    fn version(&self) -> Arc<Version> {
        self.current.load_full()
    }

    fn previous(&self) -> MutexGuard<'_, Option<Arc<Version>>> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retired(&self) -> MutexGuard<'_, Vec<Arc<Version>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current version and those whose last batches may still be on their way.
    fn at_work(&self) -> Vec<Arc<Version>> {
        let mut versions = self.retired().clone();
        versions.push(self.version());
        versions
    }

    /// From the next batch on `next` judges.
    fn switch(&self, next: Arc<Version>, previous: Option<Arc<Version>>) {
        let status = next.status().clone();
        let before = self.current.swap(next);
        *self.previous() = previous;
        self.common.observer.switched(Some(before.status()), &status);
        self.retired().push(before);
    }
}

impl Drop for Shared {
    /// An orderly end: what judges now judges again at the next start. A pipeline that starts again has its next run open already.
    fn drop(&mut self) {
        let offsets = self.at_work().iter().map(|version| (version.status().id, version.offsets())).collect();
        let is_last = Arc::strong_count(&self.store) == 1;
        if let Err(error) = self.store.judged(offsets).and_then(|()| if is_last { self.store.ended() } else { Ok(()) }) {
            tracing::warn!(error = %crate::error_chain(&error), "the end of this plugin's history is not written down");
        }
    }
}

/// How a version is told of, before it has a number.
fn described(info: &Info, origin: &str, by: &str) -> VersionStatus {
    VersionStatus {
        id: 0,
        digest: info.digest.clone(),
        name: info.name.clone(),
        version: info.version.clone(),
        origin: origin.to_owned(),
        since: crate::control::now(),
        by: by.to_owned(),
    }
}
