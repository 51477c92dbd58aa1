//! The guests of `plugins/`, built once for all tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use weir::plugin::componentize::componentize;

use super::cache::repository;

/// What brings the toolchain on Debian.
const INSTALL: &str = "apt-get update && apt-get install -y --no-install-recommends rustc-web rust-web-src rust-web-llvm lld-19";

/// A plugin's component, built from its source as it is now.
pub fn path(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let directory = BUILT.get_or_init(|| build().unwrap_or_else(|error| panic!("build the guests of plugins/: {error:#}")));
    directory.join(format!("{name}.wasm"))
}

/// Where cargo put this test: `TARGET/release/deps/weir-*`.
pub fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.ancestors().nth(3).expect("a test is in target/release/deps").to_owned()
}

/// Builds all guests; several test processes at once wait for the first.
fn build() -> Result<PathBuf> {
    let directory = target_directory().join("guests");
    fs::create_dir_all(&directory)?;
    let lock = File::create(directory.join("lock"))?;
    lock.lock().context("lock the guests")?;
    let cargo = directory.join("cargo");
    with_tools(INSTALL, "no Rust for wasm32 (with rustup: rustup target add wasm32-unknown-unknown)", || run(&cargo))?;
    for entry in fs::read_dir(cargo.join("wasm32-unknown-unknown/release"))? {
        let core = entry?.path();
        if core.extension().is_some_and(|extension| extension == "wasm") {
            wrap(&core, &directory)?;
        }
    }
    Ok(directory)
}

/// Builds with tools that this command brings where they are missing, and CI asks for it; `build` says whether they were there.
pub fn with_tools(install: &str, missing: &str, build: impl Fn() -> Result<bool>) -> Result<()> {
    if build()? {
        return Ok(());
    }
    ensure!(std::env::var_os("CI").is_some(), "{missing}; on Debian: {install}");
    ensure!(Command::new("sh").args(["-c", install]).status()?.success(), "could not install the tools: {install}");
    ensure!(build()?, "the tools were installed, and one is still missing");
    Ok(())
}

/// Whether there is a toolchain; the guests are built if so.
fn run(cargo: &Path) -> Result<bool> {
    let build =
        Command::new(repository().join("plugins/build.sh")).arg(cargo).env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN").output()?;
    match build.status.code() {
        Some(0) => Ok(true),
        // EX_UNAVAILABLE: the script says what to install.
        Some(69) => Ok(false),
        _ => bail!("plugins/build.sh: {}", String::from_utf8_lossy(&build.stderr)),
    }
}

/// Makes the component, if the core module is newer than the one there is.
fn wrap(core: &Path, directory: &Path) -> Result<()> {
    let stem = core.file_stem().context("a name")?.to_string_lossy().replace('_', "-");
    let component = directory.join(format!("{stem}.wasm"));
    let wrapped = componentize(&fs::read(core)?).map_err(|reason| anyhow::anyhow!("{stem}: {reason}"))?;
    if fs::read(&component).is_ok_and(|there| there == wrapped) {
        return Ok(());
    }
    let draft = directory.join(format!(".{stem}.{}", std::process::id()));
    fs::write(&draft, wrapped)?;
    Ok(fs::rename(draft, component)?)
}
