//! The command line's part of a configuration: which files, which agent, how strict.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::keys::Problems;
use super::problem::{Problem, Severity, closest};
use super::settings::{Plugins, Settings};
use super::spec::{AgentSpec, PipelineSpec};
use super::{flume, native, properties};

/// Largest configuration file, bytes.
const LARGEST_FILE: u64 = 16 << 20;

/// Which configuration: the options of `flume-ng agent`, and a few more.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Load {
    /// Configuration file: Flume's properties, or the native form when it ends in `.toml`. Of several Flume files later ones override.
    #[arg(short = 'f', long = "conf-file", value_name = "FILE", required = true)]
    pub conf_file: Vec<PathBuf>,
    /// Directory to look in for a configuration file that is not in the working directory.
    #[arg(short = 'c', long, value_name = "DIR")]
    pub conf: Option<PathBuf>,
    /// Agent to run, or pipeline of the native form; may be repeated. Needed when a Flume file holds several.
    #[arg(short = 'n', long, value_name = "NAME")]
    pub name: Vec<String>,
    /// Plugin that runs in place of a Java class, or a TOML file with a table `[plugins]` of those; may be repeated. Wins over the settings.
    #[arg(long, value_name = "CLASS=FILE|TOML")]
    pub plugin_map: Vec<String>,
    /// TOML file with the agent's settings, a table `[agent]`, beside a Flume file.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Refuse what Flume lets pass: unknown keys, and components that cannot be configured.
    #[arg(long)]
    pub strict: bool,
    /// Java's system properties; `${sys:KEY}` reads them.
    #[arg(short = 'D', value_name = "KEY=VALUE", hide = true)]
    pub system: Vec<String>,
    /// Options of the Java machine, accepted and ignored.
    #[arg(short = 'X', value_name = "OPTION", hide = true, allow_hyphen_values = true)]
    pub machine: Vec<String>,
    /// Do not look for changes of the configuration; SIGHUP still reads it again.
    #[arg(long)]
    pub no_reload_conf: bool,
    /// Java's class path, accepted and ignored.
    #[arg(short = 'C', long, value_name = "CP", hide = true)]
    pub classpath: Option<String>,
    /// Flume's plugins, accepted and ignored.
    #[arg(long, value_name = "DIRS", hide = true)]
    pub plugins_path: Option<String>,
    /// Seconds between two looks for changes of the configuration; 0 is never. Wins over the settings' `reload_interval`.
    #[arg(short = 'i', long, value_name = "SECONDS")]
    pub poll_interval: Option<u64>,
}

/// A configuration that can run.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What is to run.
    pub spec: AgentSpec,
    /// How.
    pub settings: Settings,
    /// Warnings and notes.
    pub warnings: Vec<Problem>,
}

/// A configuration that cannot run: every problem, warnings and notes included, at least one of them an error.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(.problems))]
pub struct Error {
    /// In the order in which they were met.
    pub problems: Vec<Problem>,
}

fn summary(problems: &[Problem]) -> String {
    let errors = || problems.iter().filter(|problem| problem.severity == Severity::Error);
    let first = errors().next().map(Problem::line).unwrap_or_default();
    match errors().count() {
        0 | 1 => first,
        count => format!("{first} (and {} more)", count - 1),
    }
}

/// Reads a configuration.
///
/// # Errors
/// When nothing can run with it; all problems are in the error.
pub fn load(args: &Load) -> Result<Loaded, Error> {
    let environment = |name: &str| std::env::var(name).ok();
    let problems = Problems::default();
    let (pipelines, settings) = Loading { args, environment: &environment, problems: problems.clone() }.read();
    let warnings = passed(problems.take(), args.strict)?;
    Ok(Loaded { spec: AgentSpec { pipelines }, settings, warnings })
}

/// What was found, unless an error is among it.
pub(super) fn passed(mut problems: Vec<Problem>, strict: bool) -> Result<Vec<Problem>, Error> {
    for problem in problems.iter_mut().filter(|problem| strict && problem.lenient) {
        problem.severity = Severity::Error;
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Error { problems });
    }
    Ok(problems)
}

/// A file's name as given, its directory and its text.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    pub(super) text: String,
    pub(super) is_utf8: bool,
}

/// A configuration being read.
pub(super) struct Loading<'a> {
    pub(super) args: &'a Load,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) problems: Problems,
}

