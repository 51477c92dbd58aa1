//! A file system in memory that fails as HDFS does: calls that were carried out report errors or never answer, a writer that failed once says yes
//! for ever and writes nothing, and a crash keeps what was synced and any part of the rest.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Call, Entry, Error, FileSystem, Seized, Writer};

/// How long a lease outlives its last renewal.
const LEASE: Duration = Duration::from_secs(60);

/// Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<Disk>>);

struct Disk {
    files: BTreeMap<String, Stored>,
    dice: fastrand::Rng,
    /// One in so many calls goes wrong; 0 is none.
    faults: u32,
    /// The next call of this name is carried out, and reports an error.
    doubtful: Option<&'static str>,
    /// Calls by name, for those that count them.
    calls: BTreeMap<&'static str, usize>,
    /// Writers of before belong to a dead process.
    process: u64,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk { files: BTreeMap::new(), dice: fastrand::Rng::with_seed(0), faults: 0, doubtful: None, calls: BTreeMap::new(), process: 0 }
    }
}

#[derive(Default)]
struct Stored {
    bytes: Vec<u8>,
    synced: usize,
    /// Whose lease it is; `None` is nobody's.
    lease: Option<Lease>,
    recovering: bool,
}

impl Stored {
    /// As the NameNode has it.
    fn length(&self) -> u64 {
        if self.lease.is_some() { self.synced as u64 } else { self.bytes.len() as u64 }
    }
}

struct Lease {
    process: u64,
    /// The writer went away then.
    ended: Option<Instant>,
}

/// A process that lives for ever.
const OTHER: u64 = u64::MAX;
/// The process itself, where it does not know.
const FORGOTTEN: u64 = u64::MAX - 1;

/// What goes wrong with a call.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Before,
    After,
    Never,
    AfterNever,
}

impl Fake {
    pub(crate) fn new(seed: u64) -> Fake {
        let fake = Fake::default();
        fake.lock().dice = fastrand::Rng::with_seed(seed);
        fake
    }

    /// From now on one in so many calls goes wrong.
    pub(crate) fn faults(&self, one_in: u32) {
        self.lock().faults = one_in;
    }

    /// The next call of this name is carried out, and reports an error.
    pub(crate) fn doubt(&self, call: &'static str) {
        self.lock().doubtful = Some(call);
    }

    /// The process dies: of what was not synced any part is left.
    pub(crate) fn crash(&self) {
        let mut disk = self.lock();
        let disk = &mut *disk;
        disk.process += 1;
        for file in disk.files.values_mut() {
            if let Some(lease) = &mut file.lease {
                lease.ended.get_or_insert_with(Instant::now);
                let kept = disk.dice.usize(file.synced..=file.bytes.len());
                file.bytes.truncate(kept);
            }
        }
    }

    /// All files and what is in them.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().files.iter().map(|(path, file)| (path.clone(), file.bytes.clone())).collect()
    }

    /// Puts a closed file there.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let stored = Stored { bytes: bytes.to_vec(), synced: bytes.len(), lease: None, recovering: false };
        self.lock().files.insert(path.to_owned(), stored);
    }

    /// Puts a file there that somebody else writes to.
    pub(crate) fn put_open(&self, path: &str, bytes: &[u8]) {
        self.put_leased(path, bytes, OTHER);
    }

    /// Puts a file there that the client itself opened by a call it gave up on.
    pub(crate) fn put_forgotten(&self, path: &str, bytes: &[u8]) {
        self.put_leased(path, bytes, FORGOTTEN);
    }

    fn put_leased(&self, path: &str, bytes: &[u8], process: u64) {
        self.put(path, bytes);
        if let Some(file) = self.lock().files.get_mut(path) {
            file.lease = Some(Lease { process, ended: None });
        }
    }

    /// How often a call was made.
    pub(crate) fn calls(&self, call: &str) -> usize {
        self.lock().calls.get(call).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("no panic under the lock")
    }

    /// Carries a call out, or not, and answers, or not.
    fn call<'a, T: Send + 'a>(
        &'a self,
        call: &'static str,
        path: &'a str,
        work: impl FnOnce(&mut Disk) -> Result<T, Error> + Send + 'a,
    ) -> Call<'a, T> {
        Box::pin(async move {
            // As a real call is: others come between.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let (fault, done) = {
                let mut disk = self.lock();
                *disk.calls.entry(call).or_default() += 1;
                let fault = disk.fault(call);
                let done = (!matches!(fault, Fault::Before | Fault::Never)).then(|| work(&mut disk));
                (fault, done)
            };
            match (fault, done) {
                (Fault::Never | Fault::AfterNever, _) => pending().await,
                (Fault::None, Some(done)) => done,
                _ => Err(Error::failed(call, path, std::io::Error::other("injected"))),
            }
        })
    }
}

impl Disk {
    fn fault(&mut self, call: &str) -> Fault {
        if self.doubtful.take_if(|doubtful| *doubtful == call).is_some() {
            return Fault::After;
        }
        if self.faults == 0 || self.dice.u32(0..self.faults) > 0 {
            return Fault::None;
        }
        [Fault::Before, Fault::After, Fault::Never, Fault::AfterNever][self.dice.usize(0..4)]
    }

    fn recover(&mut self, path: &str) -> Result<bool, Error> {
        let once_more = self.dice.bool();
        let file = self.files.get_mut(path).ok_or_else(|| Error::Gone { path: path.to_owned() })?;
        if file.lease.is_none() {
            return Ok(true);
        }
        if !file.recovering && once_more {
            file.recovering = true;
            return Ok(false);
        }
        file.lease = None;
        file.recovering = false;
        Ok(true)
    }
}

