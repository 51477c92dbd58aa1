//! A real HDFS: one NameNode and some DataNodes, a process each on 127.0.0.1, to be killed, paused and started again one by one.
//!
//! Heartbeats are short, so that a node that was killed is missed within seconds: its blocks are not offered to new writers after 3 s, and it is
//! counted as dead after 14 s (the NameNode's own defaults are 30 s and 10 minutes).

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::broker::{self, Machine};
use super::hdfs_client::{Client, Contents, StoredFile};
use super::process::{Process, Signal, Usage};
use super::{cache, maven, wait};

/// A busy machine starts a cluster ten times slower than an idle one.
const START_LIMIT: Duration = Duration::from_secs(180);
/// DataNodes of the cluster that tests share.
const SHARED_DATANODES: usize = 3;
/// Copies of each block, where there are nodes enough: one node may die, and there is another one to take its place.
const REPLICATION: usize = 2;

/// A cluster.
#[derive(Debug)]
pub struct Hdfs {
    uri: String,
    directory: PathBuf,
    namenode: Node,
    datanodes: Vec<Node>,
    client: Mutex<Client>,
}

/// One server of it.
#[derive(Debug)]
struct Node {
    name: String,
    class: &'static str,
    /// What its log says once it serves.
    ready: &'static str,
    machine: Machine,
    directory: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Hdfs {
    /// The cluster of this test run, 3 DataNodes and 2 copies of a block, started by the first test that asks. What an earlier test left dead or
    /// paused is up again.
    pub fn shared() -> &'static Hdfs {
        static SHARED: LazyLock<Hdfs> = LazyLock::new(|| Hdfs::start(SHARED_DATANODES, Machine::Quick));
        SHARED.revive();
        &SHARED
    }

    /// A new cluster with so many DataNodes.
    pub fn start(datanodes: usize, machine: Machine) -> Hdfs {
        let directory = cache::scratch("hdfs");
        let [port, web] = broker::free_ports();
        let uri = format!("hdfs://127.0.0.1:{port}");
        let common = [
            ("dfs.replication", REPLICATION.min(datanodes).to_string()),
            ("dfs.namenode.name.dir", format!("file://{}", directory.join("name").display())),
            ("dfs.namenode.http-address", format!("127.0.0.1:{web}")),
            ("dfs.namenode.safemode.extension", "0".to_owned()),
            ("dfs.namenode.fs-limits.min-block-size", "4096".to_owned()),
            ("dfs.namenode.heartbeat.recheck-interval", "2000".to_owned()),
            ("dfs.heartbeat.interval", "1".to_owned()),
            ("dfs.namenode.stale.datanode.interval", "3000".to_owned()),
            ("dfs.namenode.avoid.read.stale.datanode", "true".to_owned()),
            ("dfs.namenode.avoid.write.stale.datanode", "true".to_owned()),
            ("dfs.namenode.datanode.registration.ip-hostname-check", "false".to_owned()),
            ("dfs.datanode.http.address", "127.0.0.1:0".to_owned()),
            ("dfs.datanode.ipc.address", "127.0.0.1:0".to_owned()),
        ];
        let node = |name: String, class, ready| {
            let process = Mutex::new(None);
            Node { name, class, ready, machine, directory: directory.clone(), process }
        };
        let namenode = node("namenode".to_owned(), "namenode.NameNode", "NameNode RPC up at");
        namenode.configure(&uri, &common);
        let code = {
            let mut command = namenode.java();
            command.args(["-format", "-nonInteractive"]);
            Process::start(command).wait(START_LIMIT)
        };
        assert_eq!(code, Some(0), "format the NameNode's storage; see {}", namenode.log().display());
        namenode.boot();
        let datanodes: Vec<_> = (0..datanodes)
            .map(|index| {
                let name = format!("datanode-{index}");
                let [port] = broker::free_ports();
                let own = [
                    ("dfs.datanode.address", format!("127.0.0.1:{port}")),
                    ("dfs.datanode.data.dir", format!("file://{}", directory.join(format!("data-{index}")).display())),
                ];
                let node = node(name, "datanode.DataNode", "successfully registered with NN");
                node.configure(&uri, &[&common[..], &own].concat());
                // All at once: each takes its seconds.
                node.launch();
                node
            })
            .collect();
        let client = Mutex::new(Client::start(&namenode.configuration(), &directory.join("client.log")));
        let hdfs = Hdfs { uri, directory, namenode, datanodes, client };
        hdfs.wait_until_ready();
        hdfs
    }

    /// `hdfs://127.0.0.1:port`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Number of DataNodes, dead ones too.
    pub fn datanodes(&self) -> usize {
        self.datanodes.len()
    }

    /// A folder with `core-site.xml` and `hdfs-site.xml` for clients.
    pub fn configuration(&self) -> PathBuf {
        self.namenode.configuration()
    }

    /// SIGKILL for a DataNode.
    pub fn kill_datanode(&self, index: usize) {
        self.datanodes[index].kill();
    }

    /// Starts a DataNode again on its port and its blocks, and waits until it has registered.
    pub fn start_datanode(&self, index: usize) {
        self.datanodes[index].boot();
    }

    /// Stops a DataNode with its connections up: a machine that hangs.
    pub fn pause_datanode(&self, index: usize) {
        self.datanodes[index].signal(Signal::Stop);
    }

    /// Lets a paused DataNode go on.
    pub fn resume_datanode(&self, index: usize) {
        self.datanodes[index].signal(Signal::Continue);
    }

    /// SIGKILL for the NameNode.
    pub fn kill_namenode(&self) {
        self.namenode.kill();
    }

