//! `weir run`: reads a configuration and runs it until it is told to stop.

use std::process::ExitCode;

use tracing::info;

use super::validate::{EXIT_CONFIG, write_report};
use crate::agent::{self, Agent, Configuration, Signals};
use crate::api;
use crate::config::{self, Fingerprint, Load};
use crate::error_chain;
use crate::telemetry::logs;

/// Arguments of `weir run`. `flume-ng agent`'s own are understood.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which configuration.
    #[command(flatten)]
    pub load: Load,
    /// How the log looks: text on a terminal and JSON lines otherwise, unless said here.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: logs::Format,
    /// Log level or filter, such as `info,weir::plugin=debug`. Default: $WEIR_LOG, then $RUST_LOG, then info.
    #[arg(long)]
    pub log_level: Option<String>,
}

/// Runs until SIGTERM or SIGINT, then drains; SIGHUP and changed files reload, SIGUSR1 logs the status. Exit codes: 0 drained; 78 a configuration that cannot run; 69 an address or a plugin
/// that is not to be had; 1 a pipeline that stopped itself, or a drain that was cut short.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let seen = Fingerprint::take(&args.load);
    let loaded = match config::load(&args.load) {
        Ok(loaded) => loaded,
        Err(error) => {
            // A standard error that is closed has nobody to tell.
            let _ = write_report(&error.problems, false);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let log = match logs::init(args.log_format, args.log_level.as_deref()) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("weir: {}", error_chain(&error));
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    agent::warn_of(&loaded.warnings);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no threads to run on");
            return ExitCode::from(EXIT_UNAVAILABLE);
        }
    };
    let ended = runtime.block_on(async {
        let signals = Signals::install()?;
        let agent = Agent::build(&loaded.spec, &loaded.settings, Some(Configuration::new(args.load, seen)), log).await?;
        let spans = agent.spans();
        let ended = agent.run(signals).await;
        if let Some(spans) = spans {
            spans.end().await;
        }
        ended
    });
    // A thread in librdkafka may take its time; nothing of worth is left to wait for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => {
            info!("ended");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = %error_chain(&error), "ended");
            exit_code(&error)
        }
    }
}

/// `EX_UNAVAILABLE` of sysexits.h.
const EXIT_UNAVAILABLE: u8 = 69;

fn exit_code(error: &agent::Error) -> ExitCode {
    use crate::pipeline::Error::{Channel, DeadLetters, Interceptor, NotDrained, Stopped};
    match error {
        agent::Error::Pipeline(_, error) => match **error {
            Interceptor { .. } | DeadLetters(..) => ExitCode::from(EXIT_CONFIG),
            Stopped(..) | NotDrained(..) => ExitCode::FAILURE,
            Channel { .. } => ExitCode::from(EXIT_UNAVAILABLE),
        },
        agent::Error::Api(api::Error::Settings(_) | api::Error::Tls(_)) => ExitCode::from(EXIT_CONFIG),
        agent::Error::Api(api::Error::Listen(..)) | agent::Error::Listen(..) | agent::Error::Plugins(_) | agent::Error::Signals(_) => {
            ExitCode::from(EXIT_UNAVAILABLE)
        }
        agent::Error::Panicked(_) | agent::Error::DrainLimit(_) | agent::Error::CutShort => ExitCode::FAILURE,
    }
}
