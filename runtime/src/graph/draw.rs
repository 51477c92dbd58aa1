//! From a specification to its picture.

use std::collections::BTreeMap;

use super::{Edge, Flow, Frame, Graph, Node, Shape};
use crate::config::Brokers;
use crate::config::spec::{AgentSpec, InterceptorSpec, PipelineSpec, SourceSpec};
use crate::interceptor;
use crate::pipeline::dead_letter;
use crate::pipeline::selector::{self, Policy};
use crate::sink::group::{Processor, Turn};
use crate::source::kafka::Topics;
use crate::{channel, sink, source};

impl Graph {
    /// The picture of what an agent runs.
    #[must_use]
    pub fn of(spec: &AgentSpec) -> Graph {
        let mut drawing = Drawing { graph: Graph::default(), known: BTreeMap::new() };
        spec.pipelines.iter().for_each(|pipeline| drawing.pipeline(pipeline));
        drawing.graph
    }
}

struct Drawing {
    graph: Graph,
    /// Nodes by their id.
    known: BTreeMap<String, usize>,
}

impl Drawing {
    fn pipeline(&mut self, spec: &PipelineSpec) {
        let frame = self.frame(spec.name.clone(), None, format!("pipeline {}", spec.name));
        let id = |section: &str, name: &str| format!("{}.{section}.{name}", spec.name);
        for channel in &spec.channels {
            let label = vec![channel.name.clone(), format!("{} channel", channel.kind.name())];
            let node = self.node(id("channels", &channel.name), Some(frame), Shape::Channel, label);
            if let Some(place) = channel_place(&channel.kind) {
                let place = self.place(place);
                if spec.sources.iter().any(|source| source.channels.contains(&channel.name)) {
                    self.edge(node, place, None, Flow::Required);
                }
                if spec.sinks.iter().any(|sink| sink.channel == channel.name) {
                    self.edge(place, node, None, Flow::Required);
                }
            }
        }
        let mut judged = Vec::new();
        for source in &spec.sources {
            judged.push(self.source(spec, source, frame));
        }
        for sink in &spec.sinks {
            let group = spec.sink_groups.iter().find(|group| group.sinks.contains(&sink.name));
            let frame = match group {
                Some(group) => self.frame(
                    id("sink_groups", &group.name),
                    Some(frame),
                    format!("sink group {}: {}", group.name, processor(&group.processor)),
                ),
                None => frame,
            };
            let label = vec![sink.name.clone(), format!("{} sink", sink.kind.name())];
            let node = self.node(id("sinks", &sink.name), Some(frame), Shape::Sink, label);
            if let Some(channel) = self.known.get(&id("channels", &sink.channel)).copied() {
                self.edge(channel, node, group.and_then(|group| priority(&group.processor, &sink.name)), Flow::Required);
            }
            if let Some(place) = sink_place(&sink.kind) {
                let place = self.place(place);
                self.edge(node, place, None, Flow::Required);
            }
            judged.push(node);
        }
        let letters = self.dead_letters(spec);
        for node in judged {
            self.edge(node, letters, Some("refused".to_owned()), Flow::Refused);
        }
    }

    /// A source with its chain; returns the node that its events leave from.
    fn source(&mut self, spec: &PipelineSpec, source: &SourceSpec, frame: usize) -> usize {
        let id = format!("{}.sources.{}", spec.name, source.name);
        let label = vec![source.name.clone(), format!("{} source", source.kind.name())];
        let mut last = self.node(id.clone(), Some(frame), Shape::Source, label);
        if let Some(place) = source_place(&source.kind) {
            let place = self.place(place);
            self.edge(place, last, None, Flow::Required);
        }
        for step in &source.interceptors {
            let node = self.node(format!("{id}.interceptors.{}", step.name), Some(frame), Shape::Interceptor, step_label(step));
            self.edge(last, node, None, Flow::Required);
            last = node;
        }
        for (channel, label, flow) in routes(source) {
            if let Some(channel) = self.known.get(&format!("{}.channels.{channel}", spec.name)).copied() {
                self.edge(last, channel, label, flow);
            }
        }
        last
    }

    fn dead_letters(&mut self, spec: &PipelineSpec) -> usize {
        let (id, label) = match &spec.dead_letters {
            dead_letter::Spec::File(path) => {
                (format!("dead letters {}", path.display()), vec!["dead letters".to_owned(), path.display().to_string()])
            }
            dead_letter::Spec::Topic(topic) => {
                let cluster = topic.brokers.as_ref().map(cluster).unwrap_or_else(|| format!("of {}", spec.name));
                (format!("dead letters {cluster} {}", topic.topic), vec!["dead letters".to_owned(), format!("topic {}", topic.topic)])
            }
        };
        // Pipelines may share them.
        self.node(id, None, Shape::DeadLetters, label)
    }

    fn frame(&mut self, id: String, parent: Option<usize>, label: String) -> usize {
        match self.graph.frames.iter().position(|frame| frame.id == id) {
            Some(known) => known,
            None => {
                self.graph.frames.push(Frame { id, parent, label });
                self.graph.frames.len() - 1
            }
        }
    }

    fn place(&mut self, (id, label): (String, Vec<String>)) -> usize {
        self.node(id, None, Shape::Place, label)
    }

