//! What a crash left behind: files under the names they have in use.
//!
//! Flume leaves them for ever. Here the sink looks for them when it starts, in every directory that its path can be expanded to, and again in a
//! directory when it is first used. A file that somebody writes to is never touched: it is taken over only once its writer is gone, which HDFS
//! says a minute after (the soft limit of a lease) and a local file at once (its lock). Where one file of a writer is found abandoned, so are all its
//! files. A sink that fails over files of offsets, and is made anew, sees to them itself, and at once: they are its client's.
//!
//! | left over | becomes |
//! |---|---|
//! | empty, or nothing of it synced | deleted |
//! | of a counter | whole, under the name it would have had: all that was acknowledged is in it, and on HDFS nothing else, as the NameNode knows how much was synced. In a local directory more may follow, and the last of it be torn |
//! | of offsets | deleted: nothing of it was acknowledged, all of it comes again |
//! | a copy that was to replace one of these | deleted |
//! | of a counter, in a format that can be read only once it is closed | left, since nobody can read it, and said so |

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::fs::{Error, Seized, beside};
use super::names::Stem;
use super::work::Common;
use crate::error_chain;
use crate::escape::{Piece, Template};

/// Between two looks at files that somebody may still write to.
const EVERY: Duration = Duration::from_secs(5);

/// How long a file is looked at: longer than HDFS keeps the lease of a dead writer at most.
const LONGEST: Duration = Duration::from_secs(65 * 60);

/// How long a writer counts as gone after one of its files was found to be abandoned; within the life of a lease.
const GONE: Duration = Duration::from_secs(50);

/// Most directories that are looked through at the start.
const DIRECTORIES: usize = 20_000;

/// Names that may be taken before one is given up on.
const NAMES: i64 = 1000;

/// Looks for leftovers, and sees to them.
pub(super) struct Recovery {
    pub(super) common: Arc<Common>,
    /// Where files go.
    pub(super) directories: Directories,
    /// What their prefix may be.
    pub(super) prefix: Regex,
    /// Whether files can be read only once they are closed.
    pub(super) unreadable: bool,
}

struct Leftover {
    directory: String,
    name: String,
    prefix: String,
    /// `None` is a copy that was to take a file's place.
    stem: Option<Stem>,
    found: Instant,
    /// How much of it is known to be all that was acknowledged.
    synced: Option<u64>,
    /// Who wrote to it.
    owner: Option<String>,
}

/// Writers that are gone, and since when that is known.
type Gone = HashMap<String, Instant>;

impl Leftover {
    fn path(&self) -> String {
        format!("{}/{}", self.directory, self.name)
    }
}

