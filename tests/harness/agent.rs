//! The real `weir` binary, run as its users run it: a file, a name, a process.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::api::Api;
use super::dead_letters::{self, DeadLetter};
use super::process::{Process, Signal, Usage};
use super::{broker, cache, wait};

/// Compiling plugins for the first time on a busy machine takes its time.
const START_LIMIT: Duration = Duration::from_secs(120);
/// What every agent is given, unless a test says otherwise.
const LIMITS: &str = "drain_limit = \"60s\"";
/// The drain limit given to every agent, and some time to leave the group.
const STOP_LIMIT: Duration = Duration::from_secs(90);

/// A configuration in a directory of its own, from which agents are started.
#[derive(Debug)]
pub struct Site {
    /// The program.
    binary: PathBuf,
    directory: PathBuf,
    /// The configuration file.
    file: PathBuf,
    arguments: Vec<String>,
    /// The configuration is Weir's own and has its `[agent]` in it.
    native: bool,
    dead_letter_topic: Option<String>,
    header_style: &'static str,
    /// Where its agents keep compiled plugins.
    compiled: PathBuf,
    /// More of its `[agent]`.
    settings: String,
    /// Lines of its `[agent]` that a test may choose, the drain limit among them.
    limits: String,
    /// A tmpfs of so many bytes that its agents see at this place, and nobody else.
    small_disk: Option<(PathBuf, u64)>,
    started: AtomicU32,
}

impl Site {
    /// Writes a properties file; `agents` are the names to run from it.
    pub fn new(label: &str, properties: &str, agents: &[&str]) -> Site {
        Site::of(binary(), label, properties, agents)
    }

    /// As [`Site::new`], for agents of this binary.
    pub fn of(binary: &Path, label: &str, properties: &str, agents: &[&str]) -> Site {
        let mut site = Site::at(binary, label, "agent.properties");
        site.rewrite(properties);
        for name in agents {
            site.arguments.extend(["-n".to_owned(), (*name).to_owned()]);
        }
        site
    }

    /// Writes a file in Weir's own form; `limits` are lines of its `[agent]`, the drain limit among them.
    pub fn native(label: &str, pipelines: &str, limits: &str) -> Site {
        let site = Site { native: true, limits: limits.to_owned(), ..Site::at(binary(), label, "agent.toml") };
        site.rewrite(pipelines);
        site
    }

    /// The binary is built before a test feeds anything, or the first agent comes when all is over.
    fn at(binary: &Path, label: &str, file: &str) -> Site {
        let directory = cache::scratch(label);
        let file = directory.join(file);
        let arguments = vec!["run".to_owned(), "-f".to_owned(), file.display().to_string()];
        let started = AtomicU32::new(0);
        Site {
            binary: binary.to_owned(),
            directory,
            file,
            arguments,
            native: false,
            dead_letter_topic: None,
            header_style: "weir",
            // Between runs, as an operator's agent keeps them.
            compiled: cache::kept().join("compiled"),
            settings: String::new(),
            limits: LIMITS.to_owned(),
            small_disk: None,
            started,
        }
    }

