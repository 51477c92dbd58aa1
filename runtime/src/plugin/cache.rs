//! Compiled plugins on disk. What is read here is run as machine code, so nobody but this user may be able to write it.
//!
//! The directory is held open and everything is done relative to it: what was checked is what is used. An entry carries the digest of
//! its code, verified over the very file that is then loaded; a damaged one is removed and compiled again. The key holds everything
//! that code depends on: the component's digest, the engine's version, target and settings, and Weir's own version.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, Stat};
use sha2::{Digest, Sha256};
use wasmtime::Engine;

use super::native_code::{KeptCode, NativeCode};

/// What follows the code in an entry, which begins with it so that it can be mapped; then the SHA-256 of the code.
const MAGIC: &[u8] = b"weir code 2\n";
const DIGEST: usize = 32;
/// Bytes that are read at once to verify an entry.
const CHUNK: usize = 256 << 10;

/// An open cache directory that only this user can write.
pub(super) struct Cache {
    directory: OwnedFd,
    engine: u64,
}

impl Cache {
    /// Opens the directory, and makes it (mode 0700) if it is not there.
    pub(super) fn open(path: &Path, engine: &Engine) -> io::Result<Cache> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let directory = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        ours_alone(&rustix::fs::fstat(&directory)?)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Cache { directory, engine: hasher.finish() })
    }

    /// The code of a component, if it is there and whole.
    pub(super) fn get(&self, digest: &str) -> Option<KeptCode> {
        let name = self.name(digest);
        match self.read(&name) {
            Ok(code) => Some(code),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(entry = name, %error, "removing a cached plugin that cannot be used");
                self.remove(&name);
                None
            }
        }
    }

    /// Whether there is an entry of a component; it may turn out to be damaged.
    pub(super) fn has(&self, digest: &str) -> bool {
        rustix::fs::accessat(&self.directory, self.name(digest), Access::EXISTS, AtFlags::empty()).is_ok()
    }

    /// Keeps the code of a component.
    pub(super) fn put(&self, digest: &str, code: &NativeCode) -> io::Result<()> {
        let name = self.name(digest);
        let draft = format!(".{name}.{}", uuid::Uuid::new_v4());
        let written = self.write(&draft, code).and_then(|()| Ok(rustix::fs::renameat(&self.directory, &draft, &self.directory, &name)?));
        if written.is_err() {
            self.remove(&draft);
        }
        written
    }

    /// Forgets an entry the engine would not load.
    pub(super) fn forget(&self, digest: &str) {
        self.remove(&self.name(digest));
    }

    /// What an entry is called: the digest, the engine, the version of Weir.
    pub(super) fn name(&self, digest: &str) -> String {
        format!("{digest}-{:016x}-{}.code", self.engine, env!("CARGO_PKG_VERSION"))
    }

    fn read(&self, name: &str) -> io::Result<KeptCode> {
        let file = rustix::fs::openat(&self.directory, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let file = File::from(file);
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("not a file"));
        }
        ours_alone(&stat)?;
        let length = file.metadata()?.len();
        let code = length.checked_sub((MAGIC.len() + DIGEST) as u64).ok_or_else(|| io::Error::other("cut off"))?;
        let mut digest = Sha256::new();
        io::copy(&mut BufReader::with_capacity(CHUNK, (&file).take(code)), &mut digest)?;
        let mut trailer = Vec::new();
        (&file).read_to_end(&mut trailer)?;
        let written = trailer.strip_prefix(MAGIC).ok_or_else(|| io::Error::other("cut off, or not an entry of this cache"))?;
        if written != digest.finalize().as_slice() {
            return Err(io::Error::other("damaged: its digest does not match"));
        }
        Ok(KeptCode::vouched_for(file, code))
    }

    fn write(&self, name: &str, code: &NativeCode) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(code.bytes())?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(code.bytes()))?;
        file.sync_all()
    }

    fn remove(&self, name: &str) {
        // Gone already, or left for the next start: the digest guards either way.
        let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
    }
}

fn ours_alone(stat: &Stat) -> io::Result<()> {
    let us = rustix::process::geteuid();
    if stat.st_uid != us.as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("it belongs to user {}, not to {}", stat.st_uid, us.as_raw())));
    }
    if Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may write to it (chmod go-w)"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn open(path: &Path) -> io::Result<Cache> {
        Cache::open(path, &super::super::engine::compiler().expect("an engine"))
    }

    fn entries(path: &Path) -> Vec<std::path::PathBuf> {
        std::fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()).collect()
    }

    #[test]
    fn what_is_put_is_got_back_and_only_its_owner_may_read_it() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("cache");
        let cache = open(&path).expect("a cache");
        assert!(cache.get("abc").is_none());
        cache.put("abc", &NativeCode::vouched_for(b"code".to_vec())).expect("put");
        assert!(cache.has("abc") && !cache.has("ab"));
        let mut code = cache.get("abc").expect("there");
        assert_eq!((code.len(), code.read().expect("read")), (4, b"code".to_vec()));
        let mode = |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&entries(&path)[0])), (0o700, 0o600));
    }

    #[test]
    fn a_damaged_entry_is_removed() {
        let home = tempfile::tempdir().expect("a directory");
        let cache = open(home.path()).expect("a cache");
        for cut in [0, 5, MAGIC.len() + 3, MAGIC.len() + DIGEST + 2] {
            cache.put("abc", &NativeCode::vouched_for(b"code".to_vec())).expect("put");
            let entry = entries(home.path()).remove(0);
            let bytes = std::fs::read(&entry).expect("read");
            std::fs::write(&entry, &bytes[..cut]).expect("write");
            assert!(cache.get("abc").is_none(), "cut at {cut}");
            assert!(entries(home.path()).is_empty(), "cut at {cut}");
        }
        for flipped in 0..b"code".len() + MAGIC.len() + DIGEST {
            cache.put("abc", &NativeCode::vouched_for(b"code".to_vec())).expect("put");
            let entry = entries(home.path()).remove(0);
            let mut bytes = std::fs::read(&entry).expect("read");
            bytes[flipped] ^= 1;
            std::fs::write(&entry, bytes).expect("write");
            assert!(cache.get("abc").is_none(), "flipped at {flipped}");
        }
    }

    #[test]
    fn what_is_kept_is_loaded_from_its_file() {
        let home = tempfile::tempdir().expect("a directory");
        let engine = super::super::engine::compiler().expect("an engine");
        let cache = Cache::open(home.path(), &engine).expect("a cache");
        let code = engine.precompile_component(b"\0asm\x0d\0\x01\0").expect("compiled");
        cache.put("abc", &NativeCode::vouched_for(code)).expect("put");
        let component = cache.get("abc").expect("there").load(&engine).expect("loaded");
        let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
        assert!(maps.contains(&cache.name("abc")), "the entry is mapped");
        drop(component);
    }

    #[test]
    fn a_directory_or_an_entry_that_others_may_write_is_not_used() {
        let home = tempfile::tempdir().expect("a directory");
        let cache = open(home.path()).expect("a cache");
        cache.put("abc", &NativeCode::vouched_for(b"code".to_vec())).expect("put");
        let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        allow(&entries(home.path())[0], 0o666);
        assert!(cache.get("abc").is_none());
        allow(home.path(), 0o777);
        let refused = open(home.path()).err().expect("refused");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }
}
