//! `weir validate`: all that is wrong with a configuration, without running it.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::config::problem::{Problem, Severity};
use crate::config::spec::PipelineSpec;
use crate::config::{self, Load, Loaded};
use crate::plugin::{self, Host, Options};
use crate::{error_chain, interceptor};

/// `EX_CONFIG` of sysexits.h.
pub const EXIT_CONFIG: u8 = 78;

/// Arguments of `weir validate`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Which configuration.
    #[command(flatten)]
    pub load: Load,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Print errors only.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Prints every problem and, when it can run, what would run. The exit code is 78 on an error, and with `--strict` on a warning, too.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let (pipelines, problems) = match config::load(&args.load) {
        Ok(mut loaded) => {
            loaded.warnings.extend(plugin_problems(&loaded));
            (loaded.spec.pipelines, loaded.warnings)
        }
        Err(error) => (Vec::new(), error.problems),
    };
    let least = if args.load.strict { Severity::Warning } else { Severity::Error };
    let is_valid = problems.iter().all(|problem| problem.severity > least);
    // Nobody reads a pipe that is closed.
    let _ = print(&args, is_valid, &pipelines, &problems);
    if is_valid { ExitCode::SUCCESS } else { ExitCode::from(EXIT_CONFIG) }
}

/// Takes every plugin in as an agent would: read, compiled, checked against the contract, configured with its settings.
fn plugin_problems(loaded: &Loaded) -> Vec<Problem> {
    let mut host = None;
    let mut problems = Vec::new();
    for pipeline in &loaded.spec.pipelines {
        for source in &pipeline.sources {
            for step in &source.interceptors {
                let interceptor::Spec::Wasm(spec) = &step.kind else { continue };
                if let Err(error) = host_of(&mut host, loaded).and_then(|host| host.load(spec)) {
                    let place = format!("{}.sources.{}.interceptors.{}", pipeline.name, source.name, step.name);
                    problems.push(Problem::error(format!("plugin of interceptor `{}`: {}", step.name, error_chain(&error))).key(place));
                }
            }
        }
    }
    problems
}

/// The plugin host, started when the first plugin is met.
fn host_of<'a>(host: &'a mut Option<Host>, loaded: &Loaded) -> Result<&'a Host, plugin::Error> {
    if host.is_none() {
        let cache = loaded.settings.cache.clone().or_else(plugin::default_cache);
        *host = Some(Host::new(Options { cache, signatures: loaded.settings.signatures.clone(), ..Options::default() })?);
    }
    host.as_ref().ok_or_else(|| plugin::Error::Engine("no host".to_owned()))
}

fn print(args: &Args, is_valid: bool, pipelines: &[PipelineSpec], problems: &[Problem]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let pipelines: Vec<String> = pipelines.iter().flat_map(paths).collect();
        let problems: Vec<serde_json::Value> = problems.iter().map(Problem::json).collect();
        return writeln!(out, "{}", serde_json::json!({ "valid": is_valid, "pipelines": pipelines, "problems": problems }));
    }
    write_report(problems, args.quiet)?;
    if is_valid && !args.quiet {
        for path in pipelines.iter().flat_map(paths) {
            writeln!(out, "valid: {path}")?;
        }
    }
    out.flush()
}

/// Writes problems to standard error, in colour on a terminal, and counts them.
///
/// # Errors
/// When standard error cannot be written to.
pub fn write_report(problems: &[Problem], only_errors: bool) -> std::io::Result<()> {
    let mut err = std::io::stderr().lock();
    let colour = err.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for problem in problems.iter().filter(|problem| !only_errors || problem.severity == Severity::Error) {
        writeln!(err, "{}\n", problem.render(colour))?;
    }
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => Ok(()),
        (0, _) if only_errors => Ok(()),
        (errors, warnings) => writeln!(err, "{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `agent: source -> [interceptors] -> channel -> sink`, for every way through the pipeline. One through a channel that others fill or drain
/// begins or ends there; a sink in a group is followed by that.
fn paths(pipeline: &PipelineSpec) -> Vec<String> {
    let mut paths = Vec::new();
    for source in &pipeline.sources {
        let chain: Vec<&str> = source.interceptors.iter().map(|interceptor| interceptor.name.as_str()).collect();
        let chain = if chain.is_empty() { String::new() } else { format!("[{}] -> ", chain.join(", ")) };
        for channel in &source.channels {
            let ends = ends(pipeline, channel);
            paths.extend(ends.iter().map(|end| format!("{}: {} -> {chain}{channel}{end}", pipeline.name, source.name)));
        }
    }
    let is_fed = |channel: &String| pipeline.sources.iter().any(|source| source.channels.contains(channel));
    for channel in pipeline.channels.iter().map(|channel| &channel.name).filter(|name| !is_fed(name)) {
        paths.extend(ends(pipeline, channel).iter().map(|end| format!("{}: {channel}{end}", pipeline.name)));
    }
    paths
}

/// ` -> sink` for every sink of a channel; nothing where it has none.
fn ends(pipeline: &PipelineSpec, channel: &str) -> Vec<String> {
    let sinks = pipeline.sinks.iter().filter(|sink| sink.channel == channel);
    let ends: Vec<String> = sinks
        .map(|sink| match pipeline.sink_groups.iter().find(|group| group.sinks.contains(&sink.name)) {
            Some(group) => format!(" -> {} (group {})", sink.name, group.name),
            None => format!(" -> {}", sink.name),
        })
        .collect();
    if ends.is_empty() { vec![String::new()] } else { ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        std::fs::write(&file, text).unwrap();
        let loaded = config::load(&Load { conf_file: vec![file], ..Load::default() });
        loaded.unwrap_or_else(|error| panic!("{error}")).spec.pipelines.iter().flat_map(paths).collect()
    }

    #[test]
    fn every_way_through_a_pipeline_is_shown_also_one_that_begins_or_ends_in_a_shared_channel() {
        let text = "
            pipelines.p.sources.r = { channels = ['c', 'to'], kafka = { brokers = 'b:1', topics = ['in'] }, interceptors = [{ name = 'i', host = {} }] }
            pipelines.p.channels.c.memory = {}
            pipelines.p.channels.to.kafka = { brokers = 'b:1', topic = 'to' }
            pipelines.p.channels.from.kafka = { brokers = 'b:1', topic = 'from' }
            pipelines.p.sinks.k = { channel = 'c', kafka = { brokers = 'b:1', topic = 'out' } }
            pipelines.p.sinks.l = { channel = 'from', kafka = { brokers = 'b:1', topic = 'end' } }
            pipelines.p.sink_groups.g = { sinks = ['k'], processor = { default = {} } }
        ";
        assert_eq!(ways(text), ["p: r -> [i] -> c -> k (group g)", "p: r -> [i] -> to", "p: from -> l"]);
    }
}
