//! Weir or a real Flume, on one and the same properties file.

use super::agent::{Agent, Site};
use super::flume::{Flume, Options};
use super::process::Usage;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Flume 1.11.
    Flume,
    /// The agent under test.
    Weir,
}

/// One of the two, running; dropping it kills it.
#[derive(Debug)]
pub enum Running {
    /// Flume 1.11.
    Flume(Flume),
    /// The agent under test, and its files.
    Weir(Agent, Box<Site>),
}

/// What is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run<'a> {
    /// For names of directories.
    pub label: &'a str,
    /// Text of the properties file.
    pub properties: &'a str,
    /// Name of the agent in it.
    pub agent: &'a str,
    /// How Flume is started. Weir is given the same Hadoop configuration and the same port for metrics.
    pub options: Options<'a>,
}

impl Side {
    /// Both.
    pub const BOTH: [Side; 2] = [Side::Flume, Side::Weir];

    /// For names of topics, groups and directories.
    pub fn name(self) -> &'static str {
        match self {
            Side::Flume => "flume",
            Side::Weir => "weir",
        }
    }

    /// Starts it, and waits until it runs.
    pub fn start(self, run: Run<'_>) -> Running {
        let Run { label, properties, agent, options } = run;
        match self {
            Side::Flume => Running::Flume(Flume::start(properties, agent, options)),
            Side::Weir => {
                let mut site = Site::new(label, properties, &[agent]);
                if let Some(port) = options.metrics {
                    site = site.with_settings(&format!("flume_metrics = \"127.0.0.1:{port}\"\n"));
                }
                let environment: Vec<_> = options.hadoop.iter().map(|folder| ("HADOOP_CONF_DIR", folder.to_str().unwrap())).collect();
                let mut agent = site.launch_with(0, &environment);
                agent.wait_until_ready();
                Running::Weir(agent, Box::new(site))
            }
        }
    }
}

impl Running {
    /// Stops it in order: it puts away what it has and closes its files.
    pub fn stop(self) {
        match self {
            // Java's own answer to SIGTERM is 143, after all shutdown hooks have run.
            Running::Flume(flume) => assert_eq!(flume.stop(), 143),
            Running::Weir(agent, site) => {
                assert_eq!(agent.terminate(), 0);
                let (letters, torn) = site.dead_letters();
                assert!(letters.is_empty() && torn == 0, "{letters:?}");
            }
        }
    }

    /// What it has used.
    pub fn usage(&self) -> Usage {
        match self {
            Running::Flume(flume) => flume.usage(),
            Running::Weir(agent, _) => agent.usage(),
        }
    }
}
