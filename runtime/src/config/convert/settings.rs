//! The `[agent]` table of a settings file, which stands in the native file itself.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use toml::de::DeTable;

use super::tree::Node;
use crate::config::load::Source;
use crate::config::settings::Settings;

/// A reference to a file, which begins where the file with the reference is.
static FILE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{file:([^}]*)\}").expect("the pattern is a constant"));

/// The table as the file has it, references and all, for a file in `directory`. The plugin map is left out: interceptors name their plugins.
pub(super) fn table(source: &Source, directory: &Path) -> Option<Node> {
    let document = DeTable::parse(&source.text).ok()?;
    let agent = Node::of_table(document.get_ref()).at(&["agent".to_owned()])?.without(&["plugins".to_owned()]);
    let mut agent = agent;
    if source.directory != directory {
        refer_from(&mut agent, &source.directory);
        for file in ["certificate", "key", "client_ca"] {
            if let Some(Node::Text(file)) = agent.at_mut(&["api", "tls", file].map(str::to_owned)) {
                *file = absolute(&source.directory, file);
            }
        }
    }
    Some(agent)
}

fn absolute(directory: &Path, file: &str) -> String {
    let path = directory.join(file);
    std::path::absolute(&path).unwrap_or(path).display().to_string()
}

fn refer_from(node: &mut Node, directory: &Path) {
    match node {
        Node::Text(text) => {
            let replaced =
                FILE.replace_all(text, |captures: &regex::Captures<'_>| format!("${{file:{}}}", absolute(directory, &captures[1])));
            *text = replaced.into_owned();
        }
        Node::Bare(_) => {}
        Node::List(list) => list.iter_mut().for_each(|node| refer_from(node, directory)),
        Node::Table(entries) => entries.iter_mut().for_each(|(_, node)| refer_from(node, directory)),
    }
}

/// The settings with nothing in them that depends on where a file is, to compare.
pub(super) fn placeless(mut settings: Settings) -> Settings {
    settings.plugins.clear();
    if let Some(tls) = &mut settings.api.tls {
        let whole = |path: &mut PathBuf| *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        whole(&mut tls.certificate);
        whole(&mut tls.key);
        tls.client_ca.iter_mut().for_each(whole);
    }
    settings
}
