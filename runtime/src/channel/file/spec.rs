//! Settings of the file channel: `org.apache.flume.channel.file.FileChannelConfiguration`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::keeper::Pace;
use super::log::Layout;
use crate::config::difference::differing;
use crate::config::keys::{Keys, Value};
use crate::config::problem::Problem;
use crate::config::size;

const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000_000).expect("it is not 0");
const TRANSACTION_CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not 0");
const KEEP_ALIVE: Duration = Duration::from_secs(3);
const SEGMENT_SIZE: u64 = 64 << 20;
const MINIMUM_FREE_SPACE: u64 = 524_288_000;
const FSYNC_INTERVAL: Duration = Duration::from_secs(5);
/// How far events are settled is stored at least so often: those settled since then come again after a crash.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// Segments have room for their headers and a few records.
const SMALLEST_SEGMENT: u64 = 64 << 10;

/// Flume's default and largest `maxFileSize`.
const FLUME_MAX_FILE_SIZE: i64 = 1_623_195_647;
/// Flume takes a smaller `minimumRequiredSpace` for this.
const FLUME_LEAST_SPACE: i64 = 1_048_576;

/// A file channel.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Directory of the position up to which events are settled. Default: a directory of the channel's own in the agent's state directory.
    pub checkpoint_directory: Option<PathBuf>,
    /// Directories of the segments, which take turns; best on disks of their own. Default: that of the position.
    pub data_directories: Vec<PathBuf>,
    /// Most events that are put and not delivered; then puts wait. It may change between starts. Default: 1,000,000.
    pub capacity: NonZeroUsize,
    /// Most events put or taken at once; raised to the batch size of the sources and sinks around it, with a warning. Default: 10,000.
    pub transaction_capacity: NonZeroUsize,
    /// Flume's wait for room before it fails a put; here a put waits as long as it takes. Default: 3 s.
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
    /// How often it is stored how far events are settled; at least every second. Default: 1 s.
    #[serde(with = "humantime_serde")]
    pub checkpoint_interval: Duration,
    /// A segment is closed before it is larger. It is deleted once all of it is settled, so smaller ones give their space back sooner. Default: 64 MiB.
    #[serde(deserialize_with = "size::deserialize", serialize_with = "size::serialize")]
    pub segment_size: u64,
    /// Bytes to be left free on the disks: with less, puts wait. Default: 500 MB, exactly 524,288,000.
    #[serde(deserialize_with = "size::deserialize", serialize_with = "size::serialize")]
    pub minimum_free_space: u64,
    /// Most bytes of all segments; 0 is no limit, else at least two segments. Default: 0.
    #[serde(deserialize_with = "size::deserialize", serialize_with = "size::serialize")]
    pub disk_limit: u64,
    /// Whether events are durable before they are acknowledged. Without it a power failure loses what was acknowledged since the last sync. Default: true.
    pub fsync: bool,
    /// How often events are made durable where `fsync` is off. Default: 5 s.
    #[serde(with = "humantime_serde")]
    pub fsync_interval: Duration,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            checkpoint_directory: None,
            data_directories: Vec::new(),
            capacity: CAPACITY,
            transaction_capacity: TRANSACTION_CAPACITY,
            keep_alive: KEEP_ALIVE,
            checkpoint_interval: CHECKPOINT_INTERVAL,
            segment_size: SEGMENT_SIZE,
            minimum_free_space: MINIMUM_FREE_SPACE,
            disk_limit: 0,
            fsync: true,
            fsync_interval: FSYNC_INTERVAL,
        }
    }
}

impl Spec {
    /// Reads Flume's keys; `None` when Flume would drop the channel, and `keys` is told why.
    pub fn from_flume(keys: &mut Keys) -> Option<Spec> {
        let capacity = count(keys, "capacity", CAPACITY);
        let transaction_capacity = count(keys, "transactionCapacity", TRANSACTION_CAPACITY);
        if transaction_capacity > capacity {
            let message = format!("the transaction capacity {transaction_capacity} is larger than the capacity {capacity}");
            keys.refuse(Problem::lenient(message).key(keys.full("transactionCapacity")).at(keys.place("transactionCapacity")));
        }
        let mut spec = Spec { capacity, transaction_capacity, ..Spec::disk_from_flume(keys) };
        keys.differs("keep-alive", "a put that finds no room waits as long as it takes, and fails nothing");
        spec.keep_alive = Duration::from_secs(keys.number::<u32>("keep-alive", 3, "a number of seconds").into());
        (!keys.is_refused()).then_some(spec)
    }

