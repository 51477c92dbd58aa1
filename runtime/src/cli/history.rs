//! `weir history`: which versions an interceptor has run, who put them there, and what became of them.

use std::process::ExitCode;

use super::session::Ask;
use super::show::amount::{count, counted};
use super::show::paint::{Paint, Tone};
use super::show::table::{Cell, Table};
use super::show::time::Clock;
use super::show::version::{name, short};
use crate::control::Target;
use crate::control::swap::{History, HistoryEntry, OffsetRange, VersionState};

/// Arguments of `weir history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose: PIPELINE/INTERCEPTOR.
    #[arg(value_name = "PIPELINE/INTERCEPTOR")]
    pub target: Target,
    /// At most so many versions, the newest.
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    pub most: usize,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Shows them.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    args.ask.target(&args.target).run(async |client| {
        let answer = client.history(&args.target, args.most).await?;
        args.ask.show(&answer, |history| render(history, &Clock::local(), Paint::stdout()))
    })
}

fn render(history: &History, clock: &Clock, paint: Paint) -> String {
    if history.versions.is_empty() {
        return "no versions: a built-in interceptor has none\n".to_owned();
    }
    let mut table = Table::new(&[">ID", "VERSION", "DIGEST", "STATE", "FROM", "UNTIL", "BY", "JUDGED", "WHY"]);
    for entry in &history.versions {
        let (tone, state) = match entry.state {
            VersionState::Trial => (Tone::Warning, "trial"),
            VersionState::Good => (Tone::Good, "good"),
            VersionState::RolledBack => (Tone::Bad, "rolled back"),
            VersionState::Replaced => (Tone::Plain, "replaced"),
            VersionState::Interrupted => (Tone::Bad, "interrupted"),
        };
        table.row([
            count(entry.version.id).into(),
            name(&entry.version).into(),
            short(&entry.version.digest).into(),
            Cell::toned(tone, state),
            clock.time(entry.version.since).into(),
            entry.until.map(|until| clock.time(until)).unwrap_or_default().into(),
            (&entry.version.by).into(),
            judged(&entry.offsets).into(),
            why(entry).into(),
        ]);
    }
    table.render(paint)
}

/// One partition is shown whole; of more, what they come to. The JSON has them all.
fn judged(offsets: &[OffsetRange]) -> String {
    match offsets {
        [] => String::new(),
        [one] => format!("{}/{} {}..{}", one.topic, one.partition, one.from, one.to),
        more => {
            let events = more.iter().map(|range| u64::try_from(range.to.saturating_sub(range.from)).unwrap_or_default()).sum();
            format!("{} in {}", counted(events, "offset", "offsets"), counted(more.len() as u64, "partition", "partitions"))
        }
    }
}

fn why(entry: &HistoryEntry) -> String {
    match (entry.why.is_empty(), entry.reason.is_empty()) {
        (_, true) => entry.why.clone(),
        (true, false) => entry.reason.clone(),
        (false, false) => format!("{}; rolled back: {}", entry.why, entry.reason),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::show::samples::{NOW, version};

    #[test]
    fn the_newest_version_comes_first_with_what_became_of_each() {
        let range = |partition, from, to| OffsetRange { topic: "txns".into(), partition, from, to };
        let newest = HistoryEntry {
            version: version(2, "77ab12cd34ef"),
            why: "new\nmodel".into(),
            state: VersionState::Trial,
            reason: String::new(),
            until: None,
            offsets: vec![range(0, 100, 200), range(1, 0, 50)],
        };
        let oldest = HistoryEntry {
            version: version(1, "9f2c00aa11bb"),
            why: "try".into(),
            state: VersionState::RolledBack,
            reason: "it traps".into(),
            until: Some(NOW),
            offsets: vec![range(0, 0, 100)],
        };
        let history = History { path: "flume1/int-1".into(), versions: vec![newest, oldest] };
        let expected = "\
ID  VERSION            DIGEST        STATE        FROM      UNTIL     BY   JUDGED                       WHY
 2  fraud-score 0.2.0  77ab12cd34ef  trial        13:57:00            ana  150 offsets in 2 partitions  new\\nmodel
 1  fraud-score 0.1.0  9f2c00aa11bb  rolled back  13:57:00  14:00:00  ana  txns/0 0..100                try; rolled back: it traps
";
        assert_eq!(render(&history, &Clock { now: NOW, zone: TimeZone::UTC }, Paint::OFF), expected);
        assert!(render(&History::default(), &Clock::local(), Paint::OFF).starts_with("no versions"));
    }
}
