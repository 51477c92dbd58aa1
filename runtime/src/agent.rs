//! One process: its pipelines, its signals, its admin address, and a drain with a deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::api;
use crate::config::Settings;
use crate::config::spec::AgentSpec;
use crate::error_chain;
use crate::pipeline::{self, DrainSwitch, Pipeline, Services};
use crate::plugin;
use crate::telemetry::{Health, Metrics, flume};

/// An agent cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address is taken or not this machine's.
    #[error("listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The admin address cannot be served.
    #[error(transparent)]
    Api(api::Error),
    /// The plugin engine refuses to start.
    #[error("start the plugin engine")]
    Plugins(#[source] plugin::Error),
    /// A pipeline cannot be built or was stopped.
    #[error("pipeline {0}")]
    Pipeline(String, #[source] Box<pipeline::Error>),
    /// A signal handler cannot be installed.
    #[error("wait for signals")]
    Signals(#[source] std::io::Error),
    /// The drain took longer than it may. What was not settled will come again.
    #[error("not drained within {0:?}: unsettled events will come again")]
    DrainLimit(Duration),
    /// A pipeline's task panicked.
    #[error("a pipeline panicked: {0}")]
    Panicked(String),
    /// A second signal cut the drain short.
    #[error("stopped before it was drained: unsettled events will come again")]
    CutShort,
}

/// An agent that is built and listens, and has read nothing yet.
pub struct Agent {
    pipelines: Vec<(String, Pipeline)>,
    services: Services,
    drain_limit: Duration,
    switch: DrainSwitch,
    drain: pipeline::Drain,
    admin: SocketAddr,
    servers: JoinSet<()>,
    /// Dropped, it ends the servers.
    serving: watch::Sender<()>,
}

impl Agent {
    /// Compiles the plugins, opens the channels and the addresses.
    ///
    /// # Errors
    /// An address is taken, a plugin is refused, or a place for dead letters cannot be opened.
    pub async fn build(spec: &AgentSpec, settings: &Settings) -> Result<Agent, Error> {
        let cache = settings.cache.clone().or_else(plugin::default_cache);
        let plugins = plugin::Host::new(plugin::Options { cache, ..Default::default() }).map_err(Error::Plugins)?;
        let services = Services { metrics: Metrics::new(), health: Health::new(), plugins };
        let (switch, drain) = DrainSwitch::new();
        let bound = api::Bound::bind(settings.admin, &settings.api).await.map_err(Error::Api)?;
        let admin = bound.address();
        let mut servers = JoinSet::new();
        // Addresses answer until the very end, so that probes see the drain.
        let serving = watch::Sender::new(());
        let served = api::Served {
            control: Arc::default(),
            metrics: services.metrics.clone(),
            health: services.health.clone(),
            audit: api::audit::Log::at(settings.state_directory().join("audit.jsonl")),
            component_cap: services.plugins.caps().file,
        };
        servers.spawn(bound.serve(served, ended(&serving)));
        if let Some(address) = settings.flume_metrics {
            let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen(address, source))?;
            servers.spawn(flume::serve(listener, services.metrics.clone(), ended(&serving)));
        }
        let mut pipelines = Vec::new();
        for pipeline in &spec.pipelines {
            let built =
                Pipeline::build(pipeline, &services).await.map_err(|source| Error::Pipeline(pipeline.name.clone(), Box::new(source)))?;
            pipelines.push((pipeline.name.clone(), built));
        }
        Ok(Agent { pipelines, services, drain_limit: settings.drain_limit, switch, drain, admin, servers, serving })
    }

    /// Resolves when every source and sink is connected.
    pub fn readiness(&self) -> Readiness {
        Readiness(self.services.health.clone())
    }

    /// Where `/metrics` and the probes are.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Runs every pipeline until `stop` resolves, then drains: what was read is settled, within the drain limit. A second `stop` ends at once.
    ///
    /// # Errors
    /// A pipeline stopped by itself, or the drain did not end in time. Nothing unsettled is ever committed.
    pub async fn run(mut self, mut stop: impl Stop) -> Result<(), Error> {
        let mut running = JoinSet::new();
        for (name, pipeline) in std::mem::take(&mut self.pipelines) {
            let drain = self.drain.clone();
            running.spawn(async move { pipeline.run(drain).await.map_err(|source| Error::Pipeline(name, Box::new(source))) });
        }
        let mut ended = Ok(());
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        let mut announced = false;
        loop {
            tokio::select! {
                () = stop.next() => break,
                _ = ticks.tick() => announced = self.tick(announced),
                done = running.join_next() => match done {
                    None => return ended,
                    Some(done) => ended = first_error(ended, done),
                },
            }
        }
        info!(limit = ?self.drain_limit, "draining");
        self.services.health.draining();
        self.switch.request();
        let drained = async {
            while let Some(done) = running.join_next().await {
                ended = first_error(std::mem::replace(&mut ended, Ok(())), done);
            }
        };
        tokio::select! {
            drained = tokio::time::timeout(self.drain_limit, drained) => drained.map_err(|_| Error::DrainLimit(self.drain_limit))?,
            () = stop.next() => return Err(Error::CutShort),
        }
        drop(self.serving);
        while self.servers.join_next().await.is_some() {}
        ended
    }

    /// The loop comes round; says once that all is ready.
    fn tick(&self, announced: bool) -> bool {
        self.services.health.tick();
        if announced || !self.services.health.readiness().0 {
            return announced;
        }
        info!(admin = %self.admin, "ready");
        true
    }
}

/// Whether an agent that runs elsewhere is ready.
pub struct Readiness(Health);

impl Readiness {
    /// Resolves when it is.
    pub async fn ready(&self) {
        while !self.0.readiness().0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn first_error(before: Result<(), Error>, done: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    match done {
        Ok(Ok(())) => before,
        Ok(Err(failure)) => {
            error!(error = %error_chain(&failure), "pipeline ended");
            before.and(Err(failure))
        }
        Err(panic) => {
            error!(error = %panic, "pipeline ended");
            before.and(Err(Error::Panicked(panic.to_string())))
        }
    }
}

/// Resolves when the sender is dropped.
fn ended(serving: &watch::Sender<()>) -> impl Future<Output = ()> + Send + use<> {
    let mut serving = serving.subscribe();
    async move { while serving.changed().await.is_ok() {} }
}

/// Asks an agent to stop; asked again, to stop at once.
pub trait Stop: Send {
    /// Resolves at the next wish to stop.
    fn next(&mut self) -> impl Future<Output = ()> + Send;
}

/// SIGTERM and SIGINT: the first drains, the second stops. SIGQUIT counts as both. SIGHUP does nothing yet but is not deadly.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
    quitting: bool,
}

impl Signals {
    /// Takes the signals over from their default action.
    ///
    /// # Errors
    /// The system has no room for a handler.
    pub fn install() -> Result<Signals, Error> {
        let on = |kind| signal(kind).map_err(Error::Signals);
        Ok(Signals {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            quit: on(SignalKind::quit())?,
            hang_up: on(SignalKind::hangup())?,
            quitting: false,
        })
    }
}

impl Stop for Signals {
    async fn next(&mut self) {
        if self.quitting {
            return;
        }
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.quit.recv() => {
                    self.quitting = true;
                    return;
                }
                _ = self.hang_up.recv() => warn!("SIGHUP: this version does not reload its configuration; restart the agent for a new one"),
            }
        }
    }
}
