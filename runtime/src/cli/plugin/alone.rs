//! A plugin outside an agent, judging as in one: the agent's own interceptor, with one instance, and nobody around it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;

use crate::batch::{Batch, Outcome};
use crate::client::duration;
use crate::config::size;
use crate::control::status::InterceptorStatus;
use crate::interceptor::spec::{self, Ability, Limits, OnError, Swaps};
use crate::interceptor::{Interceptor, Judging, Place, Wasm};
use crate::plugin::{self, Host, Info, Judgement, Observer};

/// Which plugin, and what an agent's configuration would say about it.
#[derive(Debug, Clone, clap::Args)]
pub struct Configured {
    /// A setting of the plugin; once for each.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Memory one instance may have. Default: an agent's, which is by the plugin's language.
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<usize>,
    /// Time for one batch; each event adds 20 µs. Default: 250ms, an agent's.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    deadline: Option<Duration>,
}

impl Configured {
    /// As an agent would have it.
    pub(super) fn spec(&self, file: PathBuf) -> anyhow::Result<spec::Wasm> {
        let mut settings = BTreeMap::new();
        for (name, value) in &self.settings {
            anyhow::ensure!(settings.insert(name.clone(), value.clone()).is_none(), "--set {name}: it is set twice");
        }
        // One thread, so that events are judged in their order, and nothing but this file.
        let swaps = Swaps { watch: Duration::ZERO, rehearsal: 0, trial: Duration::ZERO, ..Swaps::default() };
        let usual = Limits::default();
        let limits = Limits { deadline: self.deadline.unwrap_or(usual.deadline), memory: self.memory, ..usual };
        let (on_error, grants) = (OnError::default(), Ability::ALL.to_vec());
        Ok(spec::Wasm { plugin: file, settings, instances: Some(1), limits, on_error, grants, swaps })
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) | None => Err("a setting is such as threshold=500".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
    }
}

fn memory(text: &str) -> Result<usize, String> {
    size::parse_in_memory(text).ok_or_else(|| "a size is such as 64MiB".to_owned())
}

/// What was judged so far, and what it took.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) batches: u64,
    pub(super) events: u64,
    /// CPU time of the plugin's thread, the host's work for it included.
    pub(super) cpu: Duration,
    /// Events that the plugin failed over.
    pub(super) failed: u64,
    /// Most linear memory of an instance, bytes.
    pub(super) memory: u64,
    /// Log lines that were not written.
    pub(super) suppressed: u64,
    /// The plugin's own counters.
    pub(super) counters: BTreeMap<String, u64>,
}

/// An interceptor and what is seen of it.
pub(super) struct Alone {
    wasm: Wasm,
    seen: Arc<Seen>,
    memory_limit: u64,
}

impl Alone {
    /// Takes the plugin in and starts it.
    pub(super) fn start(host: &Host, spec: &spec::Wasm) -> Result<Alone, plugin::Error> {
        let seen = Arc::new(Seen::default());
        let place = Place { pipeline: "plugin".to_owned(), source: "events".to_owned(), interceptor: "plugin".to_owned() };
        let wasm = Wasm::start(host, place, spec, seen.clone(), None)?;
        let mut status = InterceptorStatus::default();
        wasm.tell(&mut status);
        Ok(Alone { wasm, seen, memory_limit: status.memory_limit_bytes })
    }

    /// Judges a batch. The outcome is what an agent would have gone on with.
    pub(super) fn judge(&self, batch: Arc<Batch>) -> anyhow::Result<Outcome> {
        let outcome = match self.wasm.intercept(batch) {
            Judging::Now(outcome) => outcome,
            Judging::Later(answer) => answer.blocking_recv().context("the plugin's thread is gone")?,
        };
        Ok(outcome?)
    }

    /// Which plugin it is.
    pub(super) fn plugin(&self) -> Info {
        self.wasm.plugin()
    }

    /// Linear memory an instance may have, bytes.
    pub(super) fn memory_limit(&self) -> u64 {
        self.memory_limit
    }

    /// What it has done so far.
    pub(super) fn figures(&self) -> Figures {
        self.seen.lock().clone()
    }
}

#[derive(Default)]
struct Seen(Mutex<Figures>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Seen {
    fn judged(&self, judgement: Judgement) {
        let mut figures = self.lock();
        figures.batches += 1;
        figures.events += judgement.events as u64;
        figures.cpu += judgement.cpu;
        figures.failed += judgement.failed as u64;
    }
    fn memory(&self, bytes: usize) {
        let mut figures = self.lock();
        figures.memory = figures.memory.max(bytes as u64);
    }
    fn log_suppressed(&self, lines: u64) {
        self.lock().suppressed += lines;
    }
    fn counted(&self, name: &str, by: u64) {
        let mut figures = self.lock();
        let counter = figures.counters.entry(name.to_owned()).or_default();
        *counter = counter.saturating_add(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_names_and_values_and_a_value_may_hold_anything() {
        assert_eq!(setting("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(setting("a="), Ok(("a".to_owned(), String::new())));
        assert!(setting("=b").is_err() && setting("a").is_err());
    }

    #[test]
    fn a_setting_is_given_once() {
        let twice = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        let error = Configured { settings: twice, memory: None, deadline: None }.spec("p.wasm".into()).unwrap_err();
        assert_eq!(error.to_string(), "--set a: it is set twice");
    }

    #[test]
    fn what_is_given_goes_before_an_agents_defaults() {
        let configured = Configured { settings: vec![], memory: memory("2MiB").ok(), deadline: duration("3s").ok() };
        let spec = configured.spec("p.wasm".into()).unwrap();
        assert_eq!((spec.limits.memory, spec.limits.deadline), (Some(2 << 20), Duration::from_secs(3)));
        let spec = Configured { settings: vec![], memory: None, deadline: None }.spec("p.wasm".into()).unwrap();
        assert_eq!(spec.limits, spec::Limits::default());
        assert!(memory("0").is_err() && memory("much").is_err());
    }
}
