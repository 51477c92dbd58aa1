//! `weir plugin inspect`: what a file says of itself.

use std::path::PathBuf;
use std::process::ExitCode;

use super::build::host;
use super::ending::failed;
use super::report;
use crate::plugin::Inspection;

/// Arguments of `weir plugin inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin.
    file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The exit code is 1 for a plugin that an agent would not take.
pub(super) fn main(args: Args) -> ExitCode {
    let inspection = match host().and_then(|host| Ok(Inspection::of(&args.file, &host)?)) {
        Ok(inspection) => inspection,
        Err(error) => return failed(&error),
    };
    if args.json {
        println!("{}", report::json(&args.file.display().to_string(), &inspection));
    } else {
        print!("{}", report::text(&inspection));
    }
    if inspection.refusal.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
