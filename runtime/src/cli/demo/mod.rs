//! `weir demo`: the seed's two configurations at work on a stream of card transactions, with a live view and a receipt that counts from the ids
//! in the data. The first scores transactions from topic to topic; the second drains that topic into a directory laid out as on HDFS. Without
//! `--brokers` it brings its own broker: librdkafka's mock, in this process, which keeps nothing.

mod broker;
pub(in crate::cli) mod feed;
mod landing;
mod tally;
pub mod view;

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use tokio::sync::{mpsc, watch};

use crate::agent::{Agent, Stop};
use crate::config::{self, Load, Loaded};
use crate::control::Control;
use crate::error_chain;
use crate::pipeline::dead_letter;
use crate::plugin::{Artifact, Host, Options, Terms, default_cache};
use crate::sink;
use crate::telemetry::logs;
use crate::telemetry::tail::Tail;
use landing::Landing;
use tally::Tally;
use view::{Snapshot, View};

/// The seed's configurations, as they are in `conf/`.
const SCORING: &str = include_str!("../../../../conf/flume1.properties");
const LANDING: &str = include_str!("../../../../conf/kafka-to-hdfs.properties");
/// Both name their agent so; here the second has another name.
const FIRST: &str = "flume1";
const SECOND: &str = "flume2";
/// The plugin the seed's Java class is mapped to.
const PLUGIN: &[u8] = include_bytes!("../../../../plugins/fraud-score/fraud-score.wasm");
const JAVA_CLASS: &str = "cloudera.se.fraud.demo.flume.interceptor.FraudEventInterceptor$Builder";

/// Where the first pipeline parks what it refuses.
const LETTERS: &str = "dead-letters.jsonl";

/// Events in flight at most: the mock broker keeps 5 MiB a partition and silently drops what is older.
const BACKLOG: u64 = 8_000;
/// Without any event for so long, what is missing is lost.
const SILENCE: Duration = Duration::from_secs(30);

/// What is logged unless `WEIR_LOG` says otherwise: clients complain of a mock broker that ends with the demo, and nobody need hear it.
const QUIET: &str = "error,librdkafka=off,rdkafka=off";
/// Frames a second of the view, and how many of them a rate is taken over.
const FRAMES: usize = 4;
const RATE_FRAMES: usize = 8;

/// Arguments of `weir demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End by itself after so many events.
    #[arg(long, value_name = "N")]
    pub events: Option<u64>,
    /// Print one line of JSON, with the receipt, and nothing else on standard output.
    #[arg(long)]
    pub json: bool,
    /// Run on a real cluster, in topics of its own: `host:port,...`.
    #[arg(long)]
    pub brokers: Option<String>,
    /// Leave the files that the second pipeline wrote in this directory, which must be empty or not there yet.
    #[arg(long, value_name = "DIRECTORY")]
    pub keep: Option<PathBuf>,
    /// Events a second, as a limit.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub rate: u64,
}

/// Runs the demo. The exit code is 0 when nothing was lost.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let filter = std::env::var("WEIR_LOG").unwrap_or_else(|_| QUIET.to_owned());
    let log = logs::init(logs::Format::Auto, Some(&filter)).unwrap_or_else(|error| {
        eprintln!("weir: {}", error_chain(&error));
        Tail::default()
    });
    match start(&args, log) {
        Ok(receipt) if receipt.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("weir: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args, log: Tail) -> anyhow::Result<tally::Receipt> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start threads")?;
    let ended = runtime.block_on(run(args, log));
    runtime.shutdown_background();
    let receipt = ended?;
    let mut out = std::io::stdout().lock();
    // A reader that has left needs no receipt.
    let _ = if args.json { writeln!(out, "{}", receipt.json()) } else { writeln!(out, "{receipt}") };
    Ok(receipt)
}

async fn run(args: &Args, log: Tail) -> anyhow::Result<tally::Receipt> {
    let broker = broker::Broker::start(args.brokers.as_deref()).await?;
    let receipt = run_on(&broker, args, log).await;
    // However it ended: topics on somebody's cluster are not left behind.
    broker.clean_up().await;
    receipt
}

