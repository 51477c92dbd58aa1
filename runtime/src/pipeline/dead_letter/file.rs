//! Dead letters as JSON lines in a file, synced to disk. A line torn by a crash or a full disk is cut off or closed, never continued.
//!
//! Several writers may share a file: pipelines of one agent, or two agents. Each holds the file's lock while it appends, and looks that the
//! name still means the file it holds, since a compaction puts another in its place.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::Error;
use super::address::Address;
use super::compact::Draft;
use super::letter::Parked;
use super::line;
use super::shelf::{Line, Lines};
use crate::control;

/// A file smaller than this is not compacted, bytes.
const COMPACT_FROM: u64 = 1 << 20;
/// Letters that one line drops.
const DROPPED_A_LINE: usize = 500;

/// A file of dead letters.
#[derive(Debug, Clone)]
pub(super) struct File {
    path: PathBuf,
}

impl File {
    /// Opens or creates the file and its folder: better an error now than at the first bad event.
    pub(super) async fn open(path: PathBuf) -> Result<File, Error> {
        let file = File::lazy(path);
        file.append(Vec::new()).await?;
        Ok(file)
    }

    /// A file that is made when the first event is written.
    pub(super) fn lazy(path: PathBuf) -> File {
        File { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends and syncs; after an error nothing of these letters is in the file.
    pub(super) async fn write(&self, letters: &[Parked]) -> Result<(), Error> {
        let mut lines = Vec::new();
        letters.iter().for_each(|letter| line::write(letter, &mut lines));
        self.append(lines).await
    }

    /// Drops letters: a line says so, and where more than half of a large file is dropped it is written anew without them.
    pub(super) async fn forget(&self, addresses: &[Address], by: &str) -> Result<(), Error> {
        let (mut lines, now) = (Vec::new(), control::now());
        for some in addresses.chunks(DROPPED_A_LINE) {
            line::write_dropped(some, now, by, &mut lines);
        }
        self.append(lines).await?;
        let path = self.path.clone();
        match self.blocking(move || compact(&path, COMPACT_FROM)).await {
            Ok(Some(saved)) => info!(path = ?self.path, bytes = saved, "dropped dead letters left their file"),
            Ok(None) => {}
            // They are dropped all the same, and the next drop tries again.
            Err(error) => warn!(error = %crate::error_chain(&error), "the file of dead letters could not be compacted"),
        }
        Ok(())
    }

    async fn append(&self, lines: Vec<u8>) -> Result<(), Error> {
        let path = self.path.clone();
        self.blocking(move || Held::open(&path)?.append(&lines)).await
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Error> {
        let failed = |source| Error::File { path: self.path.clone(), source };
        tokio::task::spawn_blocking(work).await.map_err(|panic| failed(io::Error::other(panic)))?.map_err(failed)
    }
}

/// The file while no other writer has it.
pub(super) struct Held {
    file: fs::File,
    folder: PathBuf,
}

impl Held {
    pub(super) fn open(path: &Path) -> io::Result<Held> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        fs::create_dir_all(&folder)?;
        loop {
            let file = fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
            match file.lock() {
                // A file system without locks has one writer, or is trusted to be compacted by none.
                Err(error) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
                _ => {}
            }
            match fs::metadata(path) {
                Ok(there) if is_same(&there, &file.metadata()?) => return Ok(Held { file, folder }),
                // Another writer has put a new file in its place while this one waited.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length == 0 {
            // The name itself must survive a power loss too.
            fs::File::open(&self.folder)?.sync_all()?;
        }
        let end = if self.is_torn(length)? { &b"\n"[..] } else { b"" };
        let written = self.file.write_all(&[end, lines].concat()).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // After a failed sync the kernel may have dropped the pages: nothing of them may count.
            let _ = self.file.set_len(length);
        }
        written
    }

    pub(super) fn file(&self) -> &fs::File {
        &self.file
    }

    fn is_torn(&mut self, length: u64) -> io::Result<bool> {
        if length == 0 {
            return Ok(false);
        }
        let mut last = [0];
        self.file.seek(SeekFrom::Start(length - 1))?;
        self.file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }
}

fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Writes the file anew where more than half of its bytes are dropped and it has at least `from` of them; says how many bytes that saved.
pub(super) fn compact(path: &Path, from: u64) -> io::Result<Option<u64>> {
    let held = Held::open(path)?;
    let length = held.file().metadata()?.len();
    if length < from {
        return Ok(None);
    }
    let (dropped, dead) = dropped(held.file())?;
    if 2 * dead <= length {
        return Ok(None);
    }
    Draft::write(path, held.file(), &dropped)?.sync()?.put_in_place()?.sync_folder()?;
    Ok(Some(length.saturating_sub(fs::metadata(path)?.len())))
}

/// Which letters are dropped, and how many bytes they and the lines that drop them take.
pub(super) fn dropped(file: &fs::File) -> io::Result<(HashSet<Address>, u64)> {
    let (mut dropped, mut letters, mut dead) = (HashSet::new(), Vec::new(), 0);
    let mut lines = Lines::of(file)?;
    while let Some(line) = lines.next()? {
        match line.entry {
            line::Entry::Letter(letter) => letters.push((Line::address(letter.id, line.start), line.length as u64)),
            line::Entry::Dropped(addresses) => {
                dropped.extend(addresses);
                dead += line.length as u64;
            }
            line::Entry::Unreadable => {}
        }
    }
    dead += letters.iter().filter(|(address, _)| dropped.contains(address)).map(|(_, length)| length).sum::<u64>();
    Ok((dropped, dead))
}

#[cfg(test)]
mod tests {
    use super::super::shelf::Shelf;
    use super::super::wanted::Wanted;
    use super::*;
    use crate::batch::{Rejected, Rejection};
    use crate::event::Event;

    fn parked(body: &str) -> Parked {
        Parked::new("p", Rejected { event: Event::new(body.to_owned()), rejection: Rejection::default() })
    }

    fn all() -> Wanted {
        Wanted { pipeline: "p".into(), ..Wanted::default() }
    }

    #[tokio::test]
    async fn a_line_torn_by_a_crash_is_closed_before_the_next() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("deep/letters.jsonl");
        let file = File::open(path.clone()).await.expect("open");
        fs::write(&path, "{\"torn\":").expect("write");
        file.write(&[parked("next")]).await.expect("write");
        let shelf = Shelf::look(&path, &all()).expect("look");
        assert_eq!((shelf.addresses().count(), shelf.unreadable), (1, 1));
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_says_which() {
        let failed = File::open("/proc/none/letters.jsonl".into()).await.expect_err("error");
        assert!(failed.to_string().contains("/proc/none/letters.jsonl"), "{failed}");
    }

    #[test]
    fn writers_that_share_a_file_lose_nothing_to_each_others_compactions() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("letters.jsonl");
        let append = |letters: &[Parked], dropped: &[Address]| {
            let mut lines = Vec::new();
            letters.iter().for_each(|letter| line::write(letter, &mut lines));
            line::write_dropped(dropped, 1, "test", &mut lines);
            Held::open(&path).expect("open").append(&lines).expect("append");
        };
        std::thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || {
                    for number in 0..50 {
                        // Of each three one stays.
                        let letters: Vec<_> = (0..3).map(|part| parked(&format!("{writer}/{number}/{part}"))).collect();
                        let gone: Vec<_> = letters[..2].iter().filter_map(|letter| letter.id.map(Address::Id)).collect();
                        append(&letters, &gone);
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..100 {
                    compact(&path, 0).expect("compact");
                }
            });
        });
        assert_eq!(Shelf::look(&path, &all()).expect("look").addresses().count(), 200);
        // More than half of it, whenever the last compaction was.
        let letters: Vec<_> = (0..800).map(|number| parked(&format!("last/{number}"))).collect();
        append(&letters, &letters.iter().filter_map(|letter| letter.id.map(Address::Id)).collect::<Vec<_>>());
        compact(&path, 0).expect("compact");
        assert_eq!(fs::read_to_string(&path).expect("file").lines().count(), 200, "what was dropped has left the file");
    }
}