    /// Puts another configuration in the file's place, at once, as an editor does.
    pub fn rewrite(&self, configuration: &str) {
        let text = if self.native { format!("{}{configuration}", self.settings(0)) } else { configuration.to_owned() };
        let draft = self.directory.join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, &self.file).unwrap();
    }

    /// Binds a Java class to a plugin.
    pub fn with_plugin(mut self, class: &str, plugin: &Path) -> Site {
        self.arguments.extend(["--plugin-map".to_owned(), format!("{class}={}", plugin.display())]);
        self
    }

    /// Dead letters go to this topic, not to files.
    pub fn with_dead_letter_topic(mut self, topic: &str) -> Site {
        self.dead_letter_topic = Some(topic.to_owned());
        self
    }

    /// Dead letters in a topic have headers of this style: `weir` or `connect`.
    pub fn with_header_style(mut self, style: &'static str) -> Site {
        self.header_style = style;
        self
    }

    /// Compiled plugins are kept here. A native configuration has to be written again after this.
    pub fn with_cache(mut self, directory: &Path) -> Site {
        self.compiled = directory.to_owned();
        self
    }

    /// More lines of the agent's settings: keys of `[agent]`, then tables of their own.
    pub fn with_settings(mut self, toml: &str) -> Site {
        self.settings.push_str(toml);
        self
    }

    /// Its agents have an empty disk of so many bytes at `disk` in the site's directory, each its own. See [`Agent::on_disk`].
    pub fn with_small_disk(mut self, bytes: u64) -> Site {
        let place = self.directory.join("disk");
        fs::create_dir_all(&place).unwrap();
        self.small_disk = Some((place, bytes));
        self
    }

    /// Its directory: the configuration is `agent.properties` there, and other files of a test may be put beside it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts an agent and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not, showing the end of its log.
    pub fn start(&self) -> Agent {
        let mut agent = self.launch(0);
        agent.wait_until_ready();
        agent
    }

    /// Starts an agent and does not wait. Agents that run at the same time need different slots: each has a state directory and a dead-letter file
    /// of its own, which the next one of that slot finds again.
    pub fn launch(&self, slot: u32) -> Agent {
        self.launch_with(slot, &[])
    }

    /// As [`Site::launch`], with these variables in its environment.
    pub fn launch_with(&self, slot: u32, environment: &[(&str, &str)]) -> Agent {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = self.directory.join(format!("agent-{number}.log"));
        let mut command = match &self.small_disk {
            None => Command::new(&self.binary),
            Some((place, bytes)) => on_small_disk(&self.binary, place, *bytes),
        };
        command.args(&self.arguments).current_dir(&self.directory).env_remove("RUST_LOG");
        if !self.native {
            let settings = self.directory.join(format!("settings-{slot}.toml"));
            fs::write(&settings, self.settings(slot)).unwrap();
            command.arg("--settings").arg(settings);
        }
        command.envs(environment.iter().copied());
        broker::log_to(&mut command, &log);
        Agent { process: Process::start(command), log }
    }

    /// What the agents of this site have parked in files, and how many lines of those files are not whole.
    pub fn dead_letters(&self) -> (Vec<DeadLetter>, usize) {
        let (mut letters, mut torn) = (Vec::new(), 0);
        for file in fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "jsonl") {
                let (whole, broken) = dead_letters::read(&file);
                letters.extend(whole);
                torn += broken;
            }
        }
        (letters, torn)
    }

    fn settings(&self, slot: u32) -> String {
        let cache = &self.compiled;
        let file = self.directory.join(format!("dead-letters-{slot}.jsonl"));
        let state = self.directory.join(format!("state-{slot}"));
        let dead_letters = match &self.dead_letter_topic {
            Some(topic) => format!("{{ topic = {{ topic = {topic:?}, header_style = {:?} }} }}", self.header_style),
            None => format!("{{ file = {file:?} }}"),
        };
        format!(
            "[agent]\nadmin = \"127.0.0.1:0\"\ndead_letters = {dead_letters}\ncache = {cache:?}\nstate = {state:?}\n{}\n{}\n",
            self.limits, self.settings
        )
    }
}

/// A running agent; dropping it kills it.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    log: PathBuf,
}

impl Agent {
    /// Waits for the line `ready` in the log.
    ///
    /// # Panics
    /// When the agent ends first, or takes too long.
    pub fn wait_until_ready(&mut self) {
        wait::until(&format!("the agent is ready; log {}", self.log.display()), START_LIMIT, || {
            let ready = self.ready_line().is_some();
            assert!(ready || self.process.is_running(), "the agent ended before it was ready:\n{}", self.log_tail());
            ready
        });
    }

    /// A path as the agent sees it, which may have disks of its own.
    pub fn on_disk(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.process.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// SIGTERM, and the exit code.
    ///
    /// # Panics
    /// When it does not end within its drain limit.
    pub fn terminate(self) -> i32 {
        self.process.signal(Signal::Terminate);
        self.wait()
    }

    /// Sends it any signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// SIGHUP.
    pub fn hang_up(&self) {
        self.process.signal(Signal::HangUp);
    }

    /// SIGUSR1.
    pub fn ask_for_status(&self) {
        self.process.signal(Signal::User1);
    }

    /// The lines of its log with this message, so far.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        let log = self.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.get("message").is_some_and(|found| found == message)).collect()
    }

