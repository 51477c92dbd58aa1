//! What a plugin's author does on the first day, in every language and in a directory of its own: begins a plugin, builds it, tests it, and
//! swaps it into a running agent; and the wrong turns. Each step's time is printed, and what the tool says to a wrong turn.

mod wrong_turns;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::agent::{Agent, Site, binary};
use crate::harness::{cache, turn, wait};
use crate::harness::{guests, languages};

const PATIENCE: Duration = Duration::from_secs(120);
/// The plugin that is begun.
const NAME: &str = "first-try";
/// What `--lang` takes.
const LANGUAGES: [&str; 6] = ["rust", "go", "python", "js", "ts", "c"];

/// A directory in which `weir` is called.
struct Desk {
    directory: PathBuf,
}

/// What a command did.
struct Done {
    code: i32,
    said: String,
    took: Duration,
}

impl Desk {
    fn new(language: &str) -> Desk {
        Desk { directory: cache::scratch(&format!("author-{language}")) }
    }

    /// The project that is begun here.
    fn project(&self) -> Desk {
        Desk { directory: self.directory.join(NAME) }
    }

    fn weir(&self, arguments: &[&str]) -> Done {
        self.run(Command::new(binary()).args(arguments))
    }

    fn run(&self, command: &mut Command) -> Done {
        let begun = Instant::now();
        let output = command.current_dir(&self.directory).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Done { code: output.status.code().unwrap_or(-1), said, took: begun.elapsed() }
    }
}

impl Done {
    /// Its time, once it has done what it should.
    fn well(self, step: &str) -> Duration {
        assert_eq!(self.code, 0, "{step}: {}", self.said);
        self.took
    }

    /// What it said when it did not.
    fn ill(self, code: i32, words: &[&str]) -> String {
        assert_eq!(self.code, code, "{}", self.said);
        for word in words {
            assert!(self.said.contains(word), "{word:?} is not in: {}", self.said);
        }
        self.said
    }
}

/// An agent whose interceptor keeps everything; its load leaves the processor to the tools.
fn agent() -> Agent {
    let properties = format!(
        "a.sources = s\na.channels = c\na.sinks = k\n\
         a.sources.s.type = org.apache.flume.source.StressSource\n\
         a.sources.s.maxEventsPerSecond = 1000\n\
         a.sources.s.batchSize = 100\n\
         a.sources.s.channels = c\n\
         a.sources.s.interceptors = i1\n\
         a.sources.s.interceptors.i1.type = wasm\n\
         a.sources.s.interceptors.i1.plugin = {}\n\
         a.sources.s.interceptors.i1.deadline = 20s\n\
         a.channels.c.type = memory\n\
         a.sinks.k.type = null\n\
         a.sinks.k.channel = c\n",
        guests::path("passthrough").display()
    );
    Site::new("authors", &properties, &["a"]).start()
}

/// Every language's tools are there, or have been brought, once a plugin in it could be built.
fn bring_tools() {
    for language in languages::LANGUAGES {
        language.component(&format!("conformance-{}", language.name)).unwrap();
    }
}

#[test]
fn from_nothing_to_a_swap_in_every_language() {
    let _turn = turn::shared();
    bring_tools();
    let agent = agent();
    let api = format!("http://{}", agent.admin());
    println!("{:10} {:>8} {:>8} {:>8} {:>8}", "language", "new", "build", "test", "swap");
    for language in LANGUAGES {
        let desk = Desk::new(language);
        let new = desk.weir(&["plugin", "new", NAME, "--lang", language]).well("new");
        let (project, component) = (desk.project(), format!("build/{NAME}.wasm"));
        let build = project.weir(&["plugin", "build"]).well("build");
        let test = project.weir(&["plugin", "test", &component, "sample.jsonl", "--expect", "expected.jsonl"]).well("test");
        // The version before it does nothing at all, so that any other one is slower.
        let swap = project.weir(&["swap", "a/i1", &component, "--no-trial", "--api", &api]).well("swap");
        wait::until("the new plugin judges", PATIENCE, || {
            agent.get("/metrics").1.lines().any(|line| is_judging(line, &project.directory.join(&component)))
        });
        let seconds = [new, build, test, swap].map(|took| format!("{:.1} s", took.as_secs_f64()));
        println!("{language:10} {:>8} {:>8} {:>8} {:>8}", seconds[0], seconds[1], seconds[2], seconds[3]);
        fs::remove_dir_all(&desk.directory).unwrap();
    }
    assert_eq!(agent.terminate(), 0);
}

/// Whether a line of the metrics says that this component has judged events.
fn is_judging(line: &str, component: &Path) -> bool {
    let digest = weir::plugin::digest(&fs::read(component).unwrap());
    line.starts_with("weir_plugin_events_total{") && line.contains(weir::plugin::short_digest(&digest)) && !line.ends_with(" 0")
}
