//! `weir status`: what an agent is doing, at a glance; what is not well comes first.

mod problems;
mod view;

use std::process::ExitCode;

use super::session::Ask;
use super::show::paint::Paint;
use super::show::time::Clock;
use crate::control::status::PipelineState;

/// Arguments of `weir status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this pipeline.
    pub pipeline: Option<String>,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Shows it. The exit code is 0 whenever the agent answers, however its pipelines do.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let Some(pipeline) = &args.pipeline else {
        return args.ask.agent().run(async |client| {
            let answer = client.status().await?;
            args.ask.show(&answer, |agent| view::agent(agent, &Clock::at(agent.now), Paint::stdout()))
        });
    };
    args.ask.pipeline(pipeline).run(async |client| {
        let answer = client.pipeline(pipeline).await?;
        args.ask.show(&answer, |pipeline| view::pipelines(std::slice::from_ref(pipeline), &Clock::local(), Paint::stdout()))
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
