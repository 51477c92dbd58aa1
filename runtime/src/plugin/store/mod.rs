//! The versions an interceptor has run: their components, and who put which there when, why, and what became of it.
//!
//! Every step of a swap is written down before it takes effect, in one transaction, so that a start after a crash at any point finds a version that
//! was good. Without a directory it can write, the agent runs on and remembers until it ends.

mod disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::control::now;
use crate::control::swap::{HistoryEntry, OffsetRange, VersionState};
use disk::Disk;

/// Entries kept.
const ENTRIES: usize = 1000;
/// Trials of one component that may be cut off by crashes before its file is left alone: it may be what crashes the agent.
const INTERRUPTIONS: usize = 3;

/// A version cannot be written down or read back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system.
    #[error("keep versions in {directory:?}")]
    File {
        /// The interceptor's directory.
        directory: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The history's database.
    #[error("keep the history in {directory:?}")]
    Database {
        /// The interceptor's directory.
        directory: PathBuf,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// An entry that this version of Weir does not understand, or a component whose bytes are not what its name says.
    #[error("read {what} in {directory:?}: {reason}")]
    Damaged {
        /// What is damaged.
        what: String,
        /// The interceptor's directory.
        directory: PathBuf,
        /// How.
        reason: String,
    },
}

/// A component to keep, with its signature where it came with one.
#[derive(Debug, Clone, Copy)]
pub struct Component<'a> {
    /// SHA-256 in hex.
    pub digest: &'a str,
    /// The component.
    pub bytes: &'a [u8],
    /// The text of its signature.
    pub signature: Option<&'a str>,
}

/// The versions of one interceptor.
#[derive(Debug)]
pub struct Store {
    state: Mutex<State>,
    disk: Option<Disk>,
    /// Whether this process has started a version of it already.
    resumed: AtomicBool,
}

/// The stores this process has open: a pipeline that starts again opens its stores while the one before it still has them.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<Store>>> = Mutex::new(BTreeMap::new());

/// What is in memory is what is on disk; the newest entry is last.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    entries: Vec<HistoryEntry>,
    /// Id of the entry that judges.
    current: Option<u64>,
    /// What was last found at the configured place, taken or not: digests of the component and of its signature.
    seen: Option<String>,
    /// Whether the agent ended in order.
    ended: bool,
}

impl Store {
    /// The store in `directory`, or beside it where another agent of this machine has that one. One that cannot be used is reported in the log,
    /// and nothing outlives this process.
    #[must_use]
    pub fn open(directory: Option<&Path>) -> Arc<Store> {
        let Some(directory) = directory else { return Arc::new(Store::of(State::default(), None)) };
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = open.get(directory).and_then(Weak::upgrade) {
            return store;
        }
        let store = Arc::new(match Disk::open(directory) {
            Ok((disk, state)) => Store::of(state, Some(disk)),
            Err(error) => {
                tracing::warn!(error = %crate::error_chain(&error), "versions of this plugin are forgotten when the agent ends");
                Store::of(State::default(), None)
            }
        });
        open.retain(|_, store| store.strong_count() > 0);
        open.insert(directory.to_owned(), Arc::downgrade(&store));
        store
    }

