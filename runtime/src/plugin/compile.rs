//! The compiler, in a child process of the same binary. Cranelift's time and memory are more than linear in what a function holds
//! alive, so a small file can hold it for minutes or eat gigabytes; the child has limits, the agent goes on.
//!
//! The child is `weir compile-plugin`: component on standard input, serialized machine code on standard output, the reason on standard error.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};

use super::native_code::NativeCode;
use super::{Error, engine};

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "compile-plugin";

/// What the child's output begins with, so that another program's output is never taken for code.
const GREETING: &[u8] = b"weir compiled plugin 1\n";

/// Address space of the child.
const MEMORY: u64 = 1 << 30;
/// CPU seconds of the child: a Python plugin, which brings CPython along, takes 20 of a common processor.
const CPU: u64 = 60;
/// Wall time after which the parent kills it.
const PATIENCE: Duration = Duration::from_secs(600);
/// Bytes of machine code taken from it.
const CODE: u64 = 128 << 20;
/// Bytes of its last words.
const LAST_WORDS: u64 = 4096;
/// How much the child yields to whoever else wants the processor: a third of what a thread of the data path gets. With 10 it was a tenth, and a
/// swap to a Python plugin took a minute on cores that were all busy.
const NICE: i32 = 5;

/// Where the compiler is.
#[derive(Debug, Clone)]
pub(super) struct Compiler {
    executable: PathBuf,
}

impl Compiler {
    pub(super) fn new(executable: Option<PathBuf>) -> Result<Compiler, Error> {
        let running = || std::env::current_exe().map_err(|error| Error::Engine(format!("find the running executable: {error}")));
        let executable = executable.map_or_else(running, Ok)?;
        Ok(Compiler { executable })
    }

    /// Compiles an admitted component. The error is a sentence.
    pub(super) fn compile(&self, wasm: &[u8]) -> Result<NativeCode, String> {
        let mut child = Command::new(&self.executable)
            .arg(SUBCOMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("start {} {SUBCOMMAND}: {error}", self.executable.display()))?;
        let ended = Conversation::hold(&mut child, wasm);
        let status = child.wait().map_err(|error| format!("wait for the compiler: {error}"))?;
        ended?.code(status)
    }
}

/// What the child wrote.
struct Conversation {
    code: Vec<u8>,
    last_words: Vec<u8>,
}

impl Conversation {
    /// Feeds and hears the child out. It is dead or dying when this returns.
    fn hold(child: &mut Child, wasm: &[u8]) -> Result<Conversation, String> {
        let (Some(mut input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err("the compiler has no pipes".into());
        };
        thread::scope(|scope| {
            // A child that dies early closes the pipe; its status tells why.
            scope.spawn(move || input.write_all(wasm));
            let last_words = scope.spawn(move || read(errors, LAST_WORDS));
            let (done, ended) = mpsc::channel();
            scope.spawn(move || done.send(read(output, CODE)));
            let code = ended.recv_timeout(PATIENCE);
            // Both pipes close with the child: the threads end, whatever it did.
            if !matches!(code, Ok(Ok(_))) {
                let _ = child.kill();
            }
            let last_words = last_words.join().unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
            match code {
                Ok(Ok(code)) => Ok(Conversation { code, last_words }),
                Ok(Err(error)) => Err(format!("read from the compiler: {error}")),
                Err(RecvTimeoutError::Timeout) => Err(format!("stopped after {} s", PATIENCE.as_secs())),
                Err(RecvTimeoutError::Disconnected) => Err("the compiler's output was lost".into()),
            }
        })
    }

    fn code(self, status: ExitStatus) -> Result<NativeCode, String> {
        if !status.success() {
            let words = String::from_utf8_lossy(&self.last_words);
            let words = words.trim();
            return Err(if words.is_empty() { reason_of(status) } else { format!("{words} ({})", reason_of(status)) });
        }
        match self.code.strip_prefix(GREETING) {
            Some(code) => Ok(NativeCode::vouched_for(code.to_vec())),
            None => Err(format!("the program it was started with knows no {SUBCOMMAND}: is it weir, and of this version?")),
        }
    }
}

/// All of a pipe, up to a cap.
fn read(pipe: impl Read, cap: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(cap + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        return Err(io::Error::other(format!("over {cap} bytes")));
    }
    Ok(bytes)
}

fn reason_of(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let signal = |name: &rustix::process::Signal| status.signal() == Some(name.as_raw());
    if signal(&rustix::process::Signal::XCPU) || signal(&rustix::process::Signal::KILL) {
        return format!("it takes more than the {CPU} s of CPU a plugin may take to compile");
    }
    if signal(&rustix::process::Signal::ABORT) || signal(&rustix::process::Signal::SEGV) || signal(&rustix::process::Signal::BUS) {
        return format!("it takes more than the {} MiB a plugin may take to compile", MEMORY >> 20);
    }
    status.to_string()
}

/// The child's side: limits first, then the component from `input`, then its machine code to `output`.
///
/// # Errors
/// A sentence for standard error.
pub fn serve(mut input: impl Read, mut output: impl Write) -> Result<(), String> {
    limit().map_err(|error| format!("set resource limits: {error}"))?;
    let mut wasm = Vec::new();
    input.read_to_end(&mut wasm).map_err(|error| format!("read the component: {error}"))?;
    let engine = engine::compiler().map_err(|error| error.to_string())?;
    let code = engine.precompile_component(&wasm).map_err(|error| format!("{error:#}"))?;
    let written = output.write_all(GREETING).and_then(|()| output.write_all(&code)).and_then(|()| output.flush());
    written.map_err(|error| format!("write the code: {error}"))
}

fn limit() -> rustix::io::Result<()> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    rustix::process::setrlimit(Resource::As, both(MEMORY))?;
    rustix::process::setrlimit(Resource::Cpu, Rlimit { current: Some(CPU), maximum: Some(CPU + 1) })?;
    rustix::process::setrlimit(Resource::Fsize, both(0))?;
    rustix::process::setrlimit(Resource::Core, both(0))?;
    // Niceness is kindness, not a limit: a system that forbids it changes nothing.
    let _ = rustix::process::nice(NICE);
    Ok(())
}
