//! Two looks at an agent, and what happened between them.

use std::cmp::Ordering;

use crate::cli::show::amount::{bytes, count, gauge, micros, percent};
use crate::cli::show::paint::Tone;
use crate::cli::show::table::{Cell, Table};
use crate::cli::show::time::Clock;
use crate::cli::show::version::{name, short};
use crate::cli::status::state_name;
use crate::control::status::{AgentStatus, InterceptorStatus, PipelineState, PipelineStatus};

/// What rows are sorted by; the keys 1 to 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Column {
    #[default]
    Name,
    In,
    Out,
    Lag,
    Fill,
    Time,
    Failures,
    Discards,
    Rejects,
}

/// In the order of their keys.
pub(super) const COLUMNS: [(Column, &str); 9] = [
    (Column::Name, "name"),
    (Column::In, "events in"),
    (Column::Out, "events out"),
    (Column::Lag, "lag"),
    (Column::Fill, "fill"),
    (Column::Time, "time per event"),
    (Column::Failures, "failures"),
    (Column::Discards, "discards"),
    (Column::Rejects, "rejects"),
];

/// Figures of an agent over the last while.
#[derive(Debug, Clone, Default)]
pub(super) struct Rates {
    pub(super) status: AgentStatus,
    pipelines: Vec<PipelineRow>,
    interceptors: Vec<InterceptorRow>,
}

#[derive(Debug, Clone)]
struct PipelineRow {
    name: String,
    state: PipelineState,
    received: f64,
    sent: f64,
    lag: i64,
    open: i64,
    /// Of its fullest channel: events waiting, and the most that may.
    fill: (i64, u64),
    parked: f64,
    parked_in_all: u64,
}

#[derive(Debug, Clone)]
struct InterceptorRow {
    received: f64,
    /// Microseconds an event, when there was one.
    time: Option<f64>,
    discarded: f64,
    rejected: f64,
    failed: f64,
    status: InterceptorStatus,
}

impl Rates {
    /// What happened between two looks; nothing yet after the first, or where another agent answers.
    pub(super) fn between(before: Option<&AgentStatus>, after: AgentStatus) -> Rates {
        let before = before.filter(|before| before.started == after.started && before.now < after.now);
        let seconds = before.map_or(1.0, |before| (after.now - before.now) as f64 / 1e3);
        let same = |name: &str| before.and_then(|before| before.pipelines.iter().find(|pipeline| pipeline.name == name));
        let pipelines = after.pipelines.iter().map(|pipeline| PipelineRow::between(same(&pipeline.name), pipeline, seconds)).collect();
        let interceptors = after.pipelines.iter().flat_map(|pipeline| {
            let before = same(&pipeline.name);
            pipeline.interceptors.iter().map(move |interceptor| {
                let is_same = |before: &&InterceptorStatus| (&before.path, &before.source) == (&interceptor.path, &interceptor.source);
                InterceptorRow::between(before.and_then(|before| before.interceptors.iter().find(is_same)), interceptor, seconds)
            })
        });
        Rates { pipelines, interceptors: interceptors.collect(), status: after }
    }

    /// Events a second that came in, and that went out.
    pub(super) fn totals(&self) -> (f64, f64) {
        let sum = |of: fn(&PipelineRow) -> f64| self.pipelines.iter().map(of).sum();
        (sum(|row| row.received), sum(|row| row.sent))
    }

    /// A row a pipeline whose name contains the filter, the largest first but for names.
    pub(super) fn pipelines(&self, column: Column, filter: &str) -> Table {
        let mut rows: Vec<&PipelineRow> = self.pipelines.iter().filter(|row| contains(&row.name, filter)).collect();
        rows.sort_by(|one, other| row_order(one.figure(column), other.figure(column)).then_with(|| one.name.cmp(&other.name)));
        let mut table = Table::new(&["PIPELINE", "STATE", ">IN/S", ">OUT/S", ">LAG", ">OPEN", ">FILL", ">PARKED/S", ">PARKED"]);
        for row in rows {
            table.row(row.cells());
        }
        table
    }

    /// A row an interceptor whose path or plugin contains the filter.
    pub(super) fn interceptors(&self, column: Column, filter: &str, clock: &Clock) -> Table {
        let is_wanted = |row: &&InterceptorRow| contains(&row.status.path, filter) || contains(&row.plugin(), filter);
        let mut rows: Vec<&InterceptorRow> = self.interceptors.iter().filter(is_wanted).collect();
        // By name they stay as their chain has them.
        rows.sort_by(|one, other| row_order(one.figure(column), other.figure(column)));
        let heads =
            ["INTERCEPTOR", ">IN/S", ">TIME/EVENT", ">DISCARDS/S", ">REJECTS/S", ">FAILURES", ">MEMORY", "PLUGIN", "DIGEST", "TRIAL"];
        let mut table = Table::new(&heads);
        for row in rows {
            table.row(row.cells(clock));
        }
        table
    }
}

