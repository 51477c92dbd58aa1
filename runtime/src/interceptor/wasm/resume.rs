//! Which version judges when the agent starts.

use std::sync::Arc;

use super::crew::{Common, Crew};
use super::described;
use super::spec;
use super::supervise::found;
use super::tally::Counts;
use super::trial::Trial;
use super::version::Version;
use crate::control::swap::{HistoryEntry, VersionState};
use crate::error_chain;
use crate::plugin::store::{Component, Store};
use crate::plugin::{self, Artifact, Host, Plugin};

/// Versions ready to judge.
pub(super) struct Resumed {
    pub(super) current: Arc<Version>,
    pub(super) previous: Option<Arc<Version>>,
}

/// The version that judged last, where it can still run, else the configured file.
pub(super) fn resume(host: &Host, common: &Common, spec: &spec::Wasm, store: &Store) -> Result<Resumed, plugin::Error> {
    let starting = Starting { host, common, spec, store };
    let last = store.resume().unwrap_or_else(|error| {
        tracing::warn!(error = %error_chain(&error), "the history of this plugin cannot be used");
        None
    });
    let Some(last) = last else { return starting.configured() };
    match starting.again(&last) {
        Ok(resumed) => Ok(resumed),
        Err(error) => {
            let plugin = format!("{} {} ({:.12})", last.version.name, last.version.version, last.version.digest);
            tracing::warn!(plugin, error = %error_chain(&error), "the version that judged last cannot run; the configured file is taken");
            starting.configured()
        }
    }
}

struct Starting<'a> {
    host: &'a Host,
    common: &'a Common,
    spec: &'a spec::Wasm,
    store: &'a Store,
}

impl Starting<'_> {
    /// The configured file, which begins or goes on with the history.
    fn configured(&self) -> Result<Resumed, plugin::Error> {
        let file = plugin::file::find(&self.spec.plugin)?;
        let artifact = Artifact::read(&file, &self.host.terms(&self.spec.grants))?;
        let origin = file.display().to_string();
        let kept = Component { digest: artifact.digest(), bytes: artifact.bytes(), signature: artifact.signature() };
        self.note(self.store.keep(kept));
        self.note(self.store.saw(&found(artifact.bytes(), artifact.signature())));
        let plugin = self.host.admit(artifact, self.spec.settings.clone(), &self.spec.limits)?;
        let crew = Arc::new(Crew::start(plugin, self.common, self.spec)?);
        let mut status = described(crew.plugin().info(), &origin, "configuration");
        let (state, why) = (VersionState::Good, "the agent started with it".to_owned());
        let entry = HistoryEntry { version: status.clone(), why, state, reason: String::new(), until: None, offsets: Vec::new() };
        match self.store.begin(entry, None) {
            Ok(id) => status.id = id,
            Err(error) => self.note(Err(error)),
        }
        Ok(Resumed { current: Version::new(status, crew, None, &[]), previous: None })
    }

    /// A version of the history. One that was on trial when the agent ended in order is on trial again, beside the one before it.
    fn again(&self, entry: &HistoryEntry) -> Result<Resumed, plugin::Error> {
        let crew = self.crew(entry)?;
        let on_trial = entry.state == VersionState::Trial;
        let before = if on_trial { self.store.before(entry.version.id, None) } else { None };
        let fallback = before.and_then(|before| match self.crew(&before) {
            Ok(crew) => Some(Version::new(before.version.clone(), crew, None, &before.offsets)),
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "the version before the one on trial cannot run: its trial is over");
                None
            }
        });
        if on_trial && fallback.is_none() {
            self.note(self.store.passed(entry.version.id));
        }
        let trial =
            fallback.clone().map(|fallback| Trial::new(fallback, Counts::default(), &self.spec.swaps, crew.plugin().memory_limit()));
        Ok(Resumed { current: Version::new(entry.version.clone(), crew, trial, &entry.offsets), previous: fallback })
    }

    fn crew(&self, entry: &HistoryEntry) -> Result<Arc<Crew>, plugin::Error> {
        let plugin = stored(self.host, self.spec, self.store, &entry.version.digest)?;
        Ok(Arc::new(Crew::start(plugin, self.common, self.spec)?))
    }

    /// A history that cannot be written stops nothing.
    fn note(&self, written: Result<(), plugin::store::Error>) {
        if let Err(error) = written {
            tracing::warn!(error = %error_chain(&error), "the history of this plugin is not written down");
        }
    }
}

/// A version that was kept, taken in anew: from the store, or from the configured file where that is the one.
pub(super) fn stored(host: &Host, spec: &spec::Wasm, store: &Store, digest: &str) -> Result<Plugin, plugin::Error> {
    let file = match store.file(digest) {
        Some(file) => file,
        None => plugin::file::find(&spec.plugin)?,
    };
    let artifact = Artifact::read(&file, &host.terms(&spec.grants))?;
    if artifact.digest() != digest {
        let reason = format!("its SHA-256 is {:.12} and not {digest:.12}: the version that was kept is gone", artifact.digest());
        return Err(plugin::Error::Refused { plugin: file.display().to_string(), reason });
    }
    host.admit(artifact, spec.settings.clone(), &spec.limits)
}
