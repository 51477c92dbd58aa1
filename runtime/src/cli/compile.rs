//! `weir compile-plugin` (hidden): the compiler's own process. `weir componentize`: a core module made into a component.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;

use crate::plugin::{compile, componentize};

/// Compiles the component on standard input to machine code on standard output, under resource limits.
#[derive(Debug, Args)]
pub struct CompilePlugin {}

impl CompilePlugin {
    /// Runs in the process it was started in, whose limits it lowers for good.
    ///
    /// # Errors
    /// What the compiler says of the component.
    pub fn run(self) -> anyhow::Result<()> {
        compile::serve(io::stdin().lock(), io::stdout().lock()).map_err(|reason| anyhow!(reason))
    }
}

/// Turns a core module that an SDK's build made into a component.
#[derive(Debug, Args)]
pub struct Componentize {
    /// The core module, as `cargo build --target wasm32-unknown-unknown` leaves it.
    module: PathBuf,
    /// Where the component goes.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Componentize {
    /// Reads, wraps, writes.
    ///
    /// # Errors
    /// A file that cannot be read or written, a module that carries no component type.
    pub fn run(self) -> anyhow::Result<()> {
        let Componentize { module, output } = self;
        let core = std::fs::read(&module).with_context(|| format!("read {}", module.display()))?;
        let component = componentize::componentize(&core).map_err(|reason| anyhow!("{}: {reason}", module.display()))?;
        std::fs::write(&output, component).with_context(|| format!("write {}", output.display()))
    }
}
