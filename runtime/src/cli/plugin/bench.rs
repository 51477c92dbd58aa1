//! `weir plugin bench`: what a plugin costs an event, by batch size, beside the same batches without it.
//!
//! The rounds go over all batch sizes, each time without the plugin and then with it, so that a machine that slows down meanwhile slows both.
//! Time is CPU time, which other work on the machine moves less than a clock on the wall.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use super::alone::{Alone, Configured};
use super::build::host;
use super::{run, told};
use crate::batch::{Batch, Outcome};
use crate::cli::demo::feed;
use crate::cli::show::amount::{bytes, count, counted, micros};
use crate::cli::show::output::{print, print_sum};
use crate::cli::show::paint::Paint;
use crate::cli::show::table::Table;
use crate::event::Event;
use crate::interceptor::spec;
use crate::plugin::{CpuClock, Host, LogLines};
use crate::printable::escaped;

/// CPU time of one measurement, about; much shorter ones are at the mercy of the clock.
const SLICE: Duration = Duration::from_millis(10);
/// Rounds at least, however long they take: a median of fewer says nothing.
const ROUNDS: usize = 5;
/// Instances that are started to time it.
const STARTS: usize = 15;

/// Arguments of `weir plugin bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin, a component.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The events, over and over. Default: card transactions, as the demo has them.
    #[arg(value_name = "EVENTS.jsonl")]
    events: Option<PathBuf>,
    /// Batch sizes.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "1,5,100,1000", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batches: Vec<u32>,
    /// How long to measure, for each batch size.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Print one JSON object; times are in nanoseconds.
    #[arg(long)]
    json: bool,
    /// Its configuration.
    #[command(flatten)]
    configured: Configured,
}

/// Exit codes: 0; 1 the plugin is refused; 64 a file that cannot be read.
pub(super) fn main(args: Args) -> ExitCode {
    told::ended(bench(&args))
}

fn bench(args: &Args) -> anyhow::Result<ExitCode> {
    let events = match &args.events {
        Some(file) => run::events(file)?,
        None => (0..1000).map(transaction).collect(),
    };
    anyhow::ensure!(!events.is_empty(), "there is no event to measure with");
    let (host, spec) = (host()?, args.configured.spec(args.file.clone())?);
    let alone = Alone::start(&host, &spec)?;
    let starts = Spread::of(starts(&host, &spec)?);
    let mut sizes: Vec<Size> = args.batches.iter().map(|size| Size::new(&events, *size as usize)).collect();
    for size in &mut sizes {
        size.warm_up(&alone)?;
    }
    let begun = Instant::now();
    let enough = Duration::from_secs(u64::from(args.seconds)) * u32::try_from(sizes.len()).unwrap_or(u32::MAX);
    let mut rounds = 0;
    while rounds < ROUNDS || begun.elapsed() < enough {
        for size in &mut sizes {
            size.round(&alone)?;
        }
        rounds += 1;
    }
    let bench = Bench { alone, starts, sizes, rounds, source: source(args, events.len()) };
    told::printed(if args.json { print_sum(&bench.json()) } else { print(&bench.text(Paint::stdout())) })?;
    Ok(ExitCode::SUCCESS)
}

fn transaction(id: u64) -> Event {
    Event { key: Some(feed::card(id).into()), ..Event::new(feed::transaction(id)) }
}

fn source(args: &Args, events: usize) -> String {
    let events = counted(events as u64, "event", "events");
    match &args.events {
        Some(file) => format!("{events} of {}", escaped(&file.display().to_string())),
        None => format!("{events}, the demo's transactions"),
    }
}

/// How long each of some instances takes to start, configured, in nanoseconds.
fn starts(host: &Host, spec: &spec::Wasm) -> anyhow::Result<Vec<f64>> {
    let plugin = host.load(spec)?;
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let begun = Instant::now();
        let instance = plugin.instance(LogLines::muted()).map_err(|failure| anyhow::anyhow!("{failure}")).context("start an instance")?;
        times.push(nanos(begun.elapsed()));
        drop(instance);
    }
    Ok(times)
}

/// One batch size.
struct Size {
    batch: Batch,
    calls: u32,
    without: Vec<f64>,
    with: Vec<f64>,
    call: Vec<f64>,
}

impl Size {
    fn new(events: &[Event], size: usize) -> Size {
        let batch = Batch::from(events.iter().cycle().take(size).cloned().collect::<Vec<_>>());
        Size { batch, calls: 1, without: Vec::new(), with: Vec::new(), call: Vec::new() }
    }

    /// Finds out how many calls a measurement takes; the first ones, which touch an instance's memory for the first time, count for nothing.
    fn warm_up(&mut self, alone: &Alone) -> anyhow::Result<()> {
        loop {
            let (own, guest) = self.measure(Some(alone))?;
            if own + guest >= SLICE || self.calls >= 1 << 20 {
                return Ok(());
            }
            self.calls *= 2;
        }
    }

    fn round(&mut self, alone: &Alone) -> anyhow::Result<()> {
        let events = f64::from(self.calls) * self.batch.len() as f64;
        let (own, _) = self.measure(None)?;
        self.without.push(nanos(own) / events);
        let (own, guest) = self.measure(Some(alone))?;
        self.with.push(nanos(own + guest) / events);
        self.call.push(nanos(guest) / f64::from(self.calls));
        Ok(())
    }