    /// The exit code of an agent that ends by itself.
    ///
    /// # Panics
    /// When it does not, or when one of its threads panicked, however well it went on.
    pub fn wait(mut self) -> i32 {
        let code = self.process.wait(STOP_LIMIT).unwrap_or_else(|| panic!("the agent does not end:\n{}", self.log_tail()));
        let log = self.log();
        let panicked = log.lines().find(|line| line.starts_with("thread '") && line.contains("panicked at"));
        assert_eq!(panicked, None, "in {}", self.log.display());
        code
    }

    /// Whether the process is there.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// What it has used.
    pub fn usage(&self) -> Usage {
        self.process.usage()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The end of its log, for a message.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The answer of its admin listener: status code and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        get(self.admin(), path)
    }

    /// How many partitions its sources have, of the one pipeline it runs; none before it is ready.
    pub fn partitions(&self) -> usize {
        let Some(admin) = self.ready_line().map(|line| admin_in(&line)) else { return 0 };
        let (_, checks) = get(admin, "/readyz?verbose");
        let assigned =
            checks.lines().filter_map(|line| line.strip_suffix(" partitions assigned")?.rsplit(' ').next()?.parse::<usize>().ok());
        assigned.sum()
    }

    /// Its API.
    pub fn api(&self) -> Api {
        Api::new(self.admin())
    }

    /// Its admin address.
    ///
    /// # Panics
    /// When it is not ready yet.
    pub fn admin(&self) -> SocketAddr {
        admin_in(&self.ready_line().expect("the agent is ready"))
    }

    /// Sum of a metric's samples, over those whose labels contain `label`.
    ///
    /// # Panics
    /// When there is no such sample: a name that nobody exports must not look like a zero.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let samples = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let values: Vec<f64> = samples
            .filter_map(|sample| sample.rsplit_once("} "))
            .filter(|(labels, _)| labels.contains(label))
            .map(|(_, value)| value.parse().unwrap())
            .collect();
        assert!(!values.is_empty(), "no sample of {name} with {label} in:\n{text}");
        values.iter().sum()
    }

    fn ready_line(&self) -> Option<Value> {
        self.logged("ready").into_iter().next()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("end of {}:\n{}", self.log.display(), self.log_tail());
        }
    }
}

fn admin_in(ready: &Value) -> SocketAddr {
    let address = ready.get("admin").and_then(Value::as_str).expect("a ready agent names its admin address");
    address.parse().expect("an address")
}

/// What an HTTP server on this machine answers: status code and body.
pub fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    (status, body.to_owned())
}

/// Whether this user may give a process disks of its own.
pub fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// A program, in a mount namespace with a tmpfs at this place.
fn on_small_disk(program: &Path, place: &Path, bytes: u64) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", "mount -t tmpfs -o size=$1 tmpfs \"$2\" && shift 2 && exec \"$@\"", "sh"]);
    command.arg(bytes.to_string()).arg(place).arg(program);
    command
}

/// The binary: `$WEIR_TEST_AGENT`, else what cargo builds, once a run. Built with the whole workspace and its tests in view, so that dependencies
/// have the features they were compiled with for the tests and nothing is compiled twice.
pub fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("WEIR_TEST_AGENT") {
        Some(path) => path.into(),
        None => build(),
    });
    &BINARY
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(cache::repository())
        .args(["build", "--workspace", "--bin", "weir", "--tests", "--message-format", "json-render-diagnostics"])
        // As these tests were built, so that dependencies are not compiled a second time.
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // What cargo tells a test of its package: build scripts that ask for it would run again, and all that depends on them be compiled again.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_a_package(name)) {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "cargo build ended with {}", output.status);
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let of_weir = message.pointer("/target/name")? == "weir" && message.pointer("/target/kind/0")? == "bin";
        let of_weir = of_weir && message.pointer("/profile/test")? == false;
        of_weir.then(|| message.get("executable")?.as_str().map(PathBuf::from)).flatten()
    });
    executable.expect("cargo names the executable it built")
}

fn is_of_a_package(variable: &OsStr) -> bool {
    variable.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
}
