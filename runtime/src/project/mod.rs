//! A plugin's project on its author's machine: begun from a template, made into a component by the tools of its language.
//!
//! ```text
//! scaffold ──► Project::find ──► toolchain ──────► componentize ──► Stamp ──► admission, describe ──► build/NAME.wasm
//!  template,    what language,    its commands,     core modules     where it   what an agent asks
//!  SDK beside   name, version     shown and run     only             comes from
//! ```
//! [`doctor`] says beforehand whether those commands would be found.

mod build;
pub mod doctor;
mod manifest;
pub mod scaffold;
mod sdk;
mod source;
mod toolchain;
mod tools;

use std::io;
use std::path::PathBuf;

pub use build::{Built, Options, build, wrap};
pub use manifest::Project;
pub use source::digest as source_digest;
pub use tools::Toolbox;

/// Why a project cannot be begun or built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not asked for in a way that can be done.
    #[error("{0}")]
    Usage(String),
    /// What the project says about itself cannot be used.
    #[error("{}: {reason}", file.display())]
    Manifest {
        /// Where it says so.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tool is not there, or too old.
    #[error("{what}")]
    Missing {
        /// Which, and what it is for.
        what: String,
        /// Ways to have it, each a command or an address.
        install: Vec<String>,
    },
    /// A tool of the language found something wrong; it has said what.
    #[error("`{command}` failed ({status})")]
    Tool {
        /// Its name.
        command: String,
        /// How it ended.
        status: String,
    },
    /// What the tools made is no component an agent could take.
    #[error("{0}")]
    Component(String),
    /// An agent would not take it.
    #[error(transparent)]
    Plugin(#[from] crate::plugin::Error),
    /// A file cannot be read or written.
    #[error("{attempt}")]
    File {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Error {
    fn file(attempt: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let attempt = attempt.into();
        move |source| Error::File { attempt, source }
    }
}
