//! Opening the log: what is there after a restart or a crash, and what of it counts.
//!
//! Only the last segment is searched for its end, from where the position says that it was durable; so the time it takes does not grow with the
//! number of events. A torn end is set aside and cut off; damage anywhere else is found when it is read.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::damage::{self, Damage};
use super::disk::Disk;
use super::error::{During, Error};
use super::log::{Layout, Log};
use super::position::{Found as FoundPosition, Mark, PositionFile};
use super::ranges::Ranges;
use super::reserve::Reserve;
use super::segment::{self, Found, Header, RECORDS, Records, Segment};

const LOCK: &str = "lock";
/// What a Flume file channel leaves in its directories, besides `log-N`.
const FLUMES: [&str; 6] = ["checkpoint", "checkpoint.meta", "inflightputs", "inflighttakes", "queueset", "in_use.lock"];

/// The log, and what was found.
pub(super) struct Recovered {
    pub(super) log: Log,
    /// Events that were delivered before.
    pub(super) settled: Ranges,
}

impl Log {
    /// Opens the log, or makes it. What could not be kept is added to `damage`, after an error too: it is not found a second time.
    pub(super) fn open(disk: Arc<dyn Disk>, layout: Layout, damage: &mut Vec<Damage>) -> Result<Recovered, Error> {
        let locks = enter(&*disk, &layout)?;
        let FoundPosition { file: position, position: stored, sound } = PositionFile::open(disk.clone(), &layout.checkpoint)?;
        let (known, mut highest) = (damage.len(), stored.end.segment);
        let mut segments = VecDeque::new();
        for directory in &layout.data {
            list(&*disk, directory, &mut segments, &mut highest, damage)?;
        }
        let put_aside = damage.len() > known;
        segments.make_contiguous().sort_by_key(|segment| segment.header.id);
        drop_void(&*disk, &mut segments);
        let mut settled = stored.settled;
        let mut next = settled.end().max(stored.end.event);
        if let Some(last) = segments.back_mut() {
            let end = find_end(&*disk, last, stored.end, damage)?;
            next = next.max(end);
        }
        if !sound && !put_aside {
            // A segment is deleted only once all before its end is settled, though the position that said so is lost. Where one was put aside, it
            // cannot be told from one that was deleted: what is missing is reported.
            settled.insert(0..segments.front().map_or(next, |first| first.header.first));
        }
        let reserve = Reserve::open(&*disk, &layout.checkpoint);
        let log = Log::new((disk, layout), segments, (next, highest + 1), (position, reserve), locks);
        Ok(Recovered { log, settled })
    }
}

/// Makes the directories, refuses Flume's, locks them, and removes what was left half made.
fn enter(disk: &dyn Disk, layout: &Layout) -> Result<Vec<Box<dyn Send>>, Error> {
    let mut directories = vec![&layout.checkpoint];
    for directory in &layout.data {
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    let mut locks = Vec::new();
    for directory in directories {
        disk.create_directory(directory).during("make the directory", directory)?;
        // What is seen is to be durable: a void segment that was deleted and comes back after a crash would have a later number than what is written now.
        disk.sync_directory(directory).during("sync", directory)?;
        let names = disk.list(directory).during("list", directory)?;
        if let Some(name) = names.iter().find(|name| is_flumes(name)) {
            return Err(Error::Flume { directory: directory.clone(), name: name.clone() });
        }
        let lock = directory.join(LOCK);
        locks.push(disk.lock(&lock).during("lock", &lock)?.ok_or_else(|| Error::InUse(directory.clone()))?);
        for name in names.iter().filter(|name| name.ends_with(".tmp")) {
            let draft = directory.join(name);
            disk.remove(&draft).during("delete", &draft)?;
        }
    }
    Ok(locks)
}

fn is_flumes(name: &str) -> bool {
    FLUMES.contains(&name) || name.strip_prefix("log-").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The segments of a directory. One whose header is damaged twice is put aside whole.
fn list(
    disk: &dyn Disk,
    directory: &Path,
    segments: &mut VecDeque<Segment>,
    highest: &mut u64,
    damage: &mut Vec<Damage>,
) -> Result<(), Error> {
    for name in disk.list(directory).during("list", directory)? {
        // The name of what was put aside is not to be used again.
        *highest = (*highest).max(segment::id_within(&name).unwrap_or(0));
        let Some(id) = segment::id(&name) else { continue };
        let path = directory.join(&name);
        let file = disk.open(&path).during("open", &path)?;
        let length = file.length().during("look at", &path)?;
        match Header::read(&*file, &path)? {
            Some(header) if header.id == id => segments.push_back(Segment { header, path, length, allocated: length }),
            _ => {
                let copy = directory.join(format!("damaged-{name}"));
                disk.rename(&path, &copy).during("put aside", &path)?;
                damage.push(Damage { segment: path, bytes: 0..length, events: 0..0, was_durable: true, copy: Some(copy) });
                disk.sync_directory(directory).during("sync", directory)?;
            }
        }
    }
    Ok(())
}

/// Removes segments that a later one made void: those of commits that failed.
fn drop_void(disk: &dyn Disk, segments: &mut VecDeque<Segment>) {
    let mut limit = u64::MAX;
    let mut kept = VecDeque::with_capacity(segments.len());
    while let Some(segment) = segments.pop_back() {
        if segment.header.first < limit {
            limit = segment.header.first;
            kept.push_front(segment);
        } else {
            // Where that fails it is void again next time.
            let _ = disk.remove(&segment.path);
        }
    }
    *segments = kept;
}

/// Finds the last record that is whole, cuts off what is behind it, and says which event comes next.
fn find_end(disk: &dyn Disk, last: &mut Segment, durable: Mark, damage: &mut Vec<Damage>) -> Result<u64, Error> {
    let (mut end, mut next) = (RECORDS, last.header.first);
    if durable.segment == last.header.id && (RECORDS..=last.length).contains(&durable.offset) {
        (end, next) = (durable.offset, next.max(durable.event));
    }
    let mut records = Records::open(disk, last)?;
    let mut offset = end;
    loop {
        match records.at(offset, last.length).during("read", &last.path)? {
            Found::Record(header, _) => {
                offset += header.size();
                (end, next) = (offset, next.max(header.end()));
            }
            Found::Damaged(header) => offset += header.size(),
            Found::Nothing => match records.next(offset, last.length).during("read", &last.path)? {
                Some((found, _)) => offset = found,
                None => break,
            },
        }
    }
    let file = disk.open(&last.path).during("open", &last.path)?;
    let torn = end..last.length;
    last.length = end;
    match damage::set_aside(disk, last, &torn) {
        Ok(None) => {}
        Ok(copy) => damage.push(Damage { segment: last.path.clone(), bytes: torn, events: 0..0, was_durable: false, copy }),
        // It stays where it is, and is void: the next segment begins before it.
        Err(error) if error.is_no_space() => {
            damage.push(Damage { segment: last.path.clone(), bytes: torn, events: 0..0, was_durable: false, copy: None });
            file.sync().during("sync", &last.path)?;
            return Ok(next);
        }
        Err(error) => return Err(error),
    }
    file.set_length(end).during("cut", &last.path)?;
    // What is read from now on is to be durable, whoever wrote it.
    file.sync().during("sync", &last.path)?;
    last.allocated = end;
    Ok(next)
}