    fn of(state: State, disk: Option<Disk>) -> Store {
        Store { state: Mutex::new(state), disk, resumed: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, on disk first. The lock is held over the write: two changes are written in the order they are made.
    fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), Error> {
        let mut state = self.lock();
        let mut next = state.clone();
        change(&mut next);
        let surplus = next.entries.len().saturating_sub(ENTRIES);
        next.entries.drain(..surplus);
        if let Some(disk) = &self.disk {
            disk.write(&state, &next)?;
        }
        *state = next;
        Ok(())
    }

    /// What should judge when the agent starts: the version that judged when it ended. After a crash in the middle of a trial it is the version
    /// before that, and where the other one lies at the configured place, it counts as not seen yet, so that it gets another trial. A trial that was cut
    /// off by an orderly end begins anew, which the caller sees in the entry's state.
    ///
    /// # Errors
    /// The outcome cannot be written down.
    pub fn resume(&self) -> Result<Option<HistoryEntry>, Error> {
        let state = self.lock().clone();
        let again = self.resumed.swap(true, Ordering::Relaxed);
        let Some(current) = state.current() else { return Ok(None) };
        if current.state != VersionState::Trial || state.ended || again {
            let id = current.version.id;
            self.change(|state| {
                state.ended = false;
                if let Some(entry) = state.entry(id) {
                    entry.until = None;
                }
            })?;
            return Ok(self.current());
        }
        let good = state.entries.iter().rev().find(|entry| entry.version.id < current.version.id && entry.state == VersionState::Good);
        let (interrupted, good) = (current.version.id, good.map(|entry| entry.version.id));
        let digest = &current.version.digest;
        let of_it = |entry: &&HistoryEntry| entry.state == VersionState::Interrupted && entry.version.digest == *digest;
        let again = state.entries.iter().filter(of_it).count() + 1 < INTERRUPTIONS;
        let lies_there = state.seen.as_ref().is_some_and(|seen| seen.starts_with(digest.as_str()));
        self.change(|state| {
            if again && lies_there {
                state.seen = None;
            }
            if let Some(entry) = state.entry(interrupted) {
                entry.state = VersionState::Interrupted;
                entry.reason = "the agent died while it was on trial".to_owned();
            }
            state.current = good;
            if let Some(entry) = good.and_then(|good| state.entry(good)) {
                entry.until = None;
            }
        })?;
        Ok(self.current())
    }

    /// Keeps a component, so that the agent can start with it whatever becomes of the file it came from.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, component: Component<'_>) -> Result<(), Error> {
        match &self.disk {
            Some(disk) => disk.keep(component),
            None => Ok(()),
        }
    }

    /// Writes down that a version judges from now on, in place of the one that does; the entry's id is made here and returned. What judged before is over:
    /// `before` says how it ended, when not well.
    ///
    /// # Errors
    /// It cannot be written; nothing changed.
    pub fn begin(&self, mut entry: HistoryEntry, before: Option<(VersionState, String)>) -> Result<u64, Error> {
        let mut id = 0;
        self.change(|state| {
            id = state.entries.last().map_or(1, |last| last.version.id + 1);
            entry.version.id = id;
            let previous = state.current.and_then(|current| state.entry(current));
            if let Some(previous) = previous {
                previous.until = Some(entry.version.since);
                match before {
                    Some((fate, reason)) => (previous.state, previous.reason) = (fate, reason),
                    None if previous.state == VersionState::Trial => previous.state = VersionState::Replaced,
                    None => {}
                }
            }
            state.entries.push(entry);
            state.current = Some(id);
            state.ended = false;
        })?;
        self.sweep();
        Ok(id)
    }

