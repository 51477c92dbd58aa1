//! Where a plugin is: a file, or the newest `.wasm` file of a directory. What a look at it sees, and whether that has come to rest.
//!
//! It is polled: file notifications miss network file systems and the symlink flips by which Kubernetes exchanges a ConfigMap. A look asks for
//! metadata only, through every symlink, so that an exchanged target is a change as well.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Error, signature_file};

/// The plugin's file: `path` itself, or the newest `.wasm` file in the directory it is; of two equally new ones the one whose name sorts last.
///
/// # Errors
/// [`Error::Read`]: it is not there, or is a directory without a plugin.
pub fn find(path: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(path.to_owned());
    }
    let mut newest = None;
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || file.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        // One that has just been removed, or points nowhere, is no candidate.
        let Ok(metadata) = std::fs::metadata(&file) else { continue };
        if metadata.is_file() {
            newest = newest.max(Some((metadata.mtime(), metadata.mtime_nsec(), file)));
        }
    }
    let none = || failed(std::io::Error::new(std::io::ErrorKind::NotFound, "the directory has no .wasm file"));
    newest.map(|(.., file)| file).ok_or_else(none)
}

/// What a file is to somebody who only looks: another file, or another content, looks otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    file: PathBuf,
    plugin: Identity,
    signature: Option<Identity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<Metadata> for Identity {
    fn from(metadata: Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Look {
    /// A look at the plugin at `path`, and at the signature beside it.
    ///
    /// # Errors
    /// As [`find`].
    pub fn at(path: &Path) -> Result<Look, Error> {
        let file = find(path)?;
        let plugin = std::fs::metadata(&file).map_err(|source| Error::Read { path: file.clone(), source })?.into();
        let signature = std::fs::metadata(signature_file(&file)).ok().map(Identity::from);
        Ok(Look { file, plugin, signature })
    }

    /// The file looked at.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// Looks again and again, and tells of each change once, when it has come to rest: a file that is being copied looks otherwise each time.
#[derive(Debug, Default)]
pub struct Watcher {
    told: Option<Look>,
    last: Option<Look>,
}

impl Watcher {
    /// One that takes what is there now for known.
    #[must_use]
    pub fn knowing(path: &Path) -> Watcher {
        Watcher { told: Look::at(path).ok(), last: None }
    }

    /// Looks; `Some` for a file that differs from the one told of last and is as it was at the last look. A file that is not there is no change: what
    /// runs goes on.
    pub fn look(&mut self, path: &Path) -> Option<PathBuf> {
        let now = Look::at(path).ok()?;
        let rests = self.last.as_ref() == Some(&now);
        let known = self.told.as_ref() == Some(&now);
        self.last = Some(now.clone());
        if known || !rests {
            return None;
        }
        let file = now.file.clone();
        self.told = Some(now);
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_change_is_told_once_and_only_when_it_has_come_to_rest() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("p.wasm");
        fs::write(&file, "one").expect("write");
        let mut watcher = Watcher::knowing(&file);
        assert_eq!(watcher.look(&file), None);
        fs::write(&file, "two and").expect("write");
        assert_eq!(watcher.look(&file), None, "it may be being written");
        fs::write(&file, "two and a half").expect("write");
        assert_eq!(watcher.look(&file), None, "it was");
        assert_eq!(watcher.look(&file), Some(file.clone()));
        assert_eq!(watcher.look(&file), None);
        fs::remove_file(&file).expect("remove");
        assert_eq!(watcher.look(&file), None, "what is gone is no new version");
    }

    #[test]
    fn a_flipped_symlink_and_a_new_signature_are_changes() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(at(version)).expect("a directory");
            fs::write(at(version).join("p.wasm"), "the same").expect("write");
        }
        symlink("..1", at("..data")).expect("a link");
        symlink("..data/p.wasm", at("p.wasm")).expect("a link");
        let mut watcher = Watcher::knowing(&at("p.wasm"));
        symlink("..2", at("..data_tmp")).expect("a link");
        fs::rename(at("..data_tmp"), at("..data")).expect("a flip");
        assert_eq!((watcher.look(&at("p.wasm")), watcher.look(&at("p.wasm"))), (None, Some(at("p.wasm"))));
        fs::write(at("p.wasm.minisig"), "signed").expect("write");
        assert_eq!((watcher.look(&at("p.wasm")), watcher.look(&at("p.wasm"))), (None, Some(at("p.wasm"))));
    }

    #[test]
    fn of_a_directory_the_newest_plugin_counts() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        assert!(find(folder.path()).expect_err("none").to_string().contains("read plugin"));
        let write = |name: &str, seconds: u64| {
            let file = fs::File::create(at(name)).expect("create");
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).expect("a time");
        };
        write("b.wasm", 100);
        write("a.wasm", 200);
        write("c.wasm.part", 300);
        write(".d.wasm", 300);
        assert_eq!(find(folder.path()).expect("found"), at("a.wasm"));
        write("c.wasm", 200);
        assert_eq!(find(folder.path()).expect("found"), at("c.wasm"));
    }
}
