//! Files on HDFS or in a local directory: `org.apache.flume.sink.hdfs.HDFSEventSink`, with no event lost and, with names made of offsets, none twice.
//!
//! ```text
//! batch -> bucket of each event -> the open file of the bucket: encoded into its buffer ... its task: write, sync, answer; close, rename
//! ```
//!
//! | names | an event is acknowledged | after a crash |
//! |---|---|---|
//! | counter | once it is synced (HDFS: `hsync`; local: `fdatasync`), its file still open | the file is found again and gets its name (`recover`); what was written and not acknowledged is there twice |
//! | offsets | once its file is closed and has its name | the file in use is deleted, and what comes again is skipped where a whole file has it (`ranges`) |
//!
//! An event that is replayed from the dead letters has an offset that was passed long ago: with names made of offsets, too, it goes into a file
//! of Flume's name. What is left of doubt: an agent that was thought dead, and whose partitions another one has, may still close a file that the
//! other is writing again. Where both have the same range, one of them finds the name taken and drops its own.

mod bucket;
mod file;
mod fs;
mod lanes;
mod location;
mod names;
mod ranges;
mod recover;
mod sheet;
mod spec;
#[cfg(test)]
mod tests;
mod work;
mod zone;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

pub use fs::Error;
pub use spec::{Kerberos, Names, Rounding, Spec};

use super::{Sink, Writing};
use crate::batch::Batch;
use crate::escape::Piece;
use crate::pipeline::Task;
use bucket::Buckets;
use file::{Limits, Reason, Room};
use fs::{Bounded, FileSystem, Kind, Local, Settings};
use lanes::Lanes;
use location::Host;
use names::Naming;
use recover::{Directories, Recovery};
use sheet::Sheet;
use work::Common;

/// Most bytes that wait to be written.
const WAITING: usize = 32 << 20;

/// Most directories that are remembered as looked into for leftovers.
const REMEMBERED: usize = 10_000;

/// An HDFS sink.
pub struct Hdfs {
    lanes: Lanes,
    room: Arc<Room>,
    stopping: watch::Sender<bool>,
    used: mpsc::UnboundedSender<String>,
    seen: HashSet<String>,
    recovery: Option<Arc<Recovery>>,
    _looking: Task<()>,
    is_finished: bool,
}

impl Hdfs {
    /// Makes the sink, and begins to look for what a crash left. A file system that is away is no error.
    ///
    /// # Errors
    /// Settings that the client refuses.
    pub async fn connect(spec: &Spec) -> Result<Hdfs, super::Error> {
        let unusable = |error: spec::Error| Error::Setup { url: spec.path.clone(), reason: error.to_string() };
        let location = spec.location().map_err(unusable)?;
        let settings = |url| {
            let principal = spec.kerberos.as_ref().map(Kerberos::principal);
            let kerberos = principal.as_deref().zip(spec.kerberos.as_ref().map(|kerberos| kerberos.keytab.as_str()));
            fs::Hdfs::connect(&Settings { url, hadoop: &spec.hadoop, kerberos, proxy_user: spec.proxy_user.as_deref() })
        };
        let cluster = match &location.host {
            Host::Local => None,
            Host::Cluster(url) => settings(Some(url))?,
            Host::Default => settings(None)?,
            Host::DefaultCluster => match settings(None)? {
                Some(cluster) => Some(cluster),
                None => {
                    let reason = "the path names no host, and Hadoop's configuration no cluster (fs.defaultFS)".to_owned();
                    return Err(Error::Setup { url: spec.path.clone(), reason }.into());
                }
            },
        };
        match cluster {
            Some(cluster) => Hdfs::on(Box::new(cluster), Kind::Hdfs, spec),
            None => Hdfs::on(Box::new(Local), Kind::Local, spec),
        }
    }

