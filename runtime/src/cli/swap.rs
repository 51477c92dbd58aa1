//! `weir swap` and `weir rollback`: another version of a plugin judges from the next batch on. The answer comes when it has.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::failure::Failure;
use super::session::Ask;
use super::show::amount::{bytes, counted, micros};
use super::show::paint::{Paint, Tone};
use super::show::time::Clock;
use super::show::version::{full, short};
use crate::client::{Answer, duration};
use crate::control::Target;
use crate::control::swap::{Admission, Proposal, RollbackRequest, SwapReport, SwapResult};
use crate::printable::escaped;

/// Bytes of a file that is sent; an agent takes far less.
const LARGEST: u64 = 1 << 30;

/// Arguments of `weir swap`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose plugin: PIPELINE/INTERCEPTOR.
    #[arg(value_name = "PIPELINE/INTERCEPTOR")]
    pub target: Target,
    /// The new version, a component.
    pub file: PathBuf,
    /// Its signature. Default: FILE.minisig, when there is one.
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub why: String,
    /// Do it only if the version of this digest, or its beginning, runs now.
    #[arg(long, value_name = "DIGEST")]
    pub expect: Option<String>,
    /// How long to wait for the first batch.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub wait: Duration,
    /// No trial afterwards: for a version that is meant to discard more or to take longer.
    #[arg(long)]
    pub no_trial: bool,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Arguments of `weir rollback`.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// Whose plugin: PIPELINE/INTERCEPTOR.
    #[arg(value_name = "PIPELINE/INTERCEPTOR")]
    pub target: Target,
    /// Digest, or its beginning, of the version to go back to. Default: the one before this one.
    pub digest: Option<String>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub why: String,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Swaps. The exit code is 1 when the new version was refused, or rolled back over its first batches.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    args.ask.target(&args.target).run(async |client| {
        let proposal = Proposal {
            name: args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy().into_owned(),
            component: read("the plugin", &args.file)?,
            signature: signature(&args)?,
            expected: args.expect.clone(),
            why: args.why.clone(),
            wait: Some(args.wait),
            trial: !args.no_trial,
        };
        let name = proposal.name.clone();
        tell(&args.ask, &args.target, &client.swap(&args.target, proposal).await?, &name)
    })
}

/// Goes back.
#[must_use]
pub fn rollback(args: RollbackArgs) -> ExitCode {
    args.ask.target(&args.target).run(async |client| {
        let request = RollbackRequest { to: args.digest.clone(), why: args.why.clone() };
        let answer = client.rollback(&args.target, &request).await?;
        tell(&args.ask, &args.target, &answer, &answer.value.to.origin)
    })
}

/// The signature's text: of the file that was named, else of the one that stands beside the plugin.
fn signature(args: &Args) -> Result<Option<String>, Failure> {
    let beside = || {
        let mut path = args.file.clone().into_os_string();
        path.push(".minisig");
        Some(PathBuf::from(path)).filter(|path| path.exists())
    };
    let Some(path) = args.signature.clone().or_else(beside) else { return Ok(None) };
    let text = String::from_utf8(read("the signature", &path)?);
    text.map(Some).map_err(|_| Failure::Usage(format!("the signature {path:?} is no minisign signature: it is not UTF-8")))
}

fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::Usage(format!("read {what} {path:?}: {error}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Failure::Usage(format!("{what} {path:?} is no file")));
    }
    let mut contents = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut contents).map_err(unreadable)?;
    match contents.len() as u64 {
        0 => Err(Failure::Usage(format!("{what} {path:?} is empty"))),
        length if length > LARGEST => Err(Failure::Usage(format!("{what} {path:?} is larger than any"))),
        _ => Ok(contents),
    }
}

fn tell(ask: &Ask, target: &Target, answer: &Answer<SwapReport>, file: &str) -> Result<(), Failure> {
    ask.show(answer, |report| render(target, report, file, &Clock::local(), Paint::stdout()))?;
    if answer.value.result == SwapResult::RolledBack { Err(Failure::Findings) } else { Ok(()) }
}

