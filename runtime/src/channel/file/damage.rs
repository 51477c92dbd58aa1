//! Damaged parts of the log: what is known of one, and a copy of its bytes beside the log for a person to look at.

use std::ops::Range;
use std::path::{Path, PathBuf};

use tracing::{error, warn};

use super::disk::{Disk, DiskFile};
use super::error::{During, Error};
use super::log::Log;
use super::segment::{self, Segment};

/// Bytes copied at once.
const COPIED: u64 = 1 << 20;

/// A part of the log that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The file it was found in.
    pub(super) segment: PathBuf,
    /// Which bytes of it.
    pub(super) bytes: Range<u64>,
    /// Numbers of the events that were there; empty where they cannot be told.
    pub(super) events: Range<u64>,
    /// Whether they had been durable, and so may have been acknowledged. Else a crash may have torn them before they ever were.
    pub(super) was_durable: bool,
    /// The copy of the bytes; `None` where there was nothing but zeros.
    pub(super) copy: Option<PathBuf>,
}

impl Damage {
    pub(super) fn count(&self) -> u64 {
        self.events.end - self.events.start
    }

    /// Writes it to the log.
    pub(super) fn tell(&self, channel: &str) {
        let (segment, bytes, events) = (self.segment.display(), &self.bytes, &self.events);
        let copy = self.copy.as_ref().map_or_else(|| "nothing".to_owned(), |copy| copy.display().to_string());
        match self.was_durable {
            true => {
                error!(channel, %segment, ?bytes, ?events, lost = self.count(), set_aside = copy, "a part of the log is damaged: its events are lost, the rest is delivered");
            }
            false => {
                warn!(channel, %segment, ?bytes, ?events, set_aside = copy, "a part of the log was torn by a crash, or damaged: its events were not acknowledged, or are lost");
            }
        }
    }
}

impl Log {
    /// Copies bytes of a segment to a file beside it, durably. Done again, it makes the same file.
    pub(super) fn set_aside(&mut self, segment: &Segment, bytes: &Range<u64>) -> Result<Option<PathBuf>, Error> {
        loop {
            let copied = set_aside(&*self.disk, segment, bytes);
            match copied {
                Err(error) if error.is_no_space() && self.reserve.release(&*self.disk) => {}
                copied => return copied,
            }
        }
    }
}

/// As [`Log::set_aside`].
pub(super) fn set_aside(disk: &dyn Disk, segment: &Segment, bytes: &Range<u64>) -> Result<Option<PathBuf>, Error> {
    let file = disk.open(&segment.path).during("open", &segment.path)?;
    let end = last_byte(&*file, bytes).during("read", &segment.path)?;
    if end <= bytes.start {
        return Ok(None);
    }
    let directory = segment.path.parent().unwrap_or(Path::new("."));
    let name = format!("damaged-{}-at-{}.bin", segment::name(segment.header.id).trim_end_matches(".log"), bytes.start);
    let path = directory.join(name);
    let copy = disk.create(&path).during("create", &path)?;
    let mut at = bytes.start;
    while at < end {
        let mut piece = vec![0; (end - at).min(COPIED) as usize];
        let read = file.read_at(&mut piece, at).during("read", &segment.path)?;
        copy.write_at(&piece[..read], at - bytes.start).during("write", &path)?;
        if read < piece.len() {
            break;
        }
        at += read as u64;
    }
    copy.sync().during("sync", &path)?;
    disk.sync_directory(directory).during("sync", directory)?;
    Ok(Some(path))
}

/// The end of these bytes without the zeros behind them.
fn last_byte(file: &dyn DiskFile, bytes: &Range<u64>) -> std::io::Result<u64> {
    let mut end = bytes.end.min(file.length()?);
    while end > bytes.start {
        let start = end.saturating_sub(COPIED).max(bytes.start);
        let mut piece = vec![0; (end - start) as usize];
        let read = file.read_at(&mut piece, start)?;
        if let Some(last) = piece[..read].iter().rposition(|byte| *byte != 0) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(bytes.start)
}
