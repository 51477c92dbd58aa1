//! The task of one file: creates it with its first event, writes and syncs what comes, closes it, and gives it its name.
//!
//! | what happens | its events | the file |
//! |---|---|---|
//! | a write, a sync or the creation fails, or does not answer | those not synced fail, and are written to another file | is closed by recovering its lease, and cut to what was synced, if anything was |
//! | the close fails, all being synced | are safe | its lease is recovered, its length checked, and it is renamed |
//! | the rename fails | are safe | is tried again; both names are looked at first, as the failed call may have done it |
//!
//! A file whose events are safe only once it is whole (`late`) is never kept in part: it is deleted, and its events come again.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tracing::{debug, warn};
use uuid::Uuid;

use super::bucket::Bucket;
use super::file::{Fate, File, Load, Outcome};
use super::fs::{Error, FileSystem, Writer};
use super::names::{Counter, Naming, Stem};
use crate::error_chain;

/// Most bytes handed over at once: each call has its time-out.
const PIECE: usize = 1 << 20;

/// Names that may be taken before the directory is given up on.
const NAMES: u32 = 1000;

/// Between two looks at whether a lease is recovered, and how many there are in one try.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOKS: u32 = 10;

/// What the files of a sink have in common.
pub(super) struct Common {
    /// Where they are.
    pub(super) fs: Arc<dyn FileSystem>,
    /// How they are named.
    pub(super) naming: Naming,
    /// How often closing is tried, if not until it is done.
    pub(super) close_tries: Option<NonZeroU32>,
    /// Between two tries.
    pub(super) retry_interval: Duration,
    /// Whether events choose directories: then one that cannot be is the event's fault.
    pub(super) steered: bool,
    /// Paths of files in use, which are no leftovers.
    pub(super) ours: Ours,
    /// True once nothing is to be waited for any more.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Common {
    async fn wait(&self, time: Duration) {
        let mut stopping = self.stopping.clone();
        let stopped = async {
            // The sink that would say so is gone: so is this task, soon.
            if stopping.wait_for(|stopping| *stopping).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = stopped => {}
        }
    }
}

/// The files that this sink is writing.
#[derive(Default)]
pub(super) struct Ours(Mutex<HashSet<String>>);

impl Ours {
    fn add(&self, path: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    }

    fn remove(&self, path: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// All of them, which are leftovers from now on.
    pub(super) fn take(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Whether a file is one of them.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }
}

/// How a file tells itself from others of its bucket.
#[derive(Clone)]
pub(super) enum Numbering {
    /// By Flume's counter.
    Counter(Arc<Counter>),
    /// By its offsets in `<topic>+<partition>`.
    Offsets(String),
}

/// The work on one file.
pub(super) struct Work {
    /// What it shares with others.
    pub(super) common: Arc<Common>,
    /// The file.
    pub(super) file: Arc<File>,
    /// Where it is.
    pub(super) bucket: Bucket,
    /// How it is numbered.
    pub(super) numbering: Numbering,
}

/// A file that exists, or may.
struct Open {
    stem: Stem,
    path: String,
    /// `None` once it could not be closed.
    writer: Option<Box<dyn Writer>>,
    written: u64,
    synced: u64,
    closed: bool,
    /// Whether it is there, and ours, nobody knows: the call that was to create it failed.
    doubtful: bool,
}

/// What is to become of it.
#[derive(Clone, Copy)]
enum Aim {
    Keep,
    Discard,
}

/// A file that is not written to any more, and not whole.
struct Failure {
    open: Option<Open>,
    error: Error,
    refused: bool,
}

impl Work {
    /// Runs until the file is whole, or given up.
    pub(super) async fn run(self) {
        match self.write().await {
            Ok(None) => self.file.settle(Ok(())),
            Ok(Some(open)) => self.complete(open).await,
            Err(failure) => self.abandon(failure).await,
        }
    }

    /// Writes what comes until the end. `None`: nothing came.
    async fn write(&self) -> Result<Option<Open>, Failure> {
        let mut open = None;
        loop {
            let load = self.file.next().await;
            let (bytes, ended) = (load.bytes.len(), load.ended);
            let Load { answers, .. } = match self.put(&mut open, load).await {
                Ok(load) => load,
                Err((load, error)) => {
                    self.file.written(bytes);
                    let refused = open.is_none() && self.common.steered && matches!(error, Error::Place { .. });
                    let failure = (!refused).then(|| error.clone());
                    let waiting = load.answers.into_iter().chain(self.file.fail(failure));
                    for answer in waiting {
                        // Nobody waits any more where the sink is gone.
                        let _ = answer.send(if refused { Fate::Refused(error.to_string()) } else { Fate::Failed(error.clone()) });
                    }
                    return Err(Failure { open, error, refused });
                }
            };
            self.file.written(bytes);
            for answer in answers {
                let _ = answer.send(Fate::Written);
            }
            if let Some(reason) = ended {
                let (path, bytes) = open.as_ref().map(|open: &Open| (open.path.as_str(), open.written)).unzip();
                debug!(path, %reason, bytes, events = self.file.events(), "file ended");
                return Ok(open);
            }
        }
    }

