//! `weir plugin dev`: builds a project again at each save, and shows at once what the new plugin makes of the sample, or has a running agent take it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::alone::{Alone, Configured};
use super::build::host;
use super::difference::compare;
use super::run::{self, Run};
use super::{ending, log, told};
use crate::cli::session::Ask;
use crate::cli::show::amount::counted;
use crate::cli::show::output::print;
use crate::cli::show::paint::{Paint, Tone};
use crate::cli::swap;
use crate::client::Connect;
use crate::control::Target;
use crate::event_file::Line;
use crate::plugin::{self, Host};
use crate::printable::escaped;
use crate::project::{self, Project, Toolbox};

/// Time between two looks at the sources.
const LOOK: Duration = Duration::from_millis(300);
/// How long a swap waits for the first batch.
const FIRST_BATCH: Duration = Duration::from_secs(10);

/// Arguments of `weir plugin dev`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Have this interceptor of a running agent take each build, instead of replaying sample.jsonl.
    #[arg(long, value_name = "PIPELINE/INTERCEPTOR")]
    swap: Option<Target>,
    /// Which agent.
    #[command(flatten)]
    connect: Connect,
    /// The plugin's configuration; with --swap it is the agent's.
    #[command(flatten)]
    configured: Configured,
}

/// Goes on until SIGINT or SIGTERM. Exit codes: 0; 64 where there is no project.
pub(super) fn main(args: Args) -> ExitCode {
    log::show();
    told::ended(watch(args))
}

/// Works on a thread of its own, so that a signal ends it whatever it is at: nothing is left half done but a build, whose file is replaced whole.
fn watch(args: Args) -> anyhow::Result<ExitCode> {
    Project::find(&args.directory)?;
    let mut dev = Dev { host: host()?, args, last: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start")?;
    runtime.block_on(async {
        let mut interrupted = signal(SignalKind::interrupt()).context("wait for signals")?;
        let mut terminated = signal(SignalKind::terminate()).context("wait for signals")?;
        let (failed, failure) = oneshot::channel::<anyhow::Error>();
        thread::Builder::new().name("dev".into()).spawn(move || {
            let Err(error) = dev.work();
            // Nobody waits any more: the command has ended.
            let _ = failed.send(error);
        })?;
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            error = failure => return Err(error.context("the watching thread is gone")?),
        }
        eprintln!("ended");
        Ok(ExitCode::SUCCESS)
    })
}

struct Dev {
    host: Host,
    args: Args,
    /// What became of the sample the last time.
    last: Option<Vec<Line>>,
}

/// What the last look saw: two that are equal saw the same files.
#[derive(PartialEq)]
struct Look {
    sources: String,
    events: [Option<String>; 2],
}

impl Dev {
    fn work(&mut self) -> anyhow::Result<std::convert::Infallible> {
        let mut built = None;
        let mut seen = self.look()?;
        loop {
            let new = self.build();
            if let Some(file) = &new {
                self.show(file.clone());
            }
            built = new.or(built);
            let sources = seen.sources.clone();
            loop {
                self.say(Tone::Dim, &format!("watching {}; Ctrl-C ends", self.args.directory.display()));
                seen = self.changed(&seen)?;
                if seen.sources != sources {
                    break;
                }
                // Only the events are others.
                if let (Some(file), None) = (&built, &self.args.swap) {
                    self.show(file.clone());
                }
            }
        }
    }

    /// Waits until the files are others, and all of what is being saved is saved.
    fn changed(&self, seen: &Look) -> anyhow::Result<Look> {
        loop {
            thread::sleep(LOOK);
            let mut now = self.look()?;
            if now == *seen {
                continue;
            }
            loop {
                thread::sleep(LOOK);
                let again = self.look()?;
                if again == now {
                    return Ok(now);
                }
                now = again;
            }
        }
    }

    fn look(&self) -> anyhow::Result<Look> {
        let events = ["sample.jsonl", "expected.jsonl"];
        let events = events.map(|name| std::fs::read(self.path(name)).ok().map(|text| plugin::digest(&text)));
        // An editor replaces files: one that is listed may be gone when it is opened.
        let mut tries = 0;
        loop {
            match project::source_digest(&self.args.directory) {
                Ok(sources) => return Ok(Look { sources, events }),
                Err(error) if tries == 10 => return Err(error).context("read the project's sources"),
                Err(_) => tries += 1,
            }
            thread::sleep(LOOK);
        }
    }

    /// The component of the sources as they are; `None` when they make none, which is told.
    fn build(&self) -> Option<PathBuf> {
        let options = project::Options { tools: Toolbox::of_environment(), output: None };
        match Project::find(&self.args.directory).and_then(|project| project::build(&project, &self.host, &options)) {
            Ok(built) => {
                self.say(Tone::Good, &format!("built {}", built.file.display()));
                Some(built.file)
            }
            Err(error) => {
                ending::failed(&error);
                self.say(Tone::Bad, "not built; the plugin stays as it was");
                None
            }
        }
    }

    fn show(&mut self, file: PathBuf) {
        match self.args.swap.clone() {
            Some(target) => self.swap(target, file),
            None => {
                if let Err(error) = self.replay(file) {
                    told::ended(Err(error));
                }
            }
        }
    }

    fn swap(&self, target: Target, file: PathBuf) {
        let ask = Ask { json: false, connect: self.args.connect.clone() };
        let why = "weir plugin dev".to_owned();
        // It tells what became of it.
        let _ = swap::main(swap::Args { target, file, signature: None, why, expect: None, wait: FIRST_BATCH, no_trial: false, ask });
    }

    /// What the plugin makes of the sample, beside what it made of it before and what it should.
    fn replay(&mut self, file: PathBuf) -> anyhow::Result<()> {
        let (sample, expected) = (self.path("sample.jsonl"), self.path("expected.jsonl"));
        if !sample.exists() {
            self.say(Tone::Plain, &format!("{} is not there, so nothing is replayed", sample.display()));
            return Ok(());
        }
        let events = run::events(&sample)?;
        let mut run = Run::of(Alone::start(&self.host, &self.args.configured.spec(file)?)?);
        let lines = run.all(&events, events.len().max(1))?;
        let paint = Paint::stdout();
        match &self.last {
            Some(last) => {
                let difference = compare(last, &lines, paint);
                let what = if difference.lines == 0 { "nothing" } else { &counted(difference.lines as u64, "line", "lines") };
                told::printed(print(&format!("{}{what} changed since the last run\n", difference.text)))?;
            }
            None if !expected.exists() => told::printed(print(&lines.iter().map(|line| line.text() + "\n").collect::<String>()))?,
            None => {}
        }
        eprint!("{}", run.report());
        if expected.exists() {
            let difference = compare(&run::expectation(&expected)?, &lines, paint);
            match difference.lines {
                0 => self.say(Tone::Good, "expected.jsonl: as expected"),
                differ => {
                    let differ = counted(differ as u64, "line", "lines");
                    told::printed(print(&difference.text))?;
                    self.say(Tone::Bad, &format!("expected.jsonl: {differ} not as expected"));
                }
            }
        }
        self.last = Some(lines);
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.args.directory.join(name)
    }

    fn say(&self, tone: Tone, text: &str) {
        eprintln!("{}", Paint::stderr().tone(tone, &escaped(text)));
    }
}
