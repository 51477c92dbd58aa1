//! A ZooKeeper and a Kafka broker that registers in it below `/kafka`, as the clusters of Flume 1.6's time did.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use super::broker::{self, Broker, Machine};
use super::process::Process;
use super::{cache, maven, wait};

/// A broker in ZooKeeper mode with its ZooKeeper.
#[derive(Debug)]
pub struct Ensemble {
    /// The broker.
    pub broker: Broker,
    connect: String,
    _zookeeper: Process,
}

impl Ensemble {
    /// The ensemble of this test run, started by the first test that asks.
    pub fn shared() -> &'static Ensemble {
        static SHARED: LazyLock<Ensemble> = LazyLock::new(Ensemble::start);
        &SHARED
    }

    /// ZooKeeper's connect string: `host:port/kafka`.
    pub fn connect(&self) -> &str {
        &self.connect
    }

    fn start() -> Ensemble {
        let directory = cache::scratch("zookeeper");
        let [port, zookeeper_port] = broker::free_ports();
        let settings = directory.join("zookeeper.properties");
        let data = directory.join("zookeeper-data");
        fs::write(
            &settings,
            format!("dataDir={}\nclientPort={zookeeper_port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", data.display()),
        )
        .unwrap();
        let mut command: Command = maven::java(maven::KAFKA_ZOOKEEPER);
        command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(settings);
        broker::log_to(&mut command, &directory.join("zookeeper-log"));
        let zookeeper = Process::start(command);
        wait::until("ZooKeeper listens", Duration::from_secs(60), || TcpStream::connect(("127.0.0.1", zookeeper_port)).is_ok());

        let connect = format!("127.0.0.1:{zookeeper_port}/kafka");
        let settings = format!("broker.id=1\nzookeeper.connect={connect}\nlisteners=PLAINTEXT://127.0.0.1:{port}\n");
        let broker = Broker::new(directory, maven::KAFKA_ZOOKEEPER, Machine::Quick, port, &settings);
        broker.boot();
        Ensemble { broker, connect, _zookeeper: zookeeper }
    }
}
