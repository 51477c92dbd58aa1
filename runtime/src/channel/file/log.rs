//! The log: segments of records, appended to in groups that become durable as one, and deleted from the front.
//!
//! Nothing is ever appended to what an error may have damaged. After a failed write or sync the kernel may show data that are not on disk and
//! will never be (ATC'20, "Can applications recover from fsync failures?"), so the segment is closed where it was last known to be durable, and the
//! group is written again to a new segment. That one's first number makes whatever was left behind the old one's end void, on this day and after a crash.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::error::{During, Error};
use super::position::{Mark, Position, PositionFile};
use super::record::{self, Encoded, Place};
use super::reserve::Reserve;
use super::segment::{self, RECORDS, Records, Segment};

/// Space is taken this much at a time.
const ALLOCATE: u64 = 64 << 20;
/// A smaller segment is not worth its syncs, while there is little space.
const SMALLEST: u64 = 1 << 20;

/// Where the files are and how large they may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Of the position and the lock.
    pub(super) checkpoint: PathBuf,
    /// Of the segments, which take turns.
    pub(super) data: Vec<PathBuf>,
    /// A segment is closed before it is larger, unless one record is.
    pub(super) segment_size: u64,
    /// Bytes to be left free on each disk.
    pub(super) minimum_free: u64,
    /// Bytes all segments may take.
    pub(super) limit: u64,
}

/// The log.
pub(super) struct Log {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) layout: Layout,
    pub(super) segments: VecDeque<Segment>,
    /// The last segment, while it is written to.
    writing: Option<Writing>,
    /// Number of the event that comes next: all before it are in the log.
    pub(super) next: u64,
    pub(super) next_id: u64,
    /// The end of what was committed.
    committed: Mark,
    /// The end of what is known to be durable; without a sync a commit it is behind.
    pub(super) durable: Mark,
    pub(super) position: PositionFile,
    pub(super) reserve: Reserve,
    /// The segment that was read last.
    pub(super) reading: Option<(u64, Records)>,
    buffer: Vec<u8>,
    /// Held until the log is closed.
    pub(super) _locks: Vec<Box<dyn Send>>,
}

/// A segment that is written to.
struct Writing {
    file: Box<dyn DiskFile>,
    salt: u64,
    end: u64,
    synced: u64,
    allocated: u64,
}

impl Log {
    /// The log as recovery found it.
    pub(super) fn new(
        (disk, layout): (Arc<dyn Disk>, Layout),
        segments: VecDeque<Segment>,
        (next, next_id): (u64, u64),
        (position, reserve): (PositionFile, Reserve),
        locks: Vec<Box<dyn Send>>,
    ) -> Log {
        let last = segments.back().map_or(Mark::default(), |last| Mark { event: 0, segment: last.header.id, offset: last.length });
        let end = Mark { event: next, ..last };
        let (writing, reading, buffer) = Default::default();
        Log {
            disk,
            layout,
            segments,
            writing,
            next,
            next_id,
            committed: end,
            durable: end,
            position,
            reserve,
            reading,
            buffer,
            _locks: locks,
        }
    }