    /// What a chain does with a batch: hands it over, applies the outcome. CPU time of this thread, and of the plugin's.
    fn measure(&self, alone: Option<&Alone>) -> anyhow::Result<(Duration, Duration)> {
        let before = alone.map(|alone| alone.figures().cpu).unwrap_or_default();
        let clock = CpuClock::start();
        for _ in 0..self.calls {
            let batch = Arc::new(self.batch.clone());
            let outcome = match alone {
                Some(alone) => alone.judge(batch.clone())?,
                None => Outcome::default(),
            };
            black_box(outcome.apply(Arc::unwrap_or_clone(batch)));
        }
        let own = clock.elapsed();
        Ok((own, alone.map(|alone| alone.figures().cpu).unwrap_or_default() - before))
    }
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// The middle one of some figures, and how far the middle half of them is from it, as a share.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    share: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Spread {
        figures.sort_by(f64::total_cmp);
        let at = |part: usize| figures.get(figures.len() * part / 4).copied().unwrap_or_default();
        let (low, median, high) = (at(1), at(2), at(3));
        Spread { median, share: if median > 0.0 { (high - low) / 2.0 / median } else { 0.0 } }
    }

    fn json(self) -> serde_json::Value {
        json!({ "median": self.median, "spread": self.share })
    }

    fn percent(self) -> String {
        format!("±{:.1} %", self.share * 100.0)
    }
}

/// What was measured.
struct Bench {
    alone: Alone,
    starts: Spread,
    sizes: Vec<Size>,
    rounds: usize,
    source: String,
}

impl Bench {
    fn text(&self, paint: Paint) -> String {
        let (plugin, figures) = (self.alone.plugin(), self.alone.figures());
        let mut table = Table::new(&[">BATCH", ">EVENTS/S A CORE", ">CPU/EVENT", ">", ">WITHOUT PLUGIN", ">CALL", ">"]);
        for size in &self.sizes {
            let (with, without, call) = size.spreads();
            table.row([
                count(size.batch.len() as u64).into(),
                count((1e9 / with.median) as u64).into(),
                time(with.median).into(),
                with.percent().into(),
                time(without.median).into(),
                time(call.median).into(),
                call.percent().into(),
            ]);
        }
        let mut text = format!(
            "{} {} ({}) on {}, {}\n",
            escaped(&plugin.name),
            escaped(&plugin.version),
            plugin.short_digest(),
            self.source,
            counted(self.rounds as u64, "round", "rounds")
        );
        text.push_str(&table.render(paint));
        let (memory, limit) = (bytes(figures.memory), bytes(self.alone.memory_limit()));
        text.push_str(&format!(
            "an instance starts in {} {}; memory {memory} of {limit}\n",
            time(self.starts.median),
            self.starts.percent()
        ));
        if figures.failed > 0 {
            let (failed, events) = (count(figures.failed), count(figures.events));
            text.push_str(&format!(
                "the plugin failed over {failed} of {events} events, and finding them is in the figures: see weir plugin test\n"
            ));
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let (plugin, figures) = (self.alone.plugin(), self.alone.figures());
        let sizes: Vec<_> = self
            .sizes
            .iter()
            .map(|size| {
                let (with, without, call) = size.spreads();
                json!({
                    "batch": size.batch.len(),
                    "events_per_second_per_core": 1e9 / with.median,
                    "cpu_ns_per_event": with.json(),
                    "cpu_ns_per_event_without": without.json(),
                    "cpu_ns_per_call": call.json(),
                })
            })
            .collect();
        json!({
            "name": plugin.name,
            "version": plugin.version,
            "digest": plugin.digest,
            "rounds": self.rounds,
            "batches": sizes,
            "start_ns": self.starts.json(),
            "memory_bytes": figures.memory,
            "memory_limit_bytes": self.alone.memory_limit(),
            "events": figures.events,
            "failed_events": figures.failed,
        })
    }
}

impl Size {
    fn spreads(&self) -> (Spread, Spread, Spread) {
        (Spread::of(self.with.clone()), Spread::of(self.without.clone()), Spread::of(self.call.clone()))
    }
}

/// A time from nanoseconds, for a person.
fn time(nanos: f64) -> String {
    if nanos < 999.5 { format!("{nanos:.0} ns") } else { micros(nanos / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_told_with_how_far_the_middle_half_is_from_it() {
        assert_eq!(Spread::of(vec![9.0, 1.0, 100.0, 10.0, 11.0]), Spread { median: 10.0, share: 0.1 });
        assert_eq!(Spread::of(vec![0.0; 5]), Spread { median: 0.0, share: 0.0 });
        assert_eq!(Spread::of(Vec::new()), Spread { median: 0.0, share: 0.0 });
    }

    #[test]
    fn a_batch_is_as_large_as_was_asked_for_however_few_events_there_are() {
        let size = Size::new(&[Event::new("a"), Event::new("b")], 5);
        let bodies: Vec<&[u8]> = size.batch.events.iter().map(Event::body).collect();
        assert_eq!(bodies, [b"a", b"b", b"a", b"b", b"a"]);
    }

    #[test]
    fn times_are_told_in_their_unit() {
        assert_eq!([12.4, 999.0, 1_200.0, 2_500_000.0].map(time), ["12 ns", "999 ns", "1.2 µs", "2.5 ms"]);
    }
}
