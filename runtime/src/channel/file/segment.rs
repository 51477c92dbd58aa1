//! A segment: a file of records, made whole before anything is written to it, and deleted whole.
//!
//! It begins with its header, twice, in blocks of their own, so that one bad block does not make the records unreadable. Its salt goes into
//! every checksum. `first` is the number of its first event: whatever an older segment has from there on was never acknowledged and does not count.

use std::io;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};

use super::disk::{Disk, DiskFile};
use super::error::{During, Error};
use super::record::{self, ALIGNMENT, number};

/// The one version of all of it that there is.
pub(super) const VERSION: u32 = 1;
/// Where the first record is.
pub(super) const RECORDS: u64 = 2 * BLOCK;

const BLOCK: u64 = 4096;
const MAGIC: [u8; 8] = *b"WEIRLOG\n";
const HEADER: usize = 44;
/// Bytes read at once.
const WINDOW: usize = 1 << 20;

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Number of the segment.
    pub(super) id: u64,
    /// Number of its first event.
    pub(super) first: u64,
    /// Part of every checksum.
    pub(super) salt: u64,
}

/// A segment that is there.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) header: Header,
    pub(super) path: PathBuf,
    /// Records are looked for up to here.
    pub(super) length: u64,
    /// Bytes it takes on disk.
    pub(super) allocated: u64,
}

/// The file name of a segment.
pub(super) fn name(id: u64) -> String {
    format!("segment-{id:016x}.log")
}

/// The number of the segment that a file name is of.
pub(super) fn id(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
    u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16)
}

/// The number of the segment that a file name is of, or of a part of which it is.
pub(super) fn id_within(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("damaged-").unwrap_or(name).strip_prefix("segment-")?.get(..16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// Makes a segment, durably, with its space taken.
pub(super) fn create(disk: &dyn Disk, directory: &Path, header: Header, allocate: u64) -> Result<(Segment, Box<dyn DiskFile>), Error> {
    let path = directory.join(name(header.id));
    let draft = path.with_extension("tmp");
    let file = match draft_of(disk, &draft, header, allocate) {
        Ok(file) => file,
        Err(error) => {
            // It takes space, which may be what is missing; one that stays is removed at the next start.
            let _ = disk.remove(&draft);
            return Err(error);
        }
    };
    disk.rename(&draft, &path).during("name", &path)?;
    disk.sync_directory(directory).during("sync", directory)?;
    Ok((Segment { header, path, length: RECORDS, allocated: allocate }, file))
}

fn draft_of(disk: &dyn Disk, draft: &Path, header: Header, allocate: u64) -> Result<Box<dyn DiskFile>, Error> {
    let file = disk.create(draft).during("create", draft)?;
    file.allocate(allocate).during("allocate", draft)?;
    let bytes = header.bytes();
    for block in 0..2 {
        file.write_at(&bytes, block * BLOCK).during("write", draft)?;
    }
    file.sync().during("sync", draft)?;
    Ok(file)
}

impl Header {
    fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.id.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..40]);
        bytes[40..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads either copy; `None` where both are damaged.
    ///
    /// # Errors
    /// The disk does not answer, or the header is of a later version.
    pub(super) fn read(file: &dyn DiskFile, path: &Path) -> Result<Option<Header>, Error> {
        for block in 0..2 {
            let mut bytes = [0; HEADER];
            let read = file.read_at(&mut bytes, block * BLOCK).during("read", path)?;
            // A later version keeps the place of the checksum.
            if read < HEADER || bytes[..8] != MAGIC || number(&bytes[40..]) as u32 != crc32c::crc32c(&bytes[..40]) {
                continue;
            }
            let version = number(&bytes[8..12]) as u32;
            if version != VERSION {
                return Err(Error::Version { path: path.to_owned(), version });
            }
            let [id, first, salt] = [16, 24, 32].map(|at| number(&bytes[at..at + 8]));
            return Ok(Some(Header { id, first, salt }));
        }
        Ok(None)
    }
}

/// What is at a place where a record may be.
pub(super) enum Found {
    /// A record that is whole.
    Record(record::Header, Bytes),
    /// A record whose events are damaged.
    Damaged(record::Header),
    /// No record, or one with a damaged header.
    Nothing,
}

/// Reads a segment's records, a window at a time.
pub(super) struct Records {
    file: Box<dyn DiskFile>,
    salt: u64,
    window: Bytes,
    start: u64,
}

impl Records {
    pub(super) fn open(disk: &dyn Disk, segment: &Segment) -> Result<Records, Error> {
        let file = disk.open(&segment.path).during("open", &segment.path)?;
        Ok(Records { file, salt: segment.header.salt, window: Bytes::new(), start: 0 })
    }

    /// What is at an offset; a record must end before `end`.
    pub(super) fn at(&mut self, offset: u64, end: u64) -> io::Result<Found> {
        let Some(header) = self.header(offset, end)? else { return Ok(Found::Nothing) };
        let payload = self.bytes(offset + record::HEADER as u64, header.payload as usize, end)?;
        Ok(if header.fits(&payload) { Found::Record(header, payload) } else { Found::Damaged(header) })
    }

    /// The next offset, from this one on and before `end`, where a record's header is whole.
    pub(super) fn next(&mut self, offset: u64, end: u64) -> io::Result<Option<(u64, record::Header)>> {
        let mut offset = offset.next_multiple_of(ALIGNMENT as u64);
        while offset + record::HEADER as u64 <= end {
            if let Some(header) = self.header(offset, end)? {
                return Ok(Some((offset, header)));
            }
            offset += ALIGNMENT as u64;
        }
        Ok(None)
    }

    fn header(&mut self, offset: u64, end: u64) -> io::Result<Option<record::Header>> {
        let bytes = self.bytes(offset, record::HEADER, end)?;
        let header = record::Header::parse(&bytes, record::Place { salt: self.salt, offset });
        Ok(header.filter(|header| header.size() <= end.saturating_sub(offset)))
    }

    /// So many bytes, or as many as there are before `end`: what is behind it may yet be written.
    fn bytes(&mut self, offset: u64, length: usize, end: u64) -> io::Result<Bytes> {
        let within = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        if let Some(at) = within.filter(|at| at + length <= self.window.len()) {
            return Ok(self.window.slice(at..at + length));
        }
        let there = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut window = BytesMut::zeroed(length.max(WINDOW).min(there));
        let read = self.file.read_at(&mut window, offset)?;
        window.truncate(read);
        (self.window, self.start) = (window.freeze(), offset);
        Ok(self.window.slice(..length.min(read)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_segments_agree() {
        assert_eq!(id_within(&format!("damaged-segment-{:016x}-at-8192.bin", 0x2a)), Some(0x2a));
        assert_eq!(name(0x2a), "segment-000000000000002a.log");
        assert_eq!(id(&name(u64::MAX)), Some(u64::MAX));
        for other in ["segment-2a.log", "segment-000000000000002a.tmp", "log-1", "position"] {
            assert_eq!(id(other), None, "{other}");
        }
    }
}
