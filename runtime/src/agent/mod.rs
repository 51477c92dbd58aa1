//! One process: its pipelines, its signals, its admin address, and a drain with a deadline.
//!
//! [`Agent::run`] is the main loop. The pipelines are in the `fleet`, which starts and stops them by name; `reload` reads the configuration
//! again, `plan` says what that changes, `carry_out` makes the changes, all or none. `control` answers what the admin API asks.

mod builder;
mod carry_out;
mod control;
mod fleet;
mod plan;
mod reload;
mod signals;
mod status;
#[cfg(test)]
mod tests;
mod watching;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::api;
use crate::config::Settings;
use crate::config::spec::{AgentSpec, PipelineSpec};
use crate::control::{Caller, Control, now};
use crate::interceptor::TapDirectory;
use crate::pipeline::{self, Services, Task};
use crate::plugin;
use crate::telemetry::tail::Tail;
use crate::telemetry::{Health, Metrics, Spans, flume, spans};
use builder::{Builder, Built};
use control::Controller;
use fleet::Fleet;
use reload::Reloader;
use signals::{Request, Requests};

pub use reload::Configuration;
pub(crate) use reload::warn_of;
pub use signals::{Signals, Stop};

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

/// How often the main loop shows that it comes round.
const TICK: Duration = Duration::from_secs(1);

/// An agent that is built and listens, and has read nothing yet.
pub struct Agent {
    pipelines: Vec<(PipelineSpec, Built)>,
    fleet: Arc<Fleet>,
    reloader: Arc<Reloader>,
    control: Arc<Controller>,
    spans: Option<Spans>,
    health: Health,
    requests: Requests,
    admin: SocketAddr,
    servers: JoinSet<()>,
    /// Dropped, it ends the servers.
    serving: watch::Sender<()>,
}

impl Agent {
    /// Compiles the plugins, opens the channels and the addresses. Nothing of it is left behind when it fails. `configuration` is where the
    /// specification came from, to read it again; `None` refuses reloads. `log` is what of the log the API shows.
    ///
    /// # Errors
    /// An address is taken, a plugin is refused, or a place for dead letters cannot be opened.
    pub async fn build(spec: &AgentSpec, settings: &Settings, configuration: Option<Configuration>, log: Tail) -> Result<Agent, Error> {
        // First, since SIGHUP and SIGUSR1 kill a process that has no handler.
        let requests = Requests::install()?;
        let cache = settings.cache.clone().or_else(plugin::default_cache);
        let plugins = plugin::Options { cache, signatures: settings.signatures.clone(), ..Default::default() };
        let plugins = plugin::Host::new(plugins).map_err(Error::Plugins)?;
        let metrics = Metrics::new();
        let spans = spans::init(&metrics);
        let state = Some(settings.state_directory());
        let services = Services { metrics, health: Health::new(), plugins, state, spans, taps: TapDirectory::default() };
        let health = services.health.clone();
        let bound = api::Bound::bind(settings.admin, &settings.api).await.map_err(Error::Api)?;
        let admin = bound.address();
        let flume = match settings.flume_metrics {
            Some(address) => Some(TcpListener::bind(address).await.map_err(|source| Error::Listen(address, source))?),
            None => None,
        };
        let fleet = Fleet::new(health.clone());
        let reloader = Reloader::new(configuration, fleet.clone(), Arc::new(services.clone()), settings.clone());
        let (started, serving) = (now(), watch::Sender::new(()));
        let control = Arc::new(Controller { fleet: fleet.clone(), reloader: reloader.clone(), services: services.clone(), log, started });
        // Addresses answer from here on until the very end, so that probes see the start and the drain.
        let mut servers = JoinSet::new();
        let served = api::Served {
            control: control.clone(),
            metrics: services.metrics.clone(),
            health: health.clone(),
            audit: api::audit::Log::at(settings.state_directory().join("audit.jsonl")),
            component_cap: services.plugins.terms(&[]).caps.file,
        };
        servers.spawn(bound.serve(served, ended(&serving)));
        if let Some(listener) = flume {
            servers.spawn(flume::serve(listener, services.metrics.clone(), ended(&serving)));
        }
        let building: Vec<_> = spec.pipelines.iter().map(|pipeline| build(&services, pipeline)).collect();
        // Beside each other, since building waits for disks and for the compiler; the first in order that cannot be built is the one named.
        let pipelines = stream::iter(building).buffered(cores()).try_collect().await?;
        Ok(Agent { pipelines, fleet, reloader, control, spans: services.spans, health, requests, admin, servers, serving })
    }