    async fn put(&self, open: &mut Option<Open>, mut load: Load) -> Result<Load, (Load, Error)> {
        let bytes = Bytes::from(std::mem::take(&mut load.bytes));
        match self.put_bytes(open, bytes, &load).await {
            Ok(()) => Ok(load),
            Err(error) => Err((load, error)),
        }
    }

    async fn put_bytes(&self, open: &mut Option<Open>, mut bytes: Bytes, load: &Load) -> Result<(), Error> {
        if let Err(error) = &load.encoded {
            let path = open.as_ref().map_or(&self.bucket.directory, |open| &open.path);
            return Err(Error::Encode { path: path.clone(), source: Arc::new(error.clone()) });
        }
        if open.is_none() && bytes.is_empty() {
            return Ok(());
        }
        let open = match open {
            Some(open) => open,
            None => match self.create().await {
                Ok(created) => open.insert(created),
                Err((doubtful, error)) => {
                    *open = doubtful;
                    return Err(error);
                }
            },
        };
        let Some(writer) = &mut open.writer else { return Err(Error::Abandoned) };
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            let length = piece.len() as u64;
            writer.write(piece).await?;
            open.written += length;
        }
        if open.synced < open.written && (!self.file.late || load.ended.is_some()) {
            match writer.sync().await {
                // Closing it does as much, and nobody was told that anything is safe.
                Err(Error::NoSync { .. }) if self.file.late => {}
                done => done?,
            }
            open.synced = open.written;
        }
        Ok(())
    }

    /// Creates the file. After an error there may be one nevertheless.
    async fn create(&self) -> Result<Open, (Option<Open>, Error)> {
        let fs = &self.common.fs;
        for _ in 0..NAMES {
            let stem = self.stem();
            let path = self.path(&self.common.naming.in_use(&self.bucket.prefix, &stem));
            if let Stem::Counter(_) = stem
                && fs
                    .length(&self.path(&self.common.naming.whole(&self.bucket.prefix, &stem)))
                    .await
                    .map_err(|error| (None, error))?
                    .is_some()
            {
                continue;
            }
            self.common.ours.add(&path);
            let created = fs.create(&path).await;
            let mut open = Open { stem, path, writer: None, written: 0, synced: 0, closed: false, doubtful: created.is_err() };
            match created {
                Ok(writer) => {
                    debug!(path = open.path, "file created");
                    open.writer = Some(writer);
                    return Ok(open);
                }
                Err(Error::Exists { .. }) => self.common.ours.remove(&open.path),
                Err(error @ Error::Place { .. }) => {
                    self.common.ours.remove(&open.path);
                    return Err((None, error));
                }
                Err(error) => return Err((Some(open), error)),
            }
        }
        Err((None, Error::Exists { path: self.path(&self.bucket.prefix) }))
    }

    fn stem(&self) -> Stem {
        match &self.numbering {
            Numbering::Counter(counter) => Stem::Counter(counter.next()),
            Numbering::Offsets(lane) => {
                let start = self.file.span().map_or(0, |(start, _)| start);
                Stem::Open { lane: lane.clone(), start, unique: Uuid::new_v4() }
            }
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.bucket.directory)
    }

    /// Everything is written: closes the file and gives it its name.
    async fn complete(&self, mut open: Open) {
        if let (Numbering::Offsets(lane), Some(range)) = (&self.numbering, self.file.span()) {
            open.stem = Stem::Range { lane: lane.clone(), range };
        }
        let outcome = self.keep_trying(&mut open, Aim::Keep).await;
        if let Err(error) = &outcome {
            let kept = "it stays under the name it has, and is looked for at the next start";
            warn!(path = open.path, error = %error_chain(error), "a file could not be completed: {kept}");
        }
        self.common.ours.remove(&open.path);
        self.file.settle(outcome);
    }

    async fn keep_trying(&self, open: &mut Open, aim: Aim) -> Outcome {
        let mut tries = 0;
        loop {
            let tried = match aim {
                Aim::Keep => self.try_to_complete(open).await,
                Aim::Discard => self.discard(open.path.clone(), open.doubtful).await,
            };
            let Err(error) = tried else { return Ok(()) };
            tries += 1;
            let hopeless = matches!(error, Error::Gone { .. } | Error::Short { .. });
            let tired = self.common.close_tries.is_some_and(|most| tries >= most.get());
            if hopeless || tired || *self.common.stopping.borrow() {
                return Err(error);
            }
            let wait = self.common.retry_interval;
            warn!(path = open.path, error = %error_chain(&error), tries, ?wait, "a file could not be completed, trying again");
            self.file.release();
            self.common.wait(wait).await;
        }
    }

