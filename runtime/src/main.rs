//! The `weir` command.

mod allocator;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use weir::cli::{
    EXIT_USAGE, compile, convert, demo, dlq, doctor, graph, history, logs, pause, plugin, reload, run, status, swap, tap, validate,
};

/// Kafka pipelines with WebAssembly interceptors: runs Flume's configurations, loses nothing.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 110)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the pipelines of a configuration until SIGTERM.
    #[command(visible_alias = "agent")]
    Run(Box<run::Args>),
    /// See it work: the seed's configuration on a stream of transactions, with a broker in this process.
    Demo(demo::Args),
    /// Say everything that is wrong with a configuration, without running it.
    Validate(Box<validate::Args>),
    /// Write Flume's files in the native form, and say what became of every line.
    Convert(Box<convert::Args>),
    /// Draw what a configuration runs.
    Graph(Box<graph::Args>),
    /// Show what an agent is doing.
    Status(status::Args),
    /// Watch an agent's figures.
    #[cfg(feature = "top")]
    Top(weir::cli::top::Args),
    /// Listen at an interceptor: events before it, behind it, or what it did to them.
    Tap(Box<tap::Args>),
    /// Read the log of an agent and its plugins.
    Logs(logs::Args),
    /// Have a new version of a plugin judge from the next batch on.
    Swap(Box<swap::Args>),
    /// Go back to the version before, or to any other that ran.
    Rollback(swap::RollbackArgs),
    /// List the versions an interceptor has run.
    History(history::Args),
    /// Have a pipeline read nothing for a while.
    Pause(pause::Args),
    /// Have a paused pipeline read again.
    Resume(pause::Args),
    /// Have an agent read its configuration again and run what changed.
    Reload(reload::Args),
    /// List, show, replay or drop dead letters.
    #[command(subcommand)]
    Dlq(dlq::Task),
    /// Write, build and try plugins.
    #[command(subcommand)]
    Plugin(plugin::Task),
    /// See whether this machine has what agents and plugins need.
    Doctor(doctor::Args),
    /// The compiler's own process.
    #[command(hide = true)]
    CompilePlugin(compile::CompilePlugin),
}

/// How `weir --help` groups the commands.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Pipelines", &["run", "demo", "validate", "convert", "graph"]),
    ("Looking at a running agent", &["status", "top", "tap", "logs", "history"]),
    ("Changing a running agent", &["swap", "rollback", "pause", "resume", "reload", "dlq"]),
    ("Plugins", &["plugin", "doctor"]),
];

fn main() -> ExitCode {
    let parsed = command().try_get_matches().and_then(|matches| Command::from_arg_matches(&matches));
    let task = match parsed {
        Ok(command) => command.task,
        Err(error) => {
            // Nobody reads a pipe that is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match task {
        Task::Run(args) => run::main(*args),
        Task::Demo(args) => demo::main(args),
        Task::Validate(args) => validate::main(*args),
        Task::Convert(args) => convert::main(*args),
        Task::Graph(args) => graph::main(*args),
        Task::Status(args) => status::main(args),
        #[cfg(feature = "top")]
        Task::Top(args) => weir::cli::top::main(args),
        Task::Tap(args) => tap::main(*args),
        Task::Logs(args) => logs::main(args),
        Task::Swap(args) => swap::main(*args),
        Task::Rollback(args) => swap::rollback(args),
        Task::History(args) => history::main(args),
        Task::Pause(args) => pause::pause(args),
        Task::Resume(args) => pause::resume(args),
        Task::Reload(args) => reload::main(args),
        Task::Dlq(task) => dlq::main(task),
        Task::Plugin(task) => plugin::main(task),
        Task::Doctor(args) => doctor::main(args),
        Task::CompilePlugin(args) => compile::main(args),
    }
}

/// The command with its subcommands grouped, which clap does for options only.
fn command() -> clap::Command {
    let command = Command::command();
    let mut groups = String::new();
    for (title, names) in GROUPS {
        groups.push_str(&format!("\n\u{1b}[1m\u{1b}[4m{title}:\u{1b}[0m\n"));
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            groups.extend(about.map(|about| format!("  \u{1b}[1m{name:<13}\u{1b}[0m {about}\n")));
        }
    }
    let template =
        format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{groups}\n\u{1b}[1m\u{1b}[4mOptions:\u{1b}[0m\n{{options}}");
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_is_in_one_group_of_the_help() {
        let command = command();
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
        let mut shown: Vec<&str> = shown.collect();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        if cfg!(not(feature = "top")) {
            grouped.retain(|name| *name != "top");
        }
        shown.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(shown, grouped);
    }

    #[test]
    fn commands_are_taken_as_they_are_documented() {
        for line in [
            "status flume1 --json",
            "tap flume1/int-1 --diff -n 3 --changed --contains x --rate 5",
            "logs flume1/int-1 -f --level WARN -n 5",
            "swap flume1/r1/int-1 score.wasm --signature s --why better --expect 77ab --wait 10s --no-trial --api https://x --ca ca.pem",
            "rollback flume1/int-1 9f2c --why worse",
            "history flume1/int-1 -n 3",
            "convert a.properties b.properties -n flume1 -o out.toml -Dx=y --json --partial",
            "graph -f a.properties -n flume1 --format dot",
            "dlq list flume1 --reason trap --group",
            "dlq replay flume1 0:1 0:2",
            "dlq replay flume1 --all --plugin 77ab",
            "dlq drop flume1 --all --yes",
            "plugin test p.wasm events.jsonl --expect out.jsonl --update --set a=b=c --set d=e --batch 5 --memory 1MiB --deadline 1s",
            "plugin try p.wasm --text --batch 2",
            "plugin bench p.wasm events.jsonl --batches 1,5,1000 --seconds 3 --json",
            "plugin dev project --swap flume1/int-1 --api https://x",
            "plugin new large-ones --lang rust --dir x",
            "plugin build x -o y.wasm --json",
            "plugin inspect y.wasm --json",
            "plugin compile y.wasm z.wasm --cache c",
            "doctor --lang go --lang c --json",
        ] {
            let parsed = command().try_get_matches_from(std::iter::once("weir").chain(line.split(' ')));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
        for line in [
            "tap flume1",
            "tap a/b --before --after",
            "swap a/b c --token x",
            "dlq replay flume1 0:1 --all",
            "status --cert c",
            "plugin new x",
            "plugin new x --lang cobol",
            "plugin test p.wasm e --update",
            "plugin bench p.wasm --batches 0",
        ] {
            assert!(command().try_get_matches_from(std::iter::once("weir").chain(line.split(' '))).is_err(), "{line}");
        }
    }
}
