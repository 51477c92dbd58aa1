//! Mermaid's flowcharts, as GitHub and many others show them. All text is quoted, with entities for what would end the quotes or mean something.

use std::fmt::Write as _;

use super::{Flow, Graph, Node, Shape};
use crate::printable::escaped;

/// The picture.
#[must_use]
pub fn render(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    frame(graph, None, 1, &mut out);
    for edge in &graph.edges {
        let arrow = match edge.kind {
            Flow::Required => "-->",
            Flow::Optional | Flow::Refused => "-.->",
        };
        let label = edge.label.as_ref().map(|label| format!("|{}|", quoted(std::slice::from_ref(label)))).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(out, "  n{} {arrow}{label} n{}", edge.from, edge.to);
    }
    out
}

/// What is in a box, or in none, and the boxes in it.
fn frame(graph: &Graph, parent: Option<usize>, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.frame == parent) {
        let _ = writeln!(out, "{indent}n{index}{}", shaped(node));
    }
    for (index, inner) in graph.frames.iter().enumerate().filter(|(_, inner)| inner.parent == parent) {
        let _ = writeln!(out, "{indent}subgraph f{index}[{}]", quoted(std::slice::from_ref(&inner.label)));
        frame(graph, Some(index), depth + 1, out);
        let _ = writeln!(out, "{indent}end");
    }
}

fn shaped(node: &Node) -> String {
    let label = quoted(&node.label);
    match node.shape {
        Shape::Source | Shape::Sink => format!("[{label}]"),
        Shape::Interceptor => format!("{{{{{label}}}}}"),
        Shape::Channel => format!("([{label}])"),
        Shape::Place => format!("[({label})]"),
        Shape::DeadLetters => format!("[/{label}/]"),
    }
}

fn quoted(lines: &[String]) -> String {
    let mut out = String::from("\"");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push_str("<br/>");
        }
        for character in escaped(line).chars() {
            match character {
                '"' | '#' | '&' | '<' | '>' | '`' | ';' | '\\' => {
                    let _ = write!(out, "#{};", u32::from(character));
                }
                other => out.push(other),
            }
        }
    }
    out.push('"');
    out
}
