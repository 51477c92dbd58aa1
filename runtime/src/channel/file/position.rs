//! How far the events are settled, kept across restarts.
//!
//! Two slots in one preallocated file are written in turn, each with its checksum: storing a position takes no space, and one that is torn by a
//! crash leaves the one before it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::error::{During, Error};
use super::ranges::Ranges;
use super::record::number;
use super::segment::VERSION;

/// The file's name.
pub(super) const NAME: &str = "position";

const MAGIC: [u8; 4] = *b"WPOS";
const SLOT: usize = 8192;
const RANGES: usize = 64;
const MOST_RANGES: usize = (SLOT - RANGES) / 16;

/// A place in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Number of the event there.
    pub(super) event: u64,
    /// Its segment.
    pub(super) segment: u64,
    /// Where in it a record begins.
    pub(super) offset: u64,
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Events that need not be delivered again.
    pub(super) settled: Ranges,
    /// The end of the log when this was written: up to here it was durable.
    pub(super) end: Mark,
}

/// The file.
pub(super) struct PositionFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Opened anew after an error.
    file: Option<Box<dyn DiskFile>>,
    generation: u64,
}

/// What was found of it.
pub(super) struct Found {
    pub(super) file: PositionFile,
    pub(super) position: Position,
    /// Whether the position is surely the last that was stored.
    pub(super) sound: bool,
}

impl PositionFile {
    /// Opens the file, or makes it.
    pub(super) fn open(disk: Arc<dyn Disk>, directory: &Path) -> Result<Found, Error> {
        let path = directory.join(NAME);
        let names = disk.list(directory).during("list", directory)?;
        if !names.iter().any(|name| name == NAME) {
            return PositionFile::create(disk, directory, path);
        }
        let file = disk.open(&path).during("open", &path)?;
        let mut bytes = vec![0; 2 * SLOT];
        let read = file.read_at(&mut bytes, 0).during("read", &path)?;
        let mut sound = read == bytes.len();
        let mut newest: Option<(u64, Position)> = None;
        for slot in bytes.chunks(SLOT) {
            match parse(slot, &path)? {
                Some(found) if newest.as_ref().is_none_or(|newest| newest.0 < found.0) => newest = Some(found),
                Some(_) => {}
                // The second slot is empty until it is needed.
                None => sound &= slot.iter().all(|byte| *byte == 0),
            }
        }
        sound &= newest.is_some();
        let (generation, position) = newest.unwrap_or_default();
        let file = PositionFile { disk, path, file: Some(file), generation };
        Ok(Found { file, position, sound })
    }

    fn create(disk: Arc<dyn Disk>, directory: &Path, path: PathBuf) -> Result<Found, Error> {
        let draft = path.with_extension("tmp");
        let file = disk.create(&draft).during("create", &draft)?;
        let mut bytes = slot(1, &Position::default());
        bytes.resize(2 * SLOT, 0);
        file.allocate(bytes.len() as u64).during("allocate", &draft)?;
        file.write_at(&bytes, 0).during("write", &draft)?;
        file.sync().during("sync", &draft)?;
        disk.rename(&draft, &path).during("name", &path)?;
        disk.sync_directory(directory).during("sync", directory)?;
        let file = PositionFile { disk, path, file: Some(file), generation: 1 };
        // It may have been lost, with segments still there: then they tell where the events begin.
        Ok(Found { file, position: Position::default(), sound: false })
    }

    /// Stores a position, durably. After an error the one before it still counts, and its slot is the one that is kept.
    pub(super) fn store(&mut self, position: &Position) -> Result<(), Error> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.disk.open(&self.path).during("open", &self.path)?,
        };
        let generation = self.generation + 1;
        // The first was written to the first slot.
        let offset = (generation + 1) % 2 * SLOT as u64;
        file.write_at(&slot(generation, position), offset).during("write", &self.path)?;
        file.sync().during("sync", &self.path)?;
        (self.generation, self.file) = (generation, Some(file));
        Ok(())
    }
}

/// A slot's bytes. Ranges that have no place in it are forgotten: their events come again after a restart.
fn slot(generation: u64, position: &Position) -> Vec<u8> {
    let ranges: Vec<Range<u64>> = position.settled.above().take(MOST_RANGES).collect();
    let mut bytes = vec![0; RANGES];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&(ranges.len() as u32).to_le_bytes());
    let numbers = [generation, position.settled.below(), position.end.event, position.end.segment, position.end.offset];
    for (index, value) in numbers.into_iter().enumerate() {
        bytes[16 + 8 * index..24 + 8 * index].copy_from_slice(&value.to_le_bytes());
    }
    for range in ranges {
        bytes.extend_from_slice(&range.start.to_le_bytes());
        bytes.extend_from_slice(&range.end.to_le_bytes());
    }
    bytes.resize(SLOT, 0);
    let crc = crc32c::crc32c(&bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads a slot: its generation and position; `None` where it is empty or damaged.
fn parse(slot: &[u8], path: &Path) -> Result<Option<(u64, Position)>, Error> {
    if slot.len() < SLOT || slot[..4] != MAGIC || number(&slot[4..8]) as u32 != crc32c::crc32c(&slot[8..]) {
        return Ok(None);
    }
    let version = number(&slot[8..12]) as u32;
    if version != VERSION {
        return Err(Error::Version { path: path.to_owned(), version });
    }
    let at = |index: usize| number(&slot[16 + 8 * index..24 + 8 * index]);
    let mut settled = Ranges::all_below(at(1));
    let ranges = (number(&slot[12..16]) as usize).min(MOST_RANGES);
    for range in slot[RANGES..].chunks_exact(16).take(ranges) {
        settled.insert(number(&range[..8])..number(&range[8..]));
    }
    let end = Mark { event: at(2), segment: at(3), offset: at(4) };
    Ok(Some((at(0), Position { settled, end })))
}
