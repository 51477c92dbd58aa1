//! Dead letters as JSON lines in a file, synced to disk. A line torn by a crash or a full disk is cut off or closed, never continued.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::Error;
use crate::batch::Rejected;

/// An open file of dead letters.
pub(super) struct File {
    pipeline: String,
    path: PathBuf,
    // Shared with the blocking thread that is writing; never contended.
    open: Arc<Mutex<Option<Open>>>,
}

struct Open {
    file: fs::File,
    length: u64,
}

impl File {
    /// Makes sure that the file can be written, creating it and its folder. It is let go until the first event: it may still be the file of
    /// the pipeline that this one is going to replace.
    pub(super) async fn open(pipeline: &str, path: PathBuf) -> Result<File, Error> {
        let file = File::lazy(pipeline, path.clone());
        let opened = tokio::task::spawn_blocking(move || appendable(&path).map(drop));
        let failed = |source| Error::File { path: file.path.clone(), source };
        opened.await.map_err(|panic| failed(std::io::Error::other(panic)))?.map_err(failed)?;
        Ok(file)
    }

    /// A file that is made when the first event is written.
    pub(super) fn lazy(pipeline: &str, path: PathBuf) -> File {
        File { pipeline: pipeline.to_owned(), path, open: Arc::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends and syncs; after an error nothing of these events is in the file.
    pub(super) async fn write(&self, rejected: &[Rejected]) -> Result<(), Error> {
        let mut lines = Vec::new();
        for one in rejected {
            Line::new(&self.pipeline, one).append_to(&mut lines);
        }
        let (open, path) = (self.open.clone(), self.path.clone());
        let written = tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            append(&mut open, &path, &lines)
        });
        let failed = |source| Error::File { path: self.path.clone(), source };
        written.await.map_err(|panic| failed(std::io::Error::other(panic)))?.map_err(failed)
    }
}

fn append(open: &mut Option<Open>, path: &Path, lines: &[u8]) -> std::io::Result<()> {
    let mut writer = match open.take() {
        Some(writer) => writer,
        None => Open::at(path)?,
    };
    match writer.file.write_all(lines).and_then(|()| writer.file.sync_data()) {
        Ok(()) => {
            writer.length += lines.len() as u64;
            *open = Some(writer);
            Ok(())
        }
        // Not kept open: after a failed sync the kernel may have dropped the pages, so the next try starts from what is on disk.
        Err(error) => {
            let _ = writer.file.set_len(writer.length);
            Err(error)
        }
    }
}

/// Opens or creates the file and its folder.
fn appendable(path: &Path) -> std::io::Result<fs::File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let file = fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    // The name itself must survive a power loss too.
    fs::File::open(folder)?.sync_all()?;
    Ok(file)
}

impl Open {
    fn at(path: &Path) -> std::io::Result<Open> {
        let mut file = appendable(path)?;
        let mut length = file.metadata()?.len();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                length += 1;
            }
        }
        Ok(Open { file, length })
    }
}

/// One dead letter. Values that are not UTF-8 are in base64, in a field of that name.
#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since the epoch when it was refused.
    time: u128,
    pipeline: &'a str,
    stage: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    backtrace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    timestamp: Option<i64>,
    key: Option<Value<'a>>,
    headers: Vec<(Value<'a>, Option<Value<'a>>)>,
    body: Option<Value<'a>>,
}

/// Text, or `{"base64": "..."}`.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    Binary { base64: String },
}

impl<'a> Value<'a> {
    fn new(bytes: &'a [u8]) -> Value<'a> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Binary { base64: STANDARD.encode(bytes) },
        }
    }
}

impl<'a> Line<'a> {
    fn new(pipeline: &'a str, rejected: &'a Rejected) -> Line<'a> {
        let (event, rejection) = (&rejected.event, &rejected.rejection);
        let origin = event.origin.as_ref();
        Line {
            time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis()),
            pipeline,
            stage: &rejection.stage,
            reason: &rejection.reason,
            backtrace: rejection.backtrace.as_deref(),
            plugin: rejection.plugin.as_deref(),
            topic: origin.map(|origin| &*origin.topic),
            partition: origin.map(|origin| origin.partition),
            offset: origin.map(|origin| origin.offset),
            timestamp: event.timestamp,
            key: event.key.as_deref().map(Value::new),
            headers: event.headers.iter().map(|header| (Value::new(&header.name), header.value.as_deref().map(Value::new))).collect(),
            body: event.body.as_deref().map(Value::new),
        }
    }

    fn append_to(&self, lines: &mut Vec<u8>) {
        // Strings and numbers only: this cannot fail but for want of memory.
        if serde_json::to_writer(&mut *lines, self).is_ok() {
            lines.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Rejection;
    use crate::event::{Event, Origin, Scope};

    fn rejected(body: &'static [u8]) -> Rejected {
        let mut event = Event::new(body);
        event.origin = Some(Origin { topic: "txn".into(), partition: 1, offset: 99 });
        event.headers.push("x", Some("1".into()), Scope::Record);
        let rejection = Rejection { stage: "interceptor int-1".into(), reason: "trapped".into(), ..Rejection::default() };
        Rejected { event, rejection }
    }

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        fs::read_to_string(path).expect("file").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[tokio::test]
    async fn a_line_tells_where_the_event_came_from_and_keeps_its_bytes() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("deep/letters.jsonl");
        let file = File::open("flume1", path.clone()).await.expect("open");
        file.write(&[rejected(b"text"), rejected(b"\xff\x00")]).await.expect("write");
        let lines = lines(&path);
        assert_eq!(lines[0]["body"], "text");
        assert_eq!(lines[0]["offset"], 99);
        assert_eq!(lines[0]["headers"][0][0], "x");
        assert_eq!(lines[1]["body"]["base64"], STANDARD.encode(b"\xff\x00"));
    }

    #[tokio::test]
    async fn a_line_torn_by_a_crash_is_closed_before_the_next() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("letters.jsonl");
        fs::write(&path, "{\"torn\":").expect("write");
        File::open("p", path.clone()).await.expect("open").write(&[rejected(b"next")]).await.expect("write");
        let text = fs::read_to_string(&path).expect("file");
        let last: serde_json::Value = serde_json::from_str(text.lines().last().expect("line")).expect("JSON");
        assert_eq!(last["body"], "next");
    }

    #[tokio::test]
    async fn a_file_that_is_opened_anew_while_another_still_writes_it_loses_no_line_of_either() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("letters.jsonl");
        let old = File::open("p", path.clone()).await.expect("open");
        old.write(&[rejected(b"1")]).await.expect("write");
        let new = File::open("p", path.clone()).await.expect("open");
        old.write(&[rejected(b"2")]).await.expect("write");
        new.write(&[rejected(b"3")]).await.expect("write");
        let lines = lines(&path);
        assert_eq!(lines.iter().map(|line| line["body"].as_str().expect("text")).collect::<String>(), "123");
        let length = new.open.lock().expect("lock").as_ref().expect("open").length;
        assert_eq!(length, fs::metadata(&path).expect("file").len(), "where a failed write would be cut off");
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_says_which() {
        let failed = File::open("p", "/proc/none/letters.jsonl".into()).await.err().expect("error");
        assert!(failed.to_string().contains("/proc/none/letters.jsonl"), "{failed}");
    }
}