async fn run_on(broker: &broker::Broker, args: &Args, log: Tail) -> anyhow::Result<tally::Receipt> {
    let place = tempfile::tempdir().context("make a directory for the demo")?;
    let mut landing = Landing::new(place.path(), args.keep.as_deref())?;
    let loaded = configure(place.path(), broker, landing.directory())?;
    let plugin = describe(&loaded).await?;
    let agent = Agent::build(&loaded.spec, &loaded.settings, None, log).await.map_err(|error| anyhow!(error_chain(&error)))?;
    let mut view = View::new(!args.json && std::io::stderr().is_terminal());
    if !args.json {
        introduce(&view, &agent, broker, &plugin, landing.directory());
    }
    let (ready, control) = (agent.readiness(), agent.control());
    let (stop, stopped) = mpsc::channel(2);
    let running = tokio::spawn(agent.run(Asked(stopped)));
    let interrupted = interrupts(stop.clone());
    let begins = tokio::select! {
        ready = tokio::time::timeout(SILENCE, ready.ready()) => ready.map(|()| true).context("the agent is not ready after 30 s: is the cluster there?")?,
        () = wait_for(interrupted.clone()) => false,
    };
    let mut receipt = tally::Receipt::default();
    if begins {
        let tally = Tally::open(broker, place.path().join(LETTERS)).await?;
        let feed = feed::Feed::start(broker, args.events, args.rate, BACKLOG)?;
        let watched = Watched { feed: &feed, tally: &tally, control: &control, plugin: &plugin, broker };
        watched.watch_over(&mut landing, &interrupted, &mut view).await?;
        view.finish();
        feed.stop().await?;
        tally.settle(feed.sent(), SILENCE).await;
        settle_landing(&control, tally.seen().written).await;
        receipt = tally.receipt(feed.sent());
    }
    view.finish();
    let _ = stop.send(()).await;
    running.await.context("the agent's task")?.map_err(|error| anyhow!(error_chain(&error)))?;
    tokio::task::block_in_place(|| landing.count())?;
    receipt.land(&landing, args.keep.is_some());
    Ok(receipt)
}

/// Events that the second pipeline has brought to where a reader sees them.
fn landed(control: &Arc<dyn Control>) -> u64 {
    let status = control.status();
    let sinks = status.pipelines.iter().filter(|pipeline| pipeline.name == SECOND).flat_map(|pipeline| &pipeline.sinks);
    sinks.map(|sink| sink.sent_events).sum()
}