    /// Appends records as one; with `sync` they are durable afterwards. After an error none of them is in the log, and the same may be tried again.
    pub(super) fn commit<'a>(&mut self, records: impl Iterator<Item = &'a Encoded>, sync: bool) -> Result<(), Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let written = self.write(records, sync, &mut buffer);
        self.buffer = buffer;
        match written {
            Ok(next) => {
                self.next = next;
                self.committed = self.end();
                if sync {
                    self.durable = self.committed;
                }
                Ok(())
            }
            Err(error) => {
                self.rewind();
                Err(error)
            }
        }
    }

    /// Makes what was written without a sync durable. After an error there is nothing to try again: what the disk has, it has.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        if let Some(Err(error)) = self.writing.as_mut().map(|writing| writing.sync(&self.segments)) {
            self.rewind();
            return Err(error);
        }
        self.durable = self.committed;
        Ok(())
    }

    /// Whether something was committed without a sync.
    pub(super) fn has_unsynced(&self) -> bool {
        self.durable != self.committed
    }

    /// Stores how far events are settled; then segments that have no others are deleted. Neither takes space.
    pub(super) fn settle(&mut self, position: &Position) -> Result<(), Error> {
        while let Err(error) = self.position.store(position) {
            if !error.is_no_space() || !self.reserve.release(&*self.disk) {
                return Err(error);
            }
        }
        while self.front_end().is_some_and(|end| end <= position.settled.below()) {
            let Some(front) = self.segments.front() else { break };
            if self.reading.as_ref().is_some_and(|(id, _)| *id == front.header.id) {
                self.reading = None;
            }
            while let Err(error) = self.disk.remove(&front.path).during("delete", &front.path) {
                if !error.is_no_space() || !self.reserve.release(&*self.disk) {
                    return Err(error);
                }
            }
            // Its directory is not synced: a segment that comes back after a crash has only settled events.
            self.segments.pop_front();
        }
        Ok(())
    }

    /// Bytes that the segments take.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.allocated).sum()
    }

    /// Number of the event after the first segment's last; `None` where it is still written to.
    fn front_end(&self) -> Option<u64> {
        match self.segments.get(1) {
            Some(second) => Some(second.header.first),
            None => (self.writing.is_none() && !self.segments.is_empty()).then_some(self.next),
        }
    }

    fn end(&self) -> Mark {
        let last = self.segments.back().map_or((self.committed.segment, self.committed.offset), |last| (last.header.id, last.length));
        Mark { event: self.next, segment: last.0, offset: last.1 }
    }

    fn write<'a>(&mut self, records: impl Iterator<Item = &'a Encoded>, sync: bool, buffer: &mut Vec<u8>) -> Result<u64, Error> {
        let mut next = self.next;
        for encoded in records {
            let size = encoded.size();
            if self.writing.as_ref().is_none_or(|writing| writing.is_full(buffer.len() as u64 + size, self.layout.segment_size)) {
                self.flush(buffer, true)?;
                self.roll(next, size)?;
            }
            self.make_room(buffer.len() as u64 + size)?;
            if let Some(writing) = &self.writing {
                let place = Place { salt: writing.salt, offset: writing.end + buffer.len() as u64 };
                record::append(buffer, encoded, next, writing.synced, place);
            }
            next += u64::from(encoded.count);
        }
        self.flush(buffer, sync)?;
        Ok(next)
    }

    /// Writes what was gathered to the end of the segment.
    fn flush(&mut self, buffer: &mut Vec<u8>, sync: bool) -> Result<(), Error> {
        let (Some(writing), Some(last)) = (&mut self.writing, self.segments.back_mut()) else { return Ok(()) };
        if !buffer.is_empty() {
            writing.file.write_at(buffer, writing.end).during("write", &last.path)?;
            writing.end += buffer.len() as u64;
            last.length = writing.end;
            buffer.clear();
        }
        if sync { writing.sync(&self.segments) } else { Ok(()) }
    }

    /// Closes the last segment and makes a new one, whose first event is `first`, with room for a record of `size`.
    fn roll(&mut self, first: u64, size: u64) -> Result<(), Error> {
        self.close_last();
        let id = self.next_id;
        let least = (RECORDS + size).max(SMALLEST.min(self.layout.segment_size));
        let wanted = least.max(ALLOCATE.min(self.layout.segment_size));
        let (directory, granted) = self.directory(id, least, wanted)?;
        // Not used again, whatever becomes of the file.
        self.next_id += 1;
        let header = segment::Header { id, first, salt: fastrand::u64(..) };
        let (segment, file) = segment::create(&*self.disk, &directory, header, granted)?;
        self.segments.push_back(segment);
        self.writing = Some(Writing { file, salt: header.salt, end: RECORDS, synced: RECORDS, allocated: granted });
        self.reserve.keep(&*self.disk);
        Ok(())
    }

    /// The directory whose turn it is, or the next that has room, and how much of it is to be taken.
    fn directory(&self, id: u64, least: u64, wanted: u64) -> Result<(PathBuf, u64), Error> {
        let data = &self.layout.data;
        let turn = (id % data.len().max(1) as u64) as usize;
        let mut full = None;
        for directory in data[turn..].iter().chain(&data[..turn]) {
            match self.granted(directory, least, wanted) {
                Ok(granted) => return Ok((directory.clone(), granted)),
                Err(error) => full = full.or(Some(error)),
            }
        }
        Err(full.unwrap_or(Error::Limit { used: 0, limit: 0 }))
    }

    /// How much of the space that is wanted may be taken.
    fn granted(&self, directory: &Path, least: u64, wanted: u64) -> Result<u64, Error> {
        let (used, limit) = (self.bytes(), self.layout.limit);
        if limit.saturating_sub(used) < least {
            return Err(Error::Limit { used, limit });
        }
        let free = self.disk.free_space(directory).during("look for space in", directory)?;
        let spare = free.saturating_sub(self.layout.minimum_free);
        if spare < least {
            return Err(Error::NoSpace { directory: directory.to_owned(), free, minimum: self.layout.minimum_free });
        }
        Ok(wanted.min(spare).min(limit - used))
    }

    /// Takes more space where so many bytes behind the segment's end have none.
    fn make_room(&mut self, bytes: u64) -> Result<(), Error> {
        let (Some(writing), Some(last)) = (&self.writing, self.segments.back()) else { return Ok(()) };
        let needed = writing.end + bytes;
        if needed <= writing.allocated {
            return Ok(());
        }
        let least = needed - writing.allocated;
        let wanted = ALLOCATE.min(self.layout.segment_size.saturating_sub(writing.allocated)).max(least);
        let directory = last.path.parent().unwrap_or(Path::new("."));
        let allocated = writing.allocated + self.granted(directory, least, wanted)?;
        writing.file.allocate(allocated).during("allocate", &last.path)?;
        if let (Some(writing), Some(last)) = (&mut self.writing, self.segments.back_mut()) {
            (writing.allocated, last.allocated) = (allocated, allocated);
        }
        Ok(())
    }

    /// Nothing more is written to the last segment: what it does not need is given back.
    fn close_last(&mut self) {
        let (Some(writing), Some(last)) = (self.writing.take(), self.segments.back_mut()) else { return };
        if writing.file.set_length(last.length).is_ok() {
            last.allocated = last.length;
        }
    }

    /// Back to the last commit: segments that were begun since are void, and the one before gets no more records.
    fn rewind(&mut self) {
        let (committed, next) = (self.committed, self.next);
        let mut first = true;
        while let Some(last) = self.segments.pop_back_if(|last| last.header.first >= next) {
            if std::mem::take(&mut first) {
                self.writing = None;
            }
            // Where that fails the next segment's first number makes it void.
            let _ = self.disk.remove(&last.path);
        }
        if let Some(last) = self.segments.back_mut()
            && last.header.id == committed.segment
        {
            last.length = committed.offset;
        }
        self.close_last();
        self.reading = None;
    }
}

impl Writing {
    fn is_full(&self, more: u64, segment_size: u64) -> bool {
        self.end > RECORDS && self.end + more > segment_size
    }

    fn sync(&mut self, segments: &VecDeque<Segment>) -> Result<(), Error> {
        if self.synced < self.end {
            let path = segments.back().map_or(Path::new(""), |last| &last.path);
            self.file.sync().during("sync", path)?;
            self.synced = self.end;
        }
        Ok(())
    }
}
