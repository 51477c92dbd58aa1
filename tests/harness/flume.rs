//! A real Flume 1.11 agent, run from its own artifacts: the other side where Weir has to be compatible, and what it is compared with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::broker::{self, Machine};
use super::process::{Process, Signal, Usage};
use super::{cache, maven, wait};

/// A busy machine starts an agent ten times slower than an idle one.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long a sink may take to close its files and a consumer to leave its group.
const STOP_LIMIT: Duration = Duration::from_secs(90);

/// A running agent; dropping it kills it.
#[derive(Debug)]
pub struct Flume {
    process: Process,
    log: PathBuf,
}

/// How an agent is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Its virtual machine; by default a quick one.
    pub machine: Option<Machine>,
    /// Folder with Hadoop's configuration.
    pub hadoop: Option<&'a Path>,
    /// Folder with classes of its components.
    pub classes: Option<&'a Path>,
    /// Port for its metrics.
    pub metrics: Option<u16>,
}

impl Flume {
    /// Starts an agent on a properties file with this text, and waits until its channels have started.
    ///
    /// # Panics
    /// When the agent ends, or drops a component because of its configuration.
    pub fn start(properties: &str, agent: &str, options: Options<'_>) -> Flume {
        let directory = cache::scratch("flume");
        let file = directory.join("agent.properties");
        fs::write(&file, properties).unwrap();
        let logging = directory.join("log4j2.properties");
        fs::write(&logging, include_str!("servers/log4j2.properties")).unwrap();
        let mut command = maven::java_with(&Vec::from_iter(options.hadoop.into_iter().chain(options.classes)), maven::FLUME);
        match options.machine.unwrap_or(Machine::Quick) {
            Machine::Quick => command.args(["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]),
            Machine::Fast => command.args(["-Xms256m", "-Xmx1g"]),
        };
        if let Some(port) = options.metrics {
            command.args(["-Dflume.monitoring.type=http".to_owned(), format!("-Dflume.monitoring.port={port}")]);
        }
        command.arg("--add-opens=java.base/java.lang=ALL-UNNAMED");
        command.arg(format!("-Dlog4j2.configurationFile={}", logging.display()));
        // Its file channel's defaults are below the user's home.
        command.arg(format!("-Duser.home={}", directory.display()));
        command.args(["org.apache.flume.node.Application", "--name", agent, "--no-reload-conf", "--conf-file"]).arg(&file);
        let log = directory.join("log");
        command.current_dir(&directory);
        broker::log_to(&mut command, &log);
        let mut flume = Flume { process: Process::start(command), log };
        wait::until(&format!("Flume has started; log {}", flume.log.display()), START_LIMIT, || {
            let log = flume.log();
            let problem = log.lines().find(|line| line.contains("removed due to an error") || line.contains("Marking it as invalid"));
            assert_eq!(problem, None, "see {}", flume.log.display());
            assert!(flume.is_running(), "Flume ended; see {}", flume.log.display());
            // Not every component says that it has started; that it is told to is said of each, after the channels have started.
            log.lines().any(|line| line.contains("Starting Sink ") || line.contains("Starting Source "))
        });
        flume
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// SIGTERM: sources, sinks and channels are stopped, files closed. The exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(mut self) -> i32 {
        self.process.signal(Signal::Terminate);
        self.process.wait(STOP_LIMIT).unwrap_or_else(|| panic!("Flume does not end; see {}", self.log.display()))
    }

    /// Whether the process is there.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What it has used.
    pub fn usage(&self) -> Usage {
        self.process.usage()
    }
}
