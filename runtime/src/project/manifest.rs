//! Which language a project is in, and what it calls itself: each language's own manifest says, and `weir-plugin.toml` where it has none.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use crate::plugin::Language;

/// What C has in place of a manifest.
pub(super) const OWN: &str = "weir-plugin.toml";

/// A directory of sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Where it is.
    pub directory: PathBuf,
    /// What it is written in.
    pub language: Language,
}

impl Project {
    /// The project in a directory.
    ///
    /// # Errors
    /// There is no such directory, or nothing in it says which language it is.
    pub fn find(directory: &Path) -> Result<Project, Error> {
        if !directory.is_dir() {
            return Err(Error::Usage(format!("{}: there is no such directory", directory.display())));
        }
        let directory = directory.canonicalize().map_err(Error::file(format!("open {}", directory.display())))?;
        let has = |name: &str| directory.join(name).is_file();
        let language = if has("Cargo.toml") {
            Language::Rust
        } else if has("go.mod") {
            Language::Go
        } else if has("pyproject.toml") {
            Language::Python
        } else if has("tsconfig.json") {
            Language::TypeScript
        } else if has("package.json") {
            Language::JavaScript
        } else if has(OWN) {
            Language::C
        } else {
            return Err(unknown(&directory));
        };
        Ok(Project { directory, language })
    }

    /// Reads a file of it that must be there.
    pub(super) fn read(&self, name: &str) -> Result<String, Error> {
        let file = self.directory.join(name);
        std::fs::read_to_string(&file).map_err(Error::file(format!("read {}", file.display())))
    }

    pub(super) fn wrong(&self, name: &str, reason: impl ToString) -> Error {
        Error::Manifest { file: self.directory.join(name), reason: reason.to_string() }
    }

    /// Its `weir-plugin.toml`, if it has one.
    pub(super) fn own(&self) -> Result<Option<Own>, Error> {
        if !self.directory.join(OWN).is_file() {
            return Ok(None);
        }
        toml::from_str(&self.read(OWN)?).map(Some).map_err(|error| self.wrong(OWN, error))
    }

    /// A name and a version, checked: the one becomes a file's name.
    pub(super) fn identity(&self, manifest: &str, name: &str, version: &str) -> Result<Identity, Error> {
        // npm's names may begin with the owner's.
        let plain = name.rsplit('/').next().unwrap_or_default();
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if plain.is_empty() || plain.starts_with('.') || !plain.chars().all(fits) {
            return Err(self.wrong(manifest, format!("the name {name:?} makes no file name: letters, digits, `-`, `_` and `.` do")));
        }
        Ok(Identity { name: plain.to_owned(), version: version.to_owned() })
    }
}

fn unknown(directory: &Path) -> Error {
    let looked_for = "Cargo.toml (Rust), go.mod (Go), pyproject.toml (Python), tsconfig.json (TypeScript), package.json (JavaScript), weir-plugin.toml (C)";
    Error::Usage(format!(
        "{}: nothing here says which language it is; looked for {looked_for}. `weir plugin new` begins a project",
        directory.display()
    ))
}

/// What a project calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    /// Empty where the manifest knows none.
    pub(super) version: String,
}

/// `weir-plugin.toml`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    pub(super) name: String,
    pub(super) version: String,
    /// Files to compile, relative to the project; none: those beside it, or in `src`, that are no tests, and the SDK's.
    #[serde(default)]
    pub(super) sources: Vec<String>,
    /// Where headers are; none: the SDK's.
    #[serde(default)]
    pub(super) include: Vec<String>,
    /// More for the compiler.
    #[serde(default)]
    pub(super) flags: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_found_by_its_manifest() {
        for (files, language) in [
            (&["Cargo.toml"][..], Language::Rust),
            (&["go.mod", "weir-plugin.toml"], Language::Go),
            (&["pyproject.toml"], Language::Python),
            (&["package.json", "tsconfig.json"], Language::TypeScript),
            (&["package.json"], Language::JavaScript),
            (&["weir-plugin.toml", "plugin.c"], Language::C),
        ] {
            let home = tempfile::tempdir().expect("a directory");
            for file in files {
                std::fs::write(home.path().join(file), "").expect("write");
            }
            assert_eq!(Project::find(home.path()).expect("found").language, language, "{files:?}");
        }
    }

    #[test]
    fn a_directory_of_no_language_is_told_what_was_looked_for() {
        let home = tempfile::tempdir().expect("a directory");
        let said = Project::find(home.path()).expect_err("nothing is there").to_string();
        assert!(said.contains("nothing here says which language") && said.contains("go.mod (Go)"), "{said}");
        let said = Project::find(&home.path().join("x")).expect_err("nothing is there").to_string();
        assert!(said.contains("no such directory"), "{said}");
    }

    #[test]
    fn a_name_that_makes_no_file_name_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let project = Project { directory: home.path().to_owned(), language: Language::JavaScript };
        assert_eq!(project.identity("package.json", "@me/large-ones", "1").expect("a name").name, "large-ones");
        for name in ["", "..", "a b", "x/"] {
            assert!(project.identity("package.json", name, "1").is_err(), "{name}");
        }
    }
}