/// Events a second: `12,346`, `0.4`, `0`.
pub(super) fn rate(per_second: f64) -> String {
    if per_second >= 9.95 {
        // A rate is finite and not below zero; as a number of events it fits.
        return count(per_second.round() as u64);
    }
    if per_second < 0.05 { "0".to_owned() } else { format!("{per_second:.1}") }
}

fn contains(text: &str, filter: &str) -> bool {
    text.to_lowercase().contains(&filter.to_lowercase())
}

/// The larger first.
fn row_order(one: f64, other: f64) -> Ordering {
    other.total_cmp(&one)
}

/// Of a counter, a second; one that went back began anew, and nothing is known.
fn per_second(before: Option<u64>, after: u64, seconds: f64) -> f64 {
    before.map_or(0.0, |before| after.saturating_sub(before) as f64 / seconds)
}

impl PipelineRow {
    fn between(before: Option<&PipelineStatus>, after: &PipelineStatus, seconds: f64) -> PipelineRow {
        let sent = |pipeline: &PipelineStatus| pipeline.sinks.iter().map(|sink| sink.sent_events).sum();
        let fills = after.channels.iter().map(|channel| (channel.events, channel.capacity_events));
        let part = |(events, capacity): (i64, u64)| if capacity == 0 { 0.0 } else { events as f64 / capacity as f64 };
        PipelineRow {
            name: after.name.clone(),
            state: after.state,
            received: per_second(before.map(PipelineStatus::received_events), after.received_events(), seconds),
            sent: per_second(before.map(sent), sent(after), seconds),
            lag: after.lag(),
            open: after.open_batches(),
            fill: fills.max_by(|one, other| part(*one).total_cmp(&part(*other))).unwrap_or_default(),
            parked: per_second(before.map(|before| before.dead_letters), after.dead_letters, seconds),
            parked_in_all: after.dead_letters,
        }
    }

    /// What it is sorted by; where a column is not one of its own, by name.
    fn figure(&self, column: Column) -> f64 {
        match column {
            Column::In => self.received,
            Column::Out => self.sent,
            Column::Lag => self.lag as f64,
            Column::Fill if self.fill.1 > 0 => self.fill.0 as f64 / self.fill.1 as f64,
            Column::Rejects => self.parked,
            Column::Name | Column::Fill | Column::Time | Column::Failures | Column::Discards => 0.0,
        }
    }

    fn cells(&self) -> [Cell; 9] {
        let tone = match self.state {
            PipelineState::Running => Tone::Good,
            PipelineState::Failing | PipelineState::Stopped => Tone::Bad,
            PipelineState::Starting | PipelineState::Paused | PipelineState::Draining => Tone::Warning,
        };
        let is_full = self.fill.1 > 0 && self.fill.0 as f64 >= 0.9 * self.fill.1 as f64;
        [
            (&self.name).into(),
            Cell::toned(tone, state_name(self.state)),
            rate(self.received).into(),
            rate(self.sent).into(),
            gauge(self.lag).into(),
            gauge(self.open).into(),
            Cell::toned(if is_full { Tone::Warning } else { Tone::Plain }, percent(self.fill.0, self.fill.1)),
            Cell::toned(if self.parked > 0.0 { Tone::Bad } else { Tone::Plain }, rate(self.parked)),
            count(self.parked_in_all).into(),
        ]
    }
}

impl InterceptorRow {
    fn between(before: Option<&InterceptorStatus>, after: &InterceptorStatus, seconds: f64) -> InterceptorRow {
        let failed = |interceptor: &InterceptorStatus| interceptor.failures.values().sum();
        let events = before.map_or(0, |before| after.received_events.saturating_sub(before.received_events));
        let spent = before.map_or(0.0, |before| after.seconds - before.seconds);
        let rate = |of: fn(&InterceptorStatus) -> u64| per_second(before.map(of), of(after), seconds);
        InterceptorRow {
            received: events as f64 / seconds,
            time: Some(spent * 1e6 / events as f64).filter(|_| events > 0 && spent >= 0.0),
            discarded: rate(|interceptor| interceptor.discarded_events),
            rejected: rate(|interceptor| interceptor.rejected_events),
            failed: per_second(before.map(failed), failed(after), seconds),
            status: after.clone(),
        }
    }

    fn plugin(&self) -> String {
        self.status.version.as_ref().map_or_else(|| format!("built-in {}", self.status.kind), name)
    }

    fn figure(&self, column: Column) -> f64 {
        match column {
            Column::In | Column::Out => self.received,
            Column::Time => self.time.unwrap_or_default(),
            Column::Failures => self.failed,
            Column::Discards => self.discarded,
            Column::Rejects => self.rejected,
            Column::Name | Column::Lag | Column::Fill => 0.0,
        }
    }

