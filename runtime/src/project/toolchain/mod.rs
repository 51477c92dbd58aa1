//! From sources to WebAssembly, by each language's own tools: one file a language.

mod c;
mod go;
mod javascript;
mod python;
mod rust;

use std::path::{Path, PathBuf};

use super::manifest::Identity;
use super::tools::Toolbox;
use super::{Error, Project};
use crate::plugin::Language;

pub(super) use c::Compiler;
pub(super) use go::GO;
pub(super) use javascript::{NODE, NPM};
pub(super) use python::{COMPONENTIZE_PY, PYTHON3, makes_environments};
pub(super) use rust::{CARGO, Std};

/// What a language's tools made.
pub(super) struct Made {
    /// A core module or a component.
    pub(super) module: PathBuf,
    pub(super) identity: Identity,
    /// What made it, in the tool's own words.
    pub(super) toolchain: String,
}

/// Runs the tools. `scratch` is for what nobody needs to see.
pub(super) fn make(project: &Project, scratch: &Path, tools: &Toolbox) -> Result<Made, Error> {
    match project.language {
        Language::Rust => rust::make(project, tools),
        Language::Go => go::make(project, scratch, tools),
        Language::Python => python::make(project, scratch, tools),
        Language::JavaScript | Language::TypeScript => javascript::make(project, scratch, tools),
        Language::C => c::make(project, scratch, tools),
    }
}

/// A path as it is written in a command that runs in the project's directory.
fn relative(project: &Project, path: &Path) -> PathBuf {
    path.strip_prefix(&project.directory).unwrap_or(path).to_owned()
}
