//! Child processes that cannot outlive the tests, and what the kernel says about them.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

/// A running child. Dropping it kills it; the end of the tests, however they end, kills it too.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User and system time so far, seconds.
    pub cpu: f64,
    /// Resident memory now, bytes.
    pub resident: u64,
    /// Most resident memory so far, bytes.
    pub peak: u64,
}

/// What a process may be sent, besides SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM
    Terminate,
    /// SIGINT, as of Ctrl-C.
    Interrupt,
    /// SIGHUP
    HangUp,
    /// SIGUSR1
    User1,
    /// SIGSTOP: it stands still, and its connections stay up.
    Stop,
    /// SIGCONT
    Continue,
}

impl Process {
    /// Starts a command.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: Command) -> Process {
        let name = command.get_program().to_string_lossy().into_owned();
        let (answer, answered) = mpsc::channel();
        NURSERY.send((command, answer)).expect("the nursery lives as long as the process");
        let child = answered.recv().expect("the nursery answers every request");
        Process { child: child.unwrap_or_else(|error| panic!("start {name}: {error}")) }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input and output, of a command that was given pipes for both.
    ///
    /// # Panics
    /// When it was not, or they were taken before.
    pub fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        self.child.stdin.take().zip(self.child.stdout.take()).expect("both ends are there to take")
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        system::send(self.child.id(), signal);
    }

    /// Waits for the end: the exit code, or 128 and the signal's number as a shell says it. `None` when it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(code(status)),
                None if start.elapsed() > limit => return None,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// What it has used; zeros when it has ended.
    pub fn usage(&self) -> Usage {
        usage(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What any process has used; zeros when it is gone.
pub fn usage(id: u32) -> Usage {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
    let stat = read("stat");
    // The name, in brackets, may hold anything: count the fields after it. proc(5): utime is field 14, stime 15, the state 3.
    let ticks = |field: usize| -> f64 {
        let fields = stat.rsplit(')').next().unwrap_or_default();
        fields.split_whitespace().nth(field - 3).and_then(|text| text.parse().ok()).unwrap_or(0.0)
    };
    let status = read("status");
    let bytes = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    Usage { cpu: (ticks(14) + ticks(15)) / system::ticks_per_second(), resident: bytes("VmRSS:"), peak: bytes("VmHWM:") }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

type Request = (Command, mpsc::Sender<io::Result<Child>>);

/// The kernel sends a child's parent-death signal when the *thread* that started it ends, and every test runs on a thread of its own:
/// so one thread that never ends starts them all.
static NURSERY: LazyLock<mpsc::Sender<Request>> = LazyLock::new(|| {
    let (requests, received) = mpsc::channel::<Request>();
    std::thread::spawn(move || {
        for (mut command, answer) in received {
            system::die_with_us(&mut command);
            // Nobody waits for the answer only when the asking test is gone.
            let _ = answer.send(command.spawn());
        }
    });
    requests
});

#[expect(unsafe_code, reason = "three system calls that the standard library does not offer")]
mod system {
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// The child gets SIGKILL when the thread that spawns it ends.
    pub fn die_with_us(command: &mut Command) {
        // SAFETY: between fork and exec only prctl runs, which is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
    }

    pub fn send(id: u32, signal: super::Signal) {
        let number = match signal {
            super::Signal::Terminate => libc::SIGTERM,
            super::Signal::Interrupt => libc::SIGINT,
            super::Signal::HangUp => libc::SIGHUP,
            super::Signal::User1 => libc::SIGUSR1,
            super::Signal::Stop => libc::SIGSTOP,
            super::Signal::Continue => libc::SIGCONT,
        };
        // SAFETY: plain system call; the child has not been waited for, so its id is still its own.
        unsafe { libc::kill(id.cast_signed(), number) };
    }

    pub fn ticks_per_second() -> f64 {
        // SAFETY: plain system call.
        let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        ticks as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_survives_the_thread_that_asked_for_it_and_reports_its_exit_code() {
        let mut sleeper = std::thread::spawn(|| {
            let mut command = Command::new("sleep");
            command.arg("60");
            Process::start(command)
        })
        .join()
        .unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(sleeper.is_running());
        assert!(sleeper.usage().resident > 0);
        sleeper.signal(Signal::Terminate);
        assert_eq!(sleeper.wait(Duration::from_secs(10)), Some(128 + libc::SIGTERM));
    }
}
