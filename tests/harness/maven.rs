//! Servers' class paths, from Maven Central: a pom in `servers/` names the artifacts, `mvn dependency:copy-dependencies` fetches them with all they need.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache;

/// How often a download is tried.
const ATTEMPTS: u32 = 3;

/// A class path to assemble.
#[derive(Debug, Clone, Copy)]
pub struct Artifacts {
    /// Names the folder it is kept in.
    pub name: &'static str,
    /// The pom.
    pub pom: &'static str,
}

/// Kafka in KRaft mode.
pub const KAFKA: Artifacts = Artifacts { name: "kafka", pom: include_str!("servers/kafka.xml") };

/// The last Kafka that runs on ZooKeeper, and its ZooKeeper.
pub const KAFKA_ZOOKEEPER: Artifacts = Artifacts { name: "kafka-zookeeper", pom: include_str!("servers/kafka-zookeeper.xml") };

/// HDFS' NameNode and DataNode, and Hadoop's own client.
pub const HDFS: Artifacts = Artifacts { name: "hdfs", pom: include_str!("servers/hdfs.xml") };

/// Hadoop's readers of files, and Parquet's.
pub const FORMATS: Artifacts = Artifacts { name: "formats", pom: include_str!("servers/formats.xml") };

/// A Flume 1.11 agent with its Kafka and HDFS parts.
pub const FLUME: Artifacts = Artifacts { name: "flume", pom: include_str!("servers/flume.xml") };

/// A `java` command with these artifacts on its class path.
pub fn java(artifacts: Artifacts) -> Command {
    java_with(&[], artifacts)
}

/// As [`java`], with folders that go before the artifacts: where a program looks for its configuration.
pub fn java_with(folders: &[&Path], artifacts: Artifacts) -> Command {
    let mut class_path: Vec<_> = folders.iter().map(|folder| folder.as_os_str().to_owned()).collect();
    class_path.push(fetched(artifacts).join("*").into());
    let mut command = Command::new("java");
    command.arg("-cp").arg(class_path.join(OsStr::new(":")));
    command
}

/// Compiles one Java source file against these artifacts; the answer is the folder with its classes.
pub fn compile(name: &str, source: &str, artifacts: Artifacts) -> PathBuf {
    let jars = fetched(artifacts).join("*");
    need("javac", "openjdk-17-jdk-headless");
    let directory = cache::scratch("classes");
    let file = directory.join(format!("{name}.java"));
    fs::write(&file, source).unwrap();
    let mut command = Command::new("javac");
    command.args(["-nowarn", "-Xlint:-deprecation", "-encoding", "UTF-8", "-d"]).arg(&directory).arg("-cp").arg(jars).arg(&file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "javac {name}.java:\n{}", String::from_utf8_lossy(&output.stderr));
    directory
}

/// The folder with all jars, fetched when it is not there yet. One process at a time fetches; the mark `complete` holds the pom it was made from.
fn fetched(artifacts: Artifacts) -> PathBuf {
    let kept = cache::kept();
    let lock = File::create(kept.join("maven.lock")).unwrap();
    lock.lock().unwrap();
    need("java", "openjdk-17-jre-headless");
    let directory = kept.join(artifacts.name);
    let mark = directory.join("complete");
    if fs::read_to_string(&mark).is_ok_and(|pom| pom == artifacts.pom) {
        return directory;
    }
    need("mvn", "maven");
    eprintln!("fetching {} from Maven Central, once", artifacts.name);
    // A leftover of an older pom would put two versions on the class path.
    let _ = fs::remove_dir_all(&directory);
    fetch(artifacts, &directory);
    fs::write(&mark, artifacts.pom).unwrap();
    directory
}

fn fetch(artifacts: Artifacts, directory: &Path) {
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("pom.xml"), artifacts.pom).unwrap();
    for attempt in 1..=ATTEMPTS {
        let status = Command::new("mvn")
            .current_dir(project.path())
            .args(["-B", "-q", "-Dstyle.color=never", "dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(format!("-DoutputDirectory={}", directory.display()))
            .stdin(std::process::Stdio::null())
            // What a benchmark prints is its tables.
            .stdout(std::io::stderr())
            .status()
            .unwrap();
        if status.success() {
            return;
        }
        eprintln!("mvn ended with {status}, attempt {attempt} of {ATTEMPTS}");
    }
    panic!("could not fetch {} from Maven Central", artifacts.name);
}

/// A command the tests cannot do without: under CI it is installed, elsewhere its absence is said with the way to mend it.
fn need(command: &str, package: &str) {
    let found = || std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(command).is_file()));
    if found() {
        return;
    }
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", package]] {
            let status = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
            eprintln!("apt-get {}: {status:?}", arguments.join(" "));
        }
    }
    assert!(found(), "the tests need `{command}`: apt-get install {package}");
}
