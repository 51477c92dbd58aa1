//! `weir doctor`: what this machine has of what plugins and agents need, and what brings the rest. Everything is tried as the build would.

use std::path::Path;

use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use super::Error;
use super::toolchain::{CARGO, COMPONENTIZE_PY, Compiler, GO, NODE, NPM, PYTHON3, Std, makes_environments};
use super::tools::{Program, Toolbox, version};
use crate::plugin::{Host, Language, Options, default_cache};

/// How a thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it is needed.
    Ok,
    /// It works without.
    Note,
    /// It does not.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// How it was found.
    pub health: Health,
    /// What was found, or what it is for.
    pub detail: String,
    /// Ways to have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub install: Vec<String>,
}

/// What belongs together: the agent, or a language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Area {
    /// `agent`, or the language's name.
    pub name: String,
    /// The same for people.
    #[serde(skip)]
    pub title: String,
    /// Whether nothing is missing.
    pub whole: bool,
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
}

impl Area {
    fn new(name: &str, title: &str, findings: Vec<Finding>) -> Area {
        let whole = findings.iter().all(|finding| finding.health != Health::Missing);
        Area { name: name.to_owned(), title: title.to_owned(), whole, findings }
    }
}

/// Looks at what an agent needs of this machine.
#[must_use]
pub fn agent() -> Area {
    let cache = default_cache();
    let findings = match Host::new(Options { cache: cache.clone(), ..Options::default() }) {
        Err(error) => vec![lacks("sandbox", crate::error_chain(&error), &[])],
        Ok(host) => vec![sandbox(&host), cache_of(&host, cache.as_deref()), address_space(), open_files()],
    };
    Area::new("agent", "Agent", findings)
}

/// Looks at what builds plugins in a language.
#[must_use]
pub fn language(language: Language, tools: &Toolbox) -> Area {
    let findings = match language {
        Language::Rust => rust(tools),
        Language::Go => vec![tool(tools, &GO)],
        Language::Python => python(tools),
        Language::JavaScript | Language::TypeScript => javascript(tools),
        Language::C => c(tools),
    };
    Area::new(language.name(), language.title(), findings)
}

fn has(what: &str, detail: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), health: Health::Ok, detail: detail.into(), install: Vec::new() }
}

fn note(what: &str, detail: impl Into<String>) -> Finding {
    Finding { health: Health::Note, ..has(what, detail) }
}

fn lacks(what: &str, detail: impl Into<String>, install: &[&str]) -> Finding {
    let install = install.iter().map(|line| (*line).to_owned()).collect();
    Finding { health: Health::Missing, install, ..has(what, detail) }
}

fn sandbox(host: &Host) -> Finding {
    match host.self_test() {
        Ok(()) => has("sandbox", "a component was compiled in a process of its own, and its code loads"),
        Err(error) => lacks("sandbox", crate::error_chain(&error), &[]),
    }
}

fn cache_of(host: &Host, directory: Option<&Path>) -> Finding {
    match directory {
        Some(directory) if host.has_cache() => has("compiled code", format!("is kept in {}", directory.display())),
        Some(directory) => note(
            "compiled code",
            format!(
                "{} cannot be used (it must be yours alone: mode 0700), so every start compiles; `cache` in the configuration names another",
                directory.display()
            ),
        ),
        None => note("compiled code", "there is no HOME, so every start compiles; `cache` in the configuration names a directory"),
    }
}

/// An instance reserves 4 GiB of addresses, whatever it uses of them.
fn address_space() -> Finding {
    match getrlimit(Resource::As).current {
        None => has("address space", "no limit"),
        Some(bytes) if bytes >= 64 << 30 => has("address space", format!("{} GiB", bytes >> 30)),
        Some(bytes) => lacks(
            "address space",
            format!("{} MiB; each instance of a plugin reserves 4 GiB of addresses (not of memory)", bytes >> 20),
            &["ulimit -v unlimited", "LimitAS=infinity   (systemd)"],
        ),
    }
}