    /// Flume's keys but for the capacities and the wait for them, which other channels have, too.
    pub(in crate::channel) fn disk_from_flume(keys: &mut Keys) -> Spec {
        refuse_encryption(keys);
        check_dual_checkpoints(keys);
        // How Flume replays its logs, and when it writes its checkpoint.
        keys.ignore(&["checkpointOnClose", "use-log-replay-v1", "use-fast-replay", "compressBackupCheckpoint"]);
        let home = std::env::home_dir().unwrap_or_default().join(".flume/file-channel");
        let checkpoint = keys.get("checkpointDir").map_or_else(|| home.join("checkpoint"), |value| value.text.trim().into());
        let data = keys.get("dataDirs").map_or_else(|| vec![home.join("data")], |value| directories(&value));
        let interval = keys.number("checkpointInterval", 30_000, "a number of milliseconds");
        let size = keys.number("maxFileSize", FLUME_MAX_FILE_SIZE, "a number of bytes").min(FLUME_MAX_FILE_SIZE);
        let space = keys.number("minimumRequiredSpace", MINIMUM_FREE_SPACE.cast_signed(), "a number of bytes").max(FLUME_LEAST_SPACE);
        let fsync = keys.boolean("fsyncPerTransaction", true);
        if !fsync {
            let message = "`fsyncPerTransaction = false`: events are acknowledged before they are on disk, and a power failure loses them";
            keys.report(Problem::warning(message).key(keys.full("fsyncPerTransaction")).at(keys.place("fsyncPerTransaction")));
        }
        let fsync_interval = keys.number::<u32>("fsyncInterval", 5, "a number of seconds");
        Spec {
            checkpoint_directory: Some(checkpoint),
            data_directories: data,
            checkpoint_interval: Duration::from_millis(u64::try_from(interval).ok().filter(|millis| *millis > 0).unwrap_or(30_000)),
            segment_size: u64::try_from(size).unwrap_or_default().max(SMALLEST_SEGMENT),
            minimum_free_space: u64::try_from(space).unwrap_or(MINIMUM_FREE_SPACE),
            fsync,
            fsync_interval: Duration::from_secs(fsync_interval.max(1).into()),
            ..Spec::default()
        }
    }

    /// Names of what differs.
    pub(crate) fn differing(&self, other: &Spec) -> Vec<String> {
        differing!(
            self,
            other,
            Spec {
                checkpoint_directory,
                data_directories,
                capacity,
                transaction_capacity,
                keep_alive,
                checkpoint_interval,
                segment_size,
                minimum_free_space,
                disk_limit,
                fsync,
                fsync_interval
            }
        )
    }

    /// Where the files are, with a directory for those that are not said.
    pub(super) fn layout(&self, directory: &Path) -> Layout {
        let checkpoint = self.checkpoint_directory.clone().unwrap_or_else(|| directory.to_owned());
        let mut data = self.data_directories.clone();
        if data.is_empty() {
            data.push(checkpoint.clone());
        }
        let segment_size = self.segment_size.max(SMALLEST_SEGMENT);
        let limit = match self.disk_limit {
            0 => u64::MAX,
            // With one segment alone nothing could be written until all of it is settled.
            limit => limit.max(2 * segment_size),
        };
        Layout { checkpoint, data, segment_size, minimum_free: self.minimum_free_space, limit }
    }

    pub(super) fn pace(&self) -> Pace {
        Pace { sync_groups: self.fsync, sync_every: self.fsync_interval, store_every: self.checkpoint_interval.min(CHECKPOINT_INTERVAL) }
    }
}

/// A number of events. 0 and less is warned about and the default taken, as Flume does.
fn count(keys: &mut Keys, key: &str, default: NonZeroUsize) -> NonZeroUsize {
    let written = keys.number::<i32>(key, i32::try_from(default.get()).unwrap_or(i32::MAX), "a number of events");
    usize::try_from(written).ok().and_then(NonZeroUsize::new).unwrap_or_else(|| {
        let message = format!("`{key}` is {written}; the default {default} is taken");
        keys.report(Problem::lenient(message).key(keys.full(key)).at(keys.place(key)));
        default
    })
}

fn directories(value: &Value) -> Vec<PathBuf> {
    value.text.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// The events would lie there in the clear.
fn refuse_encryption(keys: &mut Keys) {
    for (rest, value) in keys.take("encryption.") {
        let message = format!(
            "`encryption.{rest}`: this version does not encrypt the file channel, and does not write in the clear what is to be encrypted"
        );
        let problem = Problem::error(message).help("put the channel on an encrypted file system, and remove the keys");
        keys.refuse(problem.key(value.key.clone()).at(value.key_place()));
    }
}

/// The position is always kept twice, in one file; Flume's keys for a second directory are checked as Flume does, and mean no more.
fn check_dual_checkpoints(keys: &mut Keys) {
    let dual = keys.boolean("useDualCheckpoints", false);
    let backup = keys.get("backupCheckpointDir");
    if dual && backup.is_none() {
        let problem = Problem::lenient("`useDualCheckpoints` needs `backupCheckpointDir`");
        keys.refuse(problem.key(keys.full("useDualCheckpoints")).at(keys.place("useDualCheckpoints")));
    }
    if let Some(backup) = backup {
        let problem = Problem::note("`backupCheckpointDir` is not needed: the checkpoint is always kept twice, in one file");
        keys.report(problem.key(backup.key.clone()).at(backup.key_place()));
    }
}
