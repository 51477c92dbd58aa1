//! `weir pause` and `weir resume`: a pipeline that reads nothing for a while, with its offsets and its place in the group kept.

use std::process::ExitCode;

use super::session::Ask;
use crate::control::status::{PipelineState, PipelineStatus};
use crate::printable::escaped;

/// Arguments of `weir pause` and of `weir resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which pipeline.
    pub pipeline: String,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Has a pipeline read nothing more.
#[must_use]
pub fn pause(args: Args) -> ExitCode {
    args.ask.pipeline(&args.pipeline).run(async |client| args.ask.show(&client.pause(&args.pipeline).await?, sentence))
}

/// Has it read again.
#[must_use]
pub fn resume(args: Args) -> ExitCode {
    args.ask.pipeline(&args.pipeline).run(async |client| args.ask.show(&client.resume(&args.pipeline).await?, sentence))
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