fn render(target: &Target, report: &SwapReport, file: &str, clock: &Clock, paint: Paint) -> String {
    let mut lines = Vec::new();
    if let Some(admission) = &report.admission {
        // After a roll-back `to` is the old version again.
        let admitted = if report.result == SwapResult::RolledBack { &report.from } else { &report.to };
        lines.push(format!("{}  {}", paint.tone(Tone::Good, "admitted"), admitted_as(admission, file, &admitted.digest)));
    }
    let change = format!("{target}  {} -> {}", full(&report.from), full(&report.to));
    let mut undo = format!("undo: weir rollback {target}");
    match report.result {
        SwapResult::Swapped => {
            let batch = report
                .first_batch
                .as_ref()
                .map(|batch| format!("  first batch {} in {}", counted(batch.events, "event", "events"), micros(batch.micros as f64)));
            lines.push(format!("{}   {change}{}", paint.tone(Tone::Good, "swapped"), batch.unwrap_or_default()));
        }
        SwapResult::Waiting => lines.push(format!("{}   {change}  no batch has come yet", paint.tone(Tone::Warning, "waiting"))),
        SwapResult::RolledBack => {
            lines.push(format!("{}  {change}", paint.tone(Tone::Bad, "rolled back")));
            undo.clear();
        }
        SwapResult::Unchanged => {
            lines.push(format!("unchanged  {target}  {} runs already", full(&report.to)));
            undo.clear();
        }
    }
    // The lines above say what these results are; what went wrong, or what is awaited, only the agent knows.
    if report.result != SwapResult::Swapped && !report.detail.is_empty() {
        lines.push(format!("  {}", escaped(&report.detail)));
    }
    match report.trial_ends.filter(|_| !undo.is_empty()) {
        Some(ends) => lines.push(format!("on trial until {}; {undo}", clock.time(ends))),
        None if !undo.is_empty() => lines.push(undo),
        None => {}
    }
    lines.join("\n") + "\n"
}

