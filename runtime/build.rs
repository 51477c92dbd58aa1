//! What the binary carries besides code: the SDKs and their templates for `weir plugin new`, and the adapter that `weir plugin build` links in.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::{env, io};

/// Directories that tools make, and tests of the SDKs themselves, which an author's copy does without.
const LEFT_OUT: [&str; 7] = ["target", "node_modules", "dist", "tests", "test", "testdata", "__pycache__"];

/// The only hidden file that is no tool's.
const GITIGNORE: &str = ".gitignore";

/// Endings of what tools make.
const PRODUCTS: [&str; 7] = [".pyc", ".wasm", ".o", ".a", ".so", ".tgz", ".egg-info"];

/// Words of 8 bytes in which the adapter keeps the beginning of a line.
const SLOTS: usize = 64;

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let adapter = here.join("src/plugin/adapter/wasi.wat");
    let sdk = here.join("../sdk");
    println!("cargo::rerun-if-changed={}", adapter.display());
    fs::write(out.join("adapter.wasm"), assemble(&fs::read_to_string(adapter)?)?)?;
    let mut files = Vec::new();
    collect(&sdk, &mut files)?;
    files.sort();
    fs::write(out.join("sdk_files.rs"), table(&sdk, &files)?)
}

/// Every file an author gets, and every directory to be watched for new ones. Links are left out: `wit` is one, and goes in once. A template
/// keeps its tests.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') && name != GITIGNORE {
            continue;
        }
        let is_template = directory.components().any(|part| part.as_os_str().to_string_lossy().starts_with("template"));
        let stays = name.starts_with("test") && is_template || !LEFT_OUT.contains(&name.as_str());
        if kind.is_dir() && stays && !name.ends_with(".egg-info") {
            collect(&entry.path(), files)?;
        }
        if kind.is_file() && !PRODUCTS.iter().any(|product| name.ends_with(product)) {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// `&[("rust/Cargo.toml", include_bytes!("..."))]`
fn table(sdk: &Path, files: &[PathBuf]) -> io::Result<String> {
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(sdk).map_err(io::Error::other)?;
        writeln!(table, "    ({:?}, include_bytes!({:?})),", name.display().to_string(), file.display().to_string())
            .map_err(io::Error::other)?;
    }
    Ok(table + "]\n")
}

/// The adapter's text to its module. An adapter may have no memory of its own, so its line is kept in globals, which only a table of jumps can index.
fn assemble(text: &str) -> io::Result<Vec<u8>> {
    let (mut globals, mut labels, mut arms) = (String::new(), String::new(), String::new());
    for slot in 0..SLOTS {
        globals += &format!("(global $slot{slot} (mut i64) (i64.const 0))\n");
        labels += &format!(" $is{slot}");
        arms += &format!(") (i64.store (local.get $at) (global.get $slot{slot})) (global.set $slot{slot} (local.get $there)) (br $done)\n");
    }
    let blocks: String = (0..SLOTS).rev().map(|slot| format!("(block $is{slot} ")).collect();
    let jumps = format!("{blocks}(br_table{labels} (local.get $slot)) {arms}");
    let text = text.replace(";; GLOBALS", &globals).replace(";; JUMPS", &jumps);
    wat::parse_str(text).map_err(io::Error::other)
}