/// Flume's files, and what they mean depends on.
pub(super) struct Flume {
    /// At least one.
    pub(super) sources: Vec<Source>,
    /// The file of `--settings`.
    pub(super) settings_file: Option<Source>,
    /// What is in it, with the plugin map.
    pub(super) settings: Settings,
    directory: PathBuf,
    system: BTreeMap<String, String>,
}

impl Flume {
    /// The same, as the reader takes it.
    pub(super) fn surroundings<'a>(&'a self, environment: &'a dyn Fn(&str) -> Option<String>) -> flume::Surroundings<'a> {
        let plugins = Plugins { settings: &self.settings, directory: &self.directory };
        flume::Surroundings { plugins, environment, system: &self.system }
    }
}

impl Loading<'_> {
    fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    fn read(&self) -> (Vec<PipelineSpec>, Settings) {
        let natives = self.args.conf_file.iter().filter(|path| is_native(path)).count();
        let sources: Vec<Source> = self.args.conf_file.iter().filter_map(|path| self.source(path, self.args.conf.as_deref())).collect();
        if sources.len() < self.args.conf_file.len() {
            return Default::default();
        }
        match (natives, sources.as_slice()) {
            (1, [native]) => self.native(native),
            (0, [_, ..]) => {
                let flume = self.flume(sources);
                let surroundings = flume.surroundings(self.environment);
                (flume::read(&flume.sources, &self.args.name, &surroundings, &self.problems), flume.settings)
            }
            (0, []) => {
                self.report(Problem::error("no configuration file is given").help("name one with -f FILE"));
                Default::default()
            }
            _ => {
                self.report(Problem::error("a .toml file is a configuration of its own and cannot be joined with others"));
                Default::default()
            }
        }
    }

    fn native(&self, source: &Source) -> (Vec<PipelineSpec>, Settings) {
        if let Some(path) = &self.args.settings {
            let message =
                format!("`--settings {}` is for Flume's files: a .toml file has its settings in its own `[agent]`", path.display());
            self.report(Problem::error(message));
        }
        let document = native::Document::parse(source, self.environment, &self.problems);
        let mut settings = document.settings();
        settings.resolve_files(&source.directory);
        self.add_plugin_map(&mut settings);
        let plugins = Plugins { settings: &settings, directory: &source.directory };
        let mut pipelines = document.pipelines(&plugins);
        let names: BTreeSet<String> = pipelines.iter().map(|pipeline| pipeline.name.clone()).collect();
        for name in self.args.name.iter().filter(|name| !names.contains(*name)) {
            self.report(missing("pipeline", name, &source.name, &names));
        }
        pipelines.retain(|pipeline| self.args.name.is_empty() || self.args.name.contains(&pipeline.name));
        (pipelines, settings)
    }

    /// Reads Flume's files only; `None` when there is none, or one cannot be read or is in the native form.
    pub(super) fn only_flume(&self) -> Option<Flume> {
        for path in self.args.conf_file.iter().filter(|path| is_native(path)) {
            self.report(Problem::error(format!("{} is in the native form already", path.display())));
        }
        let sources: Vec<Source> = self.args.conf_file.iter().filter_map(|path| self.source(path, self.args.conf.as_deref())).collect();
        let is_whole =
            !sources.is_empty() && sources.len() == self.args.conf_file.len() && !self.args.conf_file.iter().any(|path| is_native(path));
        is_whole.then(|| self.flume(sources))
    }

    fn flume(&self, sources: Vec<Source>) -> Flume {
        let mut settings = Settings::default();
        let settings_file = self.args.settings.as_ref().and_then(|path| self.source(path, None));
        if let Some(source) = &settings_file {
            settings = native::Document::parse(source, self.environment, &self.problems).only_settings();
            settings.resolve_files(&source.directory);
        }
        self.add_plugin_map(&mut settings);
        let directory = sources.first().map_or_else(PathBuf::new, |source| source.directory.clone());
        let system = self.args.system.iter().map(|definition| definition.split_once('=').unwrap_or((definition, "")));
        let system: BTreeMap<String, String> = system.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Flume { sources, settings_file, settings, directory, system }
    }

    /// `--plugin-map`: `CLASS=FILE`, else a TOML file with a table `[plugins]`.
    fn add_plugin_map(&self, settings: &mut Settings) {
        for entry in &self.args.plugin_map {
            if let Some((class, file)) = entry.split_once('=') {
                settings.plugins.insert(class.trim().to_owned(), PathBuf::from(file.trim()));
                continue;
            }
            let Some(source) = self.source(Path::new(entry), None) else { continue };
            let plugins = native::Document::parse(&source, self.environment, &self.problems).only_plugins();
            settings.plugins.extend(plugins.into_iter().map(|(class, file)| (class, source.directory.join(file))));
        }
    }

    /// Reads a file, from the working directory or else from `conf`.
    fn source(&self, path: &Path, conf: Option<&Path>) -> Option<Source> {
        let found = find(path, conf);
        let extension = found.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
        if ["json", "yaml", "yml", "xml"].contains(&extension.as_str()) {
            self.report(Problem::error(format!("{}: a configuration is a Flume properties file or a .toml file", found.display())));
            return None;
        }
        match read_bytes(&found) {
            Ok(bytes) => {
                let directory = found.parent().map(Path::to_owned).unwrap_or_default();
                let is_utf8 = std::str::from_utf8(&bytes).is_ok();
                Some(Source { name: found.display().to_string(), directory, text: properties::decode(bytes), is_utf8 })
            }
            Err(error) => {
                self.report(Problem::error(format!("cannot read {}: {error}", found.display())));
                None
            }
        }
    }
}

