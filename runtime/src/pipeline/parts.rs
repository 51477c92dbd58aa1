//! The parts of a pipeline that say how they are, by the names of their checks: for whoever asks for all of them.

use super::kafka_channel::{inlet_name, outlet_name};
use crate::channel;
use crate::config::spec::PipelineSpec;

/// A part of a pipeline that says how it is.
pub(crate) struct Part {
    /// What a person calls it: `source orders`.
    pub(crate) name: String,
    /// The name of its check.
    pub(crate) check: String,
    /// It reads something, and is not at work before it says so; the others say something only once they have failed.
    pub(crate) reads: bool,
}

/// The parts of this pipeline.
pub(crate) fn parts(spec: &PipelineSpec) -> Vec<Part> {
    let part = |name: String, check: &str, reads| Part { name, check: format!("{}/{check}", spec.name), reads };
    // A part is checked by its name, but for a source, whose name comes without the word.
    let named = |name: String, reads| part(name.clone(), &name, reads);
    let mut parts: Vec<Part> = spec.sources.iter().map(|source| part(format!("source {}", source.name), &source.name, true)).collect();
    for channel in &spec.channels {
        match channel.kind {
            channel::Spec::Memory(_) => continue,
            channel::Spec::File(_) | channel::Spec::Spillable(_) => {
                parts.push(named(format!("channel {}", channel.name), false));
                continue;
            }
            channel::Spec::Kafka(_) => {}
        }
        parts.extend(spec.is_fed(&channel.name).then(|| named(inlet_name(&channel.name), false)));
        parts.extend(spec.is_drained(&channel.name).then(|| named(outlet_name(&channel.name), true)));
    }
    parts.extend(spec.sinks.iter().map(|sink| named(format!("sink {}", sink.name), false)));
    // A group fails only where its sinks do not, such as with events that were written and are not safe.
    parts.extend(spec.sink_groups.iter().map(|group| named(format!("sink group {}", group.name), false)));
    parts
}