fn admitted_as(admission: &Admission, file: &str, digest: &str) -> String {
    let mut parts = vec![format!("{} {}", escaped(file), escaped(&short(digest))), bytes(admission.bytes)];
    parts.extend(admission.signed_by.as_ref().map(|key| format!("signed by {}", escaped(key))));
    parts.push(format!("compiled in {}", micros(admission.compile_ms as f64 * 1e3)));
    parts.push(match &admission.rehearsal {
        None => "not rehearsed: no batch was seen yet".to_owned(),
        Some(rehearsal) => {
            let failed = match rehearsal.failed_events {
                0 => String::new(),
                failed => format!(", {} as before", counted(failed, "event failed", "events failed")),
            };
            format!(
                "rehearsed {} ({}, {}/event, {} before{failed})",
                counted(rehearsal.batches, "batch", "batches"),
                counted(rehearsal.events, "event", "events"),
                micros(rehearsal.micros_per_event),
                micros(rehearsal.micros_per_event_before),
            )
        }
    });
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::show::samples::{NOW, version};
    use crate::control::swap::{FirstBatch, Rehearsal};

    fn report(result: SwapResult) -> SwapReport {
        let rehearsal =
            Rehearsal { batches: 16, events: 8_000, micros_per_event: 1.2, micros_per_event_before: 1.1, ..Rehearsal::default() };
        SwapReport {
            result,
            detail: "in the agent's words".into(),
            from: version(1, "9f2c00aa11bb"),
            to: version(2, "77ab12cd34ef"),
            admission: Some(Admission { bytes: 281_337, signed_by: Some("release".into()), compile_ms: 61, rehearsal: Some(rehearsal) }),
            first_batch: Some(FirstBatch { events: 500, micros: 36 }),
            trial_ends: Some(NOW + 131_000),
        }
    }

    fn shown(report: &SwapReport) -> String {
        let clock = Clock { now: NOW, zone: TimeZone::UTC };
        render(&"flume1/int-1".parse().unwrap(), report, "score.wasm", &clock, Paint::OFF)
    }

    #[test]
    fn a_swap_is_told_from_admission_to_undo() {
        let expected = "\
admitted  score.wasm 77ab12cd34ef  281 KB  signed by release  compiled in 61 ms  rehearsed 16 batches (8,000 events, 1.2 µs/event, 1.1 µs before)
swapped   flume1/int-1  fraud-score 0.1.0 (9f2c…) -> fraud-score 0.2.0 (77ab…)  first batch 500 events in 36 µs
on trial until 14:02:11; undo: weir rollback flume1/int-1
";
        assert_eq!(shown(&report(SwapResult::Swapped)), expected);
    }

    #[test]
    fn a_version_from_memory_without_a_trial_has_neither_line() {
        let report = SwapReport { admission: None, trial_ends: None, ..report(SwapResult::Swapped) };
        let expected = "\
swapped   flume1/int-1  fraud-score 0.1.0 (9f2c…) -> fraud-score 0.2.0 (77ab…)  first batch 500 events in 36 µs
undo: weir rollback flume1/int-1
";
        assert_eq!(shown(&report), expected);
    }

    #[test]
    fn a_roll_back_says_why_and_offers_none() {
        let failed = SwapReport {
            from: version(2, "77ab12cd34ef"),
            to: version(1, "9f2c00aa11bb"),
            detail: "12 of 500 events failed\u{1b}[1m".into(),
            ..report(SwapResult::RolledBack)
        };
        let text = shown(&failed);
        assert!(text.starts_with("admitted  score.wasm 77ab12cd34ef"), "{text}");
        let rest =
            "rolled back  flume1/int-1  fraud-score 0.2.0 (77ab…) -> fraud-score 0.1.0 (9f2c…)\n  12 of 500 events failed\\u{1b}[1m\n";
        assert!(text.ends_with(rest), "{text}");
    }

    #[test]
    fn no_batch_and_no_change_are_told_apart() {
        let waiting = shown(&SwapReport { first_batch: None, ..report(SwapResult::Waiting) });
        assert!(
            waiting.contains("waiting   flume1/int-1") && waiting.contains("no batch has come yet\n  in the agent's words\non trial"),
            "{waiting}"
        );
        let unchanged = shown(&SwapReport { admission: None, ..report(SwapResult::Unchanged) });
        assert_eq!(unchanged, "unchanged  flume1/int-1  fraud-score 0.2.0 (77ab…) runs already\n  in the agent's words\n");
    }

    fn args(file: PathBuf, signature: Option<PathBuf>) -> Args {
        let ask = Ask { json: false, connect: crate::client::tests::connect(String::new()) };
        let target = "flume1/int-1".parse().unwrap();
        let wait = Duration::from_secs(10);
        Args { target, file, signature, why: String::new(), expect: None, wait, no_trial: false, ask }
    }

    #[test]
    fn a_signature_beside_the_file_is_taken_along_unless_another_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("score.wasm");
        assert_eq!(signature(&args(file.clone(), None)).unwrap(), None);
        std::fs::write(directory.path().join("score.wasm.minisig"), "beside").unwrap();
        assert_eq!(signature(&args(file.clone(), None)).unwrap().as_deref(), Some("beside"));
        let named = directory.path().join("named");
        assert!(matches!(signature(&args(file.clone(), Some(named.clone()))), Err(Failure::Usage(_))));
        std::fs::write(&named, "named").unwrap();
        assert_eq!(signature(&args(file, Some(named))).unwrap().as_deref(), Some("named"));
    }

    #[test]
    fn what_is_no_file_to_send_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty.wasm");
        std::fs::write(&empty, "").unwrap();
        for (path, reason) in [(directory.path(), "no file"), (&directory.path().join("none"), "No such file"), (&empty, "empty")] {
            let Err(Failure::Usage(said)) = read("the plugin", path) else { panic!("{path:?} is refused") };
            assert!(said.contains(reason), "{said}");
        }
    }
}
