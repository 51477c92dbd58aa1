//! `weir plugin inspect`.

use std::process::ExitCode;

/// Arguments of `weir plugin inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub(super) fn main(_args: Args) -> ExitCode {
    eprintln!("weir: not there yet");
    ExitCode::FAILURE
}
