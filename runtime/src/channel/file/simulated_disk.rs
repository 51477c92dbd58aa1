//! A disk in memory that keeps what is synced apart from what is not, and does what disks do: at a crash it loses, reorders and tears what was not
//! synced, it gets full, fails a write or a sync (and then drops what was to be synced, while reads still show it), and flips bits.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, DiskFile};

/// What is torn at its borders.
const BLOCK: usize = 512;

/// The disk; clones are the same.
#[derive(Clone)]
pub(super) struct SimulatedDisk(Arc<Mutex<World>>);

struct World {
    random: fastrand::Rng,
    files: Vec<FileData>,
    /// As the kernel shows them, and as they are after a crash.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<(PathBuf, Rename)>,
    locks: BTreeSet<PathBuf>,
    capacity: u64,
    faults: Faults,
    /// Handles of an earlier life answer with errors.
    life: u64,
}

/// How often something fails, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) write: u8,
    pub(super) sync: u8,
    pub(super) read: u8,
    pub(super) name: u8,
}

#[derive(Default)]
struct FileData {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    allocated: usize,
    /// Something was changed since the last crash.
    touched: bool,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Clone)]
enum Rename {
    Link(PathBuf, usize),
    Move(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl SimulatedDisk {
    pub(super) fn new(seed: u64) -> SimulatedDisk {
        let (files, names, durable_names, unsynced_names, locks, faults) = Default::default();
        let random = fastrand::Rng::with_seed(seed);
        SimulatedDisk(Arc::new(Mutex::new(World {
            random,
            files,
            names,
            durable_names,
            unsynced_names,
            locks,
            capacity: u64::MAX,
            faults,
            life: 0,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine loses its power.
    pub(super) fn crash(&self) {
        self.world().crash();
    }

    /// The process is killed: the kernel keeps what it wrote.
    pub(super) fn kill(&self) {
        let mut world = self.world();
        world.life += 1;
        world.locks.clear();
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// So many bytes more can be written.
    pub(super) fn set_free(&self, free: u64) {
        let mut world = self.world();
        world.capacity = world.used().saturating_add(free);
    }

    /// Flips a bit of a file whose name the test accepts; says of which, and where.
    pub(super) fn flip(&self, accept: impl Fn(&str) -> bool) -> Option<(PathBuf, usize)> {
        let mut world = self.world();
        let accepted = |path: &Path| path.file_name().is_some_and(|name| accept(&name.to_string_lossy()));
        let names: Vec<(PathBuf, usize)> =
            world.names.iter().filter(|(path, _)| accepted(path)).map(|(path, file)| (path.clone(), *file)).collect();
        if names.is_empty() {
            return None;
        }
        let (path, file) = names[world.random.usize(..names.len())].clone();
        let length = world.files[file].durable.len().min(world.files[file].seen.len());
        if length == 0 {
            return None;
        }
        let (at, bit) = (world.random.usize(..length), world.random.u8(..8));
        world.files[file].durable[at] ^= 1 << bit;
        world.files[file].seen[at] ^= 1 << bit;
        Some((path, at))
    }

    /// Flips a bit at a place.
    pub(super) fn flip_at(&self, path: &Path, at: usize) {
        let mut world = self.world();
        let file = world.names[path];
        world.files[file].durable[at] ^= 1;
        world.files[file].seen[at] ^= 1;
    }

    /// The bytes of a file, as a process sees them.
    pub(super) fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world();
        world.names.get(path).map(|file| world.files[*file].seen.clone())
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.world().names.keys().cloned().collect()
    }

    /// A file that is there, durably.
    pub(super) fn place(&self, path: &Path, bytes: &[u8]) {
        let mut world = self.world();
        let file = world.files.len();
        world.files.push(FileData {
            seen: bytes.into(),
            durable: bytes.into(),
            unsynced: Vec::new(),
            allocated: bytes.len(),
            touched: false,
        });
        world.names.insert(path.into(), file);
        world.durable_names.insert(path.into(), file);
    }

    fn handle(&self, file: usize) -> Box<dyn DiskFile> {
        Box::new(Handle { disk: self.clone(), file, life: self.world().life })
    }
}

impl World {
    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].allocated.max(self.files[*file].seen.len()) as u64).sum()
    }

    fn fails(&mut self, percent: u8) -> io::Result<()> {
        if self.random.u8(..100) < percent { Err(io::Error::other("simulated")) } else { Ok(()) }
    }

    fn crash(&mut self) {
        self.life += 1;
        self.locks.clear();
        // A journal keeps the order of names in a directory.
        let directories: BTreeSet<PathBuf> = self.unsynced_names.iter().map(|(directory, _)| directory.clone()).collect();
        for directory in directories {
            let there = self.unsynced_names.iter().filter(|(other, _)| *other == directory).count();
            let kept = self.random.usize(..=there);
            self.sync_names(&directory, kept);
        }
        self.unsynced_names.clear();
        self.names = self.durable_names.clone();
        let there: Vec<usize> = self.names.values().copied().collect();
        for file in there {
            if !std::mem::take(&mut self.files[file].touched) {
                continue;
            }
            let kept = [0, 50, 90, 100][self.random.usize(..4)];
            self.settle(file, kept);
            self.files[file].seen = self.files[file].durable.clone();
            self.files[file].allocated = self.files[file].seen.len();
        }
    }

    /// Makes so many percent of what was not synced durable, block by block, and forgets the rest.
    fn settle(&mut self, file: usize, percent: u8) {
        for change in std::mem::take(&mut self.files[file].unsynced) {
            match change {
                Change::Length(length) => {
                    if self.random.u8(..100) < percent {
                        self.files[file].durable.resize(length, 0);
                    }
                }
                Change::Write(offset, bytes) => {
                    let mut at = 0;
                    while at < bytes.len() {
                        let end = (at + BLOCK - (offset + at) % BLOCK).min(bytes.len());
                        if self.random.u8(..100) < percent {
                            write(&mut self.files[file].durable, offset + at, &bytes[at..end]);
                        }
                        at = end;
                    }
                }
            }
        }
    }

    fn sync_names(&mut self, directory: &Path, most: usize) {
        let mut done = 0;
        for (other, change) in std::mem::take(&mut self.unsynced_names) {
            if other == directory && done < most {
                done += 1;
                change.apply(&mut self.durable_names);
            } else {
                self.unsynced_names.push((other, change));
            }
        }
    }

    fn rename(&mut self, directory: &Path, change: Rename) {
        change.apply(&mut self.names);
        self.unsynced_names.push((directory.into(), change));
    }
}

impl Rename {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Rename::Link(path, file) => _ = names.insert(path.clone(), *file),
            Rename::Move(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Rename::Remove(path) => _ = names.remove(path),
        }
    }
}

fn write(out: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if out.len() < offset + bytes.len() {
        out.resize(offset + bytes.len(), 0);
    }
    out[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

impl Disk for SimulatedDisk {
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut world = self.world();
        let faults = world.faults;
        world.fails(faults.read)?;
        let inside = world.names.keys().filter(|path| parent(path) == directory);
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.world();
        let faults = world.faults;
        world.fails(faults.name)?;
        let file = world.files.len();
        world.files.push(FileData::default());
        world.rename(parent(path), Rename::Link(path.into(), file));
        drop(world);
        Ok(self.handle(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.world();
        let faults = world.faults;
        world.fails(faults.read)?;
        let file = *world.names.get(path).ok_or(ErrorKind::NotFound)?;
        drop(world);
        Ok(self.handle(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let faults = world.faults;
        world.fails(faults.name)?;
        world.rename(parent(from), Rename::Move(from.into(), to.into()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        let faults = world.faults;
        world.fails(faults.name)?;
        if !world.names.contains_key(path) {
            return Err(ErrorKind::NotFound.into());
        }
        world.rename(parent(path), Rename::Remove(path.into()));
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut world = self.world();
        let faults = world.faults;
        if let Err(error) = world.fails(faults.sync) {
            let some = world.unsynced_names.len().min(3);
            let some = world.random.usize(..=some);
            world.sync_names(directory, some);
            return Err(error);
        }
        world.sync_names(directory, usize::MAX);
        Ok(())
    }

    fn free_space(&self, _: &Path) -> io::Result<u64> {
        let world = self.world();
        Ok(world.capacity.saturating_sub(world.used()))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send>>> {
        let mut world = self.world();
        let life = world.life;
        Ok(world.locks.insert(path.into()).then(|| -> Box<dyn Send> { Box::new(Lock { disk: self.clone(), path: path.into(), life }) }))
    }
}

struct Lock {
    disk: SimulatedDisk,
    path: PathBuf,
    life: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut world = self.disk.world();
        if world.life == self.life {
            world.locks.remove(&self.path);
        }
    }
}

struct Handle {
    disk: SimulatedDisk,
    file: usize,
    life: u64,
}

impl Handle {
    fn world(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.disk.world();
        if world.life == self.life { Ok(world) } else { Err(io::Error::other("the process is dead")) }
    }
}

impl DiskFile for Handle {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut world = self.world()?;
        let faults = world.faults;
        world.fails(faults.read)?;
        let seen = &world.files[self.file].seen;
        let start = (offset as usize).min(seen.len());
        let read = buffer.len().min(seen.len() - start);
        buffer[..read].copy_from_slice(&seen[start..start + read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.world()?;
        let (faults, offset) = (world.faults, offset as usize);
        let failed = world.fails(faults.write);
        let written = if failed.is_err() { world.random.usize(..=bytes.len()) } else { bytes.len() };
        let end = offset + written;
        let more = end.saturating_sub(world.files[self.file].allocated.max(world.files[self.file].seen.len()));
        if more as u64 > world.capacity.saturating_sub(world.used()) {
            return Err(ErrorKind::StorageFull.into());
        }
        let file = &mut world.files[self.file];
        write(&mut file.seen, offset, &bytes[..written]);
        file.touched = true;
        file.unsynced.push(Change::Write(offset, bytes[..written].into()));
        failed
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut world = self.world()?;
        let (faults, length) = (world.faults, length as usize);
        world.fails(faults.write)?;
        let there = world.files[self.file].allocated.max(world.files[self.file].seen.len());
        if length.saturating_sub(there) as u64 > world.capacity.saturating_sub(world.used()) {
            return Err(ErrorKind::StorageFull.into());
        }
        let file = &mut world.files[self.file];
        file.allocated = there.max(length);
        if file.seen.len() < length {
            file.seen.resize(length, 0);
            file.touched = true;
            file.unsynced.push(Change::Length(length));
        }
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut world = self.world()?;
        let faults = world.faults;
        world.fails(faults.write)?;
        let file = &mut world.files[self.file];
        file.touched = true;
        file.seen.resize(length as usize, 0);
        file.allocated = length as usize;
        file.unsynced.push(Change::Length(length as usize));
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.world()?.files[self.file].seen.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world()?;
        let faults = world.faults;
        if let Err(error) = world.fails(faults.sync) {
            // As Linux does: part of it is written, the rest is marked clean and is never tried again, and reads go on showing all of it.
            let percent = [0, 50, 90][world.random.usize(..3)];
            world.settle(self.file, percent);
            return Err(error);
        }
        world.settle(self.file, 100);
        Ok(())
    }
}
