//! A little space set aside: on a file system that needs space even to delete a file or to write over one, it is given up to get on.

use std::path::{Path, PathBuf};

use super::disk::Disk;

const NAME: &str = "reserve";
const BYTES: u64 = 1 << 20;

/// The space, while there is any.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    kept: bool,
}

impl Reserve {
    pub(super) fn open(disk: &dyn Disk, directory: &Path) -> Reserve {
        let path = directory.join(NAME);
        let kept = disk.open(&path).and_then(|file| file.length()).is_ok_and(|length| length == BYTES);
        let mut reserve = Reserve { path, kept };
        reserve.keep(disk);
        reserve
    }

    /// Takes the space, where there is none; it is only of use on a full disk, so that a failure is none.
    pub(super) fn keep(&mut self, disk: &dyn Disk) {
        if !self.kept {
            self.kept = disk.create(&self.path).and_then(|file| file.allocate(BYTES)).is_ok();
        }
    }

    /// Gives the space up; false where there was none.
    pub(super) fn release(&mut self, disk: &dyn Disk) -> bool {
        std::mem::take(&mut self.kept) && disk.remove(&self.path).is_ok()
    }
}
