//! `weir plugin build`: the tools of the language make a module, and the rest is the same for all.

use std::fs;
use std::path::{Path, PathBuf};

use super::toolchain::{self, Made};
use super::{Error, Project, Toolbox, source};
use crate::plugin::{Artifact, Description, Host, Language, Stamp, componentize};
use crate::interceptor::spec::Ability;

/// How a project is built.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the tools are.
    pub tools: Toolbox,
    /// Where the component goes; none: `build/NAME.wasm` in the project.
    pub output: Option<PathBuf>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component's file.
    pub file: PathBuf,
    /// What it says of itself.
    pub description: Description,
    /// What differs between that and its project's manifest; not an error, since the one is what an agent shows and the other what the file is
    /// called.
    pub differences: Vec<String>,
}

/// Builds a project and asks the result what it is, as an agent would. The file is replaced only when an agent would take it. Blocks.
///
/// # Errors
/// See [`enum@Error`]; what a tool has to say is on standard error by then.
pub fn build(project: &Project, host: &Host, options: &Options) -> Result<Built, Error> {
    let scratch = project.directory.join("build");
    fs::create_dir_all(&scratch).map_err(Error::file(format!("make {}", scratch.display())))?;
    let digest = source::digest(&project.directory).map_err(Error::file("read the project's sources"))?;
    let made = toolchain::make(project, &scratch, &options.tools)?;
    let stamp = stamp(project.language, &made, digest);
    let component = stamp.put(&component_of(&made.module)?).map_err(Error::Component)?;
    let file = options.output.clone().unwrap_or_else(|| scratch.join(format!("{}.wasm", stamp.name)));
    let description = taken_in(&file, component, host)?;
    let differences = differences(&stamp, &description);
    Ok(Built { file, description, differences })
}

/// Makes a component of a core module that an SDK's build made, without a project.
///
/// # Errors
/// See [`enum@Error`].
pub fn wrap(module: &Path, output: &Path, host: &Host) -> Result<Built, Error> {
    let core = fs::read(module).map_err(Error::file(format!("read {}", module.display())))?;
    let component = componentize::componentize(&core).map_err(|reason| Error::Component(format!("{}: {reason}", module.display())))?;
    let description = taken_in(output, component, host)?;
    Ok(Built { file: output.to_owned(), description, differences: Vec::new() })
}

fn component_of(module: &Path) -> Result<Vec<u8>, Error> {
    let made = fs::read(module).map_err(Error::file(format!("read {}", module.display())))?;
    if !wasmparser::Parser::is_core_wasm(&made) {
        return Ok(made);
    }
    componentize::componentize(&made).map_err(|reason| Error::Component(format!("{}: {reason}", module.display())))
}

fn stamp(language: Language, made: &Made, source: String) -> Stamp {
    Stamp {
        name: made.identity.name.clone(),
        version: made.identity.version.clone(),
        language: language.name().to_owned(),
        toolchain: made.toolchain.clone(),
        source,
        weir: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Admits, compiles and describes it, then puts it into its place in one step: an agent may be watching the file.
fn taken_in(file: &Path, component: Vec<u8>, host: &Host) -> Result<Description, Error> {
    let artifact = Artifact::from_bytes(&file.display().to_string(), component, None, &host.terms(&Ability::ALL))?;
    let description = host.describe(artifact.clone())?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(Error::file(format!("make {}", directory.display())))?;
    let draft = tempfile::Builder::new().prefix(".weir-build-").permissions(readable()).tempfile_in(directory);
    let draft = draft.map_err(Error::file(format!("write to {}", directory.display())))?;
    fs::write(draft.path(), artifact.bytes()).map_err(Error::file(format!("write {}", file.display())))?;
    draft.persist(file).map_err(|error| Error::File { attempt: format!("write {}", file.display()), source: error.error })?;
    Ok(description)
}

/// As files are made that are no secret.
fn readable() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

fn differences(stamp: &Stamp, description: &Description) -> Vec<String> {
    let pairs = [("name", &stamp.name, &description.name), ("version", &stamp.version, &description.version)];
    let differ = pairs.into_iter().filter(|(_, project, plugin)| !project.is_empty() && project != plugin);
    differ.map(|(what, project, plugin)| format!("the project's {what} is {project:?}; the plugin says {plugin:?}")).collect()
}