/// Connections to brokers, segments of file channels, sockets of the API.
fn open_files() -> Finding {
    match getrlimit(Resource::Nofile).current {
        None => has("open files", "no limit"),
        Some(count) if count >= 1024 => has("open files", format!("{count}")),
        Some(count) => {
            note("open files", format!("{count}; an agent with many partitions or file channels wants 1024 or more (ulimit -n)"))
        }
    }
}

/// A program of at least a version.
fn tool(tools: &Toolbox, program: &Program) -> Finding {
    let Program { name, least, install, .. } = *program;
    if tools.find(name).is_none() {
        return lacks(name, "is not on PATH", install);
    }
    let answer = tools.version(program, Path::new("/"));
    match version(&answer) {
        Some(found) if found >= least => has(name, answer),
        Some(_) => lacks(name, format!("{answer}; {}.{} at least is needed", least.0, least.1), install),
        None => lacks(name, "does not say its version: it does not run", install),
    }
}

fn rust(tools: &Toolbox) -> Vec<Finding> {
    let cargo = tool(tools, &CARGO);
    let here = std::env::current_dir().unwrap_or_default();
    let std = match Std::find(tools, &here) {
        Some(Std::Installed) => has("std for wasm32", "is installed for wasm32-unknown-unknown"),
        Some(Std::Built(linker)) => has(
            "std for wasm32",
            format!("is compiled along by Debian's /usr/bin/rustc (the first build takes minutes), linked by {}", linker.display()),
        ),
        None => lacks("std for wasm32", "the standard library for wasm32-unknown-unknown is not there", CARGO.install),
    };
    vec![cargo, std]
}

fn python(tools: &Toolbox) -> Vec<Finding> {
    let python = tool(tools, &PYTHON3);
    if python.health == Health::Missing {
        return vec![python];
    }
    let venv = match makes_environments(tools, Path::new("/")) {
        true => has("venv", "makes virtual environments"),
        false => lacks("venv", "the module `ensurepip` is not there", PYTHON3.install),
    };
    let machine = std::env::consts::ARCH;
    let wheels = ["x86_64", "aarch64"];
    let componentize = match wheels.contains(&machine) {
        true => has(
            "componentize-py",
            format!("{COMPONENTIZE_PY} is put into the project's .venv by the first build, from the package index that pip uses"),
        ),
        false => lacks("componentize-py", format!("has no wheel for {machine}"), &["cargo install componentize-py"]),
    };
    vec![python, venv, componentize]
}

fn javascript(tools: &Toolbox) -> Vec<Finding> {
    let node = tool(tools, &NODE);
    let npm = tool(tools, &NPM);
    let packages =
        has("esbuild, componentize-qjs", "are put into the project's node_modules by the first build, from the registry that npm uses");
    vec![node, npm, packages]
}

fn c(tools: &Toolbox) -> Vec<Finding> {
    match Compiler::find(tools) {
        Ok(compiler) => vec![has(compiler.name(), compiler.version(tools))],
        Err(Error::Missing { what, install }) => vec![Finding { install, ..lacks("C compiler", what, &[]) }],
        Err(error) => vec![lacks("C compiler", error.to_string(), &[])],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_tools_is_told_what_brings_each() {
        for of in Language::ALL {
            let area = language(of, &Toolbox::of(""));
            assert!(!area.whole, "{of}");
            for finding in area.findings.iter().filter(|finding| finding.health == Health::Missing) {
                assert!(!finding.install.is_empty(), "{of}: {}", finding.what);
            }
        }
    }

    #[test]
    fn a_tool_that_is_too_old_or_does_not_run_is_missing() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("go");
        let tools = Toolbox::of(home.path());
        for (script, health) in [("echo go1.21.3", Health::Missing), ("exit 1", Health::Missing), ("echo go1.24.0", Health::Ok)] {
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("write");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("chmod");
            assert_eq!(language(Language::Go, &tools).findings[0].health, health, "{script}");
        }
    }
}
