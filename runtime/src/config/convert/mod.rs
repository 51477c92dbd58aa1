//! From Flume's files to the native form: the same specifications, written out, with a report of what became of every line.
//!
//! What is written is read again before anybody gets it, and must mean exactly what Flume's files mean. Three things need no list that could
//! be forgotten: which values are defaults (`defaults`), which native key a Flume key became (`origin`), and what comes from the
//! environment and stays there (`reference`).

mod annotate;
mod defaults;
mod island;
mod origin;
mod reference;
mod relocate;
mod report;
mod settings;
mod text;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use report::{Line, Report, Variable, Verdict};

use super::difference;
use super::flume::{self, Files, Surroundings};
use super::keys::{Problems, Value};
use super::load::{self, Flume, Load, Loading, Source};
use super::native::Document;
use super::problem::{Problem, Severity};
use super::settings::{Plugins, Settings};
use super::spec::PipelineSpec;
use annotate::{Annotated, comments};
use island::Islands;
use origin::{Agent, Effect};
use reference::Referred;
use relocate::{Relocated, leave_out_idle, relocate, sorted};
use tree::{Node, Path as KeyPath};

/// The native form of Flume's files.
#[derive(Debug)]
pub struct Conversion {
    /// The file's text.
    pub toml: String,
    /// What became of each line.
    pub report: Report,
    /// The text holds secrets that Flume's files hold, too.
    pub has_secrets: bool,
}

/// How to convert.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Directory of the file that is to be written, from which it names other files. Empty: the working directory.
    pub directory: &'a Path,
    /// Comments say where values come from.
    pub comments: bool,
    /// Writes what can be read, though not everything can.
    pub partial: bool,
}

/// Flume's files cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// They cannot run.
    #[error(transparent)]
    Config(load::Error),
    /// A value has no form in TOML.
    #[error("write the native form")]
    Write(#[from] toml::ser::Error),
    /// What was written is no TOML.
    #[error("read the native form again: {0}")]
    Unreadable(String),
    /// Two keys with references make one value.
    #[error("`{key}` and another key that refers to the environment make one value, `{path}`, which cannot refer to both")]
    Mixed {
        /// The second one.
        key: String,
        /// The value.
        path: String,
    },
    /// What was written means something else.
    #[error("what was written does not mean the same: {0}")]
    Different(String),
}

/// One agent, on its way.
struct Converted {
    name: String,
    values: BTreeMap<String, Value>,
    /// What its native form has to mean.
    read: PipelineSpec,
    tree: Node,
    effects: BTreeMap<String, Effect>,
    left_out: Vec<KeyPath>,
    referred: Referred,
}

/// Converts Flume's files.
///
/// # Errors
/// When they cannot run, unless a partial result is asked for, and when the native form would not mean the same.
pub fn convert(args: &Load, options: Options<'_>) -> Result<Conversion, Error> {
    let environment = |name: &str| std::env::var(name).ok();
    let problems = Problems::default();
    let loading = Loading { args, environment: &environment, problems: problems.clone() };
    let Some(flume) = loading.only_flume() else { return Err(Error::Config(load::Error { problems: problems.take() })) };
    let surroundings = flume.surroundings(&environment);
    let files = Files::read(&flume.sources, &surroundings, &problems);
    let mut specs = Vec::new();
    for name in files.select(&args.name, &problems) {
        let values = files.agent(&name, &surroundings, &problems);
        let spec = flume::agent::read(&name, values.clone(), &surroundings, &problems);
        specs.extend(spec.map(|spec| (name, values, spec)));
    }
    let found = match load::passed(problems.take(), args.strict) {
        Ok(found) => found,
        Err(error) if options.partial && !specs.is_empty() => error.problems,
        Err(error) => return Err(Error::Config(error)),
    };
    let is_whole = found.iter().all(|problem| problem.severity != Severity::Error);
    let native = Settings { plugins: BTreeMap::new(), ..flume.settings.clone() };
    let plugins = Plugins { settings: &native, directory: options.directory };
    let mut agents = Vec::new();
    let mut variables = BTreeMap::new();
    for (name, values, spec) in specs {
        let referred = Referred { variables: std::mem::take(&mut variables), ..Referred::default() };
        let mut converted = convert_agent((name, values, spec), &surroundings, &plugins, referred)?;
        variables = std::mem::take(&mut converted.referred.variables);
        agents.push(converted);
    }
    let annotated = Annotated { files: &files, sources: &flume.sources, agents: &agents, problems: &found, variables: &variables };
    let notes = if options.comments { comments(&annotated) } else { text::Comments::default() };
    let toml = text::render(&document(&agents, &flume, options.directory), &notes);
    if is_whole {
        let environment = |name: &str| variables.get(name).map(|variable| variable.value.clone()).or_else(|| environment(name));
        check(&toml, &agents, &flume.settings, options.directory, &environment)?;
    }
    let has_secrets = agents.iter().any(|agent| !agent.referred.clear.is_empty());
    Ok(Conversion { toml, report: annotate::report(&annotated), has_secrets })
}

