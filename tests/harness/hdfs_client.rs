//! Hadoop's own client, in one process of its own for as long as a cluster is there: what it reads is what any Hadoop job would read.
//!
//! `servers/HdfsClient.java` is the other side and says how the two talk.

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};

use super::maven;
use super::process::Process;

/// What each question may be answered with, one after another.
enum Frame {
    File(StoredFile),
    Record { key: Vec<u8>, value: Vec<u8> },
    Damage(String),
    Number(i64),
    Text(String),
}

/// A file as the NameNode knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its path, without scheme and host.
    pub path: String,
    /// What a reader sees, bytes. Of a file that is open and only listed: what the NameNode has been told.
    pub length: u64,
    /// No writer has it open.
    pub closed: bool,
}

/// A file and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The file.
    pub file: StoredFile,
    /// Its records: lines without their end, a SequenceFile's or a container's values, of compressed ones too.
    pub records: Vec<Record>,
    /// Why it cannot be read further than this. A line without an end is no record, and said here.
    pub damage: Option<String>,
}

/// A record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// A SequenceFile's key as text, the headers of Flume's container as JSON, else nothing.
    pub key: Vec<u8>,
    /// Line, value, or body.
    pub value: Vec<u8>,
}

/// The running client.
#[derive(Debug)]
pub struct Client {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    _process: Process,
}

impl Client {
    /// Starts one with this Hadoop configuration folder; it logs to `log`.
    pub fn start(configuration: &Path, log: &Path) -> Client {
        let classes = maven::compile("HdfsClient", include_str!("servers/HdfsClient.java"), maven::HDFS);
        let mut command = maven::java_with(&[configuration, &classes], maven::HDFS);
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "--add-opens=java.base/java.lang=ALL-UNNAMED", "HdfsClient"]);
        super::broker::log_to(&mut command, log);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(command);
        let (requests, answers) = process.pipes();
        Client { requests, answers: BufReader::with_capacity(1 << 16, answers), _process: process }
    }

    /// All files below a path, by name; none when it is not there.
    pub fn list(&mut self, path: &str) -> Vec<StoredFile> {
        let mut found = Vec::new();
        self.ask(&["list", path], |frame| match frame {
            Frame::File(file) => found.push(file),
            _ => unreachable!("a list is of files"),
        })
        .unwrap_or_else(|error| panic!("list {path}: {error}"));
        found
    }

    /// Reads all files below a path, in the order of their names, and gives them out one by one.
    pub fn read(&mut self, path: &str, mut each: impl FnMut(Contents)) {
        let mut current: Option<Contents> = None;
        self.ask(&["read", path], |frame| match frame {
            Frame::File(file) => {
                if let Some(whole) = current.replace(Contents { file, records: Vec::new(), damage: None }) {
                    each(whole);
                }
            }
            Frame::Record { key, value } => current.as_mut().expect("a file comes first").records.push(Record { key, value }),
            Frame::Damage(what) => match &mut current {
                Some(file) => file.damage = Some(what),
                None => panic!("read {path}: {what}"),
            },
            Frame::Number(_) | Frame::Text(_) => unreachable!("files have records"),
        })
        .unwrap_or_else(|error| panic!("read {path}: {error}"));
        current.into_iter().for_each(each);
    }

    /// DataNodes that serve, 0 in safe mode.
    ///
    /// # Errors
    /// When the NameNode does not answer.
    pub fn live(&mut self) -> Result<usize, String> {
        let mut live = 0;
        self.ask(&["live"], |frame| {
            if let Frame::Number(number) = frame {
                live = usize::try_from(number).unwrap();
            }
        })?;
        Ok(live)
    }

    /// Runs a tool, `shell` or `fsck`, and returns its exit code and what it says.
    pub fn run(&mut self, tool: &str, arguments: &[&str]) -> (i64, String) {
        let mut answer = (-1, String::new());
        self.ask(&[&[tool], arguments].concat(), |frame| match frame {
            Frame::Number(code) => answer.0 = code,
            Frame::Text(said) => answer.1 = said,
            _ => unreachable!("a tool has a code and text"),
        })
        .unwrap_or_else(|error| panic!("{tool} {arguments:?}: {error}"));
        answer
    }

    fn ask(&mut self, words: &[&str], mut each: impl FnMut(Frame)) -> Result<(), String> {
        let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
        let mut request = length(words.len()).to_vec();
        for word in words {
            request.extend(length(word.len()));
            request.extend(word.as_bytes());
        }
        self.requests.write_all(&request).unwrap();
        self.requests.flush().unwrap();
        let mut failure = None;
        loop {
            each(match self.take::<1>()[0] {
                b'F' => Frame::File(StoredFile { path: self.text(), length: self.number().cast_unsigned(), closed: self.take() == [1] }),
                b'R' => Frame::Record { key: self.word(), value: self.word() },
                b'D' => Frame::Damage(self.text()),
                b'N' => Frame::Number(self.number()),
                b'S' => Frame::Text(self.text()),
                b'X' => {
                    failure = Some(self.text());
                    continue;
                }
                b'E' => return failure.map_or(Ok(()), Err),
                other => panic!("Hadoop's client answers {other}"),
            });
        }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.answers.read_exact(&mut bytes).expect("Hadoop's client lives as long as its cluster");
        bytes
    }

    fn number(&mut self) -> i64 {
        i64::from_be_bytes(self.take())
    }

    fn word(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; u32::from_be_bytes(self.take()) as usize];
        self.answers.read_exact(&mut bytes).expect("Hadoop's client ends what it says");
        bytes
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.word()).into_owned()
    }
}
