//! `weir graph`: the pictures of `graphs/*.toml`, kept beside them. `WEIR_BLESS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use weir::config::{self, Load};
use weir::graph::{Graph, dot, json, mermaid};

fn graph(file: &Path) -> Graph {
    let loaded = config::load(&Load { conf_file: vec![file.to_owned()], ..Load::default() });
    Graph::of(&loaded.unwrap_or_else(|error| panic!("{}: {error}", file.display())).spec)
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir("config/graphs").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn pictures_come_out_as_they_are_kept() {
    let mut wrong = Vec::new();
    for file in files() {
        let graph = graph(&file);
        let json = format!("{:#}\n", json::render(&graph));
        for (extension, now) in [("mermaid", mermaid::render(&graph)), ("dot", dot::render(&graph)), ("json", json)] {
            let kept = file.with_added_extension(extension);
            if std::env::var_os("WEIR_BLESS").is_some() {
                fs::write(&kept, &now).unwrap();
            } else if fs::read_to_string(&kept).unwrap_or_default() != now {
                wrong.push(format!("--- {}\n{now}", kept.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nif that is right: WEIR_BLESS=1", wrong.join("\n"));
}

#[test]
fn every_component_is_drawn_once_and_every_edge_has_two_ends() {
    for file in files() {
        let graph = graph(&file);
        let mut ids: Vec<&str> =
            graph.nodes.iter().map(|node| node.id.as_str()).chain(graph.frames.iter().map(|frame| frame.id.as_str())).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{}", file.display());
        assert!(graph.edges.iter().all(|edge| edge.from < graph.nodes.len() && edge.to < graph.nodes.len()));
    }
}

/// Names can hold anything that a key can.
#[test]
fn names_cannot_end_their_quotes_or_add_lines() {
    let name = "a\"] --> b\\\n<script>`#;&|%% ]";
    // JSON's strings are TOML's.
    let quoted = serde_json::to_string(name).unwrap();
    let text = format!(
        "[pipelines.p.sources.{quoted}]\nchannels = [{quoted}]\nkafka = {{ brokers = 'b1:9092', topics = ['in'] }}\n\
         [pipelines.p.channels.{quoted}]\nmemory = {{}}\n\
         [pipelines.p.sinks.{quoted}]\nchannel = {quoted}\nkafka = {{ brokers = 'b1:9092', topic = 'out' }}\n"
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("names.toml");
    fs::write(&file, &text).unwrap();
    let graph = graph(&file);
    for line in mermaid::render(&graph).lines().skip(1) {
        let quotes = line.matches('"').count();
        assert!(quotes == 0 || quotes == 2, "{line}");
        assert!(!line.contains("<script") && !line.contains('`') && !line.contains('\\'), "{line}");
    }
    let drawn = dot::render(&graph);
    assert!(drawn.contains(r#"a\"] --> b\\\\n<script>"#), "{drawn}");
}
