//! What is measured: three ways through something durable, each a properties file that Flume and Weir both run.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;
use weir_tests::harness::agent;
use weir_tests::harness::broker::{self, Broker, Machine};
use weir_tests::harness::flume::Options;
use weir_tests::harness::hdfs::Hdfs;
use weir_tests::harness::side::{Run, Running, Side};
use weir_tests::harness::topics::{self, Group, Topic};
use weir_tests::harness::transactions::Transactions;
use weir_tests::harness::{cache, checker, load, wait};

use crate::measure::{Goal, Measured, Used, measure, measure_by};

const PARTITIONS: i32 = 4;

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Flow {
    /// Generated events of 250 bytes, file channel, null sink: the channel alone.
    Channel,
    /// Kafka, file channel, Kafka.
    Kafka,
    /// Kafka channel, HDFS sink, lines.
    Hdfs,
}

/// What a flow needs, for all its runs.
pub struct Servers {
    flow: Flow,
    events: u64,
    broker: Option<Broker>,
    hdfs: Option<Hdfs>,
    input: Option<Topic>,
}

impl Flow {
    /// All of them.
    pub const ALL: [Flow; 3] = [Flow::Channel, Flow::Kafka, Flow::Hdfs];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Flow::Channel => "stress source, file channel, null sink",
            Flow::Kafka => "Kafka source, file channel, Kafka sink",
            Flow::Hdfs => "Kafka channel, HDFS sink",
        }
    }
}

impl Servers {
    /// Starts them and fills the input.
    pub fn start(flow: Flow, events: u64) -> Servers {
        let broker = (flow != Flow::Channel).then(|| Broker::start(Machine::Fast));
        // Of several copies only the cluster's own work would be more.
        let hdfs = (flow == Flow::Hdfs).then(|| Hdfs::start(1, Machine::Fast));
        let input = broker.as_ref().map(|broker| {
            let topic = Topic::create(broker.bootstrap(), "durable-in", PARTITIONS);
            let transactions = Transactions::new(PARTITIONS);
            match flow {
                Flow::Hdfs => load::fill_channel(&topic, &transactions, events, None, &[("topic", "durable")]),
                Flow::Kafka | Flow::Channel => load::fill(&topic, &transactions, events, None),
            }
            topic
        });
        Servers { flow, events, broker, hdfs, input }
    }

    /// Lets one of the two move everything once.
    pub fn run(&self, side: Side, batch: usize) -> Measured {
        let directory = cache::scratch("durable");
        match self.flow {
            Flow::Channel => self.channel(side, batch, &directory),
            Flow::Kafka => self.kafka(side, batch, &directory),
            Flow::Hdfs => self.hdfs(side, batch),
        }
    }

    fn channel(&self, side: Side, batch: usize, directory: &Path) -> Measured {
        let [port] = broker::free_ports();
        let properties = format!(
            "a.sources = r\na.channels = c\na.sinks = k\n\
             a.sources.r.type = org.apache.flume.source.StressSource\n\
             a.sources.r.channels = c\n\
             a.sources.r.size = 250\n\
             a.sources.r.maxTotalEvents = {events}\n\
             a.sources.r.batchSize = {batch}\n\
             {channel}\
             a.sinks.k.type = null\n\
             a.sinks.k.channel = c\n\
             a.sinks.k.batchSize = {batch}\n",
            events = self.events,
            channel = file_channel(directory),
        );
        let running = side.start(run(&properties, Options { metrics: Some(port), ..fast() }));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        wait::until("numbers are published", Duration::from_secs(60), || TcpStream::connect(address).is_ok());
        let measured = measure_by(self.goal(), || taken(address), || self.used(&running));
        drop(running);
        // Half a gigabyte a run.
        std::fs::remove_dir_all(directory).unwrap();
        measured
    }

