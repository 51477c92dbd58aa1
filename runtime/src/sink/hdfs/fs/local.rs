//! A directory of this machine. What HDFS does with leases a lock does here (`flock`): it goes with its process, however that ends.
//!
//! A file's name is as durable as its bytes only once its directory is synced, which is done after every create and rename.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use bytes::Bytes;
use rustix::fs::{CWD, RenameFlags};

use super::{Call, Entry, Error, FileSystem, Seized, Writer, split};

/// The local file system.
pub(crate) struct Local;

/// Runs what may block on a thread where it may.
fn blocking<'a, T: Send + 'static>(
    call: &'static str,
    path: &'a str,
    work: impl FnOnce(&str) -> io::Result<T> + Send + 'static,
) -> Call<'a, T> {
    let owned = path.to_owned();
    Box::pin(async move {
        match tokio::task::spawn_blocking(move || work(&owned)).await {
            Ok(done) => done.map_err(|error| sorted(call, path, error)),
            Err(_) => Err(Error::Panicked { call, path: path.to_owned() }),
        }
    })
}

fn sorted(call: &'static str, path: &str, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            Error::Place { path: path.to_owned(), reason: error.to_string() }
        }
        _ => Error::failed(call, path, error),
    }
}

impl FileSystem for Local {
    fn create<'a>(&'a self, path: &'a str) -> Call<'a, Box<dyn Writer>> {
        Box::pin(async move {
            let file = blocking("create", path, create).await?;
            Ok(Box::new(LocalWriter { file: Some(file), path: path.to_owned() }) as Box<dyn Writer>)
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Call<'a, ()> {
        let target = to.to_owned();
        Box::pin(async move {
            let renamed = blocking("rename", from, move |from| rename(from, &target)).await;
            renamed.map_err(|error| match error {
                Error::Exists { .. } => Error::Exists { path: to.to_owned() },
                other => other,
            })
        })
    }

    fn length<'a>(&'a self, path: &'a str) -> Call<'a, Option<u64>> {
        blocking("look for", path, |path| match fs::symlink_metadata(path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn list<'a>(&'a self, directory: &'a str) -> Call<'a, Vec<Entry>> {
        blocking("list", directory, list)
    }

    fn delete<'a>(&'a self, path: &'a str) -> Call<'a, ()> {
        blocking("delete", path, |path| match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }

    /// A call that was given up may still write: it has the lock.
    fn reclaim<'a>(&'a self, path: &'a str) -> Call<'a, bool> {
        Box::pin(async move { Ok(self.seize(path).await? == Seized::Free) })
    }

    fn seize<'a>(&'a self, path: &'a str) -> Call<'a, Seized> {
        blocking("take over", path, |path| {
            let file = File::open(path)?;
            match file.try_lock() {
                // What a crash left in the page cache is to be as durable as what was synced: it will have a final name.
                Ok(()) => file.sync_all().map(|()| Seized::Free),
                Err(TryLockError::WouldBlock) => Ok(Seized::Held(None)),
                Err(TryLockError::Error(error)) => Err(error),
            }
        })
    }

    fn shorten<'a>(&'a self, path: &'a str, bytes: u64) -> Call<'a, ()> {
        blocking("shorten", path, move |path| {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(bytes)?;
            file.sync_all()
        })
    }
}

fn create(path: &str) -> io::Result<File> {
    let (parent, _) = split(path);
    make_directory(&parent)?;
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        // Between its creation and now somebody took it for a leftover: it is theirs to delete.
        Err(TryLockError::WouldBlock) => return Err(ErrorKind::AlreadyExists.into()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    sync_directory(&parent)?;
    Ok(file)
}

/// Creates a directory and those above it, and syncs the names.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_directory(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => sync_directory(parent.unwrap_or(Path::new("."))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        // A file is where a directory is needed.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(ErrorKind::NotADirectory.into()),
        Err(error) => Err(error),
    }
}

fn rename(from: &str, to: &str) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // A file system without it, such as NFS: a link does not replace either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)?;
        }
        Err(error) => return Err(error.into()),
    }
    sync_directory(&split(to).0)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn list(directory: &str) -> io::Result<Vec<Entry>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        // The sink's own names are text.
        if let Ok(name) = entry.file_name().into_string() {
            found.push(Entry { name, is_directory: entry.file_type()?.is_dir() });
        }
    }
    Ok(found)
}

struct LocalWriter {
    /// Away while a call runs, and for good when one was given up.
    file: Option<File>,
    path: String,
}

impl LocalWriter {
    fn run<'a>(&'a mut self, call: &'static str, work: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static) -> Call<'a, ()> {
        Box::pin(async move {
            let Some(mut file) = self.file.take() else {
                return Err(Error::failed(call, &self.path, io::Error::from(ErrorKind::BrokenPipe)));
            };
            let done = blocking(call, &self.path, move |_| work(&mut file).map(|()| file)).await?;
            self.file = Some(done);
            Ok(())
        })
    }
}

impl Writer for LocalWriter {
    fn write(&mut self, bytes: Bytes) -> Call<'_, ()> {
        self.run("write to", move |file| file.write_all(&bytes))
    }

    fn sync(&mut self) -> Call<'_, ()> {
        self.run("sync", |file| file.sync_data())
    }

    fn close(&mut self) -> Call<'_, ()> {
        self.run("close", |file| file.sync_all())
    }
}
