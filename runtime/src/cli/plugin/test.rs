//! `weir plugin test`: a plugin on the events of a file, and what became of them beside what should have.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::alone::{Alone, Configured};
use super::build::host;
use super::difference::compare;
use super::run::{self, Run};
use super::{log, told};
use crate::cli::show::amount::counted;
use crate::cli::show::paint::Paint;
use crate::event_file::Line;

/// Arguments of `weir plugin test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin, a component.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The events, one JSON object a line.
    #[arg(value_name = "EVENTS.jsonl")]
    events: PathBuf,
    /// What should become of them; without it, what does is printed.
    #[arg(long, value_name = "OUT.jsonl")]
    expect: Option<PathBuf>,
    /// Write what became of them to the file of --expect.
    #[arg(long, requires = "expect")]
    update: bool,
    /// Events a batch.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Its configuration.
    #[command(flatten)]
    configured: Configured,
}

/// Exit codes: 0, also after `--update`; 1 it differs, or the plugin is refused; 64 a file that cannot be read.
pub(super) fn main(args: Args) -> ExitCode {
    log::show();
    told::ended(test(&args))
}

fn test(args: &Args) -> anyhow::Result<ExitCode> {
    let events = run::events(&args.events)?;
    // Read first: who has mistyped it need not wait for the compiler.
    let expected = match &args.expect {
        Some(file) if !args.update => {
            anyhow::ensure!(file.exists(), "{} is not there yet; --update writes it", file.display());
            Some(run::expectation(file)?)
        }
        _ => None,
    };
    let mut run = Run::of(Alone::start(&host()?, &args.configured.spec(args.file.clone())?)?);
    let lines = run.all(&events, args.batch as usize)?;
    let mut out = std::io::stdout().lock();
    let verdict = match (&args.expect, expected) {
        (Some(file), Some(expected)) => {
            let difference = compare(&expected, &lines, Paint::stdout());
            out.write_all(difference.text.as_bytes())?;
            match difference.lines {
                0 => Verdict::good(format!("{}: as expected", file.display())),
                differ => Verdict {
                    code: ExitCode::FAILURE,
                    said: format!("{}: {} not as expected", file.display(), counted(differ as u64, "line", "lines")),
                },
            }
        }
        (Some(file), None) => Verdict::good(update(file, &lines)?),
        (None, _) => {
            for line in &lines {
                writeln!(out, "{}", line.text())?;
            }
            Verdict::good(String::new())
        }
    };
    out.flush()?;
    eprint!("{}", run.report());
    if !verdict.said.is_empty() {
        eprintln!("{}", verdict.said);
    }
    Ok(verdict.code)
}

struct Verdict {
    code: ExitCode,
    said: String,
}

impl Verdict {
    fn good(said: String) -> Verdict {
        Verdict { code: ExitCode::SUCCESS, said }
    }
}

/// Writes what became of the events, and says whether that is news.
fn update(file: &Path, lines: &[Line]) -> anyhow::Result<String> {
    let text: String = lines.iter().map(|line| line.text() + "\n").collect();
    if fs::read(file).is_ok_and(|written| written == text.as_bytes()) {
        return Ok(format!("{}: unchanged", file.display()));
    }
    fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
    Ok(format!("{}: {} written", file.display(), counted(lines.len() as u64, "line", "lines")))
}
