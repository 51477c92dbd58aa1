//! `weir plugin build`: the tools of the language make a module, and the rest is the same for all.

use std::fs;
use std::path::{Path, PathBuf};

use super::toolchain::{self, Made};
use super::{Error, Project, Toolbox, source};
use crate::interceptor::spec::Ability;
use crate::plugin::{Artifact, Description, Host, Language, Stamp, componentize};

/// How a project is built.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the tools are.
    pub tools: Toolbox,
    /// Where the component goes; none: `build/NAME.wasm` in the project.
    pub output: Option<PathBuf>,
}

/// What was built.
#[derive(Clone)]
pub struct Built {
    /// The component's file.
    pub file: PathBuf,
    /// The component, admitted.
    pub artifact: Artifact,
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
    let (artifact, description) = taken_in(&file, component, host)?;
    let differences = differences(&stamp, &description);
    Ok(Built { file, artifact, description, differences })
}

/// Makes a component of a core module that an SDK's build made, without a project.
///
/// # Errors
/// See [`enum@Error`].
pub fn wrap(module: &Path, output: &Path, host: &Host) -> Result<Built, Error> {
    let core = fs::read(module).map_err(Error::file(format!("read {}", module.display())))?;
    let component = componentized(&core, module)?;
    let (artifact, description) = taken_in(output, component, host)?;
    Ok(Built { file: output.to_owned(), artifact, description, differences: Vec::new() })
}

fn component_of(module: &Path) -> Result<Vec<u8>, Error> {
    let made = fs::read(module).map_err(Error::file(format!("read {}", module.display())))?;
    if !wasmparser::Parser::is_core_wasm(&made) {
        return Ok(made);
    }
    componentized(&made, module)
}

fn componentized(core: &[u8], module: &Path) -> Result<Vec<u8>, Error> {
    componentize::componentize(core).map_err(|reason| Error::Component(format!("{}: {reason}", module.display())))
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
fn taken_in(file: &Path, component: Vec<u8>, host: &Host) -> Result<(Artifact, Description), Error> {
    let artifact = Artifact::from_bytes(&file.display().to_string(), component, None, &host.terms(&Ability::ALL))?;
    let description = host.describe(artifact.clone())?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(Error::file(format!("make {}", directory.display())))?;
    let draft = tempfile::Builder::new().prefix(".weir-build-").permissions(readable()).tempfile_in(directory);
    let draft = draft.map_err(Error::file(format!("write to {}", directory.display())))?;
    fs::write(draft.path(), artifact.bytes()).map_err(Error::file(format!("write {}", file.display())))?;
    draft.persist(file).map_err(|error| Error::File { attempt: format!("write {}", file.display()), source: error.error })?;
    Ok((artifact, description))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin;

    fn host() -> Host {
        Host::new(plugin::Options::default()).expect("a host")
    }

    /// A project of these files, built without any tool.
    fn without_tools(files: &[(&str, &str)]) -> Error {
        let home = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let file = home.path().join(name);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
            fs::write(file, text).expect("write");
        }
        let project = Project::find(home.path()).expect("a project");
        build(&project, &host(), &Options::default()).err().expect("nothing can be built")
    }

    #[test]
    fn without_its_tool_each_language_says_what_brings_it() {
        let python = "[project]\nname = 'x'\nversion = '1'";
        let own = "name = 'x'\nversion = '1'";
        for (files, words) in [
            (&[("Cargo.toml", "")][..], "`cargo` is not there"),
            (&[("go.mod", "module example.com/x\n")], "`go` is not there"),
            (&[("pyproject.toml", python)], "`python3` is not there"),
            (&[("package.json", r#"{"name": "x"}"#)], "`node` is not there"),
            (&[("weir-plugin.toml", own), ("x.c", ""), ("weir-sdk/src/weir.c", "")], "no C compiler for WebAssembly"),
        ] {
            let error = without_tools(files);
            assert!(error.to_string().contains(words), "{error}");
            assert!(matches!(&error, Error::Missing { install, .. } if !install.is_empty()), "{error:?}");
        }
    }

    #[test]
    fn a_manifest_that_cannot_be_used_is_named_with_the_reason() {
        for (files, words) in [
            (&[("pyproject.toml", "[project")][..], "pyproject.toml"),
            (&[("pyproject.toml", "[project]\nname = 'x'")], "missing field `version`"),
            (&[("package.json", "{")], "package.json"),
            (&[("go.mod", "go 1.24\n")], "it has no line `module PATH`"),
            (&[("weir-plugin.toml", "name = 'x'")], "missing field `version`"),
            (&[("weir-plugin.toml", "name = 'x'\nversion = '1'\nsource = ['a']")], "unknown field `source`"),
            (&[("weir-plugin.toml", "name = 'x'\nversion = '1'")], "there is no C file"),
            (&[("weir-plugin.toml", "name = 'x'\nversion = '1'"), ("x.c", "")], "weir-sdk/src/weir.c is not there"),
        ] {
            let error = without_tools(files);
            assert!(matches!(error, Error::Manifest { .. }) && error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_core_module_that_no_sdk_built_makes_no_component() {
        let home = tempfile::tempdir().expect("a directory");
        let (module, output) = (home.path().join("m.wasm"), home.path().join("p.wasm"));
        for (content, words) in [
            (&b"\0asm\x01\0\0\0"[..], "not built with an SDK of Weir"),
            (b"\0asm\x0d\0\x01\0", "it is a component already"),
            (b"#!/bin/sh", "not WebAssembly"),
        ] {
            fs::write(&module, content).expect("write");
            let said = wrap(&module, &output, &host()).err().expect("no component").to_string();
            assert!(said.contains(words), "{said}");
            assert!(!output.exists());
        }
    }
}