    fn cells(&self, clock: &Clock) -> [Cell; 10] {
        let failures: u64 = self.status.failures.values().sum();
        let warn = |is_bad: bool| if is_bad { Tone::Bad } else { Tone::Plain };
        let memory = if self.status.memory_limit_bytes == 0 {
            String::new()
        } else {
            bytes(u64::try_from(self.status.memory_bytes).unwrap_or_default())
        };
        [
            (&self.status.path).into(),
            rate(self.received).into(),
            self.time.map_or_else(|| "-".to_owned(), micros).into(),
            rate(self.discarded).into(),
            Cell::toned(warn(self.rejected > 0.0), rate(self.rejected)),
            Cell::toned(warn(self.failed > 0.0), count(failures)),
            memory.into(),
            self.plugin().into(),
            self.status.version.as_ref().map(|version| short(&version.digest)).unwrap_or_default().into(),
            Cell::toned(Tone::Warning, self.status.trial.as_ref().map(|trial| clock.time(trial.ends)).unwrap_or_default()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::show::paint::Paint;
    use crate::cli::show::samples;

    /// Two seconds later: 1,000 events more, which took 2 ms, 10 of them discarded.
    fn later() -> AgentStatus {
        let mut status = samples::agent();
        status.now += 2_000;
        let pipeline = &mut status.pipelines[0];
        pipeline.sources[0].received_events += 1_000;
        pipeline.sinks[0].sent_events += 900;
        pipeline.dead_letters += 4;
        for interceptor in &mut pipeline.interceptors {
            interceptor.received_events += 1_000;
        }
        pipeline.interceptors[1].seconds += 0.002;
        pipeline.interceptors[1].discarded_events += 10;
        pipeline.interceptors[1].rejected_events += 4;
        status
    }

    fn texts(rates: &Rates, column: Column) -> (String, String) {
        let clock = Clock { now: rates.status.now, zone: TimeZone::UTC };
        (rates.pipelines(column, "").render(Paint::OFF), rates.interceptors(column, "", &clock).render(Paint::OFF))
    }

    #[test]
    fn rates_are_what_happened_between_two_looks() {
        let rates = Rates::between(Some(&samples::agent()), later());
        let (pipelines, interceptors) = texts(&rates, Column::Name);
        let expected = "\
PIPELINE  STATE    IN/S  OUT/S  LAG  OPEN  FILL  PARKED/S  PARKED
flume1    running   500    450   12     4  12 %       2.0       7
";
        assert_eq!(pipelines, expected);
        let expected = "\
INTERCEPTOR   IN/S  TIME/EVENT  DISCARDS/S  REJECTS/S  FAILURES  MEMORY  PLUGIN              DIGEST        TRIAL
flume1/int-0   500        0 µs           0          0         0          built-in timestamp
flume1/int-1   500        2 µs         5.0        2.0         3    2 MB  fraud-score 0.2.0   77ab12cd34ef  14:02:11
";
        assert_eq!(interceptors, expected);
        assert_eq!(rates.totals(), (500.0, 450.0));
    }

    #[test]
    fn a_rate_is_a_number_a_person_reads() {
        assert_eq!([0.0, 0.44, 9.0, 12_345.6].map(rate), ["0", "0.4", "9.0", "12,346"]);
    }

    #[test]
    fn the_largest_comes_first() {
        let rates = Rates::between(Some(&samples::agent()), later());
        let (_, interceptors) = texts(&rates, Column::Time);
        assert!(interceptors.lines().nth(1).is_some_and(|line| line.starts_with("flume1/int-1")), "{interceptors}");
    }

    #[test]
    fn an_agent_that_started_anew_has_no_rates_yet() {
        let restarted = AgentStatus { started: samples::NOW + 1, ..later() };
        for (before, after) in [(None, later()), (Some(samples::agent()), restarted), (Some(later()), later())] {
            assert_eq!(Rates::between(before.as_ref(), after).totals(), (0.0, 0.0));
        }
        let mut again = later();
        again.pipelines[0].sources[0].received_events = 5;
        assert_eq!(Rates::between(Some(&samples::agent()), again).totals().0, 0.0);
    }

    #[test]
    fn a_filter_looks_at_names_and_plugins() {
        let rates = Rates::between(None, samples::agent());
        let clock = Clock { now: samples::NOW, zone: TimeZone::UTC };
        assert!(rates.pipelines(Column::Name, "orders").is_empty());
        let found = rates.interceptors(Column::Name, "FRAUD", &clock).render(Paint::OFF);
        assert!(found.contains("int-1") && !found.contains("int-0"), "{found}");
    }
}
