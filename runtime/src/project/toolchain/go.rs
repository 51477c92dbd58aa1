//! Go: the stock compiler for wasip1, as a library without a `main`; the adapter answers its runtime.

use std::path::Path;

use super::super::manifest::{Identity, OWN};
use super::super::tools::{Toolbox, missing, version};
use super::super::{Error, Project};
use super::{Made, relative};

/// What brings it.
pub(in super::super) const INSTALL: [&str; 2] = [
    "https://go.dev/dl (unpack, and put its bin/ on PATH)",
    "apt-get install -y golang-1.24   (Debian 12 with backports, Debian 13, Ubuntu 25.04)",
];
/// `go:wasmexport` and c-shared for wasip1 came with it.
pub(in super::super) const LEAST: (u32, u32) = (1, 24);

pub(super) fn make(project: &Project, scratch: &Path, tools: &Toolbox) -> Result<Made, Error> {
    let identity = identity(project)?;
    tools.need("go", "builds plugins in Go", &INSTALL)?;
    let toolchain = tools.step("go", &project.directory).args(["env", "GOVERSION"]).ask().unwrap_or_default();
    if version(&toolchain).is_some_and(|found| found < LEAST) {
        return Err(missing(format!("`go` is {toolchain}; a plugin needs {}.{} at least", LEAST.0, LEAST.1), &INSTALL));
    }
    let module = scratch.join(".core.wasm");
    let step = tools.step("go", &project.directory).env("GOOS", "wasip1").env("GOARCH", "wasm");
    // Without -buildvcs=false, the same source would make another file after each commit.
    let step = step.args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o"]);
    step.arg(relative(project, &module)).arg(".").run()?;
    Ok(Made { module, identity, toolchain })
}

/// A Go module has a path and no version: the name is the path's last part, unless `weir-plugin.toml` says.
fn identity(project: &Project) -> Result<Identity, Error> {
    if let Some(own) = project.own()? {
        return project.identity(OWN, &own.name, &own.version);
    }
    let text = project.read("go.mod")?;
    let module = text.lines().find_map(|line| line.trim().strip_prefix("module ")).map(|path| path.trim().trim_matches('"'));
    let Some(path) = module else {
        return Err(project.wrong("go.mod", "it has no line `module PATH`"));
    };
    project.identity("go.mod", path, "")
}
