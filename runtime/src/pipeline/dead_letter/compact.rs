//! Writing a file of dead letters anew without the dropped ones. Killed at any step, the file is the old one or the new one, and both say the same.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::address::Address;
use super::line::{self, Entry};
use super::shelf::{Line, Lines};

/// The new file beside the old one. Dropped, it is left there, and the next compaction begins over it.
pub(super) struct Draft {
    file: fs::File,
    beside: PathBuf,
    path: PathBuf,
}

/// A draft that is on disk.
pub(super) struct Synced(Draft);

/// The new file under the old one's name.
pub(super) struct InPlace {
    folder: PathBuf,
}

impl Draft {
    /// Copies what is not dropped. Lines that are no letters are left as they are; letters without an id are given one, for their place changes.
    /// Whoever calls this holds the file.
    pub(super) fn write(path: &Path, file: &fs::File, dropped: &HashSet<Address>) -> io::Result<Draft> {
        // A link to the file stays one.
        let path = fs::canonicalize(path)?;
        let mut beside = path.clone().into_os_string();
        beside.push(".draft");
        let beside = PathBuf::from(beside);
        let draft = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        draft.set_permissions(file.metadata()?.permissions())?;
        let mut writer = BufWriter::new(&draft);
        let mut lines = Lines::of(file)?;
        while let Some(line) = lines.next()? {
            match &line.entry {
                Entry::Dropped(_) => continue,
                Entry::Letter(letter) if dropped.contains(&Line::address(letter.id, line.start)) => continue,
                Entry::Letter(letter) if letter.id.is_none() => writer.write_all(&line::with_id(lines.text(), uuid::Uuid::now_v7()))?,
                _ => writer.write_all(lines.text())?,
            }
            writer.write_all(b"\n")?;
        }
        writer.flush()?;
        drop(writer);
        Ok(Draft { file: draft, beside, path })
    }

    pub(super) fn sync(self) -> io::Result<Synced> {
        self.file.sync_all()?;
        Ok(Synced(self))
    }
}

impl Synced {
    pub(super) fn put_in_place(self) -> io::Result<InPlace> {
        fs::rename(&self.0.beside, &self.0.path)?;
        let folder = self.0.path.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(InPlace { folder })
    }
}

impl InPlace {
    /// Until then a power loss may bring the old file back.
    pub(super) fn sync_folder(self) -> io::Result<()> {
        fs::File::open(&self.folder)?.sync_all()
    }
}