    /// Resolves when every source and sink is connected.
    pub fn readiness(&self) -> Readiness {
        Readiness(self.health.clone())
    }

    /// Where `/metrics` and the probes are.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where its spans go: whoever runs it has them end after it.
    pub fn spans(&self) -> Option<Spans> {
        self.spans.clone()
    }

    /// What may be asked of the agent while it runs.
    pub fn control(&self) -> Arc<dyn Control> {
        self.control.clone()
    }

    /// Runs every pipeline until `stop` resolves, then drains: what was read is settled, within the drain limit. A second `stop` ends at once.
    ///
    /// # Errors
    /// The pipelines stopped by themselves, or the drain did not end in time. Nothing unsettled is ever committed.
    pub async fn run(mut self, mut stop: impl Stop) -> Result<(), Error> {
        for (spec, built) in std::mem::take(&mut self.pipelines) {
            self.fleet.start(Arc::new(spec), built);
        }
        let watching = Task::spawn(watching::watch(self.reloader.clone()));
        let mut ticks = tokio::time::interval(TICK);
        let mut announced = false;
        loop {
            tokio::select! {
                () = stop.next() => break,
                _ = ticks.tick() => self.health.tick(),
                () = self.health.ready(), if !announced => {
                    info!(admin = %self.admin, "ready");
                    announced = true;
                }
                () = self.fleet.all_ended() => return self.fleet.outcome(),
                request = self.requests.next() => self.answer(request),
            }
        }
        drop(watching);
        let limit = self.reloader.drain_limit();
        info!(?limit, "draining");
        self.health.draining();
        self.fleet.close();
        tokio::select! {
            drained = tokio::time::timeout(limit, self.fleet.all_ended()) => drained.map_err(|_| Error::DrainLimit(limit))?,
            () = stop.next() => return Err(Error::CutShort),
        }
        self.serving = watch::Sender::new(());
        while self.servers.join_next().await.is_some() {}
        self.fleet.outcome()
    }

    fn answer(&self, request: Request) {
        match request {
            Request::Reload => {
                let reloader = self.reloader.clone();
                tokio::spawn(async move {
                    // What comes of a reload is logged by it; that there was none, here.
                    if let Err(refusal) = reloader.reload(&Caller::new("signal")).await {
                        warn!(%refusal, "SIGHUP was not followed");
                    }
                });
            }
            Request::Status => match serde_json::to_string(&self.control().status()) {
                Ok(status) => info!(status, "status"),
                Err(error) => warn!(%error, "the status cannot be written"),
            },
        }
    }
}

async fn build(builder: &Services, spec: &PipelineSpec) -> Result<(PipelineSpec, Built), Error> {
    match Builder::build(builder, spec).await {
        Ok(built) => Ok((spec.clone(), built)),
        Err(source) => Err(Error::Pipeline(spec.name.clone(), Box::new(source))),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Drop for Agent {
    /// However the run ended, no pipeline goes on behind its agent's back.
    fn drop(&mut self) {
        self.fleet.abort();
    }
}

/// Whether an agent that runs elsewhere is ready.
pub struct Readiness(Health);

impl Readiness {
    /// Resolves when it is.
    pub async fn ready(&self) {
        self.0.ready().await;
    }
}

/// Resolves when the sender is dropped.
fn ended(serving: &watch::Sender<()>) -> impl Future<Output = ()> + Send + use<> {
    let mut serving = serving.subscribe();
    async move { while serving.changed().await.is_ok() {} }
}
