//! What a person should look at, in sentences.

use crate::cli::show::amount::{counted, percent};
use crate::cli::show::paint::Tone;
use crate::control::status::{PipelineState, PipelineStatus};
use crate::printable::escaped;

/// Part of a channel that is nearly all of it.
const NEARLY_FULL: f64 = 0.9;

/// What is not well with a pipeline, the worst first, escaped.
pub(super) fn of(pipeline: &PipelineStatus) -> Vec<(Tone, String)> {
    let name = escaped(&pipeline.name);
    let state = super::state_name(pipeline.state);
    let detail = if pipeline.detail.is_empty() { String::new() } else { format!(": {}", escaped(&pipeline.detail)) };
    let mut found = Vec::new();
    match pipeline.state {
        PipelineState::Running => {}
        PipelineState::Failing | PipelineState::Stopped => found.push((Tone::Bad, format!("{name} is {state}{detail}"))),
        PipelineState::Starting | PipelineState::Draining => found.push((Tone::Warning, format!("{name} is {state}{detail}"))),
        PipelineState::Paused => found.push((Tone::Warning, format!("{name} is {state}{detail}; weir resume {name}"))),
    }
    for channel in &pipeline.channels {
        if channel.capacity_events > 0 && channel.events as f64 >= NEARLY_FULL * channel.capacity_events as f64 {
            let fill = percent(channel.events, channel.capacity_events);
            let text = format!("channel {name}/{} is full to {fill}: its sinks are slower than its sources", escaped(&channel.name));
            found.push((Tone::Warning, text));
        }
    }
    if pipeline.dead_letters > 0 {
        let letters = counted(pipeline.dead_letters, "event was parked", "events were parked");
        found.push((Tone::Warning, format!("{letters} since the agent started: weir dlq list {name}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::status::ChannelStatus;

    #[test]
    fn a_pipeline_in_order_has_no_problem() {
        let channels = vec![ChannelStatus { events: 89, capacity_events: 100, ..ChannelStatus::default() }, ChannelStatus::default()];
        assert!(of(&PipelineStatus { state: PipelineState::Running, channels, ..PipelineStatus::default() }).is_empty());
    }

    #[test]
    fn what_is_wrong_comes_with_what_to_do() {
        let channels = vec![ChannelStatus { name: "ch1".into(), events: 97, capacity_events: 100, ..ChannelStatus::default() }];
        let state = PipelineState::Failing;
        let pipeline = PipelineStatus {
            name: "flume1".into(),
            state,
            detail: "no broker\n".into(),
            channels,
            dead_letters: 1,
            ..PipelineStatus::default()
        };
        let texts: Vec<String> = of(&pipeline).into_iter().map(|(_, text)| text).collect();
        let expected = [
            "flume1 is failing: no broker\\n",
            "channel flume1/ch1 is full to 97 %: its sinks are slower than its sources",
            "1 event was parked since the agent started: weir dlq list flume1",
        ];
        assert_eq!(texts, expected);
    }
}
