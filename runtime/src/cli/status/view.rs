//! The tables of `weir status`.

use super::problems;
use crate::cli::show::amount::{bytes, count, counted, gauge, percent};
use crate::cli::show::paint::{Paint, Tone};
use crate::cli::show::table::{Cell, Table};
use crate::cli::show::time::{Clock, span};
use crate::cli::show::version::{name, short};
use crate::control::status::{AgentStatus, InterceptorStatus, PipelineState, PipelineStatus};
use crate::printable::escaped;

/// A whole agent.
pub(super) fn agent(status: &AgentStatus, clock: &Clock, paint: Paint) -> String {
    let up = span(status.now.saturating_sub(status.started));
    let pipelines = counted(status.pipelines.len() as u64, "pipeline", "pipelines");
    let mut text = format!("weir {}  up {up}  {pipelines}\n", escaped(&status.version));
    if status.draining {
        text.push_str(&paint.tone(Tone::Warning, "the agent is ending: it takes in nothing more"));
        text.push('\n');
    }
    text.push_str(&self::pipelines(&status.pipelines, clock, paint));
    text
}

/// Some pipelines: what is wrong, then a table a kind of component.
pub(super) fn pipelines(pipelines: &[PipelineStatus], clock: &Clock, paint: Paint) -> String {
    let mut text = String::new();
    for (tone, problem) in pipelines.iter().flat_map(problems::of) {
        text.push_str(&format!("{} {problem}\n", paint.tone(tone, "!")));
    }
    for table in [states(pipelines, clock), interceptors(pipelines, clock), channels(pipelines), sinks(pipelines)] {
        if !table.is_empty() && !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&table.render(paint));
    }
    text
}

fn states(pipelines: &[PipelineStatus], clock: &Clock) -> Table {
    let mut table = Table::new(&["PIPELINE", "STATE", "SINCE", ">EVENTS", ">OPEN BATCHES", ">LAG", ">PARKED", ">RESTARTS"]);
    for pipeline in pipelines {
        table.row([
            (&pipeline.name).into(),
            Cell::toned(tone(pipeline.state), super::state_name(pipeline.state)),
            clock.ago(pipeline.started).into(),
            count(pipeline.received_events()).into(),
            gauge(pipeline.open_batches()).into(),
            gauge(pipeline.lag()).into(),
            count(pipeline.dead_letters).into(),
            count(pipeline.restarts()).into(),
        ]);
    }
    table
}

fn tone(state: PipelineState) -> Tone {
    match state {
        PipelineState::Running => Tone::Good,
        PipelineState::Failing | PipelineState::Stopped => Tone::Bad,
        PipelineState::Starting | PipelineState::Paused | PipelineState::Draining => Tone::Warning,
    }
}

fn interceptors(pipelines: &[PipelineStatus], clock: &Clock) -> Table {
    let mut table = Table::new(&["INTERCEPTOR", ">EVENTS", ">DISCARDED", ">REJECTED", ">FAILURES", "VERSION", "DIGEST", "SINCE", "TRIAL"]);
    for interceptor in pipelines.iter().flat_map(|pipeline| &pipeline.interceptors) {
        let version = interceptor.version.as_ref();
        let failures: u64 = interceptor.failures.values().sum();
        table.row([
            (&interceptor.path).into(),
            count(interceptor.received_events).into(),
            count(interceptor.discarded_events).into(),
            count(interceptor.rejected_events).into(),
            Cell::toned(if failures > 0 { Tone::Warning } else { Tone::Plain }, count(failures)),
            version.map_or_else(|| format!("built-in {}", interceptor.kind), name).into(),
            version.map(|version| short(&version.digest)).unwrap_or_default().into(),
            version.map(|version| clock.ago(version.since)).unwrap_or_default().into(),
            Cell::toned(Tone::Warning, trial(interceptor, clock)),
        ]);
    }
    table
}

fn trial(interceptor: &InterceptorStatus, clock: &Clock) -> String {
    let Some(trial) = &interceptor.trial else { return String::new() };
    format!("until {}, {} so far", clock.time(trial.ends), counted(trial.batches, "batch", "batches"))
}

fn channels(pipelines: &[PipelineStatus]) -> Table {
    let mut table = Table::new(&["CHANNEL", "TYPE", ">FILL", ">EVENTS", ">CAPACITY", ">SIZE", ">WAITS"]);
    for (pipeline, channel) in pipelines.iter().flat_map(|pipeline| pipeline.channels.iter().map(move |channel| (pipeline, channel))) {
        table.row([
            format!("{}/{}", pipeline.name, channel.name).into(),
            (&channel.kind).into(),
            percent(channel.events, channel.capacity_events).into(),
            gauge(channel.events).into(),
            count(channel.capacity_events).into(),
            bytes(u64::try_from(channel.bytes).unwrap_or_default()).into(),
            count(channel.put_waits).into(),
        ]);
    }
    table
}

fn sinks(pipelines: &[PipelineStatus]) -> Table {
    let mut table = Table::new(&["SINK", "TYPE", ">SENT", ">SIZE", ">RETRIES", ">REFUSED"]);
    for (pipeline, sink) in pipelines.iter().flat_map(|pipeline| pipeline.sinks.iter().map(move |sink| (pipeline, sink))) {
        table.row([
            format!("{}/{}", pipeline.name, sink.name).into(),
            (&sink.kind).into(),
            count(sink.sent_events).into(),
            bytes(sink.sent_bytes).into(),
            count(sink.retries).into(),
            count(sink.rejected_events).into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::show::samples;

    #[test]
    fn an_agent_at_a_glance() {
        let status = samples::agent();
        let clock = Clock { now: status.now, zone: TimeZone::UTC };
        let expected = "\
weir 0.1.0  up 3 h 12 min  1 pipeline
! 3 events were parked since the agent started: weir dlq list flume1

PIPELINE  STATE    SINCE       EVENTS  OPEN BATCHES  LAG  PARKED  RESTARTS
flume1    running  2 h ago  1,234,567             4   12       3         0

INTERCEPTOR      EVENTS  DISCARDED  REJECTED  FAILURES  VERSION             DIGEST        SINCE      TRIAL
flume1/int-0  1,234,567          0         0         0  built-in timestamp
flume1/int-1  1,234,567      4,000         3         3  fraud-score 0.2.0   77ab12cd34ef  3 min ago  until 14:02:11, 41 batches so far

CHANNEL     TYPE    FILL  EVENTS  CAPACITY   SIZE  WAITS
flume1/ch1  memory  12 %     120     1,000  30 KB      7

SINK       TYPE        SENT    SIZE  RETRIES  REFUSED
flume1/k1  kafka  1,230,000  308 MB        1        0
";
        assert_eq!(agent(&status, &clock, Paint::OFF), expected);
    }

    #[test]
    fn an_agent_without_pipelines_says_just_that() {
        let status = AgentStatus { version: "0.1.0".into(), draining: true, ..AgentStatus::default() };
        let text = agent(&status, &Clock { now: 0, zone: TimeZone::UTC }, Paint::OFF);
        assert_eq!(text, "weir 0.1.0  up 0 s  0 pipelines\nthe agent is ending: it takes in nothing more\n");
    }
}
