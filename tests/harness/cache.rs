//! Where the harness keeps things: class paths between runs, and a directory of its own for every run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What outlives a run: `$WEIR_TEST_CACHE`, else `weir-tests` below the user's cache directory.
pub fn kept() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = set("WEIR_TEST_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("weir-tests")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/weir-tests")))
        .expect("one of WEIR_TEST_CACHE, XDG_CACHE_HOME and HOME is set");
    fs::create_dir_all(&root).unwrap_or_else(|error| panic!("create {}: {error}", root.display()));
    root
}

/// A new directory for this run. It stays when the run ends, for whoever has to find out why a test failed; the next run removes it.
pub fn scratch(label: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let directory = RUN.join(format!("{label}-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the repository")
}

static RUN: LazyLock<PathBuf> = LazyLock::new(|| {
    let runs = kept().join("run");
    for old in fs::read_dir(&runs).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(old.file_name()).exists() {
            // Another run may be sweeping too; whoever comes second finds nothing.
            let _ = fs::remove_dir_all(old.path());
        }
    }
    runs.join(std::process::id().to_string())
});
