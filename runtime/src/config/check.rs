//! What is checked of a whole pipeline, whichever language it was written in: that batches fit the channels, that no event goes back to
//! where it came from, and that groups and selectors fit what they choose among.

use crate::channel::{self, kafka};
use crate::interceptor;
use crate::pipeline::selector;
use crate::{sink, source};

use super::brokers::Brokers;
use super::problem::{Place, Problem};
use super::spec::{ChannelSpec, InterceptorSpec, PipelineSpec, SinkSpec, SourceSpec};
use super::types::Kind;

/// Where a key of a component is, or the component when the key is not written; the key is Flume's.
pub type Locate<'a> = &'a dyn Fn(Kind, &str, &str) -> Option<Place>;

fn placed(problem: Problem, place: Option<Place>) -> Problem {
    match place {
        Some(place) => problem.at(place),
        None => problem,
    }
}

/// Raises each channel's transaction capacity to the largest batch around it, and its capacity to that. Flume drops the source or sink
/// (1.9 and later), or fails at run time (before).
pub fn raise_capacities(pipeline: &mut PipelineSpec, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    for channel in &mut pipeline.channels {
        let Some((capacity, transaction_capacity)) = channel.kind.capacities() else { continue };
        let sources = pipeline.sources.iter().filter(|source| source.channels.contains(&channel.name));
        let sources = sources.map(|source| (source.kind.batch_size(), Kind::Source, &source.name));
        let sinks = pipeline.sinks.iter().filter(|sink| sink.channel == channel.name);
        let sinks = sinks.map(|sink| (sink.kind.batch_size(), Kind::Sink, &sink.name));
        let largest = sources.chain(sinks).max_by_key(|(size, ..)| *size);
        if let Some((size, kind, name)) = largest.filter(|(size, ..)| *size > *transaction_capacity) {
            let message = format!(
                "batches of {size} events ({} `{name}`) do not fit the transaction capacity {} of channel `{}`, which is raised to {size}",
                kind.name(),
                transaction_capacity,
                channel.name
            );
            let help = format!("set the channel's transaction capacity to {size} or more, or the batch size to less");
            report(placed(Problem::warning(message).help(help), locate(Kind::Channel, &channel.name, "transactionCapacity")));
            *transaction_capacity = size;
        }
        if *capacity < *transaction_capacity {
            let message = format!(
                "the capacity {} of channel `{}` is raised to its transaction capacity {}",
                capacity, channel.name, transaction_capacity
            );
            report(placed(Problem::warning(message), locate(Kind::Channel, &channel.name, "capacity")));
            *capacity = *transaction_capacity;
        }
    }
}

/// Finds sinks that write to a topic that is read, and decides for Flume's files which sinks are not to follow the topic header that their
/// source sets: in Flume such a pair sends every event back to the topic it was read from.
pub fn topic_loops(pipeline: &mut PipelineSpec, is_flume: bool, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    let PipelineSpec { sources, channels, sinks, .. } = pipeline;
    for (channel, kafka) in channels.iter().filter_map(kafka_channel) {
        for source in sources.iter().filter(|source| source.channels.contains(&channel.name)) {
            check_inlet(source, channel, kafka, locate, report);
        }
        for sink in sinks.iter().filter(|sink| sink.channel == channel.name) {
            check_outlet(channel, kafka, sink, locate, report);
            let is_fed = sources.iter().any(|source| source.channels.contains(&channel.name));
            if is_flume && !is_fed {
                check_carried_header(channel, kafka, sink, locate, report);
            }
        }
    }
    for sink in sinks {
        let hop = channels.iter().filter_map(kafka_channel).any(|(channel, _)| channel.name == sink.channel);
        let channel = sink.channel.clone();
        for source in sources.iter().filter(|source| source.channels.contains(&channel)) {
            check_pair(source, sink, hop, is_flume, locate, report);
        }
    }
}

fn kafka_channel(channel: &ChannelSpec) -> Option<(&ChannelSpec, &kafka::Spec)> {
    match &channel.kind {
        channel::Spec::Kafka(kafka) => Some((channel, kafka)),
        _ => None,
    }
}

/// A source that reads the topic of the Kafka channel which it feeds.
fn check_inlet(source: &SourceSpec, channel: &ChannelSpec, to: &kafka::Spec, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    let source::Spec::Kafka(from) = &source.kind else { return };
    if from.brokers.overlap(&to.brokers) && from.topics.contains(&to.topic) {
        let message = format!(
            "source `{}` feeds channel `{}`, whose topic `{}` it reads: events go round for ever",
            source.name, channel.name, to.topic
        );
        let help = "a Kafka channel needs no source to be read: its sinks are enough";
        let problem = Problem::error(message).help(help).help("or give the channel another topic");
        report(placed(problem, locate(Kind::Channel, &channel.name, "kafka.topic")));
    }
}

