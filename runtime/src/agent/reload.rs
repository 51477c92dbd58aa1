//! Reads the configuration again and runs what changed. One at a time; an invalid configuration, and one of which something cannot be built,
//! leave everything as it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, watch};
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::builder::Builder;
use super::carry_out::{Site, carry_out};
use super::fleet::Fleet;
use super::plan;
use crate::config::{self, Fingerprint, Load, Loaded, Problem, Settings, Severity};
use crate::control::swap::{ReloadReport, ReloadResult};
use crate::control::{Caller, Refusal, RefusalKind};

/// How long reading the configuration may take; it may run commands of its author's.
const LOAD_LIMIT: Duration = Duration::from_secs(20);
/// When whoever asked is told that it is not done yet: just before the contract's own deadline.
const ANSWER_LIMIT: Duration = crate::control::DEADLINE.saturating_sub(Duration::from_secs(2));

/// Where an agent's configuration comes from, and what it held when it was last read.
#[derive(Debug)]
pub struct Configuration {
    load: Load,
    seen: Mutex<Fingerprint>,
}

impl Configuration {
    /// From these arguments; `seen` is taken before they are first loaded, so that no later change is missed.
    pub fn new(load: Load, seen: Fingerprint) -> Configuration {
        Configuration { load, seen: Mutex::new(seen) }
    }

    /// How often the files are looked at: the command line wins. 0 is never.
    fn interval(&self, settings: &Settings) -> Duration {
        match self.load.poll_interval {
            _ if self.load.no_reload_conf => Duration::ZERO,
            Some(seconds) => Duration::from_secs(seconds),
            None => settings.reload_interval,
        }
    }
}

/// Reloads an agent.
pub(super) struct Reloader {
    /// `None` in an agent that was not started from files.
    configuration: Option<Configuration>,
    fleet: Arc<Fleet>,
    builder: Arc<dyn Builder>,
    /// Those in force: what takes a restart of the agent is as it was at its start.
    settings: Mutex<Settings>,
    intervals: watch::Sender<Duration>,
    turn: Arc<Turn<()>>,
}

impl Reloader {
    pub(super) fn new(
        configuration: Option<Configuration>,
        fleet: Arc<Fleet>,
        builder: Arc<dyn Builder>,
        settings: Settings,
    ) -> Arc<Reloader> {
        let interval = configuration.as_ref().map_or(Duration::ZERO, |configuration| configuration.interval(&settings));
        let (intervals, _) = watch::channel(interval);
        Arc::new(Reloader { configuration, fleet, builder, settings: Mutex::new(settings), intervals, turn: Arc::default() })
    }

