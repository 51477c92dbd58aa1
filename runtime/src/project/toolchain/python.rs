//! Python: componentize-py, in a virtual environment of the project's own.

use std::path::Path;

use serde::Deserialize;

use super::super::scaffold::SDK;
use super::super::tools::{Program, Toolbox, missing};
use super::super::{Error, Project};
use super::{Made, relative};

/// Python itself.
pub(in super::super) const PYTHON3: Program = Program {
    name: "python3",
    purpose: "builds plugins in Python",
    question: &["--version"],
    least: (3, 10),
    user: "componentize-py",
    install: &[
        "apt-get install -y python3 python3-venv python3-pip   (Debian, Ubuntu)",
        "https://www.python.org/downloads (3.10 or newer)",
    ],
};
/// The version whose output was tried.
pub(in super::super) const COMPONENTIZE_PY: &str = "0.25.1";

/// Of `pyproject.toml`, what is used here.
#[derive(Debug, Deserialize)]
struct PyProject {
    project: Declared,
    #[serde(default)]
    tool: Tool,
}

#[derive(Debug, Deserialize)]
struct Declared {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Tool {
    #[serde(default)]
    weir: Weir,
}

/// `[tool.weir]`; the SDK reads the rest of it.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Weir {
    /// Where the SDK is.
    sdk: String,
}

impl Default for Weir {
    fn default() -> Weir {
        Weir { sdk: SDK.to_owned() }
    }
}

pub(super) fn make(project: &Project, scratch: &Path, tools: &Toolbox) -> Result<Made, Error> {
    let text = project.read("pyproject.toml")?;
    let manifest: PyProject = toml::from_str(&text).map_err(|error| project.wrong("pyproject.toml", error))?;
    let identity = project.identity("pyproject.toml", &manifest.project.name, &manifest.project.version)?;
    install(project, tools, &manifest.project.dependencies)?;
    let module = scratch.join(".component.wasm");
    // The SDK knows how its part of a component is put around the plugin's.
    let sources = format!("{}/src", manifest.tool.weir.sdk);
    if !project.directory.join(&sources).is_dir() {
        let reason = format!("the SDK is not in {sources}; `[tool.weir] sdk` says where it is, and `weir plugin new` puts it into {SDK}");
        return Err(project.wrong("pyproject.toml", reason));
    }
    // Bytecode beside the SDK's sources would be news to whoever watches them, this repository's own build among them.
    let step = tools.step(PYTHON, &project.directory).env("PYTHONPATH", sources).env("PYTHONDONTWRITEBYTECODE", "1");
    step.args(["-m", "weir.build", "-o"]).arg(relative(project, &module)).run()?;
    let python = tools.step(PYTHON, &project.directory).arg("--version").ask().unwrap_or_default();
    Ok(Made { module, identity, toolchain: format!("componentize-py {COMPONENTIZE_PY}, {python}") })
}

const TOOL: &str = "./.venv/bin/componentize-py";
const PYTHON: &str = "./.venv/bin/python";

/// Whether its virtual environments have pip, which Debian has in a package of its own.
pub(in super::super) fn makes_environments(tools: &Toolbox, directory: &Path) -> bool {
    tools.step(PYTHON3.name, directory).args(["-c", "import venv, ensurepip"]).ask().is_some()
}

/// Makes the environment and puts into it what is not there: componentize-py, and what the project depends on.
fn install(project: &Project, tools: &Toolbox, dependencies: &[String]) -> Result<(), Error> {
    let within = |path: &str| project.directory.join(path);
    if !within(PYTHON).is_file() {
        tools.need_version(&PYTHON3, &project.directory)?;
        if !makes_environments(tools, &project.directory) {
            return Err(missing(
                "`python3` makes no virtual environments: its module `ensurepip` is not there".to_owned(),
                PYTHON3.install,
            ));
        }
        tools.step(PYTHON3.name, &project.directory).args(["-m", "venv", ".venv"]).run()?;
    }
    // The packages asked for by name, so that the one the template vendors is not looked for in a registry.
    let wanted = dependencies.iter().filter(|dependency| !dependency.starts_with("weir-interceptor"));
    let mut wanted: Vec<String> = wanted.cloned().collect();
    wanted.push(format!("componentize-py=={COMPONENTIZE_PY}"));
    // What was installed last, so that nothing is asked of a registry while it is the same.
    let noted = within(".venv/weir-installed");
    let note = wanted.join("\n");
    if within(TOOL).is_file() && std::fs::read_to_string(&noted).is_ok_and(|last| last == note) {
        return Ok(());
    }
    let pip = tools.step(PYTHON, &project.directory).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(&wanted).run()?;
    std::fs::write(&noted, note).map_err(Error::file(format!("write {}", noted.display())))
}
