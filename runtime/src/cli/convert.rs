//! `weir convert`: Flume's files in the native form, with a report of what became of every line.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::EXIT_USAGE;
use super::validate::{EXIT_CONFIG, write_report};
use crate::config::Load;
use crate::config::convert::{Conversion, Error, Options, Report, Verdict, convert};
use crate::config::problem::{Problem, Severity};
use crate::error_chain;

/// Something was lost.
const EXIT_UNSUPPORTED: u8 = 1;
/// `EX_SOFTWARE` of sysexits.h.
const EXIT_SOFTWARE: u8 = 70;
/// `EX_IOERR`.
const EXIT_OUTPUT: u8 = 74;

/// Arguments of `weir convert`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Flume's files; of several later ones override.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Agent to convert; may be repeated. Needed when the files hold several.
    #[arg(short = 'n', long, value_name = "NAME")]
    pub name: Vec<String>,
    /// File to write, which ends in `.toml`. Default: standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Directory to look in for a file that is not in the working directory.
    #[arg(short = 'c', long, value_name = "DIR")]
    pub conf: Option<PathBuf>,
    /// Plugin that runs in place of a Java class, or a TOML file with a table `[plugins]` of those; may be repeated.
    #[arg(long, value_name = "CLASS=FILE|TOML")]
    pub plugin_map: Vec<String>,
    /// TOML file with the agent's settings; they are written, too.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Refuse what Flume lets pass: unknown keys, and components that cannot be configured.
    #[arg(long)]
    pub strict: bool,
    /// Java's system properties; `${sys:KEY}` reads them.
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub system: Vec<String>,
    /// Write what can be read, even if something cannot: the result may not run.
    #[arg(long)]
    pub partial: bool,
    /// Write no comments that say where values come from.
    #[arg(long)]
    pub no_comments: bool,
    /// Overwrite the output file.
    #[arg(long)]
    pub force: bool,
    /// Print the report as a JSON object on standard output; without `--output` it holds the file's text, too.
    #[arg(long)]
    pub json: bool,
    /// Of the report show what is not exact only.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Converts, and reports on standard error. Exit codes: 0 everything is exact or approximate; 1 something is not supported and left out; 78
/// Flume's files cannot run, and nothing is written unless `--partial`; 64 the output file is there or no `.toml`; 74 it cannot be written.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    if let Some(output) = &args.output {
        if output.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("toml")) {
            return fail(EXIT_USAGE, &format!("{} does not end in .toml, by which the native form is known", output.display()));
        }
        if output.exists() && !args.force {
            return fail(EXIT_USAGE, &exists(output));
        }
    }
    let directory = args.output.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let options = Options { directory, comments: !args.no_comments, partial: args.partial };
    let conversion = match convert(&load(&args), options) {
        Ok(conversion) => conversion,
        Err(Error::Config(error)) => {
            // A standard error that is closed has nobody to tell.
            let _ = write_report(&error.problems, args.quiet);
            return ExitCode::from(EXIT_CONFIG);
        }
        Err(error) => return fail(EXIT_SOFTWARE, &error_chain(&error)),
    };
    let written = match &args.output {
        Some(output) => write(output, &conversion, args.force),
        None if args.json => Ok(()),
        None => io::stdout().lock().write_all(conversion.toml.as_bytes()),
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return fail(EXIT_USAGE, &args.output.as_deref().map(exists).unwrap_or_default());
        }
        Err(error) => return fail(EXIT_OUTPUT, &format!("cannot write the native form: {error}")),
        Ok(()) => {}
    }
    let _ = tell(&args, &conversion);
    exit_code(&conversion.report)
}

fn load(args: &Args) -> Load {
    Load {
        conf_file: args.files.clone(),
        conf: args.conf.clone(),
        name: args.name.clone(),
        plugin_map: args.plugin_map.clone(),
        settings: args.settings.clone(),
        strict: args.strict,
        system: args.system.clone(),
        ..Load::default()
    }
}

fn exists(output: &Path) -> String {
    format!("{} exists: --force overwrites it", output.display())
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("weir: {message}");
    ExitCode::from(code)
}

fn exit_code(report: &Report) -> ExitCode {
    if report.problems.iter().any(is_error) || report.lines.iter().any(|line| line.is_error) {
        return ExitCode::from(EXIT_CONFIG);
    }
    if report.count(Verdict::Unsupported) > 0 { ExitCode::from(EXIT_UNSUPPORTED) } else { ExitCode::SUCCESS }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

/// Writes the whole file or none. Only its owner reads a file with secrets in it.
fn write(output: &Path, conversion: &Conversion, overwrite: bool) -> io::Result<()> {
    let directory = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = if conversion.has_secrets { 0o600 } else { 0o666 };
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(directory)?;
    file.write_all(conversion.toml.as_bytes())?;
    file.as_file().sync_all()?;
    if overwrite {
        file.persist(output)?
    } else {
        file.persist_noclobber(output)?
    };
    File::open(directory)?.sync_all()
}

fn tell(args: &Args, conversion: &Conversion) -> io::Result<()> {
    let report = &conversion.report;
    if args.json {
        let mut json = report.json();
        if args.output.is_none() {
            json["toml"] = conversion.toml.clone().into();
        }
        return writeln!(io::stdout().lock(), "{json}");
    }
    let mut err = io::stderr().lock();
    for line in report.lines.iter().filter(|line| !args.quiet || line.verdict != Verdict::Exact) {
        writeln!(err, "{line}")?;
    }
    for problem in &report.problems {
        writeln!(err, "{}", problem.line())?;
    }
    for variable in &report.variables {
        writeln!(err, "needs the environment variable {}, for {}", variable.name, variable.key)?;
    }
    if conversion.has_secrets {
        writeln!(err, "secrets are written in clear, as Flume's files have them: ${{env:NAME}} or ${{file:PATH}} keeps them elsewhere")?;
    }
    let counts =
        [Verdict::Exact, Verdict::Approximate, Verdict::Unsupported].map(|verdict| format!("{} {}", report.count(verdict), verdict.name()));
    writeln!(err, "{}", counts.join(", "))
}