    /// Longest time to bring open batches home when the agent ends.
    pub(super) fn drain_limit(&self) -> Duration {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).drain_limit
    }

    /// How often the files are to be looked at, now and after each reload.
    pub(super) fn intervals(&self) -> watch::Receiver<Duration> {
        self.intervals.subscribe()
    }

    /// Reads the configuration and runs what changed. Logs what came of it. It goes on where whoever asked does not wait for the answer.
    ///
    /// # Errors
    /// See [`crate::control::Control::reload`].
    pub(super) async fn reload(self: &Arc<Reloader>, caller: &Caller) -> Result<ReloadReport, Refusal> {
        let Ok(turn) = self.turn.clone().try_lock_owned() else {
            return Err(Refusal::new(RefusalKind::Conflict, "another reload is under way"));
        };
        let work = {
            let (reloader, caller) = (self.clone(), caller.clone());
            async move {
                let _turn = turn;
                let done = reloader.read_and_carry_out(&caller).await;
                log(&done, &caller);
                done
            }
        };
        match timeout(ANSWER_LIMIT, tokio::spawn(work)).await {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => Err(Refusal::new(RefusalKind::Unavailable, format!("the reload panicked: {panic}"))),
            Err(_) => Err(Refusal::new(RefusalKind::Deadline, "the reload is not done yet and goes on; the log says what comes of it")),
        }
    }

    async fn read_and_carry_out(&self, caller: &Caller) -> Result<ReloadReport, Refusal> {
        let loaded = self.load().await?;
        warn_of(&loaded.warnings);
        let _hold = self.fleet.hold();
        if self.fleet.is_closing() {
            return Err(Refusal::new(RefusalKind::Conflict, "the agent is ending"));
        }
        let present = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut changes = plan::settings(&present, &loaded.settings);
        changes.extend(plan::pipelines(&self.fleet.views(), &loaded.spec.pipelines));
        let site = Site { fleet: &self.fleet, builder: &*self.builder, drain_limit: present.drain_limit, caller };
        let (made, report) = carry_out(changes, &site).await;
        if made {
            self.take_over(plan::in_force(&present, &loaded.settings));
        }
        Ok(report)
    }

    fn take_over(&self, settings: Settings) {
        let interval = self.configuration.as_ref().map_or(Duration::ZERO, |configuration| configuration.interval(&settings));
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        self.intervals.send_replace(interval);
    }

    async fn load(&self) -> Result<Loaded, Refusal> {
        let Some(configuration) = &self.configuration else {
            return Err(Refusal::new(RefusalKind::Unavailable, "this agent was not started from a configuration file"));
        };
        let load = configuration.load.clone();
        let reading = tokio::task::spawn_blocking(move || (Fingerprint::take(&load), config::load(&load)));
        let (seen, loaded) = match timeout(LOAD_LIMIT, reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(panic)) => return Err(Refusal::new(RefusalKind::Unavailable, format!("reading the configuration panicked: {panic}"))),
            Err(_) => {
                let detail = format!("the configuration could not be read within {LOAD_LIMIT:?}");
                return Err(Refusal::new(RefusalKind::Deadline, detail));
            }
        };
        *configuration.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        loaded.map_err(|error| {
            let errors = error.problems.iter().filter(|problem| problem.severity == Severity::Error);
            let problems = errors.map(Problem::line).collect();
            Refusal { problems, ..Refusal::new(RefusalKind::Unprocessable, format!("the configuration cannot run: {error}")) }
        })
    }

    /// What the files hold now, where that is not what was read last.
    pub(super) async fn changed(&self) -> Option<Fingerprint> {
        let configuration = self.configuration.as_ref()?;
        let load = configuration.load.clone();
        let now = tokio::task::spawn_blocking(move || Fingerprint::take(&load)).await.ok()?;
        (*configuration.seen.lock().unwrap_or_else(PoisonError::into_inner) != now).then_some(now)
    }
}

fn log(done: &Result<ReloadReport, Refusal>, Caller { name: caller }: &Caller) {
    let report = match done {
        Ok(report) => report,
        Err(refusal) => {
            for problem in &refusal.problems {
                error!(caller, place = problem, "configuration");
            }
            return error!(caller, error = refusal.detail, "not reloaded, everything runs on as it was");
        }
    };
    if report.changes.is_empty() {
        return info!(caller, "configuration read again, nothing changed");
    }
    for change in &report.changes {
        let (path, detail) = (&change.path, &change.detail);
        match change.result {
            ReloadResult::Swapped => info!(caller, path, detail, "swapped"),
            ReloadResult::Restarted => info!(caller, path, detail, "restarted"),
            ReloadResult::Started => info!(caller, path, detail, "started"),
            ReloadResult::Stopped => info!(caller, path, detail, "stopped"),
            ReloadResult::Rejected => error!(caller, path, detail, "rejected, it runs on as it was"),
            ReloadResult::NeedsRestart => warn!(caller, path, detail, "left as it was, it takes a restart of the agent"),
        }
    }
}

/// Logs the warnings and notes of a configuration that can run.
pub(crate) fn warn_of(problems: &[Problem]) {
    for problem in problems {
        match problem.severity {
            Severity::Note => info!(place = problem.line(), "{}", problem.message),
            _ => warn!(place = problem.line(), "{}", problem.message),
        }
    }
}
