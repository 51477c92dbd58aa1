//! `weir pause` and `weir resume`: a pipeline that reads nothing for a while, with its offsets and its place in the group kept.

use std::process::ExitCode;

use super::failure::Failure;
use super::session::About;
use super::show::output::{print, print_json};
use crate::client::{Answer, Connect};
use crate::control::status::{PipelineState, PipelineStatus};
use crate::printable::escaped;

/// Arguments of `weir pause` and of `weir resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which pipeline.
    pub pipeline: String,
    /// Print the API's JSON.
    #[arg(long)]
    pub json: bool,
    /// Which agent.
    #[command(flatten)]
    pub connect: Connect,
}

/// Has a pipeline read nothing more.
#[must_use]
pub fn pause(args: Args) -> ExitCode {
    About::pipeline(&args.connect, &args.pipeline, args.json).run(async |client| tell(&client.pause(&args.pipeline).await?, args.json))
}

/// Has it read again.
#[must_use]
pub fn resume(args: Args) -> ExitCode {
    About::pipeline(&args.connect, &args.pipeline, args.json).run(async |client| tell(&client.resume(&args.pipeline).await?, args.json))
}

fn tell(answer: &Answer<PipelineStatus>, json: bool) -> Result<(), Failure> {
    if json { print_json(&answer.json) } else { print(&sentence(&answer.value)) }
}

fn sentence(pipeline: &PipelineStatus) -> String {
    let name = escaped(&pipeline.name);
    let state = super::status::state_name(pipeline.state);
    let detail = if pipeline.detail.is_empty() { String::new() } else { format!(": {}", escaped(&pipeline.detail)) };
    let undo = if pipeline.state == PipelineState::Paused { format!("  undo: weir resume {name}") } else { String::new() };
    format!("{name} is {state}{detail}{undo}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_what_the_pipeline_does_now_and_how_to_go_back() {
        let status =
            PipelineStatus { name: "flume1".into(), state: PipelineState::Paused, detail: "by ana".into(), ..PipelineStatus::default() };
        assert_eq!(sentence(&status), "flume1 is paused: by ana  undo: weir resume flume1\n");
        let status = PipelineStatus { name: "flume1".into(), state: PipelineState::Running, ..PipelineStatus::default() };
        assert_eq!(sentence(&status), "flume1 is running\n");
    }
}
