//! The gate between a pipeline's sources and their chains. Shut, it lets no batch in that was read; what is in goes on to its end.
//!
//! It says nothing about connections: a paused source keeps its partitions, its place in them and its membership in the group.

use std::sync::Arc;

use tokio::sync::watch;

use crate::control;

/// One gate a pipeline; clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    // Its lock is what makes whoever shuts the gate wait for those who are passing.
    state: Arc<watch::Sender<Option<Pause>>>,
}

/// Who shut the gate, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The caller's name.
    pub by: String,
    /// Milliseconds since the epoch.
    pub since: u64,
}

impl Gate {
    /// An open gate.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Shuts the gate: once this returns no batch enters a chain, whatever a source loop is doing or waiting for. One that is shut stays as it is.
    pub fn pause(&self, by: &str) {
        self.state.send_if_modified(|state| {
            let opened = state.is_none();
            if opened {
                *state = Some(Pause { by: by.to_owned(), since: control::now() });
            }
            opened
        });
    }

    /// Opens the gate.
    pub fn resume(&self) {
        self.state.send_if_modified(|state| state.take().is_some());
    }

    /// Who shut it; `None` while it is open.
    #[must_use]
    pub fn paused(&self) -> Option<Pause> {
        self.state.borrow().clone()
    }

    /// Runs `enter` if the gate is open. A pause that comes meanwhile waits for it, so it must be short and must not touch the gate.
    pub(crate) fn pass<T>(&self, enter: impl FnOnce() -> T) -> Option<T> {
        let state = self.state.borrow();
        if state.is_some() { None } else { Some(enter()) }
    }

    /// Resolves once the gate is not `shut` (true) or not open (false); cancel safe.
    pub(crate) async fn turned(&self, shut: bool) {
        // The sender is this gate's own, so the wait cannot fail.
        let _ = self.state.subscribe().wait_for(|state| state.is_some() != shut).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_open_gate_is_passed_and_the_first_to_shut_it_is_remembered() {
        let gate = Gate::new();
        assert_eq!(gate.pass(|| 1), Some(1));
        gate.pause("alice");
        gate.clone().pause("bob");
        gate.turned(false).await;
        assert_eq!(gate.pass(|| 1), None);
        assert_eq!(gate.paused().map(|pause| pause.by).as_deref(), Some("alice"));
        gate.resume();
        gate.turned(true).await;
        assert_eq!(gate.pass(|| 1), Some(1));
        assert_eq!(gate.paused(), None);
    }

    #[test]
    fn whoever_shuts_the_gate_waits_for_those_who_are_passing() {
        let gate = Gate::new();
        let (told, heard) = std::sync::mpsc::channel();
        let (leave, left) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let (passing, inside) = (&gate, told.clone());
            scope.spawn(move || {
                passing.pass(|| {
                    inside.send("inside").expect("heard");
                    left.recv().expect("told");
                    inside.send("passed").expect("heard");
                })
            });
            assert_eq!(heard.recv(), Ok("inside"));
            scope.spawn(|| {
                told.send("shutting").expect("heard");
                gate.pause("alice");
                told.send("shut").expect("heard");
            });
            assert_eq!(heard.recv(), Ok("shutting"));
            // Time for a gate that does not wait to be wrong in.
            std::thread::sleep(std::time::Duration::from_millis(20));
            leave.send(()).expect("heard");
            assert_eq!([heard.recv(), heard.recv()], [Ok("passed"), Ok("shut")]);
        });
        assert_eq!(gate.pass(|| 1), None);
    }
}
