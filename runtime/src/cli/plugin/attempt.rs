//! `weir plugin try`: events from standard input, and at once what becomes of them on standard output.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use super::alone::{Alone, Configured};
use super::build::host;
use super::run::Run;
use super::{log, told};
use crate::cli::EXIT_USAGE;
use crate::cli::show::amount::counted;
use crate::event_file::{Error, Form, Reader};
use crate::printable::escaped;

/// Arguments of `weir plugin try`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin, a component.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Each line is a body, as it is, and not an event in JSON.
    #[arg(long)]
    text: bool,
    /// Events a batch; more than one are waited for.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Its configuration.
    #[command(flatten)]
    configured: Configured,
}

/// Exit codes: 0; 1 the plugin is refused; 64 a line was no event, and those behind it were judged all the same.
pub(super) fn main(args: Args) -> ExitCode {
    log::show();
    told::ended(attempt(&args))
}

fn attempt(args: &Args) -> anyhow::Result<ExitCode> {
    let mut run = Run::of(Alone::start(&host()?, &args.configured.spec(args.file.clone())?)?);
    let form = if args.text { Form::Text } else { Form::Json };
    if io::stdin().is_terminal() {
        let line = if args.text { "a body" } else { "an event such as {\"body\": \"hello\"}" };
        eprintln!("each line is {line}; Ctrl-D ends");
    }
    let mut reader = Reader::new("stdin", io::stdin().lock(), form);
    let mut no_events = 0;
    loop {
        let mut events = Vec::new();
        let mut is_over = false;
        while !is_over && events.len() < args.batch as usize {
            match reader.next() {
                None => is_over = true,
                Some(Ok(event)) => events.push(event),
                Some(Err(error @ Error::Malformed { .. })) => {
                    eprintln!("weir: {}", escaped(&error.to_string()));
                    no_events += 1;
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
        if !events.is_empty() {
            let mut out = io::stdout().lock();
            for line in run.batch(events)? {
                writeln!(out, "{}", line.text())?;
            }
            out.flush()?;
        }
        if is_over {
            break;
        }
    }
    eprint!("{}", run.report());
    if no_events == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let left_out = counted(no_events, "line that is no event was", "lines that are no events were");
    eprintln!("weir: {left_out} left out; --text takes lines as bodies");
    Ok(ExitCode::from(EXIT_USAGE))
}