    /// Its trial is over, and it was good.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn passed(&self, id: u64) -> Result<(), Error> {
        self.change(|state| {
            if let Some(entry) = state.entry(id) {
                entry.state = VersionState::Good;
            }
        })
    }

    /// What versions have judged so far, by the ids of their entries.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn judged(&self, offsets: Vec<(u64, Vec<OffsetRange>)>) -> Result<(), Error> {
        self.change(|state| {
            for (id, ranges) in offsets {
                if let Some(entry) = state.entry(id) {
                    widen(&mut entry.offsets, ranges);
                }
            }
        })
    }

    /// What was last found at the configured place.
    #[must_use]
    pub fn seen(&self) -> Option<String> {
        self.lock().seen.clone()
    }

    /// What was found at the configured place was looked at, and is not looked at again until it changes.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn saw(&self, found: &str) -> Result<(), Error> {
        if self.lock().seen.as_deref() == Some(found) {
            return Ok(());
        }
        self.change(|state| state.seen = Some(found.to_owned()))
    }

    /// The agent ends in order: what judges now may judge again.
    ///
    /// # Errors
    /// It cannot be written; a trial that is under way then counts as interrupted.
    pub fn ended(&self) -> Result<(), Error> {
        self.change(|state| {
            state.ended = true;
            if let Some(entry) = state.current.and_then(|current| state.entry(current)) {
                entry.until = Some(now());
            }
        })
    }

    /// The newest entries first.
    #[must_use]
    pub fn history(&self, most: usize) -> Vec<HistoryEntry> {
        self.lock().entries.iter().rev().take(most).cloned().collect()
    }

    /// The newest version without fault before entry `id`; with a digest (or its beginning), the newest of that one, whatever became of it.
    #[must_use]
    pub fn before(&self, id: u64, digest: Option<&str>) -> Option<HistoryEntry> {
        let state = self.lock();
        let current = state.entries.iter().find(|entry| entry.version.id == id).map(|entry| entry.version.digest.clone());
        let fits = |entry: &&HistoryEntry| match digest {
            Some(digest) => entry.version.digest.starts_with(digest),
            None => entry.version.id < id && entry.state == VersionState::Good && Some(&entry.version.digest) != current.as_ref(),
        };
        state.entries.iter().rev().find(fits).cloned()
    }

    /// The entry that judges.
    #[must_use]
    pub fn current(&self) -> Option<HistoryEntry> {
        self.lock().current().cloned()
    }

    /// The file of a component that was kept.
    #[must_use]
    pub fn file(&self, digest: &str) -> Option<PathBuf> {
        self.disk.as_ref().map(|disk| disk.component(digest)).filter(|file| file.exists())
    }

    /// Removes components that no recent entry names.
    fn sweep(&self) {
        let Some(disk) = &self.disk else { return };
        let mut digests: Vec<String> = Vec::new();
        for entry in self.lock().entries.iter().rev() {
            if !digests.contains(&entry.version.digest) {
                digests.push(entry.version.digest.clone());
            }
        }
        digests.truncate(disk::COMPONENTS);
        disk.sweep(&digests);
    }
}

/// What was written down before stays: after a start again an entry is gone on with.
fn widen(ranges: &mut Vec<OffsetRange>, with: Vec<OffsetRange>) {
    for range in with {
        match ranges.iter_mut().find(|known| known.topic == range.topic && known.partition == range.partition) {
            Some(known) => (known.from, known.to) = (known.from.min(range.from), known.to.max(range.to)),
            None => ranges.push(range),
        }
    }
}

impl State {
    fn current(&self) -> Option<&HistoryEntry> {
        self.entries.iter().rev().find(|entry| Some(entry.version.id) == self.current)
    }

    fn entry(&mut self, id: u64) -> Option<&mut HistoryEntry> {
        self.entries.iter_mut().rev().find(|entry| entry.version.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::swap::VersionStatus;

    fn entry(digest: &str, state: VersionState) -> HistoryEntry {
        let version = VersionStatus { digest: digest.to_owned(), since: now(), ..VersionStatus::default() };
        HistoryEntry { version, why: String::new(), state, reason: String::new(), until: None, offsets: Vec::new() }
    }

    fn states(store: &Store) -> Vec<(String, VersionState)> {
        store.history(10).into_iter().map(|entry| (entry.version.digest, entry.state)).collect()
    }

    fn resumed(store: &Store) -> String {
        store.resume().expect("written").expect("an entry").version.digest
    }

    #[test]
    fn a_trial_that_a_crash_cut_off_gives_way_to_the_last_good_version() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = Store::open(Some(folder.path()));
        assert_eq!(store.resume().expect("written"), None);
        store.begin(entry("a", VersionState::Good), None).expect("written");
        store.begin(entry("b", VersionState::Trial), None).expect("written");
        drop(store);
        let store = Store::open(Some(folder.path()));
        assert_eq!(resumed(&store), "a");
        assert_eq!(states(&store), [("b".into(), VersionState::Interrupted), ("a".into(), VersionState::Good)]);
        assert_eq!(resumed(&store), "a");
    }

    #[test]
    fn a_file_whose_trial_a_crash_cut_off_gets_another_but_not_for_ever() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = Store::open(Some(folder.path()));
        store.begin(entry("a", VersionState::Good), None).expect("written");
        drop(store);
        for crashes in 1..=INTERRUPTIONS {
            let store = Store::open(Some(folder.path()));
            store.begin(entry("b", VersionState::Trial), None).expect("written");
            store.saw("b").expect("written");
            drop(store);
            let store = Store::open(Some(folder.path()));
            assert_eq!(resumed(&store), "a");
            assert_eq!(store.seen().is_none(), crashes < INTERRUPTIONS, "after {crashes}");
        }
    }

