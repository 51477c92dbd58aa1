//! The picture as JSON, for tools that draw their own.

use serde_json::{Value, json};

use super::Graph;

/// The picture: `frames`, `nodes` and `edges`, which name each other by `id`.
#[must_use]
pub fn render(graph: &Graph) -> Value {
    let frame_id = |index: Option<usize>| index.and_then(|index| graph.frames.get(index)).map(|frame| frame.id.clone());
    let node_id = |index: usize| graph.nodes.get(index).map(|node| node.id.clone());
    let frames = graph.frames.iter().map(|frame| json!({ "id": frame.id, "parent": frame_id(frame.parent), "label": frame.label }));
    let nodes = graph
        .nodes
        .iter()
        .map(|node| json!({ "id": node.id, "frame": frame_id(node.frame), "kind": node.shape.name(), "label": node.label }));
    let edges = graph
        .edges
        .iter()
        .map(|edge| json!({ "from": node_id(edge.from), "to": node_id(edge.to), "label": edge.label, "flow": edge.kind.name() }));
    json!({ "frames": frames.collect::<Vec<_>>(), "nodes": nodes.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>() })
}
