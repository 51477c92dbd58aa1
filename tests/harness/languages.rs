//! Plugins in every language, built by the agent's own `weir plugin build` and kept by the digest of what they were built from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::agent::binary;
use super::cache::repository;
use super::guests;

/// What brings the tools on Debian; those of Python and JavaScript fetch the rest themselves.
const INSTALL: &str = "apt-get update && apt-get install -y --no-install-recommends \
     golang-go nodejs npm python3-venv clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32";
/// What `weir plugin build` ends with when a tool is missing.
const MISSING: i32 = 69;
/// What tools leave among the sources.
const PRODUCTS: [&str; 5] = ["target", "node_modules", ".venv", "__pycache__", ".pytest_cache"];

/// A language plugins can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// For people.
    pub title: &'static str,
    /// Its folder in `sdk`, and the end of its plugins' names.
    pub name: &'static str,
}

/// All of them.
pub const LANGUAGES: [Language; 5] = [
    Language { title: "Rust", name: "rust" },
    Language { title: "Go", name: "go" },
    Language { title: "Python", name: "python" },
    Language { title: "JavaScript", name: "js" },
    Language { title: "C", name: "c" },
];

impl Language {
    /// The language of a plugin's folder, by what its tools need to find there.
    pub fn of(folder: &Path) -> Option<Language> {
        let has = |name: &str| folder.join(name).exists();
        let name = match () {
            () if has("Cargo.toml") => "rust",
            () if has("go.mod") => "go",
            () if has("pyproject.toml") => "python",
            () if has("package.json") => "js",
            () if has("weir-plugin.toml") => "c",
            () => return None,
        };
        LANGUAGES.into_iter().find(|language| language.name == name)
    }

    /// The component of a plugin in this language, `plugins/NAME`, as its source is now.
    ///
    /// # Errors
    /// It cannot be built: a tool is missing, by name, or what the tool said.
    pub fn component(self, name: &str) -> Result<PathBuf> {
        // They share one workspace, which is built as a whole.
        if self.name == "rust" {
            return Ok(guests::path(name));
        }
        let folder = repository().join("plugins").join(name);
        ensure!(folder.is_dir(), "there is no plugins/{name}");
        let directory = guests::target_directory().join("guests/plugins");
        fs::create_dir_all(&directory)?;
        let lock = File::create(directory.join(format!("{name}.lock")))?;
        lock.lock().context("lock the plugin")?;
        let component = directory.join(format!("{name}-{}.wasm", self.source(&folder)?));
        if !component.exists() {
            forget_others(&directory, name)?;
            let draft = directory.join(format!(".{name}.wasm"));
            let built = guests::with_tools(INSTALL, "a tool is missing", || run(&folder, &draft));
            built.with_context(|| format!("weir plugin build plugins/{name}"))?;
            fs::rename(&draft, &component)?;
        }
        Ok(component)
    }

    /// A digest of all that the component depends on.
    fn source(self, folder: &Path) -> Result<String> {
        let shared = ["wit", "runtime/src/plugin/adapter", "runtime/src/project"].map(|path| repository().join(path));
        let mut digest = Sha256::new();
        for place in [folder.to_owned(), repository().join("sdk").join(self.name)].iter().chain(&shared) {
            // Of a plugin, `build` is what was built before; of an SDK it may be a part.
            for file in files(place)?.into_iter().filter(|file| !file.starts_with(folder.join("build"))) {
                digest.update(file.to_string_lossy().as_bytes());
                digest.update([0]);
                digest.update(Sha256::digest(fs::read(&file)?));
            }
        }
        Ok(format!("{:x}", digest.finalize())[..16].to_owned())
    }
}

/// Whether the tools are there; the component is built if so.
fn run(folder: &Path, component: &Path) -> Result<bool> {
    let output = Command::new(binary()).args(["plugin", "build"]).arg(folder).arg("-o").arg(component).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(true),
        Some(MISSING) => {
            eprintln!("{said}");
            Ok(false)
        }
        _ => bail!("{said}"),
    }
}

/// Components of the plugin as it was before.
fn forget_others(directory: &Path, name: &str) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem.rsplit_once('-').is_some_and(|(plugin, _)| plugin == name) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Every file below a directory that is no product of a build, in order; none where there is no such directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(Vec::new()) };
    let mut entries: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries.into_iter().filter(|entry| !PRODUCTS.iter().any(|product| entry.ends_with(product))) {
        if entry.is_dir() {
            files.extend(self::files(&entry)?);
        } else {
            files.push(entry);
        }
    }
    Ok(files)
}
