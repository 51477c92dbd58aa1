//! THE FLOW.
//!
//! ```text
//! source.poll ─► ledger.track ─► chain.judge ─► selector.put ─► channel ┄► channel.take ─► sink.write ─► taken.commit
//!      ▲                              └─ rejected ─► dead letter      (the ack travels with the batch)    └─ refused ─► dead letter
//!      └── source.commit ◄── ledger.settled (contiguous) ◄────────── every share of the ack delivered ◄────────────┘
//! ```
//! The left half is `source_loop`, the right half `sink_loop`; nothing else moves events. `gate` holds what was read while the pipeline is paused,
//! and `injector` puts a replayed event in where the chain begins. A Kafka channel is one sink and one source more (`kafka_channel`). This file
//! wires a pipeline and supervises its tasks: what fails is made anew after a while, sources from their last commit. Only an interceptor that is
//! told to halt ends a pipeline.

mod backoff;
pub mod dead_letter;
mod drain;
mod drainers;
mod gate;
#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod group_tests;
mod hurry;
mod injector;
mod kafka_channel;
#[cfg(test)]
mod kafka_channel_tests;
pub mod ledger;
mod parts;
pub mod selector;
mod sink_loop;
mod source_loop;
mod task;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Instant;

pub use drain::{Drain, DrainSwitch};
use futures_util::future::join_all;
pub use gate::{Gate, Pause};
pub use injector::{Injector, MOST_EVENTS};
pub(crate) use parts::parts;
pub(crate) use task::Task;
use tracing::{Instrument, error, info, info_span, warn};

use crate::channel::{self, Channel};
use crate::config::Brokers;
use crate::config::settings::{dead_letter_file, file_name};
use crate::config::spec::{ChannelSpec, PipelineSpec, SourceSpec};
use crate::control::{Refusal, Target};
use crate::error_chain;
use crate::interceptor::{self, TapDirectory};
use crate::plugin;
use crate::sink;
use crate::source;
use crate::telemetry::{Health, Metrics, Spans};
use backoff::BackOff;
use dead_letter::{DeadLetters, Defaults, Desk};
use hurry::Hurry;
use selector::Selector;

/// Events that are worth a hand-over: what is paid for each is then little for one event. Small batches travel together up to so many.
const AT_ONCE: usize = 1000;

/// What pipelines share in one agent.
#[derive(Clone)]
pub struct Services {
    /// Where numbers go.
    pub metrics: Arc<Metrics>,
    /// Who asks whether the agent is ready.
    pub health: Health,
    /// Compiles and runs plugins.
    pub plugins: plugin::Host,
    /// Directory of what must survive a restart; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// Where spans go, if anywhere.
    pub spans: Option<Spans>,
    /// Who listens at interceptors.
    pub taps: TapDirectory,
}

impl Services {
    /// Where files go that must survive a restart, and that the configuration gives no place.
    fn state_directory(&self) -> &Path {
        self.state.as_deref().unwrap_or(Path::new("weir-state"))
    }
}

