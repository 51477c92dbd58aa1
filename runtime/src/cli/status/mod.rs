//! `weir status`: what an agent is doing, at a glance; what is not well comes first.

mod problems;
mod view;

use std::process::ExitCode;

use super::session::About;
use super::show::output::{print, print_json};
use super::show::paint::Paint;
use super::show::time::Clock;
use crate::client::Connect;
use crate::control::status::PipelineState;

/// Arguments of `weir status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this pipeline.
    pub pipeline: Option<String>,
    /// Print the API's JSON.
    #[arg(long)]
    pub json: bool,
    /// Which agent.
    #[command(flatten)]
    pub connect: Connect,
}

/// Shows it. The exit code is 0 whenever the agent answers, however its pipelines do.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let Some(pipeline) = &args.pipeline else {
        return About::agent(&args.connect, args.json).run(async |client| {
            let answer = client.status().await?;
            if args.json {
                print_json(&answer.json)
            } else {
                print(&view::agent(&answer.value, &Clock::at(answer.value.now), Paint::stdout()))
            }
        });
    };
    About::pipeline(&args.connect, pipeline, args.json).run(async |client| {
        let answer = client.pipeline(pipeline).await?;
        if args.json { print_json(&answer.json) } else { print(&view::pipelines(&[answer.value], &Clock::local(), Paint::stdout())) }
    })
}

/// A state in the API's word for it.
pub(super) fn state_name(state: PipelineState) -> &'static str {
    match state {
        PipelineState::Starting => "starting",
        PipelineState::Running => "running",
        PipelineState::Failing => "failing",
        PipelineState::Paused => "paused",
        PipelineState::Draining => "draining",
        PipelineState::Stopped => "stopped",
    }
}
