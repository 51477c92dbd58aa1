//! `weir reload`: the configuration is read again, and a line a change says what became of it.

use std::process::ExitCode;

use super::failure::Failure;
use super::session::Ask;
use super::show::paint::{Paint, Tone};
use super::show::table::{Cell, Table};
use crate::control::swap::{ReloadReport, ReloadResult};

/// Arguments of `weir reload`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Reloads. The exit code is 1 when a change was refused.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    args.ask.agent().run(async |client| {
        let answer = client.reload().await?;
        args.ask.show(&answer, |report| render(report, Paint::stdout()))?;
        let is_refused = answer.value.changes.iter().any(|change| change.result == ReloadResult::Rejected);
        if is_refused { Err(Failure::Findings) } else { Ok(()) }
    })
}

fn render(report: &ReloadReport, paint: Paint) -> String {
    if report.changes.is_empty() {
        return "nothing changed\n".to_owned();
    }
    let mut table = Table::new(&["CHANGE", "RESULT", "DETAIL"]);
    for change in &report.changes {
        let (tone, result) = match change.result {
            ReloadResult::Swapped => (Tone::Good, "swapped"),
            ReloadResult::Restarted => (Tone::Good, "restarted"),
            ReloadResult::Started => (Tone::Good, "started"),
            ReloadResult::Stopped => (Tone::Plain, "stopped"),
            ReloadResult::Rejected => (Tone::Bad, "rejected"),
            ReloadResult::NeedsRestart => (Tone::Warning, "needs a restart of the agent"),
        };
        table.row([(&change.path).into(), Cell::toned(tone, result), (&change.detail).into()]);
    }
    table.render(paint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::swap::ReloadChange;

    #[test]
    fn every_change_has_a_line() {
        let change = |path: &str, result, detail: &str| ReloadChange { path: path.into(), result, detail: detail.into() };
        let report = ReloadReport {
            changes: vec![
                change("flume1/int-1", ReloadResult::Swapped, "9f2c -> 77ab"),
                change("orders", ReloadResult::Rejected, "line 3:\nno such channel"),
            ],
        };
        let expected =
            "CHANGE        RESULT    DETAIL\nflume1/int-1  swapped   9f2c -> 77ab\norders        rejected  line 3:\\nno such channel\n";
        assert_eq!(render(&report, Paint::OFF), expected);
        assert_eq!(render(&ReloadReport::default(), Paint::OFF), "nothing changed\n");
    }
}
