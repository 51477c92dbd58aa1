//! Medians over the rounds, and ratios to the first contestant within each round.

use std::fmt::Write;

use serde_json::json;

use crate::measure::Measured;

/// One contestant over all rounds.
pub struct Row {
    name: String,
    rate: f64,
    cpu: f64,
    peak: u64,
    rate_ratio: f64,
    cpu_ratio: f64,
}

/// The first contestant's rounds are what the others are compared with.
pub fn rows(results: Vec<(String, Vec<Measured>)>) -> Vec<Row> {
    let base = results[0].1.clone();
    let ratio = |rounds: &[Measured], of: fn(&Measured) -> f64| median(rounds.iter().zip(&base).map(|(one, base)| of(one) / of(base)));
    results
        .into_iter()
        .map(|(name, rounds)| Row {
            name,
            rate: median(rounds.iter().map(|round| round.rate)),
            cpu: median(rounds.iter().map(|round| round.cpu)),
            peak: rounds.iter().map(|round| round.peak).max().unwrap_or(0),
            rate_ratio: ratio(&rounds, |measured| measured.rate),
            cpu_ratio: ratio(&rounds, |measured| measured.cpu),
        })
        .collect()
}

/// For people.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<36} {:>10} {:>6} {:>9} {:>6} {:>9}\n", "", "events/s", "ratio", "CPU s/M", "ratio", "peak MiB");
    for Row { name, rate, cpu, peak, rate_ratio, cpu_ratio } in rows {
        let _ = writeln!(text, "{name:<36} {rate:>10.0} {rate_ratio:>6.2} {cpu:>9.2} {cpu_ratio:>6.2} {:>9}", peak >> 20);
    }
    text
}

/// For programs.
pub fn json(rows: &[Row], events: u64, rounds: usize) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|Row { name, rate, cpu, peak, rate_ratio, cpu_ratio }| {
            json!({ "name": name, "events_per_second": rate, "cpu_seconds_per_million": cpu, "peak_bytes": peak,
                    "rate_ratio": rate_ratio, "cpu_ratio": cpu_ratio })
        })
        .collect();
    json!({ "events": events, "rounds": rounds, "contestants": rows }).to_string()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}