/// A pipeline cannot be built, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An interceptor's plugin is no good.
    #[error("interceptor {interceptor} of source {origin}")]
    Interceptor {
        /// Its name.
        interceptor: String,
        /// Its source's name.
        origin: String,
        /// What is wrong with it.
        #[source]
        source: interceptor::BuildError,
    },
    /// A channel cannot be opened.
    #[error("open channel {channel}")]
    Channel {
        /// Its name.
        channel: String,
        /// What is wrong with it.
        #[source]
        source: channel::Error,
    },
    /// The dead letters have no place to go.
    #[error("open the dead letters of pipeline {0}")]
    DeadLetters(String, #[source] dead_letter::Error),
    /// An interceptor stopped the pipeline, or cannot go on.
    #[error("source {0} stopped")]
    Stopped(String, #[source] interceptor::Error),
    /// A source failed while it drained.
    #[error("source {0} was not drained, events will come again: {1}")]
    NotDrained(String, String),
}

/// What is done to a pipeline from outside while it runs; cheap to clone, and of no effect once it has ended.
#[derive(Clone)]
pub struct Controls {
    /// Pauses and resumes it.
    pub gate: Gate,
    /// Puts events into its chains.
    pub injector: Injector,
    /// Its dead letters.
    pub desk: Desk,
    /// Its plugins, to be exchanged while it runs.
    pub plugins: Vec<(Target, interceptor::Wasm)>,
    taps: TapDirectory,
    /// Its interceptors, built-in ones too.
    places: Vec<interceptor::Place>,
}

impl Controls {
    /// The pipeline is gone for good: whoever listens at its interceptors is told why.
    pub fn end_taps(&self, why: &str) {
        self.places.iter().for_each(|place| self.taps.end(place, why));
    }

    /// The plugin at a place in this pipeline.
    ///
    /// # Errors
    /// As [`Target::resolve`].
    pub fn plugin(&self, target: &Target) -> Result<interceptor::Wasm, Refusal> {
        let plugins = self.plugins.iter().map(|(at, wasm)| (at.source.as_deref().unwrap_or_default(), at.interceptor.as_str(), wasm));
        target.resolve("plugin", plugins).cloned()
    }
}

/// A pipeline ready to run.
pub struct Pipeline {
    name: String,
    controls: Controls,
    services: Services,
    sources: Vec<(SourceSpec, Arc<source_loop::Route>)>,
    sinks: Vec<(sink::Connect, Arc<sink_loop::Drained>)>,
    channels: Vec<Arc<dyn Channel>>,
    letters: Task<()>,
}

impl Pipeline {
    /// Builds everything but the connections: channels, chains with their plugins compiled and configured, dead letters.
    ///
    /// # Errors
    /// A plugin is refused, or the dead letters cannot be opened.
    pub async fn build(spec: &PipelineSpec, services: &Services) -> Result<Pipeline, Error> {
        let defaults = Defaults { brokers: cluster(spec), overflow: dead_letter_file(services.state_directory(), &spec.name) };
        let dead_letters = DeadLetters::open(&spec.name, &spec.dead_letters, defaults, services.metrics.dead_letters(&spec.name)).await;
        let (dead_letters, desk, letters) = dead_letters.map_err(|source| Error::DeadLetters(spec.name.clone(), source))?;
        let (gate, hurry) = (Gate::new(), Hurry::new());
        let (mut sources, mut sinks, mut outlets) = (Vec::new(), Vec::new(), Vec::new());
        let (mut channels, mut ends) = (Vec::new(), HashMap::new());
        let surroundings =
            kafka_channel::Surroundings { pipeline: &spec.name, services, dead_letters: &dead_letters, gate: &gate, hurry: &hurry };
        for channel in &spec.channels {
            let opened = open(&spec.name, channel, services).await;
            let opened = opened.map_err(|source| Error::Channel { channel: channel.name.clone(), source })?;
            let mut at = Ends { front: opened.clone(), back: opened.clone() };
            channels.extend(opened);
            if let channel::Spec::Kafka(kafka) = &channel.kind {
                let halves = kafka_channel::Halves::new(&channel.name, kafka, &surroundings);
                if spec.is_fed(&channel.name) {
                    let (inlet, writer, drained) = halves.inlet();
                    let connect = drainers::connector(&spec.name, &writer.name, writer.kind, drained.metrics.clone());
                    sinks.push((connect, Arc::new(drained)));
                    at.front = Some(inlet.clone());
                    channels.push(inlet);
                }
                if spec.is_drained(&channel.name) {
                    let (outlet, reader, route, entry) = halves.outlet(limit(spec, std::slice::from_ref(&channel.name)));
                    outlets.push((entry, (reader, Arc::new(route))));
                    at.back = Some(outlet.clone());
                    channels.push(outlet);
                }
            }
            ends.insert(channel.name.as_str(), at);
        }
        let (mut plugins, mut entries) = (Vec::new(), Vec::new());
        for source in &spec.sources {
            let (entry, injected) = injector::Entry::new(&source.name, &source.kind);
            entries.push(entry);
            let interceptor::Built { chain, plugins: started } = interceptor::build(&spec.name, source, services).await?;
            let target = |interceptor| Target { pipeline: spec.name.clone(), source: Some(source.name.clone()), interceptor };
            plugins.extend(started.into_iter().map(|(interceptor, wasm)| (target(interceptor), wasm)));
            let front = |name: &String| Some((name.clone(), ends.get(name.as_str())?.front.clone()?));
            let fed = source.channels.iter().filter_map(front).collect();
            let metrics = services.metrics.source(&spec.name, &source.name, source.kind.name());
            let route = source_loop::Route {
                name: source.name.clone(),
                stage: format!("source {}", source.name),
                gate: gate.clone(),
                injected,
                batch_size: source.kind.batch_size().get(),
                at_once: at_once(spec, source),
                chain,
                selector: Selector::new(&source.selector, fed, &metrics),
                dead_letters: dead_letters.clone(),
                metrics,
                spans: services.spans.as_ref().map(|spans| spans.source(&spec.name, &source.name)),
                limit: limit(spec, &unsettled(spec, &source.channels)),
                hurry: hurry.clone(),
            };
            sources.push((source.clone(), Arc::new(route)));
        }
        for (entry, outlet) in outlets {
            entries.push(entry);
            sources.push(outlet);
        }
        for drainer in drainers::all(spec, services) {
            let Some(channel) = ends.get(drainer.channel.as_str()).and_then(|ends| ends.back.clone()) else { continue };
            let drained = sink_loop::Drained {
                stage: drainer.stage,
                batch_size: drainer.batch_size,
                at_once: drainer.at_once,
                channel,
                dead_letters: dead_letters.clone(),
                metrics: drainer.metrics,
                hurry: hurry.clone(),
            };
            sinks.push((drainer.connect, Arc::new(drained)));
        }
        let mut places = Vec::new();
        for source in &spec.sources {
            let place = |interceptor: String| interceptor::Place { pipeline: spec.name.clone(), source: source.name.clone(), interceptor };
            places.extend(source.interceptors.iter().map(|step| place(step.name.clone())));
        }
        let controls = Controls { gate, injector: Injector::new(entries), desk, plugins, taps: services.taps.clone(), places };
        let letters = letters.into();
        Ok(Pipeline { name: spec.name.clone(), controls, services: services.clone(), sources, sinks, channels, letters })
    }

    /// What can be done to it while it runs.
    pub fn controls(&self) -> Controls {
        self.controls.clone()
    }

    /// Runs until the drain, or until an interceptor stops it; then everything taken in is settled as far as the sinks let it. Where the
    /// drain is cut short, sources leave their groups and all else is dropped: what was not settled comes again.
    ///
    /// # Errors
    /// An interceptor stopped a source. What it had not settled is not committed.
    pub async fn run(self, drain: Drain) -> Result<(), Error> {
        let span = info_span!("pipeline", pipeline = %self.name);
        self.run_tasks(drain).instrument(span).await
    }

    async fn run_tasks(self, drain: Drain) -> Result<(), Error> {
        info!(sources = self.sources.len(), channels = self.channels.len(), sinks = self.sinks.len(), "pipeline starts");
        // Until the pipeline ends: trials end, files are watched.
        let mut supervisions = Vec::new();
        for (_, wasm) in &self.controls.plugins {
            supervisions.push(wasm.supervise().await);
        }
        // One source that stops stops its sisters, in order: they drain.
        let (switch, stop) = DrainSwitch::new();
        let switch = Arc::new(switch);
        let numbers: Vec<_> = self.sources.iter().map(|(_, route)| route.metrics.clone()).collect();
        let sinks: Vec<_> = self
            .sinks
            .into_iter()
            .map(|(connect, drained)| Task::spawn(keep_sink(self.name.clone(), connect, drained, self.services.health.clone())))
            .collect();
        let sources: Vec<_> = self
            .sources
            .into_iter()
            .map(|(spec, route)| {
                Task::spawn(keep_source(self.name.clone(), spec, route, self.services.health.clone(), (switch.clone(), stop.clone())))
            })
            .collect();
        let mut ended = Box::pin(join_all(sources));
        let forward = async {
            drain.requested().await;
            switch.request();
            drain.abandoned().await;
            switch.abandon();
            std::future::pending::<std::convert::Infallible>().await
        };
        let ended = tokio::select! {
            ended = &mut ended => ended,
            never = forward => match never {},
        };
        for channel in &self.channels {
            channel.close();
        }
        let settled = async {
            join_all(sinks).await;
            // The last way to the dead letters went with the tasks: their task writes what is left and ends.
            let _ = self.letters.await;
            join_all(self.channels.iter().map(|channel| channel.finish())).await;
        };
        tokio::select! {
            () = settled => info!("pipeline ended"),
            () = drain.abandoned() => warn!("pipeline given up before it was drained: what was not settled comes again"),
        }
        for source in numbers {
            source.open_batches.set(0);
            source.lag.set(0);
        }
        ended.into_iter().filter_map(Result::ok).collect()
    }
}

/// Where a channel is put into and where it is taken from: the same place, but for a Kafka channel, which has a topic between the two.
struct Ends {
    front: Option<Arc<dyn Channel>>,
    back: Option<Arc<dyn Channel>>,
}

/// The name under which a channel says how its disk is; it does so only once that has failed.
pub(crate) fn channel_check(pipeline: &str, channel: &str) -> String {
    format!("{pipeline}/channel {channel}")
}

/// Runs a source, and a new one after each failure, until the drain.
async fn keep_source(
    pipeline: String,
    spec: SourceSpec,
    route: Arc<source_loop::Route>,
    health: Health,
    (switch, drain): (Arc<DrainSwitch>, Drain),
) -> Result<(), Error> {
    let mut back_off = BackOff::new();
    let mut last = None;
    let progress = source::Progress::default();
    let check = format!("{pipeline}/{}", spec.name);
    health.starting(&check);
    while !drain.is_requested() {
        let started = Instant::now();
        // A task of its own, so that a panic is one more failure: its acks are dropped and its events come again.
        let run = {
            let (spec, route, drain, health, check) = (spec.clone(), route.clone(), drain.clone(), health.clone(), check.clone());
            let progress = progress.clone();
            Task::spawn(async move {
                let present = Arc::new(());
                let healthy = healthy(health, check, Arc::downgrade(&present));
                let source = tokio::select! {
                    source = spec.kind.connect(&spec.name, route.at_once, route.metrics.clone(), healthy, &progress) => source?,
                    () = drain.requested() => return Ok(()),
                };
                source_loop::run(source, &route, &drain).await
            })
        };
        let failure = match run.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(source_loop::Error::Interceptor(stopped @ interceptor::Error::Halted { .. }))) => {
                error!(source = %spec.name, error = %error_chain(&stopped), "an interceptor stopped the pipeline");
                health.set(&check, false, error_chain(&stopped));
                switch.request();
                return Err(Error::Stopped(spec.name, stopped));
            }
            Ok(Err(failure)) => error_chain(&failure),
            Err(panic) => panic.to_string(),
        };
        let wait = back_off.after(started.elapsed());
        error!(source = %spec.name, error = failure, ?wait, "source failed, starting again from its last commit");
        health.set(&check, false, failure.clone());
        route.metrics.restarts.inc();
        last = Some(failure);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = drain.requested() => {}
        }
    }
    match last {
        Some(failure) => Err(Error::NotDrained(spec.name, failure)),
        None => Ok(()),
    }
}