/// A sink that writes to the topic of the Kafka channel which it drains.
fn check_outlet(channel: &ChannelSpec, from: &kafka::Spec, sink: &SinkSpec, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    let sink::Spec::Kafka(to) = &sink.kind else { return };
    if from.brokers.overlap(&to.brokers) && from.topic == to.topic {
        let message = format!(
            "sink `{}` writes to topic `{}`, which is that of channel `{}`: events go round for ever",
            sink.name, to.topic, channel.name
        );
        report(placed(Problem::error(message).help("write to another topic"), locate(Kind::Sink, &sink.name, "kafka.topic")));
    }
}

/// A sink that follows a header which events bring along from whoever wrote the topic: an agent whose Kafka source set it.
fn check_carried_header(channel: &ChannelSpec, from: &kafka::Spec, sink: &SinkSpec, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    let sink::Spec::Kafka(to) = &sink.kind else { return };
    let Some(header) = to.topic_header.as_ref().filter(|_| from.parse_as_flume_event) else { return };
    let message = format!(
        "sink `{}` takes its topic from header `{header}`, which events of channel `{}` bring along: where the Kafka source of another agent set it, they go back to the topic it read",
        sink.name, channel.name
    );
    let problem =
        Problem::warning(message).help(format!("to send all to `{}`: set `allowTopicOverride = false` on sink `{}`", to.topic, sink.name));
    report(placed(problem, locate(Kind::Sink, &sink.name, "kafka.topic")));
}

/// `hop`: between the two is a Kafka channel, behind which nobody can tell a header that the source set from one that an interceptor did.
fn check_pair(source: &SourceSpec, sink: &mut SinkSpec, hop: bool, is_flume: bool, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    let (source::Spec::Kafka(from), sink::Spec::Kafka(to)) = (&source.kind, &mut sink.kind) else { return };
    let forced = to.topic_header.as_deref().and_then(|header| set_by_static(&source.interceptors, header));
    let topic = forced.unwrap_or(&to.topic).to_owned();
    if from.brokers.overlap(&to.brokers) && from.topics.contains(&topic) {
        let message =
            format!("sink `{}` writes to topic `{topic}`, which source `{}` reads: events go round for ever", sink.name, source.name);
        report(placed(Problem::error(message).help("write to another topic"), locate(Kind::Sink, &sink.name, "kafka.topic")));
        return;
    }
    let follows_source = forced.is_none() && to.topic_header.is_some() && to.topic_header == from.topic_header;
    if !follows_source {
        return;
    }
    // A mirror relies on the header: it names no topic, and surely writes elsewhere.
    let lists_known = matches!((&from.brokers, &to.brokers), (Brokers::List(_), Brokers::List(_)));
    if is_flume && to.topic == sink::kafka::DEFAULT_TOPIC && lists_known && !from.brokers.overlap(&to.brokers) {
        to.ignore_source_topic = false;
        return;
    }
    if hop && !to.not_back_to.contains(&from.topics) {
        to.not_back_to.push(from.topics.clone());
    }
    if !is_flume {
        return;
    }
    let header = to.topic_header.clone().unwrap_or_default();
    let message = format!(
        "source `{}` sets header `{header}` to the topic it reads, and sink `{}` takes its topic from that header: in Flume every event goes back to where it was read. Here it goes to `{}`, unless an interceptor sets the header",
        source.name, sink.name, to.topic
    );
    let problem = Problem::warning(message)
        .help(format!("to say so, and for Flume too: set `allowTopicOverride = false` on sink `{}`", sink.name))
        .help(format!("or `setTopicHeader = false` on source `{}`", source.name))
        .help("or another `topicHeader` on one of the two")
        .help(format!("or a `static` interceptor with `key = {header}`, `value = {}` and `preserveExisting = false`", to.topic));
    report(placed(problem, locate(Kind::Sink, &sink.name, "kafka.topic")));
}

