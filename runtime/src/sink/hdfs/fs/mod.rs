//! What the sink needs of a file system, and the two there are: HDFS and a local directory.
//!
//! An error says as little as a lost connection does: the call may have been carried out. So whoever renames looks at both names afterwards, and a
//! file whose write, sync or close failed takes no more bytes (hdfs-native's `hsync` says yes for ever after a failed write).

mod bounded;
#[cfg(test)]
pub(super) mod fake;
mod hdfs;
mod local;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub(super) use bounded::Bounded;
pub(super) use hdfs::{Hdfs, Settings};
pub(super) use local::Local;

/// A call of a file system; it borrows what it needs.
pub(super) type Call<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Files by their absolute paths, without scheme and host.
pub(super) trait FileSystem: Send + Sync {
    /// Creates an empty file, and the directories above it. Never takes a file that is there: [`Error::Exists`].
    fn create<'a>(&'a self, path: &'a str) -> Call<'a, Box<dyn Writer>>;

    /// Gives a file another name in its directory, atomically. Never over a file that is there: [`Error::Exists`].
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Call<'a, ()>;

    /// Bytes of a file, on HDFS the synced ones while it is written to; `None` where there is no file.
    fn length<'a>(&'a self, path: &'a str) -> Call<'a, Option<u64>>;

    /// What is in a directory; nothing where there is no directory.
    fn list<'a>(&'a self, directory: &'a str) -> Call<'a, Vec<Entry>>;

    /// Deletes a file; one that is not there is deleted.
    fn delete<'a>(&'a self, path: &'a str) -> Call<'a, ()>;

    /// Ends the writing of a file of ours whose [`Writer`] is gone. True: its bytes are what they will ever be. False: soon, ask again.
    fn reclaim<'a>(&'a self, path: &'a str) -> Call<'a, bool>;

    /// As [`FileSystem::reclaim`], for a file that somebody else may be writing to.
    fn seize<'a>(&'a self, path: &'a str) -> Call<'a, Seized>;

    /// Keeps only the first bytes of a file that is closed.
    fn shorten<'a>(&'a self, path: &'a str, bytes: u64) -> Call<'a, ()>;
}

/// Whose a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seized {
    /// Nobody's any more: its bytes are what they will ever be.
    Free,
    /// Somebody's who writes to it, or did so lately; whose, where the file system says it.
    Held(Option<String>),
    /// This very client's, which keeps its lease alive with that of all its files: it gave up on a call that may have been done all the same.
    Forgotten,
    /// Its writer was gone for long, so that it is being ended; soon it is free. Until then its length is what was synced, if it has one of its own.
    Ending,
}

/// An open file. After an error it is good for nothing but to be dropped.
pub(super) trait Writer: Send {
    /// Appends bytes. They may be lost until [`Writer::sync`].
    fn write(&mut self, bytes: Bytes) -> Call<'_, ()>;

    /// All bytes so far are on disk, on every replica, and readers see them.
    fn sync(&mut self) -> Call<'_, ()>;

    /// Ends the file.
    fn close(&mut self) -> Call<'_, ()>;
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name in the directory.
    pub(super) name: String,
    /// Whether it is a directory itself.
    pub(super) is_directory: bool,
}

/// Where files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A directory of this machine.
    Local,
    /// HDFS.
    Hdfs,
}

/// A call failed, or nobody knows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No answer in time: perhaps it was carried out.
    #[error("{call} {path}: no answer within {limit:?}")]
    TimedOut {
        /// What was asked for.
        call: &'static str,
        /// Of which file.
        path: String,
        /// How long it was waited.
        limit: Duration,
    },
    /// There is such a file.
    #[error("{path} exists already")]
    Exists {
        /// Its path.
        path: String,
    },
    /// No file can have this name or be in this place, now and for ever: a part of it is a file, say, or too long.
    #[error("{path} cannot be a file: {reason}")]
    Place {
        /// The path.
        path: String,
        /// In the words of the file system.
        reason: String,
    },
    /// Another failure.
    #[error("{call} {path}")]
    Failed {
        /// What was asked for.
        call: &'static str,
        /// Of which file.
        path: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The file system cannot sync such a file: an erasure-coded one of HDFS.
    #[error(
        "{path} cannot be synced: erasure-coded files of HDFS have no hsync, so that events there are safe only once a file is closed (names = \"offsets\")"
    )]
    NoSync {
        /// The file's path.
        path: String,
    },
    /// The client library has a bug.
    #[error("{call} {path}: the client panicked")]
    Panicked {
        /// What was asked for.
        call: &'static str,
        /// Of which file.
        path: String,
    },
    /// A file was closed with fewer bytes than were written to it.
    #[error("{path} has {found} bytes where {written} were written")]
    Short {
        /// Its path.
        path: String,
        /// Its length.
        found: u64,
        /// What it should be at least.
        written: u64,
    },
    /// A file went away under its writer.
    #[error("{path} is gone: somebody else took it away")]
    Gone {
        /// Its path.
        path: String,
    },
    /// The bytes could not be made.
    #[error("encode events for {path}")]
    Encode {
        /// The file's path.
        path: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The task that writes a file ended before it was told to.
    #[error("the task that wrote the file is gone")]
    Abandoned,
    /// The settings allow no client.
    #[error("set up the HDFS client for {url}: {reason}")]
    Setup {
        /// Where it was to connect to.
        url: String,
        /// In the words of the client.
        reason: String,
    },
}

impl Error {
    pub(super) fn failed(call: &'static str, path: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Failed { call, path: path.to_owned(), source: Arc::new(source) }
    }
}

/// The name of a copy that is to take a file's place: one that Hadoop's jobs do not read.
pub(super) fn aside(name: &str) -> String {
    format!("_{name}.cut")
}

/// The name of the file whose copy has this name.
pub(super) fn beside(name: &str) -> Option<&str> {
    name.strip_prefix('_')?.strip_suffix(".cut")
}

/// The parent directory, and the name in it.
pub(super) fn split(path: &str) -> (PathBuf, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => (PathBuf::from("/"), name),
        Some((parent, name)) => (PathBuf::from(parent), name),
        None => (PathBuf::from("."), path),
    }
}