    /// Starts the NameNode again, and waits until it has left safe mode and has the DataNodes that run.
    pub fn start_namenode(&self) {
        self.namenode.boot();
        self.wait_until_ready();
    }

    /// Stops the NameNode with its connections up.
    pub fn pause_namenode(&self) {
        self.namenode.signal(Signal::Stop);
    }

    /// Lets a paused NameNode go on.
    pub fn resume_namenode(&self) {
        self.namenode.signal(Signal::Continue);
    }

    /// `hdfs dfs` with these arguments, by Hadoop's own client: what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn dfs(&self, arguments: &[&str]) -> String {
        let (code, said) = self.client().run("shell", arguments);
        assert_eq!(code, 0, "hdfs dfs {arguments:?}: {said}");
        said
    }

    /// `hdfs fsck` with these arguments: what it prints, whatever it finds.
    pub fn fsck(&self, arguments: &[&str]) -> String {
        self.client().run("fsck", arguments).1
    }

    /// All files below a path, as Hadoop's own client lists them.
    pub fn list(&self, path: &str) -> Vec<StoredFile> {
        self.client().list(path)
    }

    /// Reads all files below a path with Hadoop's own client, open ones too, one after another.
    pub fn read(&self, path: &str, each: impl FnMut(Contents)) {
        self.client().read(path, each);
    }

    /// What its servers have used, together.
    pub fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        for usage in std::iter::once(&self.namenode).chain(&self.datanodes).map(Node::usage) {
            sum = Usage { cpu: sum.cpu + usage.cpu, resident: sum.resident + usage.resident, peak: sum.peak + usage.peak };
        }
        sum
    }

    /// Whatever is dead or paused is up again, and the NameNode serves.
    pub fn revive(&self) {
        let all = || std::iter::once(&self.namenode).chain(&self.datanodes);
        for node in all() {
            if node.is_running() {
                node.signal(Signal::Continue);
            } else {
                node.boot();
            }
        }
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        wait::until(&format!("HDFS serves; logs in {}", self.directory.display()), START_LIMIT, || {
            let all = std::iter::once(&self.namenode).chain(&self.datanodes);
            let ended: Vec<_> = all.filter(|node| node.ended()).map(|node| &node.name).collect();
            assert!(ended.is_empty(), "{ended:?} ended; logs in {}", self.directory.display());
            let running = self.datanodes.iter().filter(|node| node.is_running()).count();
            self.client().live().is_ok_and(|live| live >= running)
        });
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        // A test that failed while it asked has had its answer up to the end, or the client's end.
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    fn configuration(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    fn log(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.name))
    }

    fn configure(&self, uri: &str, settings: &[(&str, String)]) {
        let folder = self.configuration();
        // The daemons look for their web pages on the class path; an empty folder will do.
        fs::create_dir_all(folder.join("webapps/hdfs")).unwrap();
        fs::create_dir_all(folder.join("webapps/datanode")).unwrap();
        let temporary = self.directory.join("tmp").display().to_string();
        // Hadoop's own client waits for a NameNode that comes back; its connections to a dead one fail at once.
        let core = [("fs.defaultFS", uri.to_owned()), ("hadoop.tmp.dir", temporary), ("ipc.client.connect.max.retries", "60".to_owned())];
        write_site(&folder.join("core-site.xml"), &core);
        write_site(&folder.join("hdfs-site.xml"), settings);
        fs::write(folder.join("log4j.properties"), include_str!("servers/hdfs-log4j.properties")).unwrap();
    }

    fn java(&self) -> std::process::Command {
        let mut command = maven::java_with(&[&self.configuration()], maven::HDFS);
        match self.machine {
            Machine::Quick => command.args(["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]),
            Machine::Fast => command.args(["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"]),
        };
        command.arg("--add-opens=java.base/java.lang=ALL-UNNAMED");
        command.arg(format!("org.apache.hadoop.hdfs.server.{}", self.class));
        broker::log_to(&mut command, &self.log());
        command
    }

    fn launch(&self) {
        *self.process.lock().unwrap() = Some(Process::start(self.java()));
    }

    /// Starts it and waits until its log says that it serves.
    fn boot(&self) {
        let log = self.log();
        let before = fs::metadata(&log).map_or(0, |log| log.len()) as usize;
        self.launch();
        wait::until(&format!("{} serves; log {}", self.name, log.display()), START_LIMIT, || {
            assert!(self.is_running(), "{} ended; see {}", self.name, log.display());
            let said = fs::read(&log).unwrap_or_default();
            String::from_utf8_lossy(&said[before.min(said.len())..]).contains(self.ready)
        });
    }

    fn kill(&self) {
        *self.process.lock().unwrap() = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &*self.process.lock().unwrap() {
            process.signal(signal);
        }
    }

    fn is_running(&self) -> bool {
        self.process.lock().unwrap().as_mut().is_some_and(Process::is_running)
    }

    /// Ended by itself: nobody killed it.
    fn ended(&self) -> bool {
        self.process.lock().unwrap().as_mut().is_some_and(|process| !process.is_running())
    }

    fn usage(&self) -> Usage {
        self.process.lock().unwrap().as_ref().map(Process::usage).unwrap_or_default()
    }
}

fn write_site(file: &Path, settings: &[(&str, String)]) {
    let mut text = "<?xml version=\"1.0\"?>\n<configuration>\n".to_owned();
    for (name, value) in settings {
        writeln!(text, "<property><name>{name}</name><value>{value}</value></property>").unwrap();
    }
    text.push_str("</configuration>\n");
    fs::write(file, text).unwrap();
}
