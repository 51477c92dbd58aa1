//! JavaScript and TypeScript: esbuild makes one module of them, componentize-qjs puts it beside QuickJS. Both come by the project's own
//! `package.json`, at the versions it pins.

use std::path::Path;
use std::time::SystemTime;

use serde::Deserialize;

use super::super::tools::{Toolbox, missing, version};
use super::super::{Error, Project};
use super::{Made, contract, relative};
use crate::plugin::Language;

/// What brings Node.js and npm.
pub(in super::super) const INSTALL: [&str; 2] =
    ["https://nodejs.org/en/download (20 or newer)", "apt-get install -y nodejs npm   (Debian 13, Ubuntu 25.04)"];
/// What esbuild and componentize-qjs ask for.
pub(in super::super) const LEAST: (u32, u32) = (18, 0);
/// The versions whose output was tried.
const TRIED: &str = "npm install --save-dev --save-exact esbuild@0.28.2 componentize-qjs@0.4.5";

/// Of `package.json`, what is used here.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    version: String,
    weir: Option<Weir>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weir {
    /// The module that exports the interceptor.
    entry: String,
}

pub(super) fn make(project: &Project, scratch: &Path, tools: &Toolbox) -> Result<Made, Error> {
    let text = project.read("package.json")?;
    let package: Package = serde_json::from_str(&text).map_err(|error| project.wrong("package.json", error))?;
    let identity = project.identity("package.json", &package.name, &package.version)?;
    let entry = entry(project, package.weir)?;
    install(project, tools)?;
    let local = |name: &str| format!("./node_modules/.bin/{name}");
    for tool in ["esbuild", "componentize-qjs"] {
        if tools.find(&project.directory.join(local(tool)).display().to_string()).is_none() {
            return Err(missing(format!("`{tool}` is not in node_modules; package.json must name it"), &[TRIED]));
        }
    }
    // esbuild takes types off without looking at them.
    if project.language == Language::TypeScript && project.directory.join(local("tsc")).exists() {
        tools.step(local("tsc"), &project.directory).arg("--noEmit").run()?;
    }
    let (bundle, module) = (scratch.join(".bundle.js"), scratch.join(".component.wasm"));
    let step = tools.step(local("esbuild"), &project.directory).arg(entry);
    let step = step.args(["--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main", "--external:weir:*", "--log-level=warning"]);
    step.arg(format!("--outfile={}", relative(project, &bundle).display())).run()?;
    let wit = contract(scratch)?;
    let step = tools.step(local("componentize-qjs"), &project.directory).arg("--wit").arg(relative(project, &wit));
    // Without WASI: an agent grants none. --sync is the runtime without the component model's async.
    let step = step.arg("--js").arg(relative(project, &bundle)).args(["-n", "plugin", "--stub-wasi", "--sync", "-o"]);
    step.arg(relative(project, &module)).run()?;
    let asked = |tool: &str| tools.step(local(tool), &project.directory).arg("--version").ask().unwrap_or_default();
    Ok(Made { module, identity, toolchain: format!("{}, esbuild {}", asked("componentize-qjs"), asked("esbuild")) })
}

/// `"weir": {"entry": ...}`, else `src/index` or `index`.
fn entry(project: &Project, weir: Option<Weir>) -> Result<String, Error> {
    if let Some(weir) = weir {
        return Ok(weir.entry);
    }
    let usual = ["src/index.ts", "src/index.js", "index.ts", "index.js"];
    let found = usual.into_iter().find(|file| project.directory.join(file).is_file());
    let reason = "no module to begin with: none of src/index.ts, src/index.js, index.ts, index.js is there, and `\"weir\": {\"entry\": FILE}` names none";
    found.map(str::to_owned).ok_or_else(|| project.wrong("package.json", reason))
}

/// `npm install`, when `package.json` is newer than what was installed.
fn install(project: &Project, tools: &Toolbox) -> Result<(), Error> {
    tools.need("node", "builds plugins in JavaScript", &INSTALL)?;
    let found = tools.step("node", &project.directory).arg("--version").ask().unwrap_or_default();
    if version(&found).is_some_and(|found| found < LEAST) {
        return Err(missing(format!("`node` is {found}; a plugin needs {} at least", LEAST.0), &INSTALL));
    }
    let modified = |file: &str| project.directory.join(file).metadata().and_then(|file| file.modified()).ok();
    let installed = modified("node_modules/.package-lock.json");
    let stale = |installed: SystemTime| ["package.json", "package-lock.json"].iter().filter_map(|file| modified(file)).any(|file| file > installed);
    if installed.is_some_and(|installed| !stale(installed)) {
        return Ok(());
    }
    tools.need("npm", "fetches what package.json names", &INSTALL)?;
    tools.step("npm", &project.directory).args(["install", "--no-fund", "--no-audit", "--loglevel=error"]).run()?;
    // npm leaves its list as it is when there was nothing to do, and it would be asked again each time.
    let list = std::fs::File::options().append(true).open(project.directory.join("node_modules/.package-lock.json"));
    let _ = list.and_then(|list| list.set_modified(SystemTime::now()));
    Ok(())
}