fn is_native(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// Where a file is: in the working directory or else in `conf`.
fn find(path: &Path, conf: Option<&Path>) -> PathBuf {
    match conf {
        Some(conf) if path.is_relative() && !path.exists() => conf.join(path),
        _ => path.to_owned(),
    }
}

/// What a configuration's files held at one moment, to tell whether they have changed. Files it names in turn do not count, and neither do
/// pipes, which can be read only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<Option<[u8; 32]>>);

impl Fingerprint {
    /// Reads the files. Blocks.
    #[must_use]
    pub fn take(args: &Load) -> Fingerprint {
        let configuration = args.conf_file.iter().map(|path| find(path, args.conf.as_deref()));
        let maps = args.plugin_map.iter().filter(|entry| !entry.contains('=')).map(PathBuf::from);
        Fingerprint(configuration.chain(args.settings.clone()).chain(maps).map(|path| digest(&path)).collect())
    }
}

/// `None` for what is no file or cannot be read.
fn digest(path: &Path) -> Option<[u8; 32]> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| read_bytes(path).ok().map(|bytes| Sha256::digest(bytes).into())).flatten()
}

fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(std::io::Error::other("the file is larger than 16 MiB"));
    }
    Ok(bytes)
}

/// There is none of that name; unlike Flume, which then runs on with nothing, this is an error.
pub(super) fn missing(what: &str, name: &str, file: &str, names: &BTreeSet<String>) -> Problem {
    let problem = Problem::error(format!("there is no {what} `{name}` in {file}"));
    match closest(name, names.iter().map(String::as_str)) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None if names.is_empty() => problem,
        None => problem.help(format!("there is: {}", names.iter().cloned().collect::<Vec<_>>().join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_changes_with_each_file_of_the_configuration_and_with_nothing_else() {
        let directory = tempfile::tempdir().expect("folder");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("write");
            path
        };
        let (settings, map) = (write("settings.toml", "[agent]"), write("map.toml", "[plugins]"));
        write("a.properties", "a.sources = r");
        let plugin_map = vec![map.display().to_string(), "A=b.wasm".to_owned()];
        let conf = Some(directory.path().to_owned());
        let load = Load { conf_file: vec![PathBuf::from("a.properties")], conf, plugin_map, settings: Some(settings), ..Load::default() };
        let mut seen = vec![Fingerprint::take(&load)];
        assert_eq!(Fingerprint::take(&load), seen[0]);
        for (name, text) in [("a.properties", "a.sources = s"), ("settings.toml", "[agent] #"), ("map.toml", "[plugins] #")] {
            write(name, text);
            let changed = Fingerprint::take(&load);
            assert!(!seen.contains(&changed), "{name}");
            seen.push(changed);
        }
        std::fs::remove_file(directory.path().join("a.properties")).expect("remove");
        assert!(!seen.contains(&Fingerprint::take(&load)), "a file that is gone is a change");
    }
}