    #[test]
    fn a_trial_that_an_orderly_end_cut_off_goes_on() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = Store::open(Some(folder.path()));
        store.begin(entry("a", VersionState::Good), None).expect("written");
        let id = store.begin(entry("b", VersionState::Trial), None).expect("written");
        store.ended().expect("written");
        drop(store);
        let store = Store::open(Some(folder.path()));
        assert_eq!(resumed(&store), "b");
        store.passed(id).expect("written");
        drop(store);
        let store = Store::open(Some(folder.path()));
        assert_eq!(resumed(&store), "b");
        assert_eq!(states(&store)[0], ("b".into(), VersionState::Good));
    }

    #[test]
    fn what_was_rolled_back_says_why_and_what_it_judged() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = Store::open(Some(folder.path()));
        store.begin(entry("a", VersionState::Good), None).expect("written");
        let bad = store.begin(entry("b", VersionState::Trial), None).expect("written");
        let range = OffsetRange { topic: "t".into(), partition: 0, from: 5, to: 9 };
        store.judged(vec![(bad, vec![range.clone()])]).expect("written");
        store.begin(entry("a", VersionState::Good), Some((VersionState::RolledBack, "it traps".into()))).expect("written");
        drop(store);
        let history = Store::open(Some(folder.path())).history(10);
        assert_eq!(history[1].state, VersionState::RolledBack);
        assert_eq!((history[1].reason.as_str(), &history[1].offsets), ("it traps", &vec![range]));
        assert!(history[1].until.is_some() && history[0].until.is_none());
    }

    #[test]
    fn a_pipeline_that_starts_again_shares_the_store_and_interrupts_no_trial() {
        let folder = tempfile::tempdir().expect("a directory");
        let first = Store::open(Some(folder.path()));
        first.resume().expect("written");
        first.begin(entry("a", VersionState::Good), None).expect("written");
        first.begin(entry("b", VersionState::Trial), None).expect("written");
        let second = Store::open(Some(folder.path()));
        assert_eq!(resumed(&second), "b");
        assert_eq!(states(&first)[0], ("b".into(), VersionState::Trial));
    }

    #[test]
    fn a_component_comes_back_as_it_was_kept_and_old_ones_go() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = Store::open(Some(folder.path()));
        let digest = |number: usize| crate::plugin::digest(&number.to_le_bytes());
        for number in 0..disk::COMPONENTS + 5 {
            let component = Component { digest: &digest(number), bytes: &number.to_le_bytes(), signature: Some("signed") };
            store.keep(component).expect("kept");
            store.begin(entry(&digest(number), VersionState::Good), None).expect("written");
        }
        assert_eq!(store.file(&digest(0)), None);
        let file = store.file(&digest(disk::COMPONENTS + 4)).expect("there");
        assert_eq!(std::fs::read(&file).expect("read"), (disk::COMPONENTS + 4).to_le_bytes());
        assert_eq!(std::fs::read_to_string(crate::plugin::signature_file(&file)).expect("read"), "signed");
    }

    #[test]
    fn without_a_directory_it_remembers_until_the_end() {
        let store = Store::open(Some(Path::new("/proc/nowhere/at/all")));
        store.begin(entry("a", VersionState::Good), None).expect("no disk, no error");
        store.saw("a").expect("no disk, no error");
        assert_eq!((states(&store).len(), store.seen()), (1, Some("a".into())));
        assert_eq!(store.file("a"), None);
    }
}
