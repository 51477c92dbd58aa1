//! `weir doctor`: whether this machine has what agents and plugins need.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::plugin::Language;
use crate::project::Toolbox;
use crate::project::doctor::{self, Area, Health};

/// Arguments of `weir doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Look at the tools of this language only: rust, go, python, js, ts or c. May be given more than once.
    #[arg(long = "lang", value_name = "LANGUAGE")]
    languages: Vec<Language>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Prints what it finds. The exit code is 0 when what was asked for is whole: the agent's needs, and each language that was named; with none
/// named, at least one language.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let tools = Toolbox::of_environment();
    let asked = if args.languages.is_empty() { Language::ALL.to_vec() } else { args.languages.clone() };
    let agent = doctor::agent();
    let languages: Vec<Area> = asked.into_iter().map(|language| doctor::language(language, &tools)).collect();
    let whole = agent.whole
        && if args.languages.is_empty() { languages.iter().any(|area| area.whole) } else { languages.iter().all(|area| area.whole) };
    // Nobody reads a pipe that is closed.
    let _ = if args.json { print_json(whole, &agent, &languages) } else { print(&agent, &languages) };
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_json(whole: bool, agent: &Area, languages: &[Area]) -> io::Result<()> {
    writeln!(io::stdout(), "{}", serde_json::json!({ "whole": whole, "agent": agent, "languages": languages }))
}

fn print(agent: &Area, languages: &[Area]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for area in std::iter::once(agent).chain(languages) {
        writeln!(out, "{}{}", area.title, if area.whole { "" } else { ": not whole" })?;
        for finding in &area.findings {
            let health = match finding.health {
                Health::Ok => "ok",
                Health::Note => "note",
                Health::Missing => "MISSING",
            };
            writeln!(out, "  {health:<8}{}: {}", finding.what, finding.detail)?;
            for line in &finding.install {
                writeln!(out, "            {line}")?;
            }
        }
    }
    out.flush()
}
