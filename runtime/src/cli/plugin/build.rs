//! `weir plugin build`: sources to a component, whatever the language.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use super::ending::failed;
use super::report;
use crate::plugin::{self, Host, Inspection};
use crate::project::{self, Built, Error, Project, Toolbox};

/// Arguments of `weir plugin build`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's directory, or a core module that an SDK's build made.
    #[arg(default_value = ".", value_name = "DIRECTORY | MODULE")]
    from: PathBuf,
    /// Where the component goes. Default: build/NAME.wasm in the project.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON object about it.
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: Args) -> ExitCode {
    let begun = Instant::now();
    let done = host().and_then(|host| {
        let built = build(&args.from, args.output.as_deref(), &host)?;
        let inspection = Inspection::of_taken(&built.file, &built.artifact, built.description.clone())?;
        Ok((built, inspection))
    });
    match done {
        Ok((built, inspection)) => {
            // Nobody reads a pipe that is closed.
            let _ = print(&args, &built, &inspection, begun);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// An agent's host with the default terms and the default cache: what was compiled for `describe` need not be compiled at the start.
pub(super) fn host() -> Result<Host, Error> {
    Ok(Host::new(plugin::Options { cache: plugin::default_cache(), ..plugin::Options::default() })?)
}

fn build(from: &Path, output: Option<&Path>, host: &Host) -> Result<Built, Error> {
    if !from.is_file() {
        let options = project::Options { tools: Toolbox::of_environment(), output: output.map(Path::to_owned) };
        return project::build(&Project::find(from)?, host, &options);
    }
    let Some(output) = output else {
        return Err(Error::Usage("of a core module, the component needs a file to go to: -o PLUGIN.wasm".to_owned()));
    };
    project::wrap(from, output, host)
}

fn print(args: &Args, built: &Built, inspection: &Inspection, begun: Instant) -> io::Result<()> {
    for difference in &built.differences {
        writeln!(io::stderr(), "weir: note: {difference}")?;
    }
    let mut out = io::stdout().lock();
    let file = built.file.display().to_string();
    if args.json {
        return writeln!(out, "{}", report::json(&file, inspection));
    }
    writeln!(out, "{file} in {:.1} s", begun.elapsed().as_secs_f64())?;
    out.write_all(report::text(inspection).as_bytes())?;
    out.flush()
}
