//! Where scored transactions land: a directory laid out as on HDFS, counted from the files in it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::feed::transaction;

/// What a file that is still being written ends with.
const IN_USE: &str = ".tmp";

/// The directory, and what was counted in it so far.
pub(super) struct Landing {
    directory: PathBuf,
    /// Whether files are left where they are once they are counted. A demo runs for as long as somebody watches: nobody's disk is to fill up for that.
    keeps: bool,
    counted: HashSet<PathBuf>,
    /// By id: times landed.
    ids: HashMap<u64, u32>,
    files: u64,
}

impl Landing {
    /// Below `place`, or at `keep` for whoever wants to have the files.
    pub(super) fn new(place: &Path, keep: Option<&Path>) -> anyhow::Result<Landing> {
        let directory = keep.map_or_else(|| place.join("landing"), Path::to_path_buf);
        std::fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
        if std::fs::read_dir(&directory)?.next().is_some() {
            bail!("{} is not empty: what landed could not be told from what was there", directory.display());
        }
        let directory = directory.canonicalize()?;
        Ok(Landing { directory, keeps: keep.is_some(), counted: HashSet::new(), ids: HashMap::new(), files: 0 })
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whole files so far.
    pub(super) fn files(&self) -> u64 {
        self.files
    }

    /// Transactions that landed at least once.
    pub(super) fn landed(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Times that one landed once more.
    pub(super) fn repeated(&self) -> u64 {
        self.ids.values().map(|times| u64::from(times.saturating_sub(1))).sum()
    }

    /// Counts the files that are whole and were not counted yet.
    ///
    /// # Errors
    /// A file cannot be read, or a line of it is no transaction.
    pub(super) fn count(&mut self) -> anyhow::Result<()> {
        let mut directories = vec![self.directory.clone()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).with_context(|| format!("list {}", directory.display()))? {
                let entry = entry?;
                let path = entry.path();
                if entry.file_type()?.is_dir() {
                    directories.push(path);
                } else if !entry.file_name().to_string_lossy().ends_with(IN_USE) && !self.counted.contains(&path) {
                    self.count_file(path)?;
                }
            }
        }
        Ok(())
    }

    fn count_file(&mut self, path: PathBuf) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for line in text.lines() {
            let Some(id) = id_in(line) else { bail!("{} has a line that is no transaction", path.display()) };
            *self.ids.entry(id).or_default() += 1;
        }
        self.files += 1;
        match self.keeps {
            true => drop(self.counted.insert(path)),
            false => std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?,
        }
        Ok(())
    }
}

/// The id at the beginning of a transaction, whole or as the feed broke it: a plugin that was swapped in may pass that on.
fn id_in(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("{\"id\":")?;
    let id = rest[..rest.find(',')?].parse().ok()?;
    (line.ends_with('}') || line == transaction(id)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landing(keeps: bool) -> (tempfile::TempDir, Landing) {
        let place = tempfile::tempdir().expect("folder");
        let keep = place.path().join("kept");
        let landing = Landing::new(place.path(), keeps.then_some(keep.as_path())).expect("a directory");
        (place, landing)
    }

    #[test]
    fn whole_files_are_counted_once_whether_they_are_kept_or_not() {
        for keeps in [true, false] {
            let (_place, mut landing) = landing(keeps);
            let day = landing.directory().join("flume.auths/26-11-25");
            std::fs::create_dir_all(&day).expect("folder");
            std::fs::write(day.join("test-events.1"), "{\"id\":1,\"x\":0}\n{\"id\":2,\"x\":0}\n").expect("write");
            std::fs::write(day.join("test-events.2.tmp"), "{\"id\":3").expect("write");
            landing.count().expect("counted");
            landing.count().expect("counted");
            assert_eq!((landing.files(), landing.landed(), landing.repeated()), (1, 2, 0));
            std::fs::write(day.join("test-events.3"), "{\"id\":2,\"x\":0}\n").expect("write");
            landing.count().expect("counted");
            assert_eq!((landing.files(), landing.landed(), landing.repeated()), (2, 2, 1));
            assert_eq!(day.join("test-events.1").exists(), keeps);
        }
    }

    #[test]
    fn a_transaction_that_the_feed_broke_is_one() {
        let (_place, mut landing) = landing(true);
        std::fs::write(landing.directory().join("test-events.1"), format!("{}\n{}\n", transaction(499), transaction(500))).expect("write");
        landing.count().expect("counted");
        assert_eq!(landing.landed(), 2);
    }

    #[test]
    fn a_line_that_was_torn_and_a_directory_in_use_are_told() {
        let (place, mut landing) = landing(true);
        std::fs::write(landing.directory().join("test-events.1"), "{\"id\":1,\"x\":").expect("write");
        assert!(landing.count().expect_err("torn").to_string().contains("no transaction"));
        assert!(Landing::new(place.path(), Some(landing.directory())).is_err());
    }
}