    fn node(&mut self, id: String, frame: Option<usize>, shape: Shape, label: Vec<String>) -> usize {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        self.graph.nodes.push(Node { id: id.clone(), frame, shape, label });
        self.known.insert(id, self.graph.nodes.len() - 1);
        self.graph.nodes.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize, label: Option<String>, kind: Flow) {
        self.graph.edges.push(Edge { from, to, label, kind });
    }
}

fn cluster(brokers: &Brokers) -> String {
    match brokers {
        Brokers::List(list) => list.clone(),
        Brokers::ZooKeeper(connect) => format!("zookeeper {connect}"),
    }
}

/// A topic's node: two pipelines that name the same topic of the same brokers share it.
fn topic(brokers: &Brokers, topic: &str) -> (String, Vec<String>) {
    (format!("topic {} {topic}", cluster(brokers)), vec![format!("topic {topic}"), cluster(brokers)])
}

fn path(path: &str) -> (String, Vec<String>) {
    (format!("path {path}"), vec![path.to_owned()])
}

fn source_place(kind: &source::Spec) -> Option<(String, Vec<String>)> {
    match kind {
        source::Spec::Kafka(kafka) => Some(match &kafka.topics {
            Topics::Names(names) if names.len() == 1 => topic(&kafka.brokers, &names[0]),
            Topics::Names(names) => {
                let (id, _) = topic(&kafka.brokers, &names.join(","));
                (id, vec![format!("topics {}", names.join(", ")), cluster(&kafka.brokers)])
            }
            Topics::Pattern(pattern) => {
                let (id, _) = topic(&kafka.brokers, &format!("/{pattern}/"));
                (id, vec![format!("topics like {pattern}"), cluster(&kafka.brokers)])
            }
        }),
        source::Spec::Netcat(netcat) => {
            Some((format!("tcp {}:{}", netcat.bind, netcat.port), vec![format!("tcp {}:{}", netcat.bind, netcat.port)]))
        }
        source::Spec::Sequence(_) | source::Spec::Stress(_) => None,
    }
}

fn sink_place(kind: &sink::Spec) -> Option<(String, Vec<String>)> {
    match kind {
        sink::Spec::Kafka(kafka) => Some(topic(&kafka.brokers, &kafka.topic)),
        sink::Spec::Hdfs(hdfs) => Some(path(&hdfs.path)),
        sink::Spec::FileRoll(roll) => Some(path(&roll.directory.display().to_string())),
        sink::Spec::Logger(_) | sink::Spec::Null(_) => None,
    }
}

fn channel_place(kind: &channel::Spec) -> Option<(String, Vec<String>)> {
    match kind {
        channel::Spec::Kafka(kafka) => Some(topic(&kafka.brokers, &kafka.topic)),
        channel::Spec::Memory(_) | channel::Spec::File(_) | channel::Spec::Spillable(_) => None,
    }
}

fn step_label(step: &InterceptorSpec) -> Vec<String> {
    match &step.kind {
        interceptor::Spec::Wasm(wasm) => {
            let file =
                wasm.plugin.file_name().map_or_else(|| wasm.plugin.display().to_string(), |name| name.to_string_lossy().into_owned());
            vec![step.name.clone(), file]
        }
        built_in => vec![step.name.clone(), built_in.name().to_owned()],
    }
}

fn processor(processor: &Processor) -> &'static str {
    match processor {
        Processor::Default {} => "one sink",
        Processor::Failover { .. } => "failover",
        Processor::LoadBalance { selector: Turn::RoundRobin, .. } => "load balance, in turn",
        Processor::LoadBalance { selector: Turn::Random, .. } => "load balance, at random",
    }
}

/// How a group prefers a sink.
fn priority(processor: &Processor, sink: &str) -> Option<String> {
    let Processor::Failover { priorities, .. } = processor else { return None };
    priorities.get(sink).map(|priority| format!("priority {priority}"))
}

/// The channels of a source, and which events go there.
fn routes(source: &SourceSpec) -> Vec<(&String, Option<String>, Flow)> {
    source
        .channels
        .iter()
        .flat_map(|channel| ways(&source.selector, channel).into_iter().map(move |(label, flow)| (channel, label, flow)))
        .collect()
}

/// The ways to one channel: what goes there for certain, and what if there is room.
fn ways(selector: &selector::Spec, channel: &String) -> Vec<(Option<String>, Flow)> {
    match selector {
        selector::Spec::Replicating { optional } if optional.contains(channel) => vec![(None, Flow::Optional)],
        selector::Spec::Replicating { .. } => vec![(None, Flow::Required)],
        selector::Spec::LoadBalancing { policy: Policy::RoundRobin } => vec![(Some("in turn".to_owned()), Flow::Required)],
        selector::Spec::LoadBalancing { policy: Policy::Random } => vec![(Some("at random".to_owned()), Flow::Required)],
        selector::Spec::Multiplexing(table) => {
            let of = |mappings: &BTreeMap<String, Vec<String>>| -> Vec<String> {
                mappings.iter().filter(|(_, channels)| channels.contains(channel)).map(|(value, _)| value.clone()).collect()
            };
            let mut required = of(&table.mappings);
            if table.default.as_ref().is_some_and(|channels| channels.contains(channel)) {
                required.push("any other".to_owned());
            }
            let ways = [(required, Flow::Required), (of(&table.optional), Flow::Optional)];
            let ways = ways.into_iter().filter(|(values, _)| !values.is_empty());
            ways.map(|(values, flow)| (Some(format!("{}: {}", table.header, values.join(", "))), flow)).collect()
        }
    }
}
