//! What can go wrong with a file channel's files.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file channel cannot be opened, or its files cannot be written or read for now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk answers with an error.
    #[error("{action} {}", path.display())]
    Disk {
        /// What was tried: `write`, `sync`.
        action: &'static str,
        /// Of which file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another channel, of this agent or another, uses the directory.
    #[error("{} is in use by another channel: give each channel a directory of its own", .0.display())]
    InUse(PathBuf),
    /// A file was written by a later version.
    #[error("{} has format version {version}, and this version of Weir reads {} only", path.display(), super::segment::VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The directory is that of a Flume file channel, whose events would be left behind.
    #[error(
        "{} holds {name} of a Flume file channel, which Weir does not read: let Flume drain the channel and move its files away, or name another directory",
        directory.display()
    )]
    Flume {
        /// The directory.
        directory: PathBuf,
        /// A file in it.
        name: String,
    },
    /// Less is free than is to be left free.
    #[error("{} has {free} bytes free, and {minimum} are to be left free", directory.display())]
    NoSpace {
        /// The directory.
        directory: PathBuf,
        /// Bytes free there.
        free: u64,
        /// Bytes to be left free.
        minimum: u64,
    },
    /// The channel has as many bytes as it may have.
    #[error("the channel has {used} bytes on disk, and may have {limit}")]
    Limit {
        /// Bytes it has.
        used: u64,
        /// Bytes it may have.
        limit: u64,
    },
}

impl Error {
    /// Whether it is space that is missing.
    pub(super) fn is_no_space(&self) -> bool {
        match self {
            Error::NoSpace { .. } | Error::Limit { .. } => true,
            Error::Disk { source, .. } => matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            _ => false,
        }
    }
}

/// Says what was tried on which file.
pub(super) trait During<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Disk { action, path: path.to_owned(), source })
    }
}
