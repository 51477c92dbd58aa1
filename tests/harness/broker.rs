//! A real Kafka broker in a process of its own, KRaft by default: started on free ports, killed and booted again on the same ports and data.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use super::maven::{self, Artifacts};
use super::process::{Process, Usage};
use super::{cache, topics, wait};

/// A busy machine starts a broker ten times slower than an idle one.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How the broker's virtual machine is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Small and quickly up: for tests.
    Quick,
    /// Fully compiled code and a larger heap: for measuring what goes through it.
    Fast,
}

/// One broker.
#[derive(Debug)]
pub struct Broker {
    bootstrap: String,
    directory: PathBuf,
    artifacts: Artifacts,
    machine: Machine,
    process: Mutex<Option<Process>>,
}

impl Broker {
    /// The broker of this test run, started by the first test that asks.
    pub fn shared() -> &'static Broker {
        static SHARED: LazyLock<Broker> = LazyLock::new(|| Broker::start(Machine::Quick));
        &SHARED
    }

    /// A new broker that is its own controller.
    pub fn start(machine: Machine) -> Broker {
        let directory = cache::scratch("broker");
        let [port, controller] = free_ports();
        let settings = format!(
            "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"
        );
        let broker = Broker::new(directory, maven::KAFKA, machine, port, &settings);
        broker.format();
        broker.boot();
        broker
    }

    /// A broker with these settings and those every broker of ours has; not started yet.
    pub(super) fn new(directory: PathBuf, artifacts: Artifacts, machine: Machine, port: u16, settings: &str) -> Broker {
        let data = directory.join("data");
        let common = format!(
            "log.dirs={}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.segment.delete.delay.ms=1000
",
            data.display()
        );
        fs::write(directory.join("server.properties"), format!("{settings}{common}")).unwrap();
        fs::write(directory.join("log4j2.properties"), include_str!("servers/log4j2.properties")).unwrap();
        Broker { bootstrap: format!("127.0.0.1:{port}"), directory, artifacts, machine, process: Mutex::new(None) }
    }

    /// `host:port`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Starts it (again), and waits until it answers.
    pub fn boot(&self) {
        let mut command = self.java();
        command.arg("kafka.Kafka").arg(self.directory.join("server.properties"));
        *self.process.lock().unwrap() = Some(Process::start(command));
        wait::until("the broker answers", START_LIMIT, || {
            let running = self.process.lock().unwrap().as_mut().is_some_and(Process::is_running);
            assert!(running, "the broker ended; see {}", self.directory.join("log").display());
            topics::answers(&self.bootstrap)
        });
    }

    /// SIGKILL: nothing is flushed, no controller is told.
    pub fn kill(&self) {
        *self.process.lock().unwrap() = None;
    }

    /// What the process has used since it was booted.
    pub fn usage(&self) -> Usage {
        self.process.lock().unwrap().as_ref().map(Process::usage).unwrap_or_default()
    }

    fn format(&self) {
        let mut command = self.java();
        // Any id will do: this cluster has one member.
        command
            .args(["kafka.tools.StorageTool", "format", "-t", "weir-tests-cluster-0AA", "-c"])
            .arg(self.directory.join("server.properties"));
        let code = Process::start(command).wait(START_LIMIT);
        assert_eq!(code, Some(0), "format the broker's storage; see {}", self.directory.join("log").display());
    }

    fn java(&self) -> Command {
        let mut command = maven::java(self.artifacts);
        match self.machine {
            Machine::Quick => command.args(["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]),
            Machine::Fast => command.args(["-Xms1g", "-Xmx1g", "-XX:+UseG1GC"]),
        };
        command.arg(format!("-Dlog4j2.configurationFile={}", self.directory.join("log4j2.properties").display()));
        log_to(&mut command, &self.directory.join("log"));
        command
    }
}

/// Sends both outputs of a command to the end of a file.
pub(super) fn log_to(command: &mut Command, file: &std::path::Path) {
    let log: File = OpenOptions::new().create(true).append(true).open(file).unwrap();
    command.stdin(std::process::Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
}

/// Ports that were free a moment ago, all different.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
