//! A configuration as a picture: its components, what flows between them, and the places outside that they read and write.
//!
//! [`Graph`] is the picture without a language; [`mermaid`], [`dot`] and [`json`] write it down. The same configuration always gives the same
//! text.

mod draw;

pub mod dot;
pub mod json;
pub mod mermaid;

/// A picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// Boxes around nodes.
    pub frames: Vec<Frame>,
    /// What there is.
    pub nodes: Vec<Node>,
    /// What flows.
    pub edges: Vec<Edge>,
}

/// A box around nodes: a pipeline, or a sink group in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Unique, such as `flume1` or `flume1.sink_groups.g`.
    pub id: String,
    /// The box around it, by its index.
    pub parent: Option<usize>,
    /// What is written on it.
    pub label: String,
}

/// Something that events come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Unique, such as `flume1.sources.kafka-source-1`; for a place what it is: `topic b1:9092 orders`.
    pub id: String,
    /// The box around it, by its index.
    pub frame: Option<usize>,
    /// What it is.
    pub shape: Shape,
    /// What is written on it, line by line.
    pub label: Vec<String>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A source.
    Source,
    /// A step of a chain.
    Interceptor,
    /// A channel.
    Channel,
    /// A sink.
    Sink,
    /// A place outside: a topic, a directory, an address.
    Place,
    /// Where refused events are parked.
    DeadLetters,
}

impl Shape {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Shape::Source => "source",
            Shape::Interceptor => "interceptor",
            Shape::Channel => "channel",
            Shape::Sink => "sink",
            Shape::Place => "place",
            Shape::DeadLetters => "dead_letters",
        }
    }
}

/// A flow of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// From this node, by its index.
    pub from: usize,
    /// To that.
    pub to: usize,
    /// Which events.
    pub label: Option<String>,
    /// How.
    pub kind: Flow,
}

/// How events flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// All of them; nothing is acknowledged before they are there.
    Required,
    /// As far as there is room.
    Optional,
    /// Those that were refused.
    Refused,
}

impl Flow {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Flow::Required => "required",
            Flow::Optional => "optional",
            Flow::Refused => "refused",
        }
    }
}
