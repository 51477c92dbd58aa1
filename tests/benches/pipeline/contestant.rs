//! Who takes part, and how each is started.

use std::path::PathBuf;
use std::process::Command;

use weir_tests::harness::agent::{Agent, Site};
use weir_tests::harness::configuration::Pipeline;
use weir_tests::harness::flume::Flume;
use weir_tests::harness::process::{Process, Usage};
use weir_tests::harness::topics::{self, Topic};

use crate::copy::{self, Settings};
use crate::flume;
use crate::options::{Build, Kind, Options};

/// One who moves the events.
#[derive(Debug, Clone)]
pub struct Contestant {
    /// What it is.
    pub kind: Kind,
    /// Events a batch, for those who have batches.
    batch: u32,
    /// Which agent, for Weir.
    build: Option<Build>,
    /// For people.
    pub name: String,
    /// Index of the one its ratios refer to.
    pub base: Option<usize>,
}

/// A contestant at work; dropping it kills it.
pub enum Running {
    /// A plain loop.
    Loop(Process),
    /// Weir.
    Weir(Agent),
    /// Flume.
    Flume(Flume),
    /// There is none.
    Nobody,
}

/// Those whose speed is measured; ratios refer to the first.
const SPEED: [Kind; 9] = [
    Kind::Raw,
    Kind::RawAgain,
    Kind::RawDefaults,
    Kind::RawAsWeir,
    Kind::RawScore,
    Kind::Weir,
    Kind::WeirPassthrough,
    Kind::WeirFraudScore,
    Kind::Flume,
];

/// Those whose delay is measured; ratios refer to the first.
const DELAY: [Kind; 7] =
    [Kind::RawAsWeir, Kind::RawAsWeirAgain, Kind::Nobody, Kind::Weir, Kind::WeirPassthrough, Kind::WeirFraudScore, Kind::Flume];

impl Contestant {
    /// All who are asked for.
    pub fn all(options: &Options) -> Vec<Contestant> {
        let kinds: &[Kind] = if options.latency.is_some() { &DELAY } else { &SPEED };
        let wanted: Vec<Kind> = kinds.iter().copied().filter(|kind| options.only.is_empty() || options.only.contains(kind)).collect();
        let yardstick = (wanted.first() == kinds.first()).then_some(0);
        let builds = if wanted.iter().any(|kind| kind.is_weir()) { options.builds() } else { Vec::new() };
        let mut all: Vec<Contestant> = Vec::new();
        for kind in &wanted {
            // Who scores is compared with the loop that scores.
            let scoring =
                all.iter().position(|one| one.kind == Kind::RawScore).filter(|_| matches!(kind, Kind::WeirFraudScore | Kind::Flume));
            let yardstick = scoring.or(yardstick);
            match kind {
                Kind::Weir | Kind::WeirPassthrough | Kind::WeirFraudScore => {
                    for batch in options.batches() {
                        let first = all.len();
                        for (index, build) in builds.iter().enumerate() {
                            let owner = if builds.len() > 1 { format!(" {}", build.name) } else { String::new() };
                            let name = format!("Weir{owner}{}, batches of {batch}", kind.title());
                            // Agents are compared with each other, the first of them with a loop.
                            let base = if index == 0 { yardstick } else { Some(first) };
                            all.push(Contestant { kind: *kind, batch: *batch, build: Some(build.clone()), name, base });
                        }
                    }
                }
                Kind::Flume => {
                    for batch in options.batches() {
                        let name = format!("{}, batches of {batch}", kind.title());
                        all.push(Contestant { kind: *kind, batch: *batch, build: None, name, base: yardstick });
                    }
                }
                _ => all.push(Contestant { kind: *kind, batch: 0, build: None, name: kind.title().to_owned(), base: yardstick }),
            }
        }
        all
    }

    /// Starts it in a new consumer group.
    pub fn start(&self, input: &Topic, output: &str) -> Running {
        let group = topics::unique("bench");
        let pipeline = Pipeline { batch_size: self.batch as usize, ..Pipeline::new("bench", input, output, &group) };
        match self.kind {
            Kind::Raw | Kind::RawAgain => Running::copy(Settings::Tuned, false, &pipeline),
            Kind::RawDefaults => Running::copy(Settings::Defaults, false, &pipeline),
            Kind::RawAsWeir | Kind::RawAsWeirAgain => Running::copy(Settings::Weirs, false, &pipeline),
            Kind::RawScore => Running::copy(Settings::Tuned, true, &pipeline),
            Kind::Nobody => Running::Nobody,
            Kind::Flume => Running::Flume(flume::start(pipeline)),
            Kind::Weir | Kind::WeirPassthrough | Kind::WeirFraudScore => {
                let build = self.build.as_ref().expect("one of the agents");
                let component = |name: &str| build.plugins.join(name).join(format!("{name}.wasm"));
                let plugins: Vec<PathBuf> = self.kind.plugin().map(component).into_iter().collect();
                let properties = Pipeline { plugins, ..pipeline }.properties();
                Running::Weir(Site::of(&build.binary, "bench", &properties, &["bench"]).launch(0))
            }
        }
    }
}

impl Running {
    fn copy(settings: Settings, scores: bool, pipeline: &Pipeline<'_>) -> Running {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let Pipeline { input, output, group, .. } = pipeline;
        command.args([copy::ARGUMENT, settings.name(), input.bootstrap(), &input.name, output, group]);
        if scores {
            command.arg(copy::SCORE);
        }
        Running::Loop(Process::start(command))
    }

    /// What it has used.
    pub fn usage(&self) -> Usage {
        match self {
            Running::Loop(process) => process.usage(),
            Running::Weir(agent) => agent.usage(),
            Running::Flume(flume) => flume.usage(),
            Running::Nobody => Usage::default(),
        }
    }
}

impl Kind {
    /// Whether it is an agent of ours.
    pub fn is_weir(self) -> bool {
        matches!(self, Kind::Weir | Kind::WeirPassthrough | Kind::WeirFraudScore)
    }

    /// What runs in the agent.
    fn plugin(self) -> Option<&'static str> {
        match self {
            Kind::WeirPassthrough => Some("passthrough"),
            Kind::WeirFraudScore => Some("fraud-score"),
            _ => None,
        }
    }

    /// For people; of an agent what follows its name.
    fn title(self) -> &'static str {
        match self {
            Kind::Raw => "plain loop, tuned",
            Kind::RawAgain => "plain loop, tuned, again",
            Kind::RawDefaults => "plain loop, librdkafka's defaults",
            Kind::RawAsWeir => "plain loop, Weir's settings",
            Kind::RawAsWeirAgain => "plain loop, Weir's settings, again",
            Kind::RawScore => "plain loop, tuned, native fraud-score",
            Kind::Nobody => "nobody: the feed's topic",
            Kind::Weir => "",
            Kind::WeirPassthrough => ", passthrough",
            Kind::WeirFraudScore => ", fraud-score",
            Kind::Flume => "Flume 1.11, fraud-score in Java",
        }
    }
}
