//! JavaScript and TypeScript: the SDK's own command has esbuild make one module of them and componentize-qjs put it beside QuickJS. All come
//! by the project's `package.json`, at the versions it pins.

use std::path::Path;
use std::time::SystemTime;

use serde::Deserialize;

use super::super::tools::{Program, Toolbox, missing};
use super::super::{Error, Project};
use super::{Made, relative};
use crate::plugin::Language;

/// What brings Node.js and npm.
const INSTALL: [&str; 2] = ["https://nodejs.org/en/download (20 or newer)", "apt-get install -y nodejs npm   (Debian 13, Ubuntu 25.04)"];
/// Node.js itself.
pub(in super::super) const NODE: Program = Program {
    name: "node",
    purpose: "builds plugins in JavaScript",
    question: &["--version"],
    // What esbuild and componentize-qjs ask for.
    least: (20, 0),
    user: "a plugin",
    install: &INSTALL,
};
/// Its package manager.
pub(in super::super) const NPM: Program = Program { name: "npm", purpose: "fetches what package.json names", least: (0, 0), ..NODE };
/// What a project depends on to be built.
const DEPENDENCIES: &str = "npm install --save-dev --save-exact weir-interceptor@file:weir-sdk esbuild@0.28.2 componentize-qjs@0.4.5";

/// Of `package.json`, what is used here.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    version: String,
}

pub(super) fn make(project: &Project, scratch: &Path, tools: &Toolbox) -> Result<Made, Error> {
    let text = project.read("package.json")?;
    let package: Package = serde_json::from_str(&text).map_err(|error| project.wrong("package.json", error))?;
    let identity = project.identity("package.json", &package.name, &package.version)?;
    install(project, tools)?;
    let command = "./node_modules/.bin/weir-interceptor";
    if !project.directory.join(command).exists() {
        return Err(missing("`weir-interceptor`, the SDK, is not in node_modules; package.json must name it".to_owned(), &[DEPENDENCIES]));
    }
    let module = scratch.join(".component.wasm");
    tools.step(command, &project.directory).args(["build", "-o"]).arg(relative(project, &module)).run()?;
    // esbuild takes types off without looking at them.
    if project.language == Language::TypeScript && project.directory.join(TSC).exists() {
        tools.step(TSC, &project.directory).arg("--noEmit").run()?;
    }
    let versions = ["componentize-qjs", "esbuild"].map(|name| format!("{name} {}", installed(project, name)));
    Ok(Made { module, identity, toolchain: versions.join(", ") })
}

const TSC: &str = "./node_modules/.bin/tsc";

/// The version of a package in node_modules, if it can be read.
fn installed(project: &Project, name: &str) -> String {
    let package = project.read(&format!("node_modules/{name}/package.json"));
    package.ok().and_then(|text| serde_json::from_str::<Package>(&text).ok()).map_or_else(String::new, |package| package.version)
}

/// `npm install`, when `package.json` is newer than what was installed.
fn install(project: &Project, tools: &Toolbox) -> Result<(), Error> {
    tools.need_version(&NODE, &project.directory)?;
    let modified = |file: &str| project.directory.join(file).metadata().and_then(|file| file.modified()).ok();
    let installed = modified("node_modules/.package-lock.json");
    let stale =
        |installed: SystemTime| ["package.json", "package-lock.json"].iter().filter_map(|file| modified(file)).any(|file| file > installed);
    if installed.is_some_and(|installed| !stale(installed)) {
        return Ok(());
    }
    tools.need(&NPM)?;
    tools.step("npm", &project.directory).args(["install", "--no-fund", "--no-audit", "--loglevel=error"]).run()?;
    // npm leaves its list as it is when there was nothing to do, and it would be asked again each time.
    let list = std::fs::File::options().append(true).open(project.directory.join("node_modules/.package-lock.json"));
    let _ = list.and_then(|list| list.set_modified(SystemTime::now()));
    Ok(())
}