    /// The sink on some file system.
    fn on(files: Box<dyn FileSystem>, kind: Kind, spec: &Spec) -> Result<Hdfs, super::Error> {
        let unusable = |error: spec::Error| Error::Setup { url: spec.path.clone(), reason: error.to_string() };
        let (directory, prefix) = spec.templates().map_err(unusable)?;
        let options = spec.options().map_err(unusable)?;
        let root = spec.location().map_err(unusable)?.root().to_owned();
        let naming = Naming { in_use_prefix: spec.in_use_prefix.clone(), in_use_suffix: spec.in_use_suffix.clone(), suffix: spec.suffix() };
        let (stopping, stopped) = watch::channel(false);
        let steered = directory.pieces().chain(prefix.pieces()).any(|piece| matches!(piece, Piece::Header));
        let common = Arc::new(Common {
            fs: Arc::new(Bounded::new(files, some(spec.call_timeout))),
            naming: naming.clone(),
            close_tries: spec.close_tries,
            retry_interval: spec.retry_interval,
            steered,
            ours: work::Ours::default(),
            stopping: stopped,
        });
        let (used, heard) = mpsc::unbounded_channel();
        let recovery = recover::prefix(&prefix).map(|pattern| {
            let (common, directories) = (common.clone(), Directories::of(&directory, &root));
            Arc::new(Recovery { common, directories, prefix: pattern, unreadable: !spec.format.readable_after_flush() })
        });
        let looks = recovery.clone();
        let limits =
            Limits { count: spec.roll_count, size: spec.roll_size, interval: some(spec.roll_interval), idle: some(spec.idle_timeout) };
        let room = Arc::new(Room::new(WAITING));
        let buckets = Buckets::new(directory, prefix, options, kind, naming.longest(spec.names == Names::Offsets));
        Ok(Hdfs {
            lanes: Lanes::new(spec, buckets, common, limits, room.clone()),
            room,
            stopping,
            used,
            seen: HashSet::new(),
            recovery,
            _looking: Task::spawn(async move {
                if let Some(recovery) = looks {
                    recovery.run(heard).await;
                }
            }),
            is_finished: false,
        })
    }

    async fn accept(&mut self, batch: &Batch) -> Sheet {
        self.room.wait().await;
        self.lanes.tend();
        let mut sheet = Sheet::new(self.lanes.turn());
        for (key, events) in self.lanes.sort(batch, &mut sheet) {
            self.note(&key.bucket.directory);
            self.lanes.append(key, batch, &events, &mut sheet).await;
        }
        sheet
    }

    /// A directory that is used for the first time is looked into for leftovers.
    fn note(&mut self, directory: &str) {
        if self.seen.contains(directory) {
            return;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(directory.to_owned());
        // It ends only with the sink.
        let _ = self.used.send(directory.to_owned());
    }
}

impl Sink for Hdfs {
    fn write<'a>(&'a mut self, batch: &'a Arc<Batch>) -> BoxFuture<'a, Result<Writing, super::Error>> {
        Box::pin(async move {
            let sheet = self.accept(batch).await;
            Ok(Box::pin(sheet.settle()) as Writing)
        })
    }

    fn hurry(&mut self) -> BoxFuture<'_, Result<(), super::Error>> {
        self.lanes.end_late(Reason::Hurry);
        Box::pin(async { Ok(()) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), super::Error>> {
        Box::pin(async move {
            // What cannot be closed at once is left to the next start, as in Flume.
            self.stopping.send_replace(true);
            self.lanes.finish().await;
            self.is_finished = true;
            Ok(())
        })
    }
}

impl Drop for Hdfs {
    /// After a failure: nobody else could see to its files before its leases end. It outlives the sink, and no longer than the agent.
    fn drop(&mut self) {
        let Some(recovery) = self.recovery.take().filter(|_| !self.is_finished) else { return };
        let files = recovery.common.ours.take();
        if let (false, Ok(runtime)) = (files.is_empty(), Handle::try_current()) {
            runtime.spawn(async move { recovery.see_to(files).await });
        }
    }
}

/// As Flume has it, 0 is no limit.
fn some(time: Duration) -> Option<Duration> {
    (!time.is_zero()).then_some(time)
}
