//! Resident memory: under load, with a sink that hangs so that everything that may fill is full, and of many pipelines.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir_tests::harness::agent::Agent;
use weir_tests::harness::broker::{self, Broker, Machine};
use weir_tests::harness::configuration;
use weir_tests::harness::topics::{self, Topic, client};
use weir_tests::harness::transactions::Transactions;
use weir_tests::harness::{load, wait};

use crate::contestant::{Contestant, kafka_sink, pipeline, site};
use crate::options::Options;
use crate::pipelines;
use crate::table::{Cell, Table};

const PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(120);
/// What hangs is full when its memory has not grown for so long.
const STILL: Duration = Duration::from_secs(5);
/// Bytes of a large event.
const LARGE: usize = 100 << 10;
const PIPELINES: [i32; 3] = [1, 10, 50];

/// The tables.
pub fn run(options: &Options) -> Vec<Table> {
    let broker = Broker::start(Machine::Fast);
    let input = Topic::create(broker.bootstrap(), "memory-in", PARTITIONS);
    load::fill(&input, &Transactions::new(PARTITIONS), options.events, None);
    let mut table = Table::new("Resident memory of one pipeline, MiB", &["agent", "idle", "peak"]);
    let scorer = configuration::fraud_score();
    for plugin in [None, Some(&scorer)] {
        let name = if plugin.is_some() { "weir with `fraud-score`, under load" } else { "weir, under load" };
        table.row(vec![name.into(), Cell::mebibytes(idle(&broker, plugin)), Cell::mebibytes(under_load(&input, plugin, options.events))]);
    }
    table.row(vec!["plain loop, under load".into(), Cell::None, Cell::mebibytes(raw(&input, options.events))]);
    let (hung, _) = hanging(&input);
    table.row(vec!["weir, its sink hangs, events of 250 B".into(), Cell::None, Cell::mebibytes(hung)]);
    let large = Topic::create(broker.bootstrap(), "memory-large", PARTITIONS);
    fill_large(&large, if options.smoke { 100 } else { 2000 });
    let (hung, open) = hanging(&large);
    table.row(vec![
        format!("weir, its sink hangs, events of {} KiB ({open} of them open)", LARGE >> 10).into(),
        Cell::None,
        Cell::mebibytes(hung),
    ]);
    vec![table, many(&broker, options)]
}

/// Agents with more and more pipelines that have nothing to do.
fn many(broker: &Broker, options: &Options) -> Table {
    let mut table = Table::new(
        "Resident memory and threads of an idle agent, each pipeline with `fraud-score`",
        &["pipelines", "MiB", "MiB each more", "threads"],
    );
    let output = Topic::create(broker.bootstrap(), "memory-out", PARTITIONS);
    let scorer = configuration::fraud_score();
    let mut before: Option<(i32, u64)> = None;
    for count in if options.smoke { &PIPELINES[..2] } else { &PIPELINES[..] } {
        let (inputs, groups) = (pipelines::topics(broker, *count, 1), topics::unique("memory"));
        let sink = kafka_sink(output.bootstrap(), &output.name);
        let pipelines: String = inputs.iter().map(|input| pipeline(input, &groups, Some(&scorer), &sink)).collect();
        let mut agent = site(&pipelines).launch(0);
        agent.wait_until_ready();
        let resident = settled(&agent);
        let threads = std::fs::read_dir(format!("/proc/{}/task", agent.id())).unwrap().count();
        let each = before.map_or(Cell::None, |(fewer, less)| {
            let more = resident.saturating_sub(less) as f64 / f64::from(count - fewer);
            Cell::Number(more / f64::from(1 << 20), 2)
        });
        table.row(vec![Cell::from(u64::from(count.cast_unsigned())), Cell::mebibytes(resident), each, Cell::from(threads as u64)]);
        before = Some((*count, resident));
    }
    table
}

fn idle(broker: &Broker, plugin: Option<&PathBuf>) -> u64 {
    let input = Topic::create(broker.bootstrap(), "memory-idle", PARTITIONS);
    let output = Topic::create(broker.bootstrap(), "memory-out", PARTITIONS);
    let sink = kafka_sink(output.bootstrap(), &output.name);
    let mut agent = site(&pipeline(&input, &topics::unique("memory"), plugin, &sink)).launch(0);
    agent.wait_until_ready();
    settled(&agent)
}

/// Resident memory once nothing has to be done any more.
fn settled(agent: &Agent) -> u64 {
    std::thread::sleep(Duration::from_secs(3));
    agent.usage().resident
}

fn under_load(input: &Topic, plugin: Option<&PathBuf>, events: u64) -> u64 {
    let output = Topic::create(input.bootstrap(), "memory-out", PARTITIONS);
    let sink = kafka_sink(output.bootstrap(), &output.name);
    let agent = site(&pipeline(input, &topics::unique("memory"), plugin, &sink)).launch(0);
    wait::while_moving("events arrive", events, PATIENCE, || output.len());
    agent.usage().peak
}

fn raw(input: &Topic, events: u64) -> u64 {
    let output = Topic::create(input.bootstrap(), "memory-out", PARTITIONS);
    let running = Contestant::Raw.start(std::slice::from_ref(input), &topics::unique("memory"), &output);
    wait::while_moving("events arrive", events, PATIENCE, || output.len());
    running.usage().peak
}

/// The most that an agent takes whose sink reaches no broker, and how many events it has open then.
fn hanging(input: &Topic) -> (u64, u64) {
    let [nobody] = broker::free_ports();
    let sink = kafka_sink(&format!("127.0.0.1:{nobody}"), "nowhere");
    let mut agent = site(&pipeline(input, &topics::unique("memory"), None, &sink)).launch(0);
    agent.wait_until_ready();
    let received = || agent.metric("weir_component_received_events_total", "kind=\"source\"") as u64;
    wait::until("it reads", PATIENCE, || received() > 0);
    let (begun, mut grown) = (Instant::now(), (Instant::now(), 0));
    while grown.0.elapsed() < STILL {
        assert!(begun.elapsed() < PATIENCE, "its memory grows and grows: {} bytes", grown.1);
        let peak = agent.usage().peak;
        // Less than this is what an allocator does on an idle day.
        if peak > grown.1 + (1 << 20) {
            grown = (Instant::now(), peak);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    (agent.usage().peak, received())
}

fn fill_large(topic: &Topic, events: u32) {
    let producer: BaseProducer = client(topic.bootstrap()).create().unwrap();
    let body = vec![b'x'; LARGE];
    for event in 0..events {
        let partition = (event % topic.partitions.cast_unsigned()).cast_signed();
        let mut record = BaseRecord::<[u8], [u8]>::to(&topic.name).partition(partition).payload(&body);
        while let Err((_, refused)) = producer.send(record) {
            record = refused;
            producer.poll(Duration::from_millis(5));
        }
    }
    producer.flush(PATIENCE).unwrap();
}
