//! Graphviz's DOT: `weir graph --format dot | dot -Tsvg`.

use std::fmt::Write as _;

use super::{Flow, Graph, Shape};
use crate::printable::escaped;

/// The picture.
#[must_use]
pub fn render(graph: &Graph) -> String {
    let mut out = String::from("digraph weir {\n  rankdir=LR\n  node [fontname=\"sans-serif\"]\n  edge [fontname=\"sans-serif\"]\n");
    frame(graph, None, 1, &mut out);
    for edge in &graph.edges {
        let mut attributes = Vec::new();
        if let Some(label) = &edge.label {
            attributes.push(format!("label={}", quoted(std::slice::from_ref(label))));
        }
        attributes.extend(match edge.kind {
            Flow::Required => None,
            Flow::Optional => Some("style=dashed".to_owned()),
            Flow::Refused => Some("style=dotted".to_owned()),
        });
        let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        // Writing to a string does not fail.
        let _ = writeln!(out, "  n{} -> n{}{attributes}", edge.from, edge.to);
    }
    out.push_str("}\n");
    out
}

/// What is in a box, or in none, and the boxes in it.
fn frame(graph: &Graph, parent: Option<usize>, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.frame == parent) {
        let shape = match node.shape {
            Shape::Source | Shape::Sink => "box",
            Shape::Interceptor => "hexagon",
            Shape::Channel => "oval",
            Shape::Place => "cylinder",
            Shape::DeadLetters => "note",
        };
        let _ = writeln!(out, "{indent}n{index} [label={}, shape={shape}]", quoted(&node.label));
    }
    for (index, inner) in graph.frames.iter().enumerate().filter(|(_, inner)| inner.parent == parent) {
        let _ = writeln!(out, "{indent}subgraph cluster_{index} {{");
        let _ = writeln!(out, "{indent}  label={}", quoted(std::slice::from_ref(&inner.label)));
        frame(graph, Some(index), depth + 1, out);
        let _ = writeln!(out, "{indent}}}");
    }
}

/// A string as DOT has it: a backslash of the text itself would begin one of DOT's own escapes.
fn quoted(lines: &[String]) -> String {
    let line = |line: &String| escaped(line).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", lines.iter().map(line).collect::<Vec<_>>().join("\\n"))
}