fn convert_agent(
    (name, values, spec): (String, BTreeMap<String, Value>, PipelineSpec),
    surroundings: &Surroundings<'_>,
    plugins: &Plugins<'_>,
    mut referred: Referred,
) -> Result<Converted, Error> {
    // Filters have answered already: they are not asked again each time that the keys are read.
    let unfiltered: BTreeMap<String, Value> =
        values.iter().filter(|(key, _)| !key.starts_with("configfilters")).map(|(key, value)| (key.clone(), value.clone())).collect();
    let agent = Islands::new(Agent::new(&name, unfiltered.clone(), surroundings, &spec)?, &spec)?;
    let mut effects = BTreeMap::new();
    for key in unfiltered.keys() {
        effects.insert(key.clone(), agent.of(key).effect(key)?);
    }
    let became: BTreeMap<String, BTreeSet<KeyPath>> = effects
        .iter()
        .filter_map(|(key, effect)| match effect {
            Effect::Values(paths) | Effect::Default(paths) => Some((key.clone(), paths.clone())),
            Effect::Component(_) | Effect::LeftOut | Effect::Nothing => None,
        })
        .collect();
    let foreign = became.iter().filter(|(key, _)| unfiltered.get(*key).is_some_and(|value| !value.foreign.is_empty()));
    let keep: BTreeSet<KeyPath> = foreign.flat_map(|(_, paths)| paths.clone()).collect();
    let mut spec = spec;
    let left_out = leave_out_idle(&mut spec);
    let Relocated { written, read } = relocate(&spec, plugins);
    let mut tree = tree::pipeline(&written)?;
    defaults::leave_out(&mut tree, &read, plugins, surroundings.environment, &keep);
    reference::refer(&agent, &became, &mut tree, &mut referred)?;
    Ok(Converted { name, values, read, tree, effects, left_out, referred })
}

/// The whole file as a tree.
fn document(agents: &[Converted], flume: &Flume, directory: &Path) -> Node {
    let settings = flume.settings_file.as_ref().and_then(|source| settings::table(source, directory));
    let pipelines = agents.iter().map(|agent| (agent.name.clone(), agent.tree.clone())).collect();
    let mut root: Vec<(String, Node)> = settings.map(|table| ("agent".to_owned(), table)).into_iter().collect();
    root.push(("pipelines".to_owned(), Node::Table(pipelines)));
    Node::Table(root)
}

/// Reads what was written, and compares.
fn check(
    toml: &str,
    agents: &[Converted],
    settings: &Settings,
    directory: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Error> {
    let source = Source { name: "the native form".to_owned(), directory: directory.to_owned(), text: toml.to_owned(), is_utf8: true };
    let problems = Problems::default();
    let document = Document::parse(&source, environment, &problems);
    let mut read = document.settings();
    read.resolve_files(directory);
    let pipelines = document.pipelines(&Plugins { settings: &read, directory });
    let errors: Vec<String> = problems.take().iter().filter(|problem| problem.severity == Severity::Error).map(Problem::line).collect();
    if !errors.is_empty() {
        return Err(Error::Different(errors.join("; ")));
    }
    if settings::placeless(read) != settings::placeless(settings.clone()) {
        return Err(Error::Different("the settings of the agent".to_owned()));
    }
    let mut wanted: Vec<PipelineSpec> = agents.iter().map(|agent| sorted(agent.read.clone())).collect();
    wanted.sort_by(|one, other| one.name.cmp(&other.name));
    for (wanted, read) in wanted.iter().zip(&pipelines) {
        if wanted != read {
            return Err(Error::Different(format!("{}: {}", wanted.name, difference::pipelines(wanted, read).join("; "))));
        }
    }
    if wanted.len() == pipelines.len() { Ok(()) } else { Err(Error::Different("the number of pipelines".to_owned())) }
}
