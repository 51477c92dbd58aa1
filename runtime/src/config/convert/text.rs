//! The text of a tree: TOML with comments.

use std::collections::BTreeMap;

use super::tree::{CHAIN, Node, Path};
use crate::printable::escaped;

/// What is said about values.
#[derive(Debug, Default)]
pub(super) struct Comments {
    /// Before the file's first line.
    pub(super) top: Vec<String>,
    /// On lines of their own before a value or table.
    pub(super) above: BTreeMap<Path, Vec<String>>,
    /// Behind a value.
    pub(super) beside: BTreeMap<Path, String>,
}

impl Comments {
    /// Adds a line before a value or table, once.
    pub(super) fn add_above(&mut self, path: &[String], line: String) {
        let lines = self.above.entry(path.to_vec()).or_default();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
}

/// The text of a document.
pub(super) fn render(root: &Node, comments: &Comments) -> String {
    let mut writer = Writer { out: String::new(), comments };
    writer.lines(&comments.top);
    if let Node::Table(entries) = root {
        writer.table("", &mut Vec::new(), entries, None);
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    comments: &'a Comments,
}

impl Writer<'_> {
    fn lines(&mut self, lines: &[String]) {
        for line in lines {
            self.out.push_str(&format!("# {}\n", escaped(line)));
        }
    }

    /// A table: its values, then the tables in it. `step` is the name of an interceptor, which is an element of an array.
    fn table(&mut self, header: &str, path: &mut Path, entries: &[(String, Node)], step: Option<&str>) {
        let (tables, values): (Vec<_>, Vec<_>) = entries.iter().partition(|(key, node)| is_section(path, key, node));
        if !header.is_empty() && (step.is_some() || !values.is_empty() || tables.is_empty() || self.comments.above.contains_key(path)) {
            if !self.out.is_empty() {
                self.out.push('\n');
            }
            if let Some(lines) = self.comments.above.get(path) {
                self.lines(lines);
            }
            self.out.push_str(&if step.is_some() { format!("[[{header}]]\n") } else { format!("[{header}]\n") });
        }
        if let Some(name) = step {
            self.out.push_str(&format!("name = {}\n", string(name)));
        }
        for (key, node) in values {
            path.push(key.clone());
            self.value(key, path, node);
            path.pop();
        }
        for (name, node) in tables {
            let Node::Table(entries) = node else { continue };
            let header = if header.is_empty() { key(name) } else { format!("{header}.{}", key(name)) };
            path.push(name.clone());
            if is_chain(path) {
                self.chain(&header, path, entries);
            } else {
                self.table(&header, path, entries, None);
            }
            path.pop();
        }
    }

    fn chain(&mut self, header: &str, path: &mut Path, steps: &[(String, Node)]) {
        for (name, step) in steps {
            let Node::Table(entries) = step else { continue };
            path.push(name.clone());
            self.table(header, path, entries, Some(name));
            path.pop();
        }
    }

    fn value(&mut self, name: &str, path: &Path, node: &Node) {
        let below = || self.comments.above.iter().filter(|(at, _)| at.starts_with(path));
        let above: Vec<String> = below().flat_map(|(_, lines)| lines.clone()).collect();
        self.lines(&above);
        let beside = self.comments.beside.iter().filter(|(at, _)| at.starts_with(path));
        let beside: Vec<String> = beside.map(|(_, comment)| escaped(comment)).collect();
        let comment = if beside.is_empty() { String::new() } else { format!("  # {}", beside.join("; ")) };
        self.out.push_str(&format!("{} = {}{comment}\n", key(name), inline(node)));
    }
}

/// Whether a value gets a header of its own: a table with more than one value in it, and all that hold such a one.
fn is_section(path: &Path, key: &str, node: &Node) -> bool {
    let Node::Table(entries) = node else { return false };
    // The upper levels are always sections: pipelines, their names, and their kinds of components.
    let depth = path.len() + 1;
    let is_upper = path.first().map_or(key, String::as_str) == "pipelines" && depth <= 4;
    is_upper || entries.len() > 1 || entries.iter().any(|(key, node)| is_section(path, key, node)) || key == CHAIN
}

/// `pipelines.NAME.sources.NAME.interceptors`
fn is_chain(path: &Path) -> bool {
    path.len() == 5 && path[0] == "pipelines" && path[2] == "sources" && path[4] == CHAIN
}

fn inline(node: &Node) -> String {
    match node {
        Node::Text(text) => string(text),
        Node::Bare(text) => text.clone(),
        Node::List(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Node::Table(entries) if entries.is_empty() => "{}".to_owned(),
        Node::Table(entries) => {
            let entries: Vec<String> = entries.iter().map(|(name, node)| format!("{} = {}", key(name), inline(node))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A key, in quotes unless it is plain.
pub(super) fn key(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'));
    if is_plain { name.to_owned() } else { string(name) }
}

/// A string on one line: as it is between single quotes where that saves escapes.
fn string(text: &str) -> String {
    let is_literal = text.contains(['\\', '"']) && !text.contains('\'') && !text.chars().any(char::is_control);
    if is_literal {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other if other.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(other))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_keys_are_read_back_as_they_were() {
        for text in ["", "plain", "a\"b", "a\\d'x", "tab\tline\nbell\u{7}del\u{7f}", "größe 💥 \u{85}", "'", "\\"] {
            let document = format!("{} = {}", key(text), string(text));
            let read: toml::Table = toml::from_str(&document).unwrap_or_else(|error| panic!("{document}: {error}"));
            assert_eq!(read.get(text).and_then(toml::Value::as_str), Some(text), "{document}");
        }
    }
}
