//! One digest over the sources a component is made of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::plugin::componentize::CONTRACT;

/// Directories that hold no sources: what tools make, and tests.
const NO_SOURCES: [&str; 8] = ["target", "node_modules", "dist", "tests", "test", "testdata", "__pycache__", "venv"];
/// Where components go, in the project itself; an SDK may have sources in a directory of that name.
const BUILT: &str = "build";
/// Files that hold none.
const NO_SOURCE: [&str; 6] = [".md", ".jsonl", ".wasm", ".pyc", ".o", ".minisig"];

/// SHA-256, in hex, over the names and contents of a project's files, its copy of the SDK and its lock file among them, and over the contract.
/// Hidden files, documents, events and what tools make are left out.
///
/// # Errors
/// A file or directory that cannot be read.
pub fn digest(directory: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(directory, &mut files, true)?;
    files.sort();
    let mut digest = Sha256::new();
    digest.update(CONTRACT);
    for file in files {
        let content = fs::read(&file)?;
        let name = file.strip_prefix(directory).unwrap_or(&file).as_os_str().as_encoded_bytes();
        for part in [name, &content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    Ok(format!("{:x}", digest.finalize()))
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>, at_top: bool) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') || at_top && name == BUILT {
            continue;
        }
        if kind.is_dir() && !NO_SOURCES.contains(&name.as_str()) && !name.ends_with(".egg-info") {
            collect(&entry.path(), files, false)?;
        }
        // A link counts for the file it leads to; one to a directory may lead anywhere.
        if !kind.is_dir() && entry.path().is_file() && !NO_SOURCE.iter().any(|ending| name.ends_with(ending)) {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_follows_sources_and_nothing_else() {
        let home = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let file = home.path().join(name);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
            fs::write(file, text).expect("write");
        };
        let now = || digest(home.path()).expect("a digest");
        write("src/main.go", "one");
        write("weir-sdk/weir.go", "sdk");
        let first = now();
        for other in ["build/x.wasm", "target/release/x", "README.md", "sample.jsonl", ".venv/lib/x.py", "node_modules/x/index.js"] {
            write(other, "whatever");
        }
        assert_eq!(now(), first);
        write("weir-sdk/weir.go", "another");
        assert_ne!(now(), first);
        write("weir-sdk/weir.go", "sdk");
        assert_eq!(now(), first);
        write("src/other.go", "");
        assert_ne!(now(), first);
    }
}
