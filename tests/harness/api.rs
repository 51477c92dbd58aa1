//! The admin API, as a script with `curl` would use it: plain HTTP over one connection a request, nothing shared with the agent's own client but
//! the types of the answers.

use std::fmt::{self, Write as _};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use weir::control::DEADLINE;
use weir::control::letters::{LetterChoice, LetterPage, LettersDropped, LettersReplayed};
use weir::control::status::{AgentStatus, InterceptorStatus, PipelineStatus};
use weir::control::swap::{History, ReloadReport, RollbackRequest, SwapReport, VersionStatus};
use weir::control::tap::TapItem;

/// Longer than any call may take by its own deadline.
const LIMIT: Duration = DEADLINE.saturating_add(Duration::from_secs(20));
/// How long a stream may be silent; there are keep-alive comments in it.
const SILENCE: Duration = Duration::from_secs(60);

/// An agent's API, in the name of one caller.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    token: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Its head, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

/// The API's errors: `application/problem+json`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Problem {
    /// The status code.
    pub status: u16,
    /// In a word.
    pub title: String,
    /// In a sentence.
    #[serde(default)]
    pub detail: String,
    /// All that is wrong, where that is more than one thing.
    #[serde(default)]
    pub problems: Vec<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} {}", self.status, self.title, self.detail, self.problems.join("; "))
    }
}

/// A swap, as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct Swap<'a> {
    /// The component.
    pub component: &'a [u8],
    /// A file's name.
    pub name: &'a str,
    /// Text of its signature.
    pub signature: Option<&'a str>,
    /// Digest that must be running.
    pub expected: Option<&'a str>,
    /// Whether there is to be no trial.
    pub untried: bool,
    /// Seconds to wait for the first batch.
    pub wait: u32,
}

impl Api {
    /// At this address, without a token.
    pub fn new(address: SocketAddr) -> Api {
        Api { address, token: None }
    }

