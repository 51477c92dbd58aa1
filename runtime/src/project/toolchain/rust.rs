//! Rust: cargo for wasm32-unknown-unknown, with rustup's standard library for it, or with Debian's rustc, which builds it along.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::tools::{Program, Step, Toolbox, missing};
use super::super::{Error, Project};
use super::Made;

/// What brings it.
const INSTALL: [&str; 2] = [
    "rustup target add wasm32-unknown-unknown   (rustup: https://rustup.rs)",
    "apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src rust-web-llvm lld-19   (Debian, Ubuntu)",
];
/// Rust's builds begin with it.
pub(in super::super) const CARGO: Program = Program {
    name: "cargo",
    purpose: "builds plugins in Rust",
    question: &["--version"],
    least: (1, 85),
    user: "a plugin",
    install: &INSTALL,
};
const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler, and its standard library's sources.
const DEBIAN: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std";
const LINKERS: [&str; 2] = ["wasm-ld-19", "wasm-ld"];

/// Where the standard library for wasm32 comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Std {
    /// The toolchain in use has it.
    Installed,
    /// Debian's sources of it are compiled along; the linker's path.
    Built(PathBuf),
}

impl Std {
    /// Asks the compiler that cargo would use in this directory.
    pub(in super::super) fn find(tools: &Toolbox, directory: &Path) -> Option<Std> {
        let asked = tools.step("rustc", directory).args(["--print", "target-libdir", "--target", TARGET]).ask();
        if asked.is_some_and(|directory| Path::new(&directory).is_dir()) {
            return Some(Std::Installed);
        }
        let linker = LINKERS.into_iter().find_map(|name| tools.find(name))?;
        let whole = Path::new(DEBIAN_SOURCES).is_dir() && tools.find(DEBIAN).is_some();
        whole.then_some(Std::Built(linker))
    }

    /// The compiler's path, or its name where cargo finds it.
    fn compiler(&self) -> &'static str {
        match self {
            Std::Installed => "rustc",
            Std::Built(_) => DEBIAN,
        }
    }
}

pub(super) fn make(project: &Project, tools: &Toolbox) -> Result<Made, Error> {
    tools.need(&CARGO)?;
    let package = Package::of(project, tools)?;
    let library = package.library(project)?;
    let Some(std) = Std::find(tools, &project.directory) else {
        return Err(missing(format!("the standard library of Rust for {TARGET} is not there"), &INSTALL));
    };
    command(project, tools, &package, &std).run()?;
    let toolchain = tools.step(std.compiler(), &project.directory).arg("--version").ask().unwrap_or_default();
    let module = package.target_directory.join(TARGET).join("release").join(format!("{}.wasm", library.replace('-', "_")));
    let identity = project.identity("Cargo.toml", &package.name, &package.version)?;
    Ok(Made { module, identity, toolchain })
}

fn command(project: &Project, tools: &Toolbox, package: &Package, std: &Std) -> Step {
    // Paths of this machine stay out of the component. The threshold makes parsers a third faster.
    let mut flags = vec!["-Ctarget-feature=+simd128".to_owned(), "-Cllvm-args=-inline-threshold=900".to_owned()];
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    flags.extend(cargo.map(|home| format!("--remap-path-prefix={}=cargo", home.display())));
    flags.extend(package.local.iter().map(|(name, path)| format!("--remap-path-prefix={}={name}", path.display())));
    flags.push(format!("--remap-path-prefix={}=.", project.directory.display()));
    let quoted: Vec<String> = flags.iter().map(|flag| format!("{flag:?}")).collect();
    let mut step = tools.step("cargo", &project.directory);
    if let Std::Built(linker) = std {
        step = step.env("RUSTC", DEBIAN).env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    step = step.args(["build", "--release", "--lib", "--target", TARGET]);
    if let Std::Built(_) = std {
        step = step.arg("-Zbuild-std=std,panic_abort");
    }
    step.arg("--config").arg(format!("target.{TARGET}.rustflags=[{}]", quoted.join(",")))
}

/// What cargo says about the project's package.
struct Package {
    name: String,
    version: String,
    targets: Vec<Target>,
    /// Packages beside it, by name and place.
    local: Vec<(String, PathBuf)>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<PathBuf>,
}

impl Package {
    fn of(project: &Project, tools: &Toolbox) -> Result<Package, Error> {
        let asked = tools.step("cargo", &project.directory).args(["metadata", "--no-deps", "--format-version", "1"]).answer()?;
        let metadata: Metadata =
            serde_json::from_str(&asked).map_err(|error| project.wrong("Cargo.toml", format!("cargo says: {error}")))?;
        let manifest = project.directory.join("Cargo.toml");
        let Some(package) = metadata.packages.into_iter().find(|package| package.manifest_path == manifest) else {
            return Err(project.wrong("Cargo.toml", "it is a workspace without a package of its own: give the directory of one"));
        };
        let local = package.dependencies.into_iter().filter_map(|dependency| Some((dependency.name, dependency.path?))).collect();
        let (name, version, targets) = (package.name, package.version, package.targets);
        Ok(Package { name, version, targets, local, target_directory: metadata.target_directory })
    }

    /// The library that becomes the plugin.
    fn library(&self, project: &Project) -> Result<&str, Error> {
        let plugin = self.targets.iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
        let reason = "it has no library that makes a plugin; under [lib] it must say: crate-type = [\"cdylib\", \"rlib\"]";
        plugin.map(|target| target.name.as_str()).ok_or_else(|| project.wrong("Cargo.toml", reason))
    }
}
