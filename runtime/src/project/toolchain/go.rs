//! Go: the stock compiler for wasip1, as a library without a `main`; the adapter answers its runtime.

use std::path::Path;

use super::super::manifest::{Identity, OWN};
use super::super::tools::{Program, Toolbox};
use super::super::{Error, Project};
use super::{Made, relative};

/// Go itself.
pub(in super::super) const GO: Program = Program {
    name: "go",
    purpose: "builds plugins in Go",
    question: &["env", "GOVERSION"],
    // `go:wasmexport` and c-shared for wasip1 came with it.
    least: (1, 24),
    user: "a plugin",
    install: &[
        "https://go.dev/dl (unpack, and put its bin/ on PATH)",
        "apt-get install -y golang-1.24   (Debian 12 with backports, Debian 13, Ubuntu 25.04)",
    ],
};

pub(super) fn make(project: &Project, scratch: &Path, tools: &Toolbox) -> Result<Made, Error> {
    let identity = identity(project)?;
    let toolchain = tools.need_version(&GO, &project.directory)?;
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