    /// With this token.
    pub fn with_token(&self, token: &str) -> Api {
        Api { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The whole agent.
    pub fn status(&self) -> AgentStatus {
        read(self.get("/api/v1/status"))
    }

    /// A pipeline.
    pub fn pipeline(&self, pipeline: &str) -> PipelineStatus {
        read(self.get(&format!("/api/v1/pipelines/{pipeline}")))
    }

    /// An interceptor, `PIPELINE/INTERCEPTOR`.
    pub fn interceptor(&self, target: &str) -> InterceptorStatus {
        let (pipeline, name) = target.split_once('/').expect("PIPELINE/INTERCEPTOR");
        let found = self.pipeline(pipeline).interceptors.into_iter().find(|interceptor| interceptor.name == name);
        found.unwrap_or_else(|| panic!("there is no {target}"))
    }

    /// The version that judges.
    pub fn version(&self, target: &str) -> VersionStatus {
        self.interceptor(target).version.unwrap_or_else(|| panic!("{target} has no version"))
    }

    /// Stops reading.
    pub fn pause(&self, pipeline: &str) -> PipelineStatus {
        read(self.post(&format!("/api/v1/pipelines/{pipeline}/pause"), "", &[], b""))
    }

    /// Reads again.
    pub fn resume(&self, pipeline: &str) -> PipelineStatus {
        read(self.post(&format!("/api/v1/pipelines/{pipeline}/resume"), "", &[], b""))
    }

    /// Takes the configuration in anew.
    ///
    /// # Errors
    /// The agent's refusal.
    pub fn reload(&self) -> Result<ReloadReport, Problem> {
        result(self.post("/api/v1/reload", "", &[], b"").unwrap())
    }

    /// Takes a new version in.
    ///
    /// # Errors
    /// The agent's refusal.
    pub fn swap(&self, target: &str, swap: &Swap<'_>) -> Result<SwapReport, Problem> {
        result(self.try_swap(target, swap).unwrap())
    }

    /// As [`Api::swap`], of an agent that may die over it.
    ///
    /// # Errors
    /// The connection broke.
    pub fn try_swap(&self, target: &str, swap: &Swap<'_>) -> io::Result<Answer> {
        let Swap { component, name, signature, expected, untried, wait } = swap;
        let mut query = format!("?name={}&trial={}&wait={wait}s", escaped(name), !untried);
        if let Some(expected) = expected {
            let _ = write!(query, "&expected={expected}");
        }
        let signature = signature.map(|text| format!("Weir-Signature: {}", BASE64_STANDARD.encode(text)));
        let headers: Vec<&str> = signature.as_deref().into_iter().collect();
        self.post(&format!("/api/v1/interceptors/{target}/swap{query}"), "application/wasm", &headers, component)
    }

    /// Goes back, to a digest or to the version before.
    ///
    /// # Errors
    /// The agent's refusal.
    pub fn rollback(&self, target: &str, to: Option<&str>) -> Result<SwapReport, Problem> {
        result(self.try_rollback(target, to).unwrap())
    }

    /// As [`Api::rollback`], of an agent that may die over it.
    ///
    /// # Errors
    /// The connection broke.
    pub fn try_rollback(&self, target: &str, to: Option<&str>) -> io::Result<Answer> {
        let request = RollbackRequest { to: to.map(str::to_owned), why: "a test".to_owned() };
        self.post_json(&format!("/api/v1/interceptors/{target}/rollback"), &request)
    }

    /// The versions, the newest first.
    pub fn history(&self, target: &str) -> History {
        read(self.get(&format!("/api/v1/interceptors/{target}/history?limit=1000")))
    }

    /// A pipeline's dead letters.
    pub fn letters(&self, pipeline: &str, query: &str) -> LetterPage {
        read(self.get(&format!("/api/v1/pipelines/{pipeline}/dead-letters{query}")))
    }

    /// Sends letters through the chain again.
    ///
    /// # Errors
    /// The agent's refusal.
    pub fn replay(&self, pipeline: &str, choice: &LetterChoice) -> Result<LettersReplayed, Problem> {
        result(self.post_json(&format!("/api/v1/pipelines/{pipeline}/dead-letters/replay"), choice).unwrap())
    }

    /// Forgets letters.
    ///
    /// # Errors
    /// The agent's refusal.
    pub fn drop_letters(&self, pipeline: &str, choice: &LetterChoice) -> Result<LettersDropped, Problem> {
        result(self.post_json(&format!("/api/v1/pipelines/{pipeline}/dead-letters/drop"), choice).unwrap())
    }

    /// Listens at an interceptor; `query` begins with `?`.
    ///
    /// # Errors
    /// The agent's refusal.
    pub fn tap(&self, target: &str, query: &str) -> Result<Tap, Problem> {
        let path = format!("/api/v1/interceptors/{target}/tap{query}");
        let mut lines = BufReader::new(self.send("GET", &path, &[], b"").unwrap());
        lines.get_ref().set_read_timeout(Some(SILENCE)).unwrap();
        let mut answer = read_head(&mut lines).unwrap();
        if answer.status == 200 {
            return Ok(Tap { lines });
        }
        lines.read_to_string(&mut answer.body).unwrap();
        result(answer).map(|_: serde_json::Value| unreachable!("an error is a problem"))
    }

    /// A GET.
    ///
    /// # Errors
    /// The connection broke.
    pub fn get(&self, path: &str) -> io::Result<Answer> {
        answer(self.send("GET", path, &[], b"")?)
    }

    /// A POST with more header lines.
    ///
    /// # Errors
    /// The connection broke.
    pub fn post(&self, path: &str, kind: &str, headers: &[&str], body: &[u8]) -> io::Result<Answer> {
        let kind = format!("Content-Type: {kind}");
        let mut lines = headers.to_vec();
        if !body.is_empty() {
            lines.push(&kind);
        }
        answer(self.send("POST", path, &lines, body)?)
    }

    fn post_json(&self, path: &str, body: &impl serde::Serialize) -> io::Result<Answer> {
        self.post(path, "application/json", &[], &serde_json::to_vec(body).unwrap())
    }

    /// Sends a request, and leaves the answer to be read. HTTP/1.0, so that it comes as it is and ends with the connection.
    fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        if let Some(token) = &self.token {
            let _ = write!(head, "Authorization: Bearer {token}\r\n");
        }
        for line in headers {
            let _ = write!(head, "{line}\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        // Whoever refuses a body need not read it: then the answer counts, not the broken pipe.
        let _ = stream.write_all(body);
        Ok(stream)
    }
}

/// What a tap hears, until the agent ends it.
#[derive(Debug)]
pub struct Tap {
    lines: BufReader<TcpStream>,
}

impl Iterator for Tap {
    type Item = TapItem;

    fn next(&mut self) -> Option<TapItem> {
        let mut data = String::new();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap_or_else(|error| panic!("the tap is silent: {error}")) == 0 {
                return None;
            }
            match line.trim_end_matches(['\r', '\n']) {
                "" if data.is_empty() => {}
                "" => return Some(serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"))),
                line => data.push_str(line.strip_prefix("data:").unwrap_or_default()),
            }
        }
    }
}

/// Reads an answer to its end, or to that of its connection.
///
/// # Errors
/// The connection broke, or what came is no HTTP.
pub fn answer(stream: TcpStream) -> io::Result<Answer> {
    let mut lines = BufReader::new(stream);
    let mut answer = read_head(&mut lines)?;
    let length = answer.head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = Vec::new();
    match lines.take(length.unwrap_or(u64::MAX)).read_to_end(&mut body) {
        // Refused in the middle of a body that it did not read: the kernel may reset the connection behind the answer.
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => return Err(error),
        _ => answer.body = String::from_utf8_lossy(&body).into_owned(),
    }
    Ok(answer)
}

fn read_head(lines: &mut impl BufRead) -> io::Result<Answer> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the answer's head ends after {head:?}")));
        }
        if line.trim_end().is_empty() {
            break;
        }
        head.push_str(&line.to_ascii_lowercase());
    }
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP: {head:?}")))?;
    Ok(Answer { status, head, body: String::new() })
}

#[track_caller]
fn read<T: DeserializeOwned>(answer: io::Result<Answer>) -> T {
    result(answer.unwrap()).unwrap_or_else(|problem| panic!("{problem}"))
}

/// What an answer says.
///
/// # Errors
/// It is a problem.
///
/// # Panics
/// When it is neither what was asked for nor a problem.
#[track_caller]
pub fn result<T: DeserializeOwned>(answer: Answer) -> Result<T, Problem> {
    if answer.status < 300 {
        return Ok(serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body)));
    }
    assert!(answer.head.contains("application/problem+json"), "{}\n{}", answer.head, answer.body);
    let problem: Problem = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body));
    assert_eq!(problem.status, answer.status, "{problem}");
    Err(problem)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