/// Runs a sink, and a new one after each failure, until its channel is closed and empty.
async fn keep_sink(pipeline: String, connect: sink::Connect, drained: Arc<sink_loop::Drained>, health: Health) {
    let check = format!("{pipeline}/{}", drained.stage);
    let mut back_off = BackOff::new();
    loop {
        let started = Instant::now();
        let run = {
            let (connect, drained) = (connect.clone(), drained.clone());
            Task::spawn(async move { sink_loop::run(connect().await?, &drained).await })
        };
        let failure = match run.await {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => error_chain(&failure),
            Err(panic) => panic.to_string(),
        };
        let wait = back_off.after(started.elapsed());
        error!(stage = %drained.stage, error = failure, ?wait, "sink failed, starting a new one");
        health.set(&check, false, failure);
        tokio::time::sleep(wait).await;
        health.set(&check, true, "started again");
    }
}

/// Passes on that a source is at work, as long as `present` is there: a source that leaves its group in the background says nothing any more.
fn healthy(health: Health, check: String, present: Weak<()>) -> source::Healthy {
    Box::new(move |detail| {
        if present.strong_count() > 0 {
            health.set(&check, true, detail);
        }
    })
}

/// Opens a channel; a Kafka channel is none by itself.
async fn open(pipeline: &str, spec: &ChannelSpec, services: &Services) -> Result<Option<Arc<dyn Channel>>, channel::Error> {
    let kind = &spec.kind;
    let directory = services.state_directory().join("channels").join(file_name(pipeline)).join(file_name(&spec.name));
    let metrics = || services.metrics.channel(pipeline, &spec.name, kind.name(), kind.capacity(), kind.byte_capacity());
    let health = || services.health.named(channel_check(pipeline, &spec.name));
    let opening = || channel::Opening { name: &spec.name, directory: &directory, metrics: metrics(), health: health() };
    match kind {
        channel::Spec::Memory(memory) => Ok(Some(Arc::new(channel::memory::Memory::new(memory, metrics())))),
        channel::Spec::File(file) => Ok(Some(Arc::new(channel::file::File::open(file, opening()).await?))),
        channel::Spec::Spillable(spillable) => Ok(Some(Arc::new(channel::spillable::Spillable::open(spillable, opening()).await?))),
        channel::Spec::Kafka(_) => Ok(None),
    }
}