impl FileSystem for Fake {
    fn create<'a>(&'a self, path: &'a str) -> Call<'a, Box<dyn Writer>> {
        self.call("create", path, move |disk| {
            if disk.files.contains_key(path) {
                return Err(Error::Exists { path: path.to_owned() });
            }
            let process = disk.process;
            let stored = Stored { lease: Some(Lease { process, ended: None }), ..Stored::default() };
            disk.files.insert(path.to_owned(), stored);
            Ok(Box::new(FakeWriter { fake: self.clone(), path: path.to_owned(), process, poisoned: false }) as Box<dyn Writer>)
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Call<'a, ()> {
        self.call("rename", from, move |disk| {
            if disk.files.contains_key(to) {
                return Err(Error::Exists { path: to.to_owned() });
            }
            let file = disk.files.remove(from).ok_or_else(|| Error::Gone { path: from.to_owned() })?;
            disk.files.insert(to.to_owned(), file);
            Ok(())
        })
    }

    fn length<'a>(&'a self, path: &'a str) -> Call<'a, Option<u64>> {
        self.call("length", path, move |disk| Ok(disk.files.get(path).map(Stored::length)))
    }

    fn list<'a>(&'a self, directory: &'a str) -> Call<'a, Vec<Entry>> {
        self.call("list", directory, move |disk| {
            let below = format!("{}/", directory.trim_end_matches('/'));
            let mut entries: Vec<Entry> = Vec::new();
            for path in disk.files.keys().filter_map(|path| path.strip_prefix(&below)) {
                let (name, is_directory) = path.split_once('/').map_or((path, false), |(name, _)| (name, true));
                if entries.last().is_none_or(|last| last.name != name) {
                    entries.push(Entry { name: name.to_owned(), is_directory });
                }
            }
            Ok(entries)
        })
    }

    fn delete<'a>(&'a self, path: &'a str) -> Call<'a, ()> {
        self.call("delete", path, move |disk| {
            disk.files.remove(path);
            Ok(())
        })
    }

    fn reclaim<'a>(&'a self, path: &'a str) -> Call<'a, bool> {
        self.call("reclaim", path, move |disk| disk.recover(path))
    }

    fn seize<'a>(&'a self, path: &'a str) -> Call<'a, Seized> {
        self.call("seize", path, move |disk| {
            let file = disk.files.get(path).ok_or_else(|| Error::Gone { path: path.to_owned() })?;
            let fresh = |lease: &Lease| lease.ended.is_none_or(|ended| ended.elapsed() < LEASE);
            // Once it is being recovered, it is the NameNode's.
            let lease = file.lease.as_ref().filter(|_| !file.recovering);
            if lease.is_some_and(|lease| lease.process == FORGOTTEN) {
                return Ok(Seized::Forgotten);
            }
            if lease.is_some_and(fresh) {
                return Ok(Seized::Held(file.lease.as_ref().map(|lease| format!("process {}", lease.process))));
            }
            let begun = file.lease.is_none() || file.recovering;
            let owner = file.lease.as_ref().map(|lease| lease.process);
            if let Some(file) = disk.files.get_mut(path).filter(|_| !begun) {
                file.recovering = true;
                // The NameNode renews it, and with it all of the owner's.
                for lease in disk.files.values_mut().filter(|file| !file.recovering).filter_map(|file| file.lease.as_mut()) {
                    if Some(lease.process) == owner {
                        lease.ended = Some(Instant::now());
                    }
                }
                return Ok(Seized::Ending);
            }
            disk.recover(path).map(|_| Seized::Free)
        })
    }

    fn shorten<'a>(&'a self, path: &'a str, bytes: u64) -> Call<'a, ()> {
        self.call("shorten", path, move |disk| {
            if let Some(file) = disk.files.get_mut(path) {
                assert!(file.lease.is_none() && bytes <= file.bytes.len() as u64, "only a closed file gets shorter");
                file.bytes.truncate(bytes as usize);
            }
            Ok(())
        })
    }
}

struct FakeWriter {
    fake: Fake,
    path: String,
    process: u64,
    poisoned: bool,
}

impl FakeWriter {
    fn run<'a>(&'a mut self, call: &'static str, work: impl FnOnce(&mut Stored) + Send + 'a) -> Call<'a, ()> {
        Box::pin(async move {
            // The trap: a writer that failed once writes nothing, and says nothing.
            if std::mem::replace(&mut self.poisoned, true) {
                return Ok(());
            }
            let (path, process) = (self.path.clone(), self.process);
            let done = self.fake.call(call, &self.path, move |disk| {
                let alive = disk.process == process;
                let file = disk.files.get_mut(&path).ok_or_else(|| Error::Gone { path: path.clone() })?;
                if !alive || file.lease.as_ref().is_none_or(|lease| lease.process != process) {
                    return Err(Error::Gone { path });
                }
                work(file);
                Ok(())
            });
            done.await?;
            self.poisoned = false;
            Ok(())
        })
    }
}

impl Writer for FakeWriter {
    fn write(&mut self, bytes: Bytes) -> Call<'_, ()> {
        self.run("write", move |file| file.bytes.extend_from_slice(&bytes))
    }

    fn sync(&mut self) -> Call<'_, ()> {
        self.run("sync", |file| file.synced = file.bytes.len())
    }

    fn close(&mut self) -> Call<'_, ()> {
        self.run("close", |file| {
            file.synced = file.bytes.len();
            file.lease = None;
        })
    }
}

impl Drop for FakeWriter {
    fn drop(&mut self) {
        if let Some(file) = self.fake.lock().files.get_mut(&self.path)
            && let Some(lease) = &mut file.lease
            && lease.process == self.process
        {
            lease.ended.get_or_insert_with(Instant::now);
        }
    }
}