    async fn try_to_complete(&self, open: &mut Open) -> Outcome {
        if !open.closed {
            self.close(open).await?;
            open.closed = true;
        }
        if self.common.naming.is_one() {
            return Ok(());
        }
        self.rename(open).await?;
        // The lock of a local file goes with its writer: only now that it has its name.
        open.writer = None;
        Ok(())
    }

    async fn close(&self, open: &mut Open) -> Outcome {
        if let Some(writer) = &mut open.writer {
            let Err(error) = writer.close().await else { return Ok(()) };
            warn!(path = open.path, error = %error_chain(&error), "a file could not be closed: its lease is recovered");
            open.writer = None;
        }
        if let Err(error) = self.reclaim(&open.path).await {
            // One that another agent took over is found under its name.
            return if self.common.fs.length(&open.path).await?.is_some() { Err(error) } else { Ok(()) };
        }
        let written = if self.file.late { open.written } else { open.synced };
        match self.common.fs.length(&open.path).await? {
            Some(found) if found < written => Err(Error::Short { path: open.path.clone(), found, written }),
            // What follows was not synced, and is written to another file.
            Some(found) if found > written => self.common.fs.shorten(&open.path, written).await,
            // Or it was renamed by a call that seemed to fail.
            _ => Ok(()),
        }
    }

    async fn reclaim(&self, path: &str) -> Outcome {
        for _ in 0..LOOKS {
            if self.common.fs.reclaim(path).await? {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Error::TimedOut { call: "recover the lease of", path: path.to_owned(), limit: LOOK_EVERY * LOOKS })
    }

    async fn rename(&self, open: &mut Open) -> Outcome {
        let fs = &self.common.fs;
        for _ in 0..NAMES {
            let whole = self.path(&self.common.naming.whole(&self.bucket.prefix, &open.stem));
            let Err(error) = fs.rename(&open.path, &whole).await else {
                debug!(path = whole, "file is whole");
                return Ok(());
            };
            if fs.length(&open.path).await?.is_none() {
                return match fs.length(&whole).await? {
                    Some(_) => Ok(()),
                    None => Err(Error::Gone { path: open.path.clone() }),
                };
            }
            match (&error, &self.numbering) {
                (Error::Exists { .. }, Numbering::Counter(counter)) => open.stem = Stem::Counter(counter.next()),
                // Another agent wrote the same events, and was quicker.
                (Error::Exists { .. }, Numbering::Offsets(_)) => return fs.delete(&open.path).await,
                _ => return Err(error),
            }
        }
        Err(Error::Exists { path: open.path.clone() })
    }

    /// The file takes no more: what of it is safe is kept.
    async fn abandon(&self, failure: Failure) {
        let Failure { open, error, refused } = failure;
        let path = open.as_ref().map(|open| open.path.as_str());
        match refused {
            true => debug!(directory = self.bucket.directory, error = %error_chain(&error), "events refused: no file can be there"),
            false => warn!(
                path, directory = self.bucket.directory, error = %error_chain(&error), late = self.file.late,
                "a file failed; what was not synced is written to another"
            ),
        }
        let Some(mut open) = open else {
            // Nobody was told that anything is written.
            return self.file.settle(if refused { Ok(()) } else { Err(error) });
        };
        self.file.settle(Err(error));
        // An unclosed writer that is dropped no longer keeps its lease.
        open.writer = None;
        let aim = if self.file.late || open.synced == 0 { Aim::Discard } else { Aim::Keep };
        if let Err(error) = self.keep_trying(&mut open, aim).await {
            warn!(path = open.path, error = %error_chain(&error), "a file that failed is left to the next start");
        }
        self.common.ours.remove(&open.path);
    }

    /// Deletes a file that has nothing anybody relies on. One that may be somebody else's is closed under its writer, which loses nothing that was
    /// synced, and deleted if that was nothing; the rest is for whoever looks for leftovers.
    async fn discard(&self, path: String, doubtful: bool) -> Outcome {
        if self.common.fs.length(&path).await?.is_none() {
            return Ok(());
        }
        self.reclaim(&path).await?;
        match self.common.fs.length(&path).await? {
            Some(1..) if doubtful => Ok(()),
            _ => self.common.fs.delete(&path).await,
        }
    }
}

/// So that a file that a panic ends is not taken for one that is still written.
impl Drop for Work {
    fn drop(&mut self) {
        if self.file.outcome().is_some() {
            return;
        }
        for answer in self.file.fail(Some(Error::Abandoned)) {
            let _ = answer.send(Fate::Failed(Error::Abandoned));
        }
        self.file.settle(Err(Error::Abandoned));
    }
}