/// Of these channels those in which an event is not safe before a sink is done with it.
fn unsettled(spec: &PipelineSpec, fed: &[String]) -> Vec<String> {
    let settles = |name: &String| spec.channels.iter().any(|channel| channel.name == *name && channel.kind.settles());
    fed.iter().filter(|name| !settles(name)).cloned().collect()
}

/// How many events a source hands over at once: as many whole batches as are worth it, and as its channels have room for.
fn at_once(spec: &PipelineSpec, source: &SourceSpec) -> usize {
    let batch_size = source.kind.batch_size().get();
    if source.selector.goes_by_batch() {
        return batch_size;
    }
    let fed = spec.channels.iter().filter(|channel| source.channels.contains(&channel.name));
    let room = fed.filter_map(|channel| usize::try_from(channel.kind.capacity()).ok()).filter(|capacity| *capacity > 0).min();
    batch_size * (AT_ONCE.min(room.unwrap_or(AT_ONCE)) / batch_size).max(1)
}

/// How much a source may have open. A sink that settles late holds acks and not events, for as long as a file is open: that is no matter of memory.
fn limit(spec: &PipelineSpec, fed: &[String]) -> ledger::Limit {
    let late = spec.sinks.iter().any(|sink| fed.contains(&sink.channel) && sink.kind.settles_late());
    match late {
        true => ledger::Limit { events: 8_000_000, bytes: usize::MAX },
        false => ledger::Limit::default(),
    }
}

/// The cluster a dead-letter topic is on, unless it names one.
pub(crate) fn cluster(spec: &PipelineSpec) -> Option<Brokers> {
    let sinks = spec.sinks.iter().filter_map(|sink| match &sink.kind {
        sink::Spec::Kafka(kafka) => Some(kafka.brokers.clone()),
        _ => None,
    });
    let sources = spec.sources.iter().filter_map(|source| match &source.kind {
        source::Spec::Kafka(kafka) => Some(kafka.brokers.clone()),
        _ => None,
    });
    let channels = spec.channels.iter().filter_map(|channel| match &channel.kind {
        channel::Spec::Kafka(kafka) => Some(kafka.brokers.clone()),
        _ => None,
    });
    sinks.chain(sources).chain(channels).next()
}
