//! Programs of the author's machine: where they are, and one of them at work, its command shown before it runs.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;

/// Where programs are looked for.
#[derive(Debug, Clone, Default)]
pub struct Toolbox {
    path: OsString,
}

impl Toolbox {
    /// In the directories of `PATH`.
    #[must_use]
    pub fn of_environment() -> Toolbox {
        Toolbox { path: std::env::var_os("PATH").unwrap_or_default() }
    }

    /// In these directories, separated as in `PATH`.
    #[must_use]
    pub fn of(path: impl Into<OsString>) -> Toolbox {
        Toolbox { path: path.into() }
    }

    /// A program by its name, or by its path.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        let runs = |file: &PathBuf| std::fs::metadata(file).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(runs);
        }
        std::env::split_paths(&self.path)
            .filter(|directory| !directory.as_os_str().is_empty())
            .map(|directory| directory.join(name))
            .find(runs)
    }

    /// The first of these that is there, by its name.
    pub(super) fn first(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.find(name).is_some())
    }

    /// It must be there.
    pub(super) fn need(&self, program: &Program) -> Result<(), Error> {
        match self.find(program.name) {
            Some(_) => Ok(()),
            None => Err(missing(format!("`{}` is not there, which {}", program.name, program.purpose), program.install)),
        }
    }

    /// It must be there and not too old, as it runs in this directory; one whose answer says no version is taken. What it answers.
    pub(super) fn need_version(&self, program: &Program, directory: &Path) -> Result<String, Error> {
        self.need(program)?;
        let answer = self.version(program, directory);
        if version(&answer).is_some_and(|found| found < program.least) {
            let (name, least) = (program.name, program.shown_least());
            return Err(missing(format!("`{name}` is {answer}; {} needs {least} at least", program.user), program.install));
        }
        Ok(answer)
    }

    /// What it says when it is asked for its version; nothing where it does not run.
    pub(super) fn version(&self, program: &Program, directory: &Path) -> String {
        self.step(program.name, directory).args(program.question).ask().unwrap_or_default()
    }

    /// A command of a program of these.
    pub(super) fn step(&self, program: impl Into<OsString>, directory: &Path) -> Step {
        let program = program.into();
        let found = program.to_str().and_then(|name| self.find(name)).map(PathBuf::into_os_string);
        Step {
            shown: program.clone(),
            program: found.unwrap_or(program),
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: directory.to_owned(),
        }
    }
}

/// A program that builds of a language begin with.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// What it does, as in `which builds plugins in Go`.
    pub(super) purpose: &'static str,
    /// What it is asked for its version with.
    pub(super) question: &'static [&'static str],
    pub(super) least: (u32, u32),
    /// What takes no older one.
    pub(super) user: &'static str,
    /// Ways to have it.
    pub(super) install: &'static [&'static str],
}

impl Program {
    fn shown_least(&self) -> String {
        match self.least {
            (major, 0) => major.to_string(),
            (major, minor) => format!("{major}.{minor}"),
        }
    }
}

/// A tool that is not there, and how to have it.
pub(super) fn missing(what: String, install: &[&str]) -> Error {
    Error::Missing { what, install: install.iter().map(|line| (*line).to_owned()).collect() }
}

/// One command.
pub(super) struct Step {
    shown: OsString,
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    directory: PathBuf,
}

impl Step {
    pub(super) fn arg(mut self, argument: impl AsRef<OsStr>) -> Step {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Step {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(super) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Step {
        self.variables.push((name, value.into()));
        self
    }

    /// As it can be typed, in the project's directory.
    pub(super) fn line(&self) -> String {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = std::iter::once(&self.shown).chain(&self.arguments).map(|word| quoted(word));
        variables.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Shows it, then runs it. What it prints goes to standard error, since standard output is for what was made.
    pub(super) fn run(&self) -> Result<(), Error> {
        // Nobody reads a pipe that is closed.
        let _ = writeln!(std::io::stderr(), "$ {}", self.line());
        let errors = std::io::stderr().as_fd().try_clone_to_owned().map_err(Error::file("share standard error"))?;
        let status = self.command().stdin(Stdio::null()).stdout(Stdio::from(errors)).status();
        let status = status.map_err(Error::file(format!("run {}", self.shown.display())))?;
        if status.success() {
            return Ok(());
        }
        let status = status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"));
        Err(Error::Tool { command: self.shown.to_string_lossy().into_owned(), status })
    }

    /// What it prints, when it ends well: a question, so nothing is shown.
    pub(super) fn ask(&self) -> Option<String> {
        let output = self.command().stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// As [`Step::ask`]; what it prints when it does not is shown.
    pub(super) fn answer(&self) -> Result<String, Error> {
        let output = self.command().stdin(Stdio::null()).output().map_err(Error::file(format!("run {}", self.shown.display())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let _ = writeln!(std::io::stderr(), "$ {}", self.line());
        let _ = std::io::stderr().write_all(&output.stderr);
        Err(Error::Tool { command: self.shown.to_string_lossy().into_owned(), status: output.status.to_string() })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A word as a shell reads it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,+@%".contains(character);
    if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// The first number with a dot in a tool's answer, as of `go version go1.26.8 linux/amd64`: 1 and 26.
pub(super) fn version(answer: &str) -> Option<(u32, u32)> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    answer.split(|character: char| character.is_whitespace() || character.is_ascii_alphabetic()).find_map(|word| {
        let (major, rest) = word.split_once('.')?;
        Some((major.parse().ok()?, digits(rest).parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_tools_print_them() {
        for (answer, expected) in [
            ("go version go1.26.8 linux/amd64", Some((1, 26))),
            ("Python 3.11.2", Some((3, 11))),
            ("v20.19.2", Some((20, 19))),
            ("componentize-py 0.25.1", Some((0, 25))),
            ("Debian clang version 19.1.7 (3)", Some((19, 1))),
            ("none", None),
        ] {
            assert_eq!(version(answer), expected, "{answer}");
        }
    }

    #[test]
    fn a_command_is_shown_as_it_can_be_typed() {
        let step = Toolbox::of("").step("go", Path::new("/")).arg("-ldflags=-s -w").arg("it's").env("GOOS", "wasip1");
        assert_eq!(step.line(), r"GOOS=wasip1 go '-ldflags=-s -w' 'it'\''s'");
    }

    #[test]
    fn a_tool_that_is_not_there_is_named_with_what_brings_it() {
        let purpose = "compiles plugins in Go";
        let go = Program { name: "go", purpose, question: &[], least: (0, 0), user: "", install: &["apt-get install golang"] };
        let error = Toolbox::of("").need(&go).expect_err("nothing is there");
        assert_eq!(error.to_string(), "`go` is not there, which compiles plugins in Go");
        assert!(matches!(error, Error::Missing { install, .. } if install == ["apt-get install golang"]));
        assert!(Toolbox::of("/bin").find("sh").is_some());
    }

    #[test]
    fn a_tool_that_fails_ends_the_build_with_its_exit_code() {
        let failed = Toolbox::of("/bin").step("sh", Path::new("/")).args(["-c", "exit 3"]).run().expect_err("it fails");
        assert_eq!(failed.to_string(), "`sh` failed (exit code 3)");
    }
}