    fn kafka(&self, side: Side, batch: usize, directory: &Path) -> Measured {
        let input = self.input.as_ref().expect("this flow has an input");
        let output = Topic::create(input.bootstrap(), "durable-out", PARTITIONS);
        let properties = format!(
            "a.sources = r\na.channels = c\na.sinks = k\n\
             a.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
             a.sources.r.channels = c\n\
             a.sources.r.kafka.bootstrap.servers = {bootstrap}\n\
             a.sources.r.kafka.topics = {input}\n\
             a.sources.r.kafka.consumer.group.id = {group}\n\
             a.sources.r.kafka.consumer.auto.offset.reset = earliest\n\
             a.sources.r.batchSize = {batch}\n\
             {channel}\
             a.sinks.k.type = org.apache.flume.sink.kafka.KafkaSink\n\
             a.sinks.k.channel = c\n\
             a.sinks.k.kafka.bootstrap.servers = {bootstrap}\n\
             a.sinks.k.kafka.topic = {output}\n\
             a.sinks.k.kafka.producer.acks = all\n\
             a.sinks.k.allowTopicOverride = false\n\
             a.sinks.k.flumeBatchSize = {batch}\n",
            bootstrap = input.bootstrap(),
            input = input.name,
            output = output.name,
            group = topics::unique("durable"),
            channel = file_channel(directory),
        );
        let running = side.start(run(&properties, fast()));
        let measured = measure(&output, self.goal(), || self.used(&running));
        drop(running);
        checker::check(&Transactions::new(PARTITIONS), self.events, &output, &[]).assert_nothing_lost();
        std::fs::remove_dir_all(directory).unwrap();
        measured
    }

    fn hdfs(&self, side: Side, batch: usize) -> Measured {
        let (input, hdfs) = self.input.as_ref().zip(self.hdfs.as_ref()).expect("this flow has an input and a cluster");
        let group = topics::unique("durable");
        let properties = format!(
            "a.channels = c\na.sinks = k\n\
             a.channels.c.type = org.apache.flume.channel.kafka.KafkaChannel\n\
             a.channels.c.kafka.bootstrap.servers = {}\n\
             a.channels.c.kafka.topic = {}\n\
             a.channels.c.kafka.consumer.group.id = {group}\n\
             a.sinks.k.type = hdfs\n\
             a.sinks.k.channel = c\n\
             a.sinks.k.hdfs.path = {}/durable/{group}/%{{topic}}\n\
             a.sinks.k.hdfs.fileType = DataStream\n\
             a.sinks.k.hdfs.batchSize = {batch}\n\
             a.sinks.k.hdfs.rollInterval = 10\n\
             a.sinks.k.hdfs.rollSize = 0\n\
             a.sinks.k.hdfs.rollCount = 0\n",
            input.bootstrap(),
            input.name,
            hdfs.uri(),
        );
        let hadoop = hdfs.configuration();
        let running = side.start(run(&properties, Options { hadoop: Some(&hadoop), ..fast() }));
        let group = Group::new(&group, input);
        measure_by(self.goal(), || group.total(), || self.used(&running))
    }

    fn goal(&self) -> Goal {
        Goal { events: self.events, limit: Duration::MAX }
    }

    fn used(&self, running: &Running) -> Used {
        Used { process: running.usage(), broker: self.broker.as_ref().map_or(0.0, |broker| broker.usage().cpu) }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // It is deleted through the broker, which goes next.
        self.input = None;
        self.broker = None;
    }
}

fn run<'a>(properties: &'a str, options: Options<'a>) -> Run<'a> {
    Run { label: "durable", properties, agent: "a", options }
}

fn fast() -> Options<'static> {
    Options { machine: Some(Machine::Fast), ..Options::default() }
}

/// A channel that is safe and roomy in both: every transaction is synced.
fn file_channel(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "a.channels.c.type = file\n\
         a.channels.c.checkpointDir = {directory}/checkpoint\n\
         a.channels.c.dataDirs = {directory}/data\n\
         a.channels.c.capacity = 1000000\n\
         a.channels.c.transactionCapacity = 10000\n"
    )
}

/// Events that sinks have taken from the channel, from the numbers that Flume publishes.
fn taken(address: SocketAddr) -> u64 {
    let (status, body) = agent::get(address, "/metrics");
    assert_eq!(status, 200, "{body}");
    let document: Value = serde_json::from_str(&body).unwrap();
    let count = document.pointer("/CHANNEL.c/EventTakeSuccessCount").and_then(Value::as_str);
    count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count in {body}"))
}
