//! `weir plugin new`: a project to begin with.

use std::path::PathBuf;
use std::process::ExitCode;

use super::ending::failed;
use crate::plugin::Language;
use crate::project::scaffold::{Plan, scaffold};

/// Arguments of `weir plugin new`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin's name, in lower case, words joined by `-`: `large-ones`.
    name: String,
    /// What it will be written in: rust, go, python, js, ts or c.
    #[arg(long = "lang", value_name = "LANGUAGE")]
    language: Language,
    /// The directory to make. Default: one of the plugin's name, here.
    #[arg(long = "dir", value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

pub(super) fn main(args: Args) -> ExitCode {
    let directory = args.directory.unwrap_or_else(|| PathBuf::from(&args.name));
    let plan = Plan { name: args.name, language: args.language, directory };
    match scaffold(&plan) {
        Ok(files) => {
            print!("{}", told(&plan, &files));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// What was made, and what comes next.
fn told(plan: &Plan, files: &[PathBuf]) -> String {
    let own = files.iter().filter(|file| !file.starts_with("weir-sdk"));
    let own: Vec<String> = own.map(|file| format!("  {}\n", file.display())).collect();
    let directory = plan.directory.display();
    let unit_tests = match plan.language {
        Language::Rust => "cargo test",
        Language::Go => "go test ./...",
        Language::Python => "PYTHONPATH=src:weir-sdk/src python3 -m unittest discover -s tests",
        Language::JavaScript | Language::TypeScript => "npm install && npm test",
        Language::C => "make check",
    };
    format!(
        "{} in {}: {directory}\n{}  weir-sdk/ (the SDK)\n\nNext:\n  cd {directory}\n  {unit_tests:<58} # its own tests, without WebAssembly\n  \
         weir plugin build{:41} # makes build/{}.wasm; weir doctor --lang {} looks for the tools\n  \
         weir plugin test build/{}.wasm sample.jsonl --expect expected.jsonl\n  weir plugin dev{:43} # builds again at each save, and shows what changed\n",
        plan.name,
        plan.language.title(),
        own.concat(),
        "",
        plan.name,
        plan.language,
        plan.name,
        "",
    )
}