/// Finds groups whose sinks drain different channels, selectors that discard what they do not know, and channels that no selector names.
pub fn fan_out(pipeline: &PipelineSpec, is_flume: bool, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    for group in &pipeline.sink_groups {
        let members: Vec<&SinkSpec> = pipeline.sinks.iter().filter(|sink| group.sinks.contains(&sink.name)).collect();
        if members.windows(2).any(|pair| pair[0].channel != pair[1].channel) {
            let drained: Vec<String> = members.iter().map(|sink| format!("`{}` drains `{}`", sink.name, sink.channel)).collect();
            let problem = Problem::error(format!("the sinks of group `{}` are on different channels: {}", group.name, drained.join(", ")));
            let problem = problem.help("a group drains one channel: give its sinks the same, or leave them out of the group");
            report(placed(problem, locate(Kind::SinkProcessor, &group.name, "sinks")));
        }
    }
    for source in &pipeline.sources {
        check_selector(source, is_flume, locate, report);
    }
}

fn check_selector(source: &SourceSpec, is_flume: bool, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    if let Some(header) = source.selector.discards_silently() {
        let message = format!(
            "source `{}` discards events whose header `{header}` is missing, blank or in no mapping: its selector has no default",
            source.name
        );
        let help = if is_flume { "set `selector.default`" } else { "set `default`; `default = []` says that they are to be discarded" };
        let problem = Problem::warning(message).help(help).help("weir_component_discarded_events_total counts them");
        report(placed(problem, locate(Kind::Source, &source.name, "selector.type")));
    }
    if let selector::Spec::Multiplexing(_) = source.selector {
        let named = source.selector.channels();
        for channel in source.channels.iter().filter(|channel| !named.contains(&channel.as_str())) {
            let message = format!("channel `{channel}` gets nothing from source `{}`: its selector never names it", source.name);
            report(placed(Problem::warning(message), locate(Kind::Source, &source.name, "channels")));
        }
    }
}

/// Finds sinks whose files are named by offsets, and which would not get all events of a range: then an event would be taken for written that
/// another sink has, and has lost.
pub fn offset_names(pipeline: &PipelineSpec, locate: Locate<'_>, report: &mut dyn FnMut(Problem)) {
    for sink in &pipeline.sinks {
        let sink::Spec::Hdfs(hdfs) = &sink.kind else { continue };
        if hdfs.names != sink::hdfs::Names::Offsets {
            continue;
        }
        let mut say = |problem: Problem| report(placed(problem, locate(Kind::Sink, &sink.name, "weir.names")));
        if let Some(other) = pipeline.sinks.iter().find(|other| other.name != sink.name && other.channel == sink.channel) {
            let message = format!(
                "sink `{}` names its files by offsets, and shares channel `{}` with sink `{}`: it would take for written what that one has",
                sink.name, sink.channel, other.name
            );
            say(Problem::error(message).help("give it a channel of its own"));
        }
        let stored = pipeline.channels.iter().any(|channel| channel.name == sink.channel && channel.kind.is_shared());
        for source in pipeline.sources.iter().filter(|source| !stored && source.channels.contains(&sink.channel)) {
            if !matches!(source.kind, source::Spec::Kafka(_)) {
                let message = format!(
                    "sink `{}` names its files by offsets, and the events of source `{}` have none: all of them would be refused",
                    sink.name, source.name
                );
                say(Problem::error(message));
            }
            if matches!(source.selector, selector::Spec::LoadBalancing { .. }) && source.channels.len() > 1 {
                let message = format!(
                    "sink `{}` names its files by offsets, and source `{}` deals its batches out: an event that is read again may go to another channel, and be taken for written here",
                    sink.name, source.name
                );
                say(Problem::error(message).help("use another selector"));
            }
            let restamps = |step: &InterceptorSpec| matches!(&step.kind, interceptor::Spec::Timestamp(stamp) if !stamp.preserve_existing && stamp.header == "timestamp");
            if hdfs.depends_on_time() && source.interceptors.iter().any(restamps) {
                let message = format!(
                    "sink `{}` names its files by offsets, and source `{}` gives events the time at which they are read: one that is read again goes to another directory, and is there twice",
                    sink.name, source.name
                );
                say(Problem::warning(message)
                    .help("set `preserveExisting = true` on the timestamp interceptor: Kafka's records have their time"));
            }
        }
    }
}

/// The value that the chain's last overwriting `static` interceptor gives a header.
fn set_by_static<'a>(chain: &'a [InterceptorSpec], header: &str) -> Option<&'a str> {
    chain.iter().rev().find_map(|interceptor| match &interceptor.kind {
        interceptor::Spec::Static(set) if set.key == header && !set.preserve_existing => Some(set.value.as_str()),
        _ => None,
    })
}
