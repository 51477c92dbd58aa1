//! Whether the agent lives, and whether it is ready: what its probes answer.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A loop that has not come round for so long hangs.
pub const STALLED_AFTER: Duration = Duration::from_secs(30);

/// What the agent's parts say about themselves. Cloning gives another handle on the same health.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A check was set or taken away.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    checks: BTreeMap<String, Check>,
    draining: bool,
    last_tick: Option<Instant>,
}

/// A check by its name, for the part that it is about.
#[derive(Debug, Clone)]
pub struct NamedCheck {
    health: Health,
    name: String,
}

impl NamedCheck {
    /// As [`Health::set`].
    pub fn set(&self, ok: bool, detail: impl Into<String>) {
        self.health.set(&self.name, ok, detail);
    }
}

/// One named condition of being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whether it is met.
    pub ok: bool,
    /// Why, for a person.
    pub detail: String,
    /// It is not met because what it is about has only just begun.
    pub starting: bool,
}

impl Health {
    /// Not ready, as no check has been set.
    pub fn new() -> Health {
        Health::default()
    }

    /// Sets a check, such as `pipeline flume1`. The agent is ready when there is a check and every one is met.
    pub fn set(&self, check: &str, ok: bool, detail: impl Into<String>) {
        let detail = detail.into();
        self.state().checks.insert(check.to_owned(), Check { ok, detail, starting: false });
        self.0.changed.notify_waiters();
    }

    /// Sets a check that is not met yet: a source that connects.
    pub fn starting(&self, check: &str) {
        let detail = "connecting".to_owned();
        self.state().checks.insert(check.to_owned(), Check { ok: false, detail, starting: true });
    }

    /// A handle on one check, which is not set by that.
    pub fn named(&self, check: impl Into<String>) -> NamedCheck {
        NamedCheck { health: self.clone(), name: check.into() }
    }

    /// Forgets a check: what it is about is gone.
    pub fn remove(&self, check: &str) {
        self.state().checks.remove(check);
        self.0.changed.notify_waiters();
    }

    /// From here on the agent is not ready: it finishes what it has and ends.
    pub fn draining(&self) {
        self.state().draining = true;
    }

    /// The agent's main loop came round; to be called more often than every [`STALLED_AFTER`].
    pub fn tick(&self) {
        self.state().last_tick = Some(Instant::now());
    }

    /// Whether the main loop came round of late. One that has never ticked is starting, which may take as long as its plugins compile.
    pub fn is_live(&self) -> bool {
        self.is_live_at(Instant::now())
    }

    /// Whether the agent is ready, and every check, with `draining` as one more.
    pub fn readiness(&self) -> (bool, BTreeMap<String, Check>) {
        let state = self.state();
        let mut checks = state.checks.clone();
        let ready = !checks.is_empty() && !state.draining && checks.values().all(|check| check.ok);
        if state.draining {
            checks.insert("draining".to_owned(), Check { ok: false, detail: "the agent is ending".to_owned(), starting: false });
        }
        (ready, checks)
    }

    /// Resolves when the agent is ready; cancel safe.
    pub async fn ready(&self) {
        let mut changed = pin!(self.0.changed.notified());
        loop {
            // Before the look: a change right after it is not missed.
            changed.as_mut().enable();
            if self.readiness().0 {
                return;
            }
            changed.as_mut().await;
            changed.set(self.0.changed.notified());
        }
    }

    fn is_live_at(&self, now: Instant) -> bool {
        self.state().last_tick.is_none_or(|tick| now.saturating_duration_since(tick) < STALLED_AFTER)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_every_check_is_met_and_no_drain_began() {
        let health = Health::new();
        assert!(!health.readiness().0, "nothing has said it is ready");
        health.set("pipeline a", true, "running");
        health.set("pipeline b", false, "no broker answers");
        assert!(!health.readiness().0);
        health.set("pipeline b", true, "running");
        assert!(health.readiness().0);
        health.draining();
        let (ready, checks) = health.readiness();
        assert!(!ready);
        assert!(!checks["draining"].ok);
    }

    #[test]
    fn a_check_that_is_removed_holds_nothing_up() {
        let health = Health::new();
        health.set("a/in", true, "2 partitions assigned");
        health.starting("b/in");
        assert!(!health.readiness().0);
        health.remove("b/in");
        assert_eq!(health.readiness().1.into_keys().collect::<Vec<_>>(), ["a/in"]);
        assert!(health.readiness().0);
    }

    #[tokio::test]
    async fn who_waits_for_it_hears_when_the_last_check_is_met_or_gone() {
        let health = Health::new();
        health.set("a", true, "running");
        health.starting("b");
        health.starting("c");
        let waiting = tokio::spawn({
            let health = health.clone();
            async move { health.ready().await }
        });
        tokio::task::yield_now().await;
        health.set("b", true, "running");
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        health.remove("c");
        waiting.await.expect("it is ready");
    }

    #[test]
    fn a_loop_that_stopped_coming_round_is_not_alive() {
        let health = Health::new();
        assert!(health.is_live(), "it has not begun");
        health.tick();
        assert!(health.is_live());
        assert!(!health.is_live_at(Instant::now() + STALLED_AFTER));
    }
}