/// Waits until the second pipeline has landed what the first has written, or until it lands nothing for so long.
async fn settle_landing(control: &Arc<dyn Control>, written: u64) {
    let mut moved = (0, Instant::now());
    while moved.0 < written && moved.1.elapsed() < SILENCE {
        let landed = landed(control);
        if landed != moved.0 {
            moved = (landed, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The seed's files with their host names replaced. A mock broker has no ZooKeeper, so the source is told the broker itself.
fn configure(place: &Path, broker: &broker::Broker, landing: &Path) -> anyhow::Result<Loaded> {
    let scoring = SCORING
        .replace("zookeeperConnect = kafka1.ent.cloudera.com:2181/kafka", &format!("kafka.bootstrap.servers = {}", broker.bootstrap))
        .replace("kafka1.ent.cloudera.com:9092", &broker.bootstrap)
        .replace("flume.txn", &broker.input)
        .replace("flume.auths", &broker.output)
        + &format!("\nflume1.sources.kafka-source-1.groupId = {}\n", broker.input);
    // What is scored is bare JSON and no Flume event, and a file of 100 events would be one of hundreds a second.
    let channel = format!("{SECOND}.channels.kafka-channel-1");
    let landed = LANDING
        .replace(&format!("{FIRST}."), &format!("{SECOND}."))
        .replace(
            &format!("{channel}.zookeeperConnect = kafka1.ent.cloudera.com:2181/kafka"),
            &format!("{channel}.parseAsFlumeEvent = false"),
        )
        .replace("kafka1.ent.cloudera.com:9092", &broker.bootstrap)
        .replace("flume.auths", &broker.output)
        .replace("hdfs.rollCount = 100", "hdfs.rollCount = 5000")
        + &format!("\n{channel}.groupId = {}\n", broker.output);
    let files = [place.join("flume1.properties"), place.join("kafka-to-hdfs.properties")];
    let plugin = place.join("fraud-score.wasm");
    for (file, text) in files.iter().zip([scoring, landed]) {
        std::fs::write(file, text).context("write the configuration")?;
    }
    std::fs::write(&plugin, PLUGIN).context("write the plugin")?;
    let load = Load {
        conf_file: files.to_vec(),
        name: vec![FIRST.to_owned(), SECOND.to_owned()],
        plugin_map: vec![format!("{JAVA_CLASS}={}", plugin.display())],
        ..Load::default()
    };
    let mut loaded = config::load(&load).map_err(|error| anyhow!(error_chain(&error)))?;
    loaded.settings.state = Some(place.join("state"));
    for pipeline in &mut loaded.spec.pipelines {
        let letters = if pipeline.name == SECOND { "dead-letters-2.jsonl" } else { LETTERS };
        pipeline.dead_letters = dead_letter::Spec::File(place.join(letters));
        for sink in &mut pipeline.sinks {
            if let sink::Spec::Hdfs(hdfs) = &mut sink.kind {
                // A percent sign in the directory's name is none of an escape.
                hdfs.path = format!("file:{}/%{{topic}}/%y-%m-%d", landing.display().to_string().replace('%', "%%"));
            }
        }
    }
    Ok(loaded)
}

/// What the plugin says of itself: `fraud-score 0.1.0 (sha256 1f2e…)`.
async fn describe(loaded: &Loaded) -> anyhow::Result<String> {
    let options = Options { cache: loaded.settings.cache.clone().or_else(default_cache), ..Options::default() };
    let described = tokio::task::spawn_blocking(move || {
        let host = Host::new(options)?;
        let artifact = Artifact::from_bytes("fraud-score.wasm", PLUGIN, None, &Terms::default())?;
        let digest = artifact.digest()[..12].to_owned();
        let description = host.describe(artifact)?;
        Ok::<_, crate::plugin::Error>(format!("{} {} (sha256 {digest}…)", description.name, description.version))
    });
    described.await.context("describe the plugin")?.map_err(|error| anyhow!(error_chain(&error)))
}

fn introduce(view: &View, agent: &Agent, broker: &broker::Broker, plugin: &str, landing: &Path) {
    view.say(&format!("weir {}", env!("CARGO_PKG_VERSION")));
    view.say(&format!("  broker   {}", broker.description));
    view.say(&format!("  config   conf/flume1.properties: {} -> fraud interceptor -> memory channel -> {}", broker.input, broker.output));
    view.say(&format!(
        "           conf/kafka-to-hdfs.properties: {} as Kafka channel -> HDFS sink -> {}",
        broker.output,
        landing.display()
    ));
    view.say(&format!("  plugin   {plugin} in place of {JAVA_CLASS}"));
    view.say(&format!("  admin    http://{0}/metrics  http://{0}/readyz", agent.admin()));
    view.say("  joining the consumer group, about 3 s");
}

/// What is looked at while the demo runs.
struct Watched<'a> {
    feed: &'a feed::Feed,
    tally: &'a Tally,
    control: &'a Arc<dyn Control>,
    plugin: &'a str,
    broker: &'a broker::Broker,
}

impl Watched<'_> {
    /// Draws until all is in and out again, or nothing moves any more, or somebody presses Ctrl-C.
    async fn watch_over(&self, landing: &mut Landing, interrupted: &watch::Receiver<bool>, view: &mut View) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut frames = tokio::time::interval(Duration::from_secs(1) / FRAMES as u32);
        let mut recent = VecDeque::from([(0, 0)]);
        while !*interrupted.borrow() && !self.feed.is_done() && !self.feed.is_stuck(SILENCE) {
            frames.tick().await;
            let (seen, landed) = (self.tally.seen(), landed(self.control));
            // The mock keeps little of either topic: what is not landed yet counts as under way, too.
            self.feed.settled(seen.settled().min(landed + seen.dead_lettered));
            tokio::task::block_in_place(|| landing.count())?;
            let (sent, out) = (self.feed.sent(), seen.written);
            let (sent_then, out_then) = recent[0];
            let seconds = recent.len() as f64 / FRAMES as f64;
            recent.push_back((sent, out));
            if recent.len() > RATE_FRAMES {
                recent.pop_front();
            }
            view.update(&Snapshot {
                elapsed: begun.elapsed(),
                read_per_second: (sent - sent_then) as f64 / seconds,
                written_per_second: (out - out_then) as f64 / seconds,
                in_total: sent,
                out_total: out,
                landed,
                files: landing.files(),
                dead_lettered: seen.dead_lettered,
                approved: seen.approved,
                review: seen.review,
                refused: seen.refused,
                last_scores: seen.last_scores,
                plugin: self.plugin.to_owned(),
                broker: self.broker.description.clone(),
            });
        }
        Ok(())
    }
}

/// Ctrl-C and SIGTERM: the first ends the demo in order, the second at once.
fn interrupts(stop: mpsc::Sender<()>) -> watch::Receiver<bool> {
    let (told, interrupted) = watch::channel(false);
    tokio::spawn(async move {
        let Ok(mut signals) = crate::agent::Signals::install() else { return };
        signals.next().await;
        told.send_replace(true);
        signals.next().await;
        let _ = stop.try_send(());
        let _ = stop.try_send(());
    });
    interrupted
}

async fn wait_for(mut interrupted: watch::Receiver<bool>) {
    if interrupted.wait_for(|interrupted| *interrupted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Stops the agent when it is told to.
struct Asked(mpsc::Receiver<()>);

impl Stop for Asked {
    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for a background thread without blocking the runtime.
async fn join<T: Send + 'static>(thread: std::thread::JoinHandle<anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::task::spawn_blocking(move || thread.join()).await {
        Ok(Ok(ended)) => ended,
        _ => bail!("a thread of the demo panicked"),
    }
}
