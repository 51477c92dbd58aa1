//! Kafka into HDFS while something is killed with SIGKILL at random moments: the agent, a DataNode, the NameNode, the broker.
//!
//! `WEIR_RUNS=50` runs each fifty times; what a run does follows from the seed it prints, as far as the servers' own pace allows.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::checker::{Checker, Report};
use crate::harness::dice::{self, Dice};
use crate::harness::hdfs::Hdfs;
use crate::harness::load::{Feed, Supply};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{turn, wait};

const PARTITIONS: i32 = 4;
/// Events a second.
const PACE: u64 = 2000;
const STRIKES: u32 = 2;
/// `hdfs.inUseSuffix`.
const IN_USE: &str = ".tmp";
/// How long a pipeline may take to move again.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long HDFS keeps a dead writer's file for it (the soft limit of a lease).
const LEASE: Duration = Duration::from_secs(60);

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Agent,
    DataNode,
    NameNode,
    Broker,
}

/// What the events go through.
#[derive(Debug, Clone, Copy)]
enum Flow {
    /// Kafka source, memory channel, HDFS sink with Flume's file names.
    Memory,
    /// Kafka channel without a source, HDFS sink with Flume's file names.
    Channel,
    /// Kafka source, memory channel, HDFS sink whose files are named by the offsets they hold.
    Offsets,
}

impl Flow {
    const ALL: [Flow; 3] = [Flow::Memory, Flow::Channel, Flow::Offsets];

    fn properties(self, topic: &Topic, group: &str, hdfs: &Hdfs) -> String {
        let (bootstrap, name) = (topic.bootstrap(), &topic.name);
        let consumer = "kafka.consumer.auto.offset.reset = earliest\nPREFIX.kafka.consumer.session.timeout.ms = 3000\n\
                        PREFIX.kafka.consumer.heartbeat.interval.ms = 500";
        let upstream = match self {
            Flow::Memory | Flow::Offsets => format!(
                "k.sources = r\n\
                 k.channels = c\n\
                 k.sinks = s\n\
                 k.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
                 k.sources.r.channels = c\n\
                 k.sources.r.kafka.bootstrap.servers = {bootstrap}\n\
                 k.sources.r.kafka.topics = {name}\n\
                 k.sources.r.kafka.consumer.group.id = {group}\n\
                 k.sources.r.batchSize = 500\n\
                 k.sources.r.batchDurationMillis = 200\n\
                 PREFIX.{}\n\
                 k.channels.c.type = memory\n\
                 k.channels.c.capacity = 10000\n\
                 k.channels.c.transactionCapacity = 1000\n",
                consumer
            )
            .replace("PREFIX", "k.sources.r"),
            Flow::Channel => format!(
                "k.channels = c\n\
                 k.sinks = s\n\
                 k.channels.c.type = org.apache.flume.channel.kafka.KafkaChannel\n\
                 k.channels.c.kafka.bootstrap.servers = {bootstrap}\n\
                 k.channels.c.kafka.topic = {name}\n\
                 k.channels.c.kafka.consumer.group.id = {group}\n\
                 PREFIX.{}\n",
                consumer
            )
            .replace("PREFIX", "k.channels.c"),
        };
        let names = match self {
            Flow::Offsets => "k.sinks.s.weir.names = offsets\n",
            Flow::Memory | Flow::Channel => "",
        };
        format!(
            "{upstream}\
             k.sinks.s.type = hdfs\n\
             k.sinks.s.channel = c\n\
             k.sinks.s.hdfs.path = {}/kills/%{{topic}}\n\
             k.sinks.s.hdfs.filePrefix = tx\n\
             k.sinks.s.hdfs.fileType = DataStream\n\
             k.sinks.s.hdfs.batchSize = 500\n\
             k.sinks.s.hdfs.rollCount = 3000\n\
             k.sinks.s.hdfs.rollSize = 0\n\
             k.sinks.s.hdfs.rollInterval = 3\n\
             k.sinks.s.hdfs.callTimeout = 10000\n\
             k.sinks.s.hdfs.retryInterval = 1\n{names}",
            hdfs.uri(),
        )
    }
}

#[test]
fn a_killed_agent_loses_nothing_on_its_way_to_hdfs() {
    run_all(Victim::Agent);
}

#[test]
fn a_killed_datanode_loses_nothing() {
    run_all(Victim::DataNode);
}

#[test]
fn a_killed_namenode_loses_nothing() {
    run_all(Victim::NameNode);
}

#[test]
fn a_killed_broker_loses_nothing_on_its_way_to_hdfs() {
    run_all(Victim::Broker);
}

fn run_all(victim: Victim) {
    let _turn = turn::alone();
    let (mut sent, mut duplicated) = (0, 0);
    let runs = dice::runs(1);
    for run in 0..runs {
        for (flow, report) in run_once(victim, &mut Dice::new(&format!("{victim:?} killed"), run)) {
            println!("  {flow:?}: {report}");
            report.assert_nothing_lost();
            if matches!(flow, Flow::Offsets) {
                report.assert_exact();
            }
            sent += report.sent;
            duplicated += report.duplicated;
        }
    }
    println!("{victim:?} killed: {runs} runs of {STRIKES} kills, {sent} events, 0 lost, {duplicated} duplicated");
}

