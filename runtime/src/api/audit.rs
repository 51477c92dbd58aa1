//! The audit log: a JSON line for every change that was asked for, refused ones too, in a file that only the agent's user reads.
//!
//! A line has neither tokens nor bodies. Each is synced to disk before the caller has its answer. The file is opened for each, so that a rotated one
//! is left to whoever rotates. A disk that takes no line does not stop the operator, who may be about to roll back: the line is in the agent's
//! log under `weir::audit` in any case, with an error beside it.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::Request;
use serde::Serialize;
use tracing::{error, info};

use crate::control;

/// Calls that were refused before the agent had them: so many lines at once, and one more each `REFILL`.
const REFUSALS: u32 = 20;
const REFILL: Duration = Duration::from_secs(1);
/// Most characters of a path or a detail.
const LONGEST: usize = 1_000;

/// A change that was asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    time: u64,
    /// Who asked; `None` where that is not known.
    pub(super) caller: Option<String>,
    remote: SocketAddr,
    method: String,
    path: String,
    /// The version it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    status: u16,
    detail: String,
    millis: u64,
    /// Refused calls before this one that have no line.
    #[serde(skip_serializing_if = "is_zero")]
    skipped: u64,
    /// Whether the agent was given it.
    #[serde(skip)]
    pub(super) reached: bool,
    #[serde(skip)]
    began: Instant,
}

impl Entry {
    /// A request that has just come.
    pub(super) fn of<B>(request: &Request<B>, remote: SocketAddr) -> Entry {
        Entry {
            time: control::now(),
            caller: None,
            remote,
            method: request.method().to_string(),
            path: cut(request.uri().path()),
            digest: None,
            status: 0,
            detail: String::new(),
            millis: 0,
            skipped: 0,
            reached: false,
            began: Instant::now(),
        }
    }

    /// How it ended.
    pub(super) fn end(&mut self, status: u16, detail: &str) {
        self.status = status;
        self.detail = cut(detail);
        self.millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
    }
}

/// The file of it.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    // Lines are written one after the other, on blocking threads.
    turn: Arc<Mutex<()>>,
    refusals: Mutex<Refusals>,
}

impl Log {
    /// Appends to `path`, which is made with its folder when there is something to write.
    pub fn at(path: PathBuf) -> Log {
        Log { path, turn: Arc::default(), refusals: Mutex::new(Refusals::new(Instant::now())) }
    }

    /// Writes a line, unless it is one refusal of too many.
    pub(super) async fn write(&self, mut entry: Entry) {
        let allowed = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).allow(entry.reached, Instant::now());
        let Some(skipped) = allowed else { return };
        entry.skipped = skipped;
        let Entry { caller, remote, method, path, digest, status, detail, millis, .. } = &entry;
        info!(target: "weir::audit", caller, %remote, method, path, digest, status, millis, skipped, "{detail}");
        let mut line = match serde_json::to_vec(&entry) {
            Ok(line) => line,
            Err(error) => return error!(%error, "an audit line cannot be put into JSON"),
        };
        line.push(b'\n');
        let (path, turn) = (self.path.clone(), self.turn.clone());
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            append(&path, &line)
        });
        if let Err(error) = written.await.map_err(io::Error::other).and_then(|written| written) {
            error!(path = %self.path.display(), %error, "the audit log cannot be written");
        }
    }
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let is_new = !path.exists();
    let mut file = fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        // A line that a crash tore is closed, not continued.
        bytes.extend((last != *b"\n").then_some(b'\n'));
    }
    bytes.extend_from_slice(line);
    file.write_all(&bytes)?;
    file.sync_data()?;
    if is_new {
        // The name itself must survive a power loss too.
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// How many refusals may be written: whoever is turned away does not fill the disk.
#[derive(Debug)]
struct Refusals {
    left: u32,
    refilled: Instant,
    skipped: u64,
}

impl Refusals {
    fn new(now: Instant) -> Refusals {
        Refusals { left: REFUSALS, refilled: now, skipped: 0 }
    }

    /// How many were skipped before this one; `None` skips it too.
    fn allow(&mut self, reached: bool, now: Instant) -> Option<u64> {
        let gained = now.saturating_duration_since(self.refilled).as_secs() / REFILL.as_secs();
        if gained > 0 {
            self.left = self.left.saturating_add(u32::try_from(gained).unwrap_or(REFUSALS)).min(REFUSALS);
            self.refilled = now;
        }
        if !reached && self.left == 0 {
            self.skipped += 1;
            return None;
        }
        self.left -= u32::from(!reached);
        Some(std::mem::take(&mut self.skipped))
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn entry(reached: bool) -> Entry {
        let request = Request::builder().method("POST").uri("/api/v1/reload?why=secret").body(()).expect("a request");
        let mut entry = Entry::of(&request, SocketAddr::from(([127, 0, 0, 1], 1)));
        entry.reached = reached;
        entry.end(200, "done\nand done");
        entry
    }

    #[tokio::test]
    async fn a_line_is_appended_to_a_private_file_and_a_torn_one_is_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/audit.jsonl");
        let log = Log::at(path.clone());
        log.write(entry(true)).await;
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        fs::OpenOptions::new().append(true).open(&path).expect("a file").write_all(b"{\"torn").expect("written");
        log.write(entry(true)).await;
        let text = fs::read_to_string(&path).expect("a file");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(!text.contains("secret"), "the query has no place here: {text}");
        for line in [lines[0], lines[2]] {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(line["path"], "/api/v1/reload");
            assert_eq!(line["detail"], "done\nand done");
            assert_eq!(line["status"], 200);
        }
    }

    #[test]
    fn refusals_are_limited_counted_and_never_at_the_cost_of_a_change() {
        let began = Instant::now();
        let mut refusals = Refusals::new(began);
        assert_eq!((0..100).filter(|_| refusals.allow(false, began).is_some()).count(), 20);
        assert_eq!(refusals.allow(true, began), Some(80));
        assert_eq!(refusals.allow(false, began + REFILL), Some(0));
        assert_eq!(refusals.allow(false, began + REFILL), None);
        assert_eq!(refusals.allow(false, began + 100 * REFILL), Some(1));
    }

    #[tokio::test]
    async fn a_folder_that_takes_no_file_stops_nobody() {
        Log::at(PathBuf::from("/proc/weir/audit.jsonl")).write(entry(true)).await;
    }
}