impl Recovery {
    /// Looks everywhere, then wherever it is told to; ends when nobody can tell it any more.
    pub(super) async fn run(&self, mut used: mpsc::UnboundedReceiver<String>) {
        if self.common.naming.is_one() {
            return;
        }
        let (mut leftovers, mut gone) = (Vec::new(), Gone::new());
        let mut unseen = VecDeque::from([self.directories.root.clone()]);
        let mut seen = 0;
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                directory = used.recv() => match directory {
                    Some(directory) => {
                        if self.look_into(&directory, &mut leftovers).await.is_err() {
                            unseen.push_back(directory);
                        }
                    }
                    None => return,
                },
                _ = ticks.tick(), if !leftovers.is_empty() => self.tend(&mut leftovers, &mut gone).await,
                () = std::future::ready(()), if !unseen.is_empty() => self.walk(&mut unseen, &mut seen, &mut leftovers).await,
            }
        }
    }

    /// Looks into the next directory.
    async fn walk(&self, unseen: &mut VecDeque<String>, seen: &mut usize, leftovers: &mut Vec<Leftover>) {
        let Some(directory) = unseen.pop_front() else { return };
        match self.look_into(&directory, leftovers).await {
            Ok(below) => unseen.extend(below.into_iter().filter(|path| self.directories.leads(path))),
            Err(error) => {
                warn!(directory, error = %error_chain(&error), "could not look for files that a crash left, trying again");
                unseen.push_front(directory);
                tokio::time::sleep(EVERY).await;
                return;
            }
        }
        *seen += 1;
        if *seen >= DIRECTORIES && !unseen.is_empty() {
            warn!(
                root = self.directories.root,
                "more than {DIRECTORIES} directories: the rest is not looked through for files that a crash left"
            );
            unseen.clear();
        }
    }

    /// Notes the leftovers in a directory, and gives back the directories in it.
    async fn look_into(&self, directory: &str, leftovers: &mut Vec<Leftover>) -> Result<Vec<String>, Error> {
        // The root of all is nothing and a slash.
        let directory = directory.trim_end_matches('/');
        let listed = if directory.is_empty() { "/" } else { directory };
        let mut below = Vec::new();
        for entry in self.common.fs.list(listed).await? {
            let path = match directory {
                "." => entry.name.clone(),
                _ => format!("{directory}/{}", entry.name),
            };
            if entry.is_directory {
                below.push(path);
                continue;
            }
            let Some(leftover) = self.leftover(directory, &entry.name) else { continue };
            let known = leftovers.iter().any(|other| other.name == leftover.name && other.directory == directory);
            if !known && !self.common.ours.has(&path) {
                debug!(path, "a file that a crash may have left");
                leftovers.push(leftover);
            }
        }
        Ok(below)
    }

    /// A file in a directory, if its name is that of one in use.
    fn leftover(&self, directory: &str, name: &str) -> Option<Leftover> {
        let bare = beside(name).unwrap_or(name);
        let is_prefix = |prefix: &str| self.prefix.is_match(prefix);
        let (prefix, stem) = self.common.naming.read_in_use(bare, &is_prefix)?;
        let stem = Some(stem).filter(|_| bare == name);
        let (directory, name, prefix) = (directory.to_owned(), name.to_owned(), prefix.to_owned());
        Some(Leftover { directory, name, prefix, stem, found: Instant::now(), synced: None, owner: None })
    }

    /// Deletes those of these files that are of offsets. The sink itself wrote them, and is gone; its successor may look after them, too.
    pub(super) async fn see_to(&self, paths: Vec<String>) {
        let parts = paths.iter().filter_map(|path| path.rsplit_once('/'));
        let files = parts.filter_map(|(directory, name)| self.leftover(directory, name));
        let mut leftovers: Vec<_> = files.filter(|file| matches!(file.stem, Some(Stem::Open { .. } | Stem::Range { .. }))).collect();
        let mut gone = Gone::new();
        while !leftovers.is_empty() {
            // At first for what was under way when the sink went.
            tokio::time::sleep(EVERY).await;
            self.tend(&mut leftovers, &mut gone).await;
        }
    }

    async fn tend(&self, leftovers: &mut Vec<Leftover>, gone: &mut Gone) {
        gone.retain(|_, since| since.elapsed() < GONE);
        for mut leftover in std::mem::take(leftovers) {
            let path = leftover.path();
            match self.settle(&mut leftover, gone).await {
                Ok(true) => {}
                Ok(false) if leftover.found.elapsed() < LONGEST => leftovers.push(leftover),
                Ok(false) => info!(path, "a file in use is written by somebody else, and left to them"),
                Err(error) if leftover.found.elapsed() < LONGEST => {
                    debug!(path, error = %error_chain(&error), "could not see to a file that a crash left, trying again");
                    leftovers.push(leftover);
                }
                Err(error) => warn!(path, error = %error_chain(&error), "could not see to a file that a crash left, and gave up"),
            }
        }
    }

    /// Sees to one; false: somebody writes to it, or did so lately.
    async fn settle(&self, leftover: &mut Leftover, gone: &mut Gone) -> Result<bool, Error> {
        let path = leftover.path();
        let fs = &self.common.fs;
        if self.common.ours.has(&path) || fs.length(&path).await?.is_none() {
            return Ok(true);
        }
        match self.seize(&path, leftover.owner.as_ref().is_some_and(|owner| gone.contains_key(owner))).await? {
            Seized::Free => {}
            Seized::Held(owner) => {
                leftover.owner = owner;
                return Ok(false);
            }
            // It is none of those that are written: nobody closes it but this.
            Seized::Forgotten => {
                let length = fs.length(&path).await?;
                leftover.synced = leftover.synced.or(length);
                if !fs.reclaim(&path).await? {
                    return Ok(false);
                }
            }
            Seized::Ending => {
                // Then all of its writer's files are: taking them over one by one, each would wait for the lease's life.
                gone.extend(leftover.owner.clone().map(|owner| (owner, Instant::now())));
                // No writer can sync any more; should it be closed just now, it is too much rather than too little.
                let length = fs.length(&path).await?;
                leftover.synced = leftover.synced.or(length);
                return Ok(false);
            }
        }
        let Some(bytes) = fs.length(&path).await? else { return Ok(true) };
        let bytes = leftover.synced.map_or(bytes, |synced| bytes.min(synced));
        match leftover.stem {
            _ if bytes == 0 => {
                fs.delete(&path).await?;
                info!(path, "deleted a file that a crash left, and in which nothing was synced");
            }
            Some(Stem::Counter(_)) if self.unreadable => {
                warn!(path, bytes, "a crash left a file that nobody can read, as it was not closed; its events were written again");
            }
            Some(Stem::Counter(counter)) => {
                if fs.length(&path).await?.is_some_and(|found| found > bytes) {
                    fs.shorten(&path, bytes).await?;
                }
                self.rename(leftover, counter, bytes).await?;
            }
            Some(Stem::Open { .. } | Stem::Range { .. }) | None => {
                fs.delete(&path).await?;
                info!(path, bytes, "deleted a file that a crash left; its events come again");
            }
        }
        Ok(true)
    }

    /// The file of a writer that is gone is asked for without further ado.
    async fn seize(&self, path: &str, gone: bool) -> Result<Seized, Error> {
        if !gone {
            return self.common.fs.seize(path).await;
        }
        Ok(if self.common.fs.reclaim(path).await? { Seized::Free } else { Seized::Ending })
    }

    async fn rename(&self, leftover: &Leftover, counter: i64, bytes: u64) -> Result<(), Error> {
        let path = leftover.path();
        for counter in counter..counter.saturating_add(NAMES) {
            let whole = format!("{}/{}", leftover.directory, self.common.naming.whole(&leftover.prefix, &Stem::Counter(counter)));
            match self.common.fs.rename(&path, &whole).await {
                Ok(()) => {
                    info!(path, whole, bytes, "recovered a file that a crash left");
                    return Ok(());
                }
                Err(Error::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Exists { path })
    }
}

/// The directories that a path can be expanded to.
pub(super) struct Directories {
    /// All of them are below, or this is the one.
    pub(super) root: String,
    /// One for each that is on the way to one, and for those themselves.
    levels: Vec<Regex>,
}

impl Directories {
    /// Those of a path, below its root.
    pub(super) fn of(path: &Template, root: &str) -> Directories {
        let pieces: Vec<_> = path.pieces().collect();
        // A header may be empty, and then its slash is, too; or may hold slashes.
        let slash = if pieces.iter().any(|piece| matches!(piece, Piece::Header)) { "/*" } else { "/" };
        let (mut levels, mut level) = (Vec::new(), String::new());
        for piece in pieces {
            match piece {
                Piece::Header => level.push_str(".*"),
                // Three levels.
                Piece::Time('D') => level.push_str(".*"),
                Piece::Time(_) => level.push_str("[^/]*"),
                Piece::Text(text) => {
                    for (index, component) in text.split('/').enumerate() {
                        if index > 0 {
                            levels.push(level.clone());
                            level.push_str(slash);
                        }
                        level.push_str(&regex::escape(component));
                    }
                }
            }
        }
        levels.push(level);
        let regex = |level: String| Regex::new(&format!("(?s)^{level}/*$")).ok();
        Directories { root: root.to_owned(), levels: levels.into_iter().filter_map(regex).collect() }
    }

    /// Whether a directory is one of them, or on the way to one.
    fn leads(&self, directory: &str) -> bool {
        self.levels.iter().any(|level| level.is_match(directory))
    }
}

/// What a prefix can be expanded to.
pub(super) fn prefix(template: &Template) -> Option<Regex> {
    let pieces = template.pieces().map(|piece| match piece {
        Piece::Text(text) => regex::escape(text),
        Piece::Header | Piece::Time(_) => ".*".to_owned(),
    });
    Regex::new(&format!("(?s)^{}$", pieces.collect::<String>())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(path: &str, directory: &str) -> bool {
        let template = Template::parse(path).expect("a template");
        Directories::of(&template, "/").leads(directory)
    }

    #[test]
    fn only_directories_that_the_path_can_lead_to_are_looked_into() {
        for directory in ["/a", "/a/2026", "/a/2026/11-25", "/a/x/11-9"] {
            assert!(leads("/a/%Y/%m-%d", directory), "{directory}");
        }
        for directory in ["/b", "/a/2026/11", "/a/2026/11-25/x", "/a/2026/x/11-25"] {
            assert!(!leads("/a/%Y/%m-%d", directory), "{directory}");
        }
        for directory in ["/a", "/a/b", "/a/b/c/x", "/a/x", "/a/b/c"] {
            assert!(leads("/a/%{h}/x", directory), "{directory}");
        }
        assert!(leads("/a/%D", "/a/03/10/12") && leads("/a/%D", "/a/03") && leads("a/%Y", "a/2026"));
    }

    #[test]
    fn a_prefix_may_be_whatever_its_escapes_become() {
        let prefix = |text: &str| prefix(&Template::parse(text).expect("a template")).expect("a pattern");
        assert!(prefix("a.b-%{h}").is_match("a.b-x.y") && !prefix("a.b-%{h}").is_match("aXb-x"));
        assert!(prefix("p").is_match("p") && !prefix("p").is_match("pp"));
    }
}