/// All flows at once, each with an agent of its own: the waits after a strike are long, and the strikes hit all of them.
fn run_once(victim: Victim, dice: &mut Dice) -> Vec<(Flow, Report)> {
    let (broker, hdfs) = (Broker::shared(), Hdfs::shared());
    let mut lines = Flow::ALL.map(|flow| Line::start(flow, broker, hdfs));
    for _ in 0..STRIKES {
        lines.iter_mut().for_each(Line::wait_until_moving);
        sleep(dice.between(Duration::from_millis(100), Duration::from_secs(3)));
        let pause = dice.between(Duration::from_millis(100), Duration::from_secs(3));
        match victim {
            Victim::Agent => {
                lines.iter_mut().for_each(Line::kill);
                sleep(pause);
                lines.iter_mut().for_each(Line::launch);
            }
            Victim::DataNode => {
                let index = dice.below(hdfs.datanodes() as u64) as usize;
                hdfs.kill_datanode(index);
                sleep(pause);
                hdfs.start_datanode(index);
            }
            Victim::NameNode => {
                hdfs.kill_namenode();
                sleep(pause);
                hdfs.start_namenode();
            }
            Victim::Broker => {
                broker.kill();
                sleep(pause);
                broker.boot();
            }
        }
    }
    lines.iter_mut().for_each(Line::wait_until_moving);
    lines.iter_mut().for_each(Line::stop_feeding);
    lines.map(|line| (line.flow, line.finish())).into()
}

/// One flow at work: what is fed, and the agent that takes it to HDFS.
struct Line {
    flow: Flow,
    hdfs: &'static Hdfs,
    topic: Arc<Topic>,
    transactions: Transactions,
    group: String,
    site: Site,
    agent: Option<Agent>,
    feed: Option<Feed>,
    sent: u64,
}

impl Line {
    fn start(flow: Flow, broker: &Broker, hdfs: &'static Hdfs) -> Line {
        let topic = Arc::new(Topic::create(broker.bootstrap(), "kills", PARTITIONS));
        let transactions = Transactions::new(PARTITIONS);
        let group = topics::unique("kills");
        let site = Site::new("kills", &flow.properties(&topic, &group, hdfs), &["k"]);
        let headers: Option<&[(&str, &str)]> = match flow {
            Flow::Channel => Some(&[("topic", "channel")]),
            Flow::Memory | Flow::Offsets => None,
        };
        let feed = Some(Feed::start_as(headers, &topic, &transactions, Supply::Pace(PACE)));
        let mut line = Line { flow, hdfs, topic, transactions, group, site, agent: None, feed, sent: 0 };
        line.launch();
        line
    }

    fn launch(&mut self) {
        let configuration = self.hdfs.configuration();
        self.agent = Some(self.site.launch_with(0, &[("HADOOP_CONF_DIR", configuration.to_str().unwrap())]));
    }

    fn kill(&mut self) {
        self.agent.take().expect("an agent").kill();
    }

    fn wait_until_moving(&mut self) {
        let agent = self.agent.as_mut().expect("an agent");
        agent.wait_until_ready();
        let group = Group::new(&self.group, &self.topic);
        let before = group.total();
        wait::until(&format!("{:?} moves:\n{}", self.flow, agent.log_tail()), PATIENCE, || group.total() > before);
    }

    fn stop_feeding(&mut self) {
        self.sent = self.feed.take().expect("a feed").stop();
    }

    /// Until all is settled and every file has its name; then what is in the files.
    fn finish(mut self) -> Report {
        let hdfs = self.hdfs;
        Group::new(&self.group, &self.topic).wait_until_settled();
        let directory = match self.flow {
            Flow::Channel => "/kills/channel".to_owned(),
            Flow::Memory | Flow::Offsets => format!("/kills/{}", self.topic.name),
        };
        // What a killed agent had open is taken over once HDFS holds its writer for dead; what the living one has open, it closes by itself.
        let in_use = || hdfs.list(&directory).iter().filter(|file| file.path.ends_with(IN_USE)).count();
        wait::until("files that were left behind are taken over", LEASE * 3, || in_use() == 0);
        assert_eq!(self.agent.take().expect("an agent").terminate(), 0);
        let (letters, torn) = self.site.dead_letters();
        assert!(letters.is_empty() && torn == 0, "{letters:?}");

        let mut checker = Checker::new(&self.transactions, self.sent);
        let mut files = 0;
        hdfs.read(&directory, |contents| {
            assert!(contents.file.closed && !contents.file.path.ends_with(IN_USE), "{:?}", contents.file);
            assert_eq!(contents.damage, None, "{}", contents.file.path);
            for record in &contents.records {
                checker.arrived(files, &record.value);
            }
            files += 1;
        });
        hdfs.dfs(&["-rm", "-r", "-skipTrash", &directory]);
        checker.report()
    }
}
