//! The store's directory: a redb database, which one process at a time may open, and beside it the components, each under its digest.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::{Component, Error, State};
use crate::plugin::signature_file;

/// Entries of the history by id, as JSON.
const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
/// What is true of the whole: `current`, `seen`, `ended`.
const FACTS: TableDefinition<'_, &str, &str> = TableDefinition::new("facts");

/// Components kept: the newest versions, of which an old one can be gone back to.
pub(super) const COMPONENTS: usize = 20;

/// Agents of one machine that may keep versions of one interceptor.
const AGENTS: usize = 64;

/// An open directory that no other process has.
#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    database: Database,
}

impl Disk {
    /// Opens `directory`, else `directory.2` and so on where another process has the first.
    pub(super) fn open(directory: &Path) -> Result<(Disk, State), Error> {
        for number in 1..=AGENTS {
            let mine = if number == 1 { directory.to_owned() } else { PathBuf::from(format!("{}.{number}", directory.display())) };
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&mine).map_err(|source| file(&mine, source))?;
            match Database::create(mine.join("history.redb")) {
                Ok(database) => {
                    let disk = Disk { directory: mine, database };
                    let state = disk.read()?;
                    return Ok((disk, state));
                }
                Err(DatabaseError::DatabaseAlreadyOpen) => {}
                Err(error) => return Err(Error::Database { directory: mine, source: Box::new(error.into()) }),
            }
        }
        Err(file(directory, io::Error::other(format!("{AGENTS} other agents keep versions here"))))
    }

    fn read(&self) -> Result<State, Error> {
        // Only read: a transaction that writes is synced to disk, which each start of an agent would wait for.
        let transaction = self.database.begin_read().map_err(|error| self.database_error(error))?;
        let mut state = State::default();
        let entries = match transaction.open_table(ENTRIES) {
            Ok(entries) => entries,
            // Nothing was ever written.
            Err(TableError::TableDoesNotExist(_)) => return Ok(state),
            Err(error) => return Err(self.database_error(error)),
        };
        for entry in entries.iter().map_err(|error| self.database_error(error))? {
            let (id, json) = entry.map_err(|error| self.database_error(error))?;
            let read = serde_json::from_slice(json.value()).map_err(|error| self.damaged(&format!("entry {}", id.value()), &error));
            state.entries.push(read?);
        }
        let facts = transaction.open_table(FACTS).map_err(|error| self.database_error(error))?;
        let fact = |name: &str| Ok(facts.get(name).map_err(|error| self.database_error(error))?.map(|value| value.value().to_owned()));
        state.current = fact("current")?.and_then(|id| id.parse().ok());
        state.seen = fact("seen")?;
        state.ended = fact("ended")?.is_some();
        Ok(state)
    }

    /// Writes what differs, durably and at once.
    pub(super) fn write(&self, before: &State, after: &State) -> Result<(), Error> {
        let transaction = self.database.begin_write().map_err(|error| self.database_error(error))?;
        {
            let mut entries = transaction.open_table(ENTRIES).map_err(|error| self.database_error(error))?;
            let first = after.entries.first().map_or(0, |entry| entry.version.id);
            for old in before.entries.iter().take_while(|old| old.version.id < first) {
                entries.remove(old.version.id).map_err(|error| self.database_error(error))?;
            }
            for entry in after.entries.iter().filter(|entry| !before.entries.contains(entry)) {
                let json = serde_json::to_vec(entry).map_err(|error| self.damaged("an entry", &error))?;
                entries.insert(entry.version.id, json.as_slice()).map_err(|error| self.database_error(error))?;
            }
            let mut facts = transaction.open_table(FACTS).map_err(|error| self.database_error(error))?;
            let current = after.current.map(|id| id.to_string());
            let ended = after.ended.then_some("in order");
            for (name, value) in [("current", current.as_deref()), ("seen", after.seen.as_deref()), ("ended", ended)] {
                let changed = match value {
                    Some(value) => facts.insert(name, value).map(drop),
                    None => facts.remove(name).map(drop),
                };
                changed.map_err(|error| self.database_error(error))?;
            }
        }
        transaction.commit().map_err(|error| self.database_error(error))
    }

    /// Where a component is, if it is kept.
    pub(super) fn component(&self, digest: &str) -> PathBuf {
        self.directory.join(format!("{digest}.wasm"))
    }

    /// Writes a component and its signature so that they are there whole or not at all, whatever happens.
    pub(super) fn keep(&self, component: Component<'_>) -> Result<(), Error> {
        let place = self.component(component.digest);
        let failed = |source| file(&self.directory, source);
        if let Some(signature) = component.signature {
            write_whole(&signature_file(&place), signature.as_bytes()).map_err(failed)?;
        }
        let there = fs::read(&place).is_ok_and(|bytes| bytes == component.bytes);
        if !there {
            write_whole(&place, component.bytes).map_err(failed)?;
        }
        fs::File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }

    /// Removes every component but these, and what crashes left behind.
    pub(super) fn sweep(&self, keep: &[String]) {
        let Ok(listed) = fs::read_dir(&self.directory) else { return };
        for path in listed.flatten().map(|entry| entry.path()) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let of_a_component = name.ends_with(".wasm") || name.ends_with(".minisig") || name.ends_with(".draft");
            if of_a_component && !keep.iter().any(|digest| name.starts_with(digest.as_str()) && !name.ends_with(".draft")) {
                // What stays is removed next time.
                let _ = fs::remove_file(path);
            }
        }
    }

    fn database_error(&self, error: impl Into<redb::Error>) -> Error {
        Error::Database { directory: self.directory.clone(), source: Box::new(error.into()) }
    }

    fn damaged(&self, what: &str, reason: &serde_json::Error) -> Error {
        Error::Damaged { what: what.to_owned(), directory: self.directory.clone(), reason: reason.to_string() }
    }
}

fn file(directory: &Path, source: io::Error) -> Error {
    Error::File { directory: directory.to_owned(), source }
}

/// Beside its place first, then renamed into it.
fn write_whole(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = place.as_os_str().to_owned();
    draft.push(".draft");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_agent_of_the_machine_has_a_directory_of_its_own() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join("int-1");
        let (first, _) = Disk::open(&directory).expect("open");
        let (second, _) = Disk::open(&directory).expect("open");
        assert_eq!(first.directory, directory);
        assert_eq!(second.directory, home.path().join("int-1.2"));
    }
}
