//! The SDKs and their templates, as they were when this binary was built.

use crate::plugin::Language;

/// Every file of `sdk/` an author gets, by its path there; build.rs gathers them.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// Of one language's template: paths in it, and contents.
pub(super) fn template(language: Language) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let prefix = match language {
        Language::Rust => "rust/template/",
        Language::Go => "go/template/",
        Language::Python => "python/template/",
        Language::JavaScript => "js/template-js/",
        Language::TypeScript => "js/template-ts/",
        Language::C => "c/template/",
    };
    FILES.iter().filter_map(move |(path, content)| Some((path.strip_prefix(prefix)?, *content)))
}

/// Of one language's SDK: paths in it, and contents.
pub(super) fn files(language: Language) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let prefix = match language {
        Language::Rust => "rust/",
        Language::Go => "go/",
        Language::Python => "python/",
        Language::JavaScript | Language::TypeScript => "js/",
        Language::C => "c/",
    };
    let own = FILES.iter().filter_map(move |(path, content)| Some((path.strip_prefix(prefix)?, *content)));
    own.filter(|(path, _)| !path.starts_with("template"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_binary_carries_what_git_tracks_and_nothing_that_tools_made() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // Tests that are no template's, and links: the contract is written once.
        let stays = |path: &str| {
            let is_test = path.split('/').any(|part| ["tests", "test", "testdata"].contains(&part)) && !path.contains("/template");
            is_test || repository.join("sdk").join(path).is_symlink()
        };
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "sdk"]).current_dir(&repository);
        let Some(listed) = git.output().ok().filter(|output| output.status.success()) else {
            // A source archive has no index to compare with.
            assert!(!repository.join(".git").exists(), "git cannot be asked");
            return;
        };
        let listed = String::from_utf8(listed.stdout).expect("names");
        let tracked = listed.split('\0').filter_map(|path| path.strip_prefix("sdk/")).filter(|path| !stays(path));
        let mut tracked: Vec<&str> = tracked.filter(|path| repository.join("sdk").join(path).exists()).collect();
        let mut carried: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        tracked.sort_unstable();
        carried.sort_unstable();
        assert_eq!(carried, tracked);
    }
}
