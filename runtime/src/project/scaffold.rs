//! `weir plugin new`: a project from a template, with the SDK beside it, so that nothing has to be fetched to find Weir.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Error, sdk};
use crate::plugin::Language;
use crate::plugin::componentize::CONTRACT;

/// Where in a project the SDK is.
pub(super) const SDK: &str = "weir-sdk";
/// The longest name.
const LONGEST: usize = 64;

/// What is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In kebab-case; the directory's name as well.
    pub name: String,
    /// What it will be written in.
    pub language: Language,
    /// The directory to make; it must not be there.
    pub directory: PathBuf,
}

/// Checks the name, then writes the project: whole, or not at all. The files written, in order, relative to its directory.
///
/// # Errors
/// A name that will not do, a directory that is there, and whatever keeps a file from being written.
pub fn scaffold(plan: &Plan) -> Result<Vec<PathBuf>, Error> {
    check_name(&plan.name)?;
    if fs::symlink_metadata(&plan.directory).is_ok() {
        return Err(Error::Usage(format!("{} is there already; take another name, or --dir", plan.directory.display())));
    }
    let files = files(plan);
    let parent = plan.directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(Error::file(format!("make {}", parent.display())))?;
    // Made aside and moved into place, so that nobody meets half a project.
    let draft = tempfile::Builder::new().prefix(".weir-new-").tempdir_in(parent);
    let draft = draft.map_err(Error::file(format!("make a directory in {}", parent.display())))?;
    let root = draft.path().join(&plan.name);
    for (path, content) in &files {
        let file = root.join(path);
        let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, content));
        written.map_err(Error::file(format!("write {}", plan.directory.join(path).display())))?;
    }
    fs::rename(&root, &plan.directory).map_err(Error::file(format!("make {}", plan.directory.display())))?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// The template with its placeholders filled in, then the SDK as it is.
fn files(plan: &Plan) -> Vec<(PathBuf, Vec<u8>)> {
    let fill = |text: &str| fill(text, &plan.name);
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for (path, content) in sdk::template(plan.language) {
        let content = std::str::from_utf8(content).map_or_else(|_| content.to_vec(), |text| fill(text).into_bytes());
        files.push((fill(path).into(), content));
    }
    files.extend(sdk::files(plan.language).map(|(path, content)| (Path::new(SDK).join(path), content.to_vec())));
    files.push((Path::new(SDK).join("wit/interceptor.wit"), CONTRACT.into()));
    files
}

/// `{{name}}` in contents, `__name__` in paths, and the like.
fn fill(text: &str, name: &str) -> String {
    let snake = name.replace('-', "_");
    let filled = text.replace("{{name}}", name).replace("{{snake}}", &snake).replace("{{pascal}}", &pascal(name));
    filled.replace("{{weir_version}}", env!("CARGO_PKG_VERSION")).replace("__name__", name).replace("__snake__", &snake)
}

fn pascal(name: &str) -> String {
    let words = name.split('-').filter_map(|word| {
        let mut letters = word.chars();
        Some(letters.next()?.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect()
}

/// kebab-case: every language makes a name of its own kind of it.
fn check_name(name: &str) -> Result<(), Error> {
    let words = || name.split('-');
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let refused = |why: &str| Err(Error::Usage(format!("{name:?} {why}")));
    if !words().all(is_word) || !name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        return refused(
            "is no name for a plugin: lower-case letters and digits, words joined by `-`, a letter first, such as `large-ones`",
        );
    }
    if name.len() > LONGEST {
        return refused(&format!("is longer than {LONGEST} characters"));
    }
    if RESERVED.contains(&name) {
        return refused("is a word of one of the languages, or of their tools; take another");
    }
    Ok(())
}

/// What cargo, Go, Python or npm take no project by the name of, or what would hide a module of theirs.
const RESERVED: [&str; 40] = [
    "abstract", "as", "async", "await", "break", "build", "class", "const", "continue", "core", "crate", "def", "else", "enum", "extern",
    "fn", "for", "func", "if", "impl", "import", "in", "json", "let", "loop", "main", "match", "mod", "pub", "return", "self", "static",
    "std", "struct", "super", "test", "type", "use", "weir", "while",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str, language: Language, home: &Path) -> Plan {
        Plan { name: name.to_owned(), language, directory: home.join(name) }
    }

    #[test]
    fn every_language_begins_with_a_whole_project() {
        let home = tempfile::tempdir().expect("a directory");
        for language in Language::ALL {
            let plan = plan(&format!("large-ones-{language}"), language, home.path());
            let files = scaffold(&plan).expect("begun");
            for needed in ["README.md", "sample.jsonl", "expected.jsonl", ".gitignore", "weir-sdk/wit/interceptor.wit"] {
                assert!(files.iter().any(|file| file == Path::new(needed)), "{language}: {needed} in {files:?}");
            }
            for file in files {
                let path = file.display().to_string();
                assert!(!path.contains("__name__") && !path.contains("__snake__"), "{language}: {path}");
                let content = fs::read(plan.directory.join(&file)).expect("written");
                let text = String::from_utf8_lossy(&content);
                assert!(path.starts_with(SDK) || !text.contains("{{"), "{language}: {path} has a placeholder left");
            }
            assert_eq!(super::super::Project::find(&plan.directory).expect("a project").language, language);
        }
    }

    #[test]
    fn a_bad_name_makes_nothing() {
        let home = tempfile::tempdir().expect("a directory");
        for name in ["", "Large", "large_ones", "-x", "x-", "x--y", "1st", "../x", "a b", "äh", "main", &"x".repeat(65)] {
            let plan = Plan { name: name.to_owned(), language: Language::Rust, directory: home.path().join("made") };
            assert!(matches!(scaffold(&plan), Err(Error::Usage(_))), "{name}");
        }
        assert_eq!(fs::read_dir(home.path()).expect("a directory").count(), 0);
    }

    #[test]
    fn what_is_there_already_is_left_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let plan = plan("large-ones", Language::Rust, home.path());
        fs::create_dir(&plan.directory).expect("a directory");
        let said = scaffold(&plan).expect_err("it is there").to_string();
        assert!(said.contains("is there already"), "{said}");
        assert_eq!(fs::read_dir(&plan.directory).expect("a directory").count(), 0);
    }

    #[test]
    fn names_are_made_for_each_language() {
        let text = "{{name}} {{snake}} {{pascal}} {{weir_version}} __name__/__snake__.rs";
        assert_eq!(
            fill(text, "large-ones2"),
            format!("large-ones2 large_ones2 LargeOnes2 {} large-ones2/large_ones2.rs", env!("CARGO_PKG_VERSION"))
        );
    }
}
