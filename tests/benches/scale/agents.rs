//! More and more agents in one group: whether partitions and events are shared evenly, and whether all events arrive.

use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use weir_tests::harness::agent::{Agent, Site};
use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::checker;
use weir_tests::harness::configuration::{self, Pipeline};
use weir_tests::harness::process::Signal;
use weir_tests::harness::topics::{self, Topic, client};
use weir_tests::harness::transactions::Transactions;
use weir_tests::harness::{load, wait};

use crate::options::Options;
use crate::table::{Cell, Table, median};

const AGENTS: [usize; 3] = [1, 2, 4];
const PARTITIONS: i32 = 12;
const PATIENCE: Duration = Duration::from_secs(120);

/// What one run showed.
struct Shared {
    /// From the first start until every agent has its share.
    balanced: f64,
    partitions: Vec<usize>,
    received: Vec<u64>,
    rate: f64,
    cpu: f64,
    lost: u64,
    repeated: u64,
}

/// The table.
pub fn run(options: &Options) -> Table {
    let broker = Broker::start(Machine::Fast);
    let counts = if options.smoke { &AGENTS[1..2] } else { &AGENTS[..] };
    let title = format!("Agents of one group, {PARTITIONS} partitions and {} events a run, with `passthrough`", options.events);
    let columns = ["agents", "balanced after, s", "partitions of each", "events of each, %", "events/s", "CPU s/M", "lost", "repeated"];
    let mut table = Table::new(title, &columns);
    for count in counts {
        let runs: Vec<Shared> = (0..options.rounds).map(|_| share(&broker, *count, options.events)).collect();
        let of = |figure: fn(&Shared) -> f64| median(runs.iter().map(figure));
        let last = runs.last().expect("a round");
        let percent = |events: &u64| format!("{:.1}", *events as f64 * 100.0 / options.events as f64);
        table.row(vec![
            Cell::from(*count as u64),
            Cell::Number(of(|run| run.balanced), 1),
            listed(&last.partitions).into(),
            last.received.iter().map(percent).collect::<Vec<_>>().join(" ").into(),
            Cell::Number(of(|run| run.rate), 0),
            Cell::Number(of(|run| run.cpu), 2),
            runs.iter().map(|run| run.lost).sum::<u64>().into(),
            runs.iter().map(|run| run.repeated).sum::<u64>().into(),
        ]);
    }
    table
}

fn share(broker: &Broker, count: usize, events: u64) -> Shared {
    let input = Topic::create(broker.bootstrap(), "group-in", PARTITIONS);
    let output = Topic::create(broker.bootstrap(), "group-out", PARTITIONS);
    let group = topics::unique("group");
    let plugins = vec![configuration::passthrough()];
    let pipeline = Pipeline { plugins, batch_size: 1000, ..Pipeline::new("group", &input, &output.name, &group) };
    let site = Site::new("group", &pipeline.properties(), &["group"]);
    let begun = Instant::now();
    let mut agents: Vec<Agent> = (0..count as u32).map(|slot| site.launch(slot)).collect();
    agents.iter_mut().for_each(Agent::wait_until_ready);
    wait::until("every agent has its share", PATIENCE, || {
        let has: Vec<usize> = agents.iter().map(Agent::partitions).collect();
        has.iter().sum::<usize>() == PARTITIONS as usize && has.iter().all(|one| one.abs_diff(PARTITIONS as usize / count) <= 1)
    });
    let balanced = begun.elapsed().as_secs_f64();
    let partitions = agents.iter().map(Agent::partitions).collect();
    agents.iter().for_each(|agent| agent.signal(Signal::Stop));
    let transactions = Transactions::new(PARTITIONS);
    load::fill(&input, &transactions, events, None);
    let cpu = || agents.iter().map(|agent| agent.usage().cpu).sum::<f64>();
    let (begun, before) = (Instant::now(), cpu());
    agents.iter().for_each(|agent| agent.signal(Signal::Continue));
    let watcher: BaseConsumer = client(broker.bootstrap()).create().unwrap();
    wait::while_moving("events arrive", events, PATIENCE, || output.ends_by(&watcher).iter().sum::<i64>().cast_unsigned());
    let (took, used) = (begun.elapsed().as_secs_f64(), cpu() - before);
    let received = agents.iter().map(|agent| agent.metric("weir_component_received_events_total", "kind=\"source\"") as u64).collect();
    let codes: Vec<i32> = agents.into_iter().map(Agent::terminate).collect();
    assert!(codes.iter().all(|code| *code == 0), "an agent did not end well: {codes:?}");
    let report = checker::check(&transactions, events, &output, &[]);
    let shared = Shared {
        balanced,
        partitions,
        received,
        rate: events as f64 / took,
        cpu: used / (events as f64 / 1e6),
        lost: report.lost,
        repeated: report.duplicated,
    };
    eprintln!("{count} agents: {report}");
    report.assert_nothing_lost();
    shared
}

fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
