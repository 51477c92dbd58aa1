//! Who moves the events of some topics to one: an agent with a pipeline for each, or the plain loop with a thread for each.

use std::path::PathBuf;
use std::process::Command;

use weir_tests::harness::agent::{Agent, Site};
use weir_tests::harness::process::{Process, Signal, Usage};
use weir_tests::harness::topics::Topic;

use crate::raw;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    /// The plain loop.
    Raw,
    /// The agent.
    Agent,
}

/// One of them at work; dropping it kills it.
pub enum Running {
    /// The plain loop.
    Raw(Process),
    /// The agent.
    Agent(Agent),
}

impl Contestant {
    /// Both.
    pub const BOTH: [Contestant; 2] = [Contestant::Raw, Contestant::Agent];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Contestant::Raw => "plain loop",
            Contestant::Agent => "weir",
        }
    }

    /// Starts it, a [`group`] a topic.
    pub fn start(self, inputs: &[Topic], groups: &str, output: &Topic) -> Running {
        match self {
            Contestant::Raw => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args([raw::ARGUMENT, output.bootstrap(), groups, &output.name]);
                command.args(inputs.iter().map(|input| &input.name));
                Running::Raw(Process::start(command))
            }
            Contestant::Agent => {
                let sink = kafka_sink(output.bootstrap(), &output.name);
                let pipelines: String = inputs.iter().map(|input| pipeline(input, groups, None, &sink)).collect();
                Running::Agent(site(&pipelines).launch(0))
            }
        }
    }
}

impl Running {
    /// What it has used.
    pub fn usage(&self) -> Usage {
        match self {
            Running::Raw(process) => process.usage(),
            Running::Agent(agent) => agent.usage(),
        }
    }

    /// It stands still: its connections and its membership stay.
    pub fn stand_still(&self) {
        self.signal(Signal::Stop);
    }

    /// It goes on.
    pub fn go_on(&self) {
        self.signal(Signal::Continue);
    }

    fn signal(&self, signal: Signal) {
        match self {
            Running::Raw(process) => process.signal(signal),
            Running::Agent(agent) => agent.signal(signal),
        }
    }
}

/// A configuration of such pipelines.
pub fn site(pipelines: &str) -> Site {
    Site::native("scale", pipelines, "drain_limit = \"60s\"\nreload_interval = \"0s\"")
}

/// A pipeline that reads a topic in batches of 1000, named after it.
pub fn pipeline(input: &Topic, groups: &str, plugin: Option<&PathBuf>, sink: &str) -> String {
    let (name, bootstrap) = (&input.name, input.bootstrap());
    let plugin =
        plugin.map(|plugin| format!("[[pipelines.{name}.sources.in.interceptors]]\nname = \"plugin\"\nwasm = {{ plugin = {plugin:?} }}\n"));
    format!(
        "[pipelines.{name}.sources.in]\nchannels = [\"memory\"]\n\
         [pipelines.{name}.sources.in.kafka]\nbrokers = {bootstrap:?}\ntopics = [{name:?}]\ngroup = {:?}\nbatch_size = 1000\n\
         {}\
         [pipelines.{name}.channels.memory.memory]\ncapacity = 10000\ntransaction_capacity = 1000\n\
         [pipelines.{name}.sinks.out]\nchannel = \"memory\"\n\
         [pipelines.{name}.sinks.out.{sink}\n",
        group(groups, input),
        plugin.unwrap_or_default(),
    )
}

/// The rest of a pipeline: where it writes.
pub fn kafka_sink(bootstrap: &str, topic: &str) -> String {
    format!("kafka]\nbrokers = {bootstrap:?}\ntopic = {topic:?}\ntopic_header = false\nbatch_size = 1000")
}

/// The group that reads a topic, one of several.
pub fn group(groups: &str, input: &Topic) -> String {
    format!("{groups}-{}", input.name)
}
