//! Where an agent's time goes, as Linux' `perf` samples it: by owner of the code, and the functions at the top.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use weir_tests::harness::process::{Process, Signal};
use weir_tests::harness::topics::Topic;
use weir_tests::harness::{cache, wait};

use crate::contestant::Running;
use crate::options::Options;

/// Samples a second.
const FREQUENCY: &str = "499";
/// How long an agent may take to begin.
const STARTING: Duration = Duration::from_secs(60);
/// How long `perf` may take to write what it has.
const WRITING: Duration = Duration::from_secs(30);
/// Functions that are shown.
const TOP: usize = 25;

/// A profile being taken.
pub struct Profile {
    perf: Process,
    file: PathBuf,
    title: String,
}

impl Profile {
    /// Of an agent, where profiles are asked for. It begins with the first event in `output`: of a process that still starts, `perf` misses threads.
    ///
    /// # Panics
    /// When there is no `perf`.
    pub fn begin(options: &Options, title: &str, running: &Running, output: &Topic) -> Option<Profile> {
        let Running::Weir(agent) = running else { return None };
        if !options.profile {
            return None;
        }
        wait::until("events arrive", STARTING, || !output.is_empty());
        let file = cache::scratch("profile").join("perf.data");
        let mut command = Command::new("perf");
        command.args(["record", "--quiet", "-g", "-F", FREQUENCY, "-p", &agent.id().to_string(), "-o"]).arg(&file);
        Some(Profile { perf: Process::start(command), file, title: title.to_owned() })
    }

    /// Ends it, before the agent does, and shows it.
    pub fn end(mut self) {
        self.perf.signal(Signal::Interrupt);
        let _ = self.perf.wait(WRITING);
        let mut command = Command::new("perf");
        command.args(["report", "--stdio", "--no-children", "-g", "none", "-F", "overhead,dso,symbol", "-t", "\t", "-i"]).arg(&self.file);
        let output = command.output().unwrap();
        assert!(output.status.success(), "perf report: {}", String::from_utf8_lossy(&output.stderr));
        let samples: Vec<Sample> = String::from_utf8_lossy(&output.stdout).lines().filter_map(Sample::read).collect();
        let mut owners: HashMap<&str, f64> = HashMap::new();
        for sample in &samples {
            *owners.entry(sample.owner()).or_default() += sample.share;
        }
        let mut owners: Vec<_> = owners.into_iter().collect();
        owners.sort_by(|one, other| other.1.total_cmp(&one.1));
        eprintln!("{}; for a flame graph: perf script -i {}", self.title, self.file.display());
        for (owner, share) in owners {
            eprintln!("{share:>7.1} % {owner}");
        }
        for sample in samples.iter().take(TOP) {
            eprintln!("{:>7.1} % {:<11} {}", sample.share, sample.owner(), sample.symbol);
        }
    }
}

/// A function's part.
struct Sample {
    share: f64,
    object: String,
    symbol: String,
}

impl Sample {
    /// From a line of `perf report`; comments and empty lines are none.
    fn read(line: &str) -> Option<Sample> {
        let mut fields = line.split('\t').map(str::trim);
        let share = fields.next()?.strip_suffix('%')?.parse().ok()?;
        Some(Sample { share, object: fields.next()?.to_owned(), symbol: fields.next()?.to_owned() })
    }

    /// Whose code it is.
    fn owner(&self) -> &'static str {
        let name = self.symbol.trim_start_matches("[.] ").trim_start_matches("[k] ");
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if self.symbol.starts_with("[k]") {
            "kernel"
        } else if ["libc", "libm", "ld-linux", "[vdso]"].iter().any(|object| self.object.starts_with(object)) {
            "libc"
        } else if self.object != "weir" {
            // Compiled components have no names here.
            "guest"
        } else if starts(&["rd_", "rdk_", "rk_", "rkt_", "rktp_", "rkb_", "unittest_", "crc32c", "ZSTD", "LZ4"]) {
            "librdkafka"
        } else if name.contains("wasmtime") {
            "wasmtime"
        } else {
            "weir"
        }
    }
}
