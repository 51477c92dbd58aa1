//! `weir plugin compile`: machine code before it is needed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use super::ending::failed;
use crate::cli::show::amount;
use crate::interceptor::spec::Ability;
use crate::plugin::{Artifact, Host, Options, default_cache};
use crate::project::Error;

/// Arguments of `weir plugin compile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugins.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the agent keeps compiled code (`cache` in its configuration). Default: $CACHE_DIRECTORY, $XDG_CACHE_HOME/weir or ~/.cache/weir, as of an agent.
    #[arg(long, value_name = "DIRECTORY")]
    cache: Option<PathBuf>,
}

/// Goes on after one that fails; the exit code is the last failure's.
pub(super) fn main(args: Args) -> ExitCode {
    let Some(cache) = args.cache.or_else(default_cache) else {
        return failed(&Error::Usage("there is no HOME: say where compiled code is kept, with --cache DIRECTORY".to_owned()));
    };
    let host = match Host::new(Options { cache: Some(cache.clone()), ..Options::default() }) {
        Ok(host) if host.has_cache() => host,
        Ok(_) => {
            let why = format!(
                "{}: compiled code cannot be kept there: it must be a directory of this user's that others may not write",
                cache.display()
            );
            return failed(&Error::Usage(why));
        }
        Err(error) => return failed(&error.into()),
    };
    let mut ending = ExitCode::SUCCESS;
    for file in &args.files {
        match compile(file, &host) {
            Ok(said) => println!("{}: {said}", file.display()),
            Err(error) => ending = failed(&error),
        }
    }
    ending
}

fn compile(file: &Path, host: &Host) -> Result<String, Error> {
    let begun = Instant::now();
    let code = host.precompile(Artifact::read(file, &host.terms(&Ability::ALL))?)?;
    let size = amount::bytes(code.bytes);
    let how = if code.was_there { "was there already".to_owned() } else { format!("compiled in {:.1} s", begun.elapsed().as_secs_f64()) };
    Ok(format!("{how}, {size} of machine code, {}", code.key))
}
