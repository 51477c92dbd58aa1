//! From the start of the process to its first event out, and of what that time consists. A start is cold when nothing is compiled and no version is
//! remembered, and warm when it is the second on the same directories.
//!
//! `loaded` ends when the pipelines run: until there the time is the agent's own. What follows is Kafka's: finding the coordinator, joining the group,
//! fetching, and the acknowledgement of the first event.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::BaseConsumer;
use serde_json::Value;
use weir_tests::harness::agent::{Agent, Site};
use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::configuration;
use weir_tests::harness::languages::LANGUAGES;
use weir_tests::harness::topics::{self, Topic, client};
use weir_tests::harness::transactions::Transactions;
use weir_tests::harness::{cache, load};

use crate::contestant::{kafka_sink, pipeline};
use crate::options::Options;
use crate::table::{Cell, Table, median};

/// Longer than a Python plugin takes to compile on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Events that wait for the agent.
const EVENTS: u64 = 1000;
/// Pipelines of an agent that has many.
const MANY: usize = 100;

/// What is started.
struct Case {
    name: String,
    configuration: String,
    /// Where events come out; `None` of a pipeline without Kafka.
    output: Option<Topic>,
}

/// What a start took, seconds.
#[derive(Debug)]
struct Took {
    loaded: f64,
    ready: f64,
    first: Option<f64>,
    /// CPU of the agent itself until it was ready; a compiler's is not in it.
    cpu: f64,
}

/// The table.
pub fn run(options: &Options) -> Table {
    let broker = Broker::start(Machine::Fast);
    let input = Topic::create(broker.bootstrap(), "start-in", 1);
    load::fill(&input, &Transactions::new(1), EVENTS, None);
    let columns = ["plugin", "cache", "loaded, ms", "ready, ms", "first event out, ms", "CPU until ready, ms"];
    let mut table = Table::new("Start of an agent, from the start of its process", &columns);
    for (plugin, path) in plugins(options) {
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for round in 0..options.rounds {
            let site = site();
            for took in [&mut cold, &mut warm] {
                took.push(start(&kafka(&plugin, path.as_ref(), &input), &site));
            }
            let (cold, warm) = (&cold[round], &warm[round]);
            eprintln!("round {} of {}, {plugin}: cold {cold:?}, warm {warm:?}", round + 1, options.rounds);
        }
        table.row(row(&plugin, "cold", &cold));
        table.row(row(&plugin, "warm", &warm));
    }
    let (many, site) = (many(), site());
    let cold = start(&many, &site);
    table.row(row(&many.name, "cold", &[cold]));
    let warm: Vec<Took> = (0..options.rounds).map(|_| start(&many, &site)).collect();
    table.row(row(&many.name, "warm", &warm));
    table
}

/// With nothing in its cache and its state.
fn site() -> Site {
    Site::native("start", "", "").with_cache(&cache::scratch("start-cache").join("compiled"))
}

/// Plugins by name; those whose tools are missing are told of and left out.
fn plugins(options: &Options) -> Vec<(String, Option<PathBuf>)> {
    let mut plugins = vec![("no plugin".to_owned(), None), ("fraud-score (Rust)".to_owned(), Some(configuration::fraud_score()))];
    if options.smoke {
        return plugins;
    }
    for (name, language) in [("fraud-score-js", "js"), ("fraud-score-python", "python")] {
        let language = LANGUAGES.into_iter().find(|one| one.name == language).expect("a language");
        match language.component(name) {
            Ok(path) => plugins.push((format!("{name} ({} KiB)", path.metadata().unwrap().len() >> 10), Some(path))),
            Err(error) => eprintln!("left out: {name}: {error:#}"),
        }
    }
    plugins
}

fn kafka(name: &str, plugin: Option<&PathBuf>, input: &Topic) -> Case {
    let output = Topic::create(input.bootstrap(), "start-out", 1);
    let configuration = pipeline(input, &topics::unique("start"), plugin, &kafka_sink(output.bootstrap(), &output.name));
    Case { name: name.to_owned(), configuration, output: Some(output) }
}

/// Pipelines that need nobody, all with one plugin.
fn many() -> Case {
    let plugin = configuration::fraud_score();
    let one = |number: usize| {
        format!(
            "[pipelines.p{number}.sources.in]\nchannels = [\"memory\"]\n[pipelines.p{number}.sources.in.sequence]\ntotal_events = 1\n\
             [[pipelines.p{number}.sources.in.interceptors]]\nname = \"plugin\"\nwasm = {{ plugin = {plugin:?} }}\n\
             [pipelines.p{number}.channels.memory.memory]\n\
             [pipelines.p{number}.sinks.out]\nchannel = \"memory\"\n[pipelines.p{number}.sinks.out.null]\n"
        )
    };
    Case { name: format!("{MANY} pipelines with fraud-score, no Kafka"), configuration: (0..MANY).map(one).collect(), output: None }
}

fn row(name: &str, cache: &str, took: &[Took]) -> Vec<Cell> {
    let milliseconds = |seconds: f64| Cell::Number(seconds * 1e3, 0);
    let of = |figure: fn(&Took) -> f64| milliseconds(median(took.iter().map(figure)));
    let first: Vec<f64> = took.iter().filter_map(|one| one.first).collect();
    let first = if first.is_empty() { Cell::None } else { milliseconds(median(first)) };
    vec![name.into(), cache.into(), of(|one| one.loaded), of(|one| one.ready), first, of(|one| one.cpu)]
}

/// Starts an agent of this site.
fn start(case: &Case, site: &Site) -> Took {
    site.rewrite(&case.configuration);
    let watch = case.output.as_ref().map(|output| (output, client(output.bootstrap()).create::<BaseConsumer>().unwrap()));
    if let Some((output, watcher)) = &watch {
        // The connection is there before it counts.
        output.ends_by(watcher);
    }
    let (begun, clock) = (SystemTime::now(), Instant::now());
    let agent = site.launch(0);
    let (mut first, mut ready) = (None, None);
    while ready.is_none() || (watch.is_some() && first.is_none()) {
        assert!(clock.elapsed() < PATIENCE, "not started:\n{}", agent.log_tail());
        if ready.is_none() && said(&agent, "ready", begun).is_some() {
            ready = Some(cpu(agent.id()));
        }
        if let Some((output, watcher)) = &watch
            && first.is_none()
            && output.ends_by(watcher).iter().sum::<i64>() > 0
        {
            first = Some(clock.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let loaded = said(&agent, "pipeline starts", begun).expect("it has started");
    let took = Took { loaded, ready: said(&agent, "ready", begun).expect("it is ready"), first, cpu: ready.unwrap_or(0.0) };
    assert_eq!(agent.terminate(), 0);
    took
}

/// When the agent first logged this, seconds after `begun`.
fn said(agent: &Agent, message: &str, begun: SystemTime) -> Option<f64> {
    let line = agent.logged(message).into_iter().next()?;
    let written = line.get("timestamp").and_then(Value::as_str).expect("a line has its time");
    // Within a day, which is all that is asked here: HH:MM:SS.ffffff.
    let of_day: f64 = written[11..26].split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().expect("a number"));
    let began = begun.duration_since(UNIX_EPOCH).unwrap().as_secs_f64() % 86_400.0;
    Some((of_day - began).rem_euclid(86_400.0))
}

/// CPU of a process's threads so far, seconds; finer than the ticks of its `stat`.
fn cpu(id: u32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let nanoseconds = threads.flatten().filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}
