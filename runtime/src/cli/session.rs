//! How a command on a running agent runs: a client, one thing done with it, an exit code.

use std::process::ExitCode;

use serde::Serialize;

use super::failure::Failure;
use super::show::output::{print, print_json, print_sum};
use crate::client::{Answer, Client, Connect};
use crate::control::Target;

/// What a command is about, for its messages.
pub(super) struct About<'a> {
    /// Which agent.
    pub(super) connect: &'a Connect,
    /// The pipeline or interceptor; empty for the agent.
    pub(super) subject: String,
    /// Whether a program reads.
    pub(super) json: bool,
}

/// What every command that asks once is told besides.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// Print the API's JSON.
    #[arg(long)]
    pub json: bool,
    /// Which agent.
    #[command(flatten)]
    pub connect: Connect,
}

impl Ask {
    /// About the agent.
    pub(super) fn agent(&self) -> About<'_> {
        About::agent(&self.connect, self.json)
    }

    /// About a pipeline.
    pub(super) fn pipeline(&self, pipeline: &str) -> About<'_> {
        About { connect: &self.connect, subject: pipeline.to_owned(), json: self.json }
    }

    /// About an interceptor.
    pub(super) fn target(&self, target: &Target) -> About<'_> {
        About::target(&self.connect, target, self.json)
    }

    /// Prints an answer: the API's JSON as it came, or what `render` makes of it.
    pub(super) fn show<T>(&self, answer: &Answer<T>, render: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json { print_json(&answer.json) } else { print(&render(&answer.value)) }
    }

    /// The same for what several answers came to.
    pub(super) fn show_sum<T: Serialize>(&self, sum: &T, render: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json { print_sum(sum) } else { print(&render(sum)) }
    }
}

impl<'a> About<'a> {
    /// About the agent.
    pub(super) fn agent(connect: &'a Connect, json: bool) -> About<'a> {
        About { connect, subject: String::new(), json }
    }

    /// About an interceptor.
    pub(super) fn target(connect: &'a Connect, target: &Target, json: bool) -> About<'a> {
        About { connect, subject: target.to_string(), json }
    }

    /// Does it, and tells why not where it cannot be done.
    pub(super) fn run(self, work: impl AsyncFnOnce(&Client) -> Result<(), Failure>) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                eprintln!("weir: no thread to run on: {error}");
                return ExitCode::FAILURE;
            }
        };
        let ended = runtime.block_on(async {
            let client = match self.connect.client() {
                Ok(client) => client,
                Err(error) => return Failure::from(error).tell(None, &self.subject, self.json).await,
            };
            if client.shows_its_token() {
                eprintln!("weir: the token goes to {} in clear text; https hides it", client.address());
            }
            match work(&client).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => failure.tell(Some(&client), &self.subject, self.json).await,
            }
        });
        // Looking a host's name up may take its time; nobody waits for it any more.
        runtime.shutdown_background();
        ended
    }
}
