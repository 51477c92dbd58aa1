//! What an agent is to run, whichever language it was written in. Past `validate` nothing asks again.

use crate::pipeline::{dead_letter, selector};
use crate::{channel, interceptor, sink, source};

/// One process: the pipelines it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentSpec {
    /// At least one.
    pub pipelines: Vec<PipelineSpec>,
}

/// One graph of sources, channels and sinks: what Flume calls an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineSpec {
    /// Flume's agent name, or the table's name in the native form.
    pub name: String,
    /// Where events come from.
    pub sources: Vec<SourceSpec>,
    /// Where they wait.
    pub channels: Vec<ChannelSpec>,
    /// Where they go.
    pub sinks: Vec<SinkSpec>,
    /// Sinks that drain their channel as one.
    pub sink_groups: Vec<SinkGroupSpec>,
    /// Where refused events are parked.
    pub dead_letters: dead_letter::Spec,
}

impl PipelineSpec {
    /// Whether sources feed this channel.
    #[must_use]
    pub fn is_fed(&self, channel: &str) -> bool {
        self.sources.iter().any(|source| source.channels.iter().any(|name| name == channel))
    }

    /// Whether sinks drain it.
    #[must_use]
    pub fn is_drained(&self, channel: &str) -> bool {
        self.sinks.iter().any(|sink| sink.channel == channel)
    }
}

/// A source with its chain and its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSpec {
    /// Name within the pipeline.
    pub name: String,
    /// Its channels.
    pub channels: Vec<String>,
    /// Which of them an event goes to.
    pub selector: selector::Spec,
    /// The chain, in order.
    pub interceptors: Vec<InterceptorSpec>,
    /// Which source.
    pub kind: source::Spec,
}

/// One step of a source's chain.
#[derive(Debug, Clone, PartialEq)]
pub struct InterceptorSpec {
    /// Name within the source.
    pub name: String,
    /// Which interceptor.
    pub kind: interceptor::Spec,
}

/// A channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSpec {
    /// Name within the pipeline.
    pub name: String,
    /// Which channel.
    pub kind: channel::Spec,
}

/// A sink and the channel it drains. Several sinks on one channel compete for its events, as in Flume.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSpec {
    /// Name within the pipeline.
    pub name: String,
    /// The channel it drains.
    pub channel: String,
    /// Which sink.
    pub kind: sink::Spec,
}

/// Sinks of one channel that a processor chooses among. A sink is in one group at most.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkGroupSpec {
    /// Name within the pipeline.
    pub name: String,
    /// Its sinks.
    pub sinks: Vec<String>,
    /// Which of them writes a batch.
    pub processor: sink::group::Processor,
}
