//! What a command on a running agent ends with when it does not end well: one message, what to do next, and an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::client::{Client, Error, Problem};
use crate::config::problem::closest;
use crate::control::status::AgentStatus;
use crate::error_chain;
use crate::printable::escaped;

/// Refused, or something was found.
pub(super) const EXIT_FINDINGS: u8 = 1;
/// `EX_USAGE` of sysexits.h.
pub const EXIT_USAGE: u8 = 64;
/// `EX_UNAVAILABLE`.
pub(super) const EXIT_UNAVAILABLE: u8 = 69;
/// `EX_IOERR`.
pub(super) const EXIT_OUTPUT: u8 = 74;
/// `EX_NOPERM`.
const EXIT_NOT_ALLOWED: u8 = 77;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The answer is there and shown; it is just not a good one.
    Findings,
    /// The command cannot be carried out as it was given.
    Usage(String),
    /// The call came to nothing.
    Call(Error),
    /// The agent ended what should have gone on.
    Ended(String),
    /// Standard output cannot be written to.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Call(error)
    }
}

impl Failure {
    /// Of writing an answer.
    pub(super) fn output(error: io::Error) -> Failure {
        Failure::Output(error)
    }

    /// Says it on standard error, with what to do about it, which for a name that is not there means asking the agent which there are.
    /// `subject` is the pipeline or interceptor that was asked about. Under `--json` the agent's own words go to standard output besides.
    pub(super) async fn tell(self, client: Option<&Client>, subject: &str, json: bool) -> ExitCode {
        if let (true, Failure::Call(Error::Refused(problem))) = (json, &self) {
            // Nobody reads a pipe that is closed.
            let _ = super::show::output::print_json(&problem.json);
        }
        let there = match (&self, client) {
            (Failure::Call(Error::Refused(problem)), Some(client)) if problem.status == 404 => client.status().await.ok(),
            _ => None,
        };
        let there = there.map(|answer| There { subject, status: answer.value });
        // A standard error that is closed has nobody to tell.
        let _ = io::stderr().write_all(self.text(client.is_some_and(Client::has_token), there.as_ref()).as_bytes());
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Failure::Findings => EXIT_FINDINGS,
            Failure::Usage(_) => EXIT_USAGE,
            Failure::Ended(_) => EXIT_UNAVAILABLE,
            // The reader has had enough, as of `weir tap ... | head`.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Output(_) => EXIT_OUTPUT,
            Failure::Call(error) => match error {
                Error::Address { .. } | Error::Option(_) | Error::Read { .. } | Error::File { .. } => EXIT_USAGE,
                Error::Unreachable { .. } | Error::TimedOut { .. } | Error::CutOff { .. } => EXIT_UNAVAILABLE,
                Error::BrokenOff { .. } | Error::Silent { .. } => EXIT_UNAVAILABLE,
                Error::TooLarge { .. } | Error::Foreign { .. } => EXIT_UNAVAILABLE,
                Error::Refused(problem) if matches!(problem.status, 401 | 403) => EXIT_NOT_ALLOWED,
                Error::Refused(_) => EXIT_FINDINGS,
            },
        }
    }

    /// Lines for standard error.
    fn text(&self, has_token: bool, there: Option<&There>) -> String {
        let (message, next) = match self {
            Failure::Findings => return String::new(),
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return String::new(),
            Failure::Usage(message) | Failure::Ended(message) => (message.clone(), Vec::new()),
            Failure::Output(error) => (format!("write to standard output: {error}"), Vec::new()),
            Failure::Call(error) => (error_chain(error), next_steps(error, has_token, there)),
        };
        let mut text = format!("weir: {}\n", escaped(&message));
        for line in next {
            text.push_str(&format!("  {}\n", escaped(&line)));
        }
        text
    }
}

/// What a person can do about it.
fn next_steps(error: &Error, has_token: bool, there: Option<&There>) -> Vec<String> {
    let one = |line: &str| vec![line.to_owned()];
    match error {
        Error::Address { .. } | Error::Option(_) | Error::Read { .. } | Error::File { .. } | Error::TooLarge { .. } => Vec::new(),
        Error::Unreachable { .. } => {
            one("is the agent running? Its log line `ready` names its admin address: give that with --api URL or WEIR_API")
        }
        Error::Foreign { .. } => {
            one("is that the agent's admin address? The agent's log line `ready` names it: give that with --api URL or WEIR_API")
        }
        Error::TimedOut { .. } => one("it may have been done all the same: weir status shows what runs; --timeout allows more time"),
        Error::CutOff { .. } => one("it may have been done all the same: weir status shows what runs"),
        Error::BrokenOff { .. } | Error::Silent { .. } => one("weir status shows whether the agent still runs"),
        Error::Refused(problem) => {
            let mut lines: Vec<String> = problem.problems.iter().map(|problem| format!("- {problem}")).collect();
            lines.extend(advice(problem, has_token, there));
            lines
        }
    }
}

fn advice(problem: &Problem, has_token: bool, there: Option<&There>) -> Vec<String> {
    match (problem.status, there) {
        (401, _) if has_token => vec!["the agent does not know this token: see WEIR_TOKEN, WEIR_TOKEN_FILE or --token-file".to_owned()],
        (401, _) => vec!["give a token in WEIR_TOKEN, or a file's name in WEIR_TOKEN_FILE or --token-file".to_owned()],
        (403, _) => vec!["a token or certificate with the role `operate` may do everything; with `observe` one may only look".to_owned()],
        (404, Some(there)) => there.names(),
        (429, _) => vec!["try again when what is under way has ended".to_owned()],
        _ => Vec::new(),
    }
}

/// What the agent has, and what of it was asked for in vain.
struct There<'a> {
    subject: &'a str,
    status: AgentStatus,
}

impl There<'_> {
    fn names(&self) -> Vec<String> {
        let pipelines: Vec<&str> = self.status.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        let all = self.status.pipelines.iter().flat_map(|pipeline| &pipeline.interceptors);
        let interceptors: Vec<&str> = all.map(|interceptor| interceptor.path.as_str()).collect();
        let candidates = if self.subject.contains('/') { &interceptors } else { &pipelines };
        let meant = closest(self.subject, candidates.iter().copied()).filter(|name| *name != self.subject);
        let list = |what: &str, names: &[&str]| format!("{what}: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
        let mut lines: Vec<String> = meant.map(|name| format!("did you mean {name}?")).into_iter().collect();
        lines.extend([list("pipelines", &pipelines), list("interceptors", &interceptors)]);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::status::{InterceptorStatus, PipelineStatus};

    fn refused(status: u16, detail: &str) -> Failure {
        Failure::Call(Error::Refused(Box::new(Problem { status, detail: detail.into(), ..Problem::default() })))
    }

    fn there(subject: &str) -> There<'_> {
        let interceptors = vec![InterceptorStatus { path: "flume1/int-1".into(), ..InterceptorStatus::default() }];
        let pipelines = vec![PipelineStatus { name: "flume1".into(), interceptors, ..PipelineStatus::default() }];
        There { subject, status: AgentStatus { pipelines, ..AgentStatus::default() } }
    }

    #[test]
    fn a_name_that_is_not_there_is_answered_with_those_that_are() {
        let text = refused(404, "there is no interceptor \u{1b}[2Jflume1/int-2").text(false, Some(&there("flume1/int-2")));
        let expected = "weir: there is no interceptor \\u{1b}[2Jflume1/int-2\n  did you mean flume1/int-1?\n  pipelines: flume1\n  interceptors: flume1/int-1\n";
        assert_eq!(text, expected);
        let text = refused(404, "no").text(false, Some(&there("flum1")));
        assert!(text.contains("did you mean flume1?"), "{text}");
    }

    #[test]
    fn the_exit_code_says_who_is_to_act() {
        for (failure, code) in [
            (Failure::Findings, 1),
            (refused(422, "x"), 1),
            (refused(504, "x"), 1),
            (refused(401, "x"), 77),
            (refused(403, "x"), 77),
            (Failure::Usage("x".into()), 64),
            (Failure::Call(Error::Option("x".into())), 64),
            (Failure::Ended("x".into()), 69),
            (Failure::Call(Error::Foreign { address: "x".into(), found: "x".into() }), 69),
            (Failure::Output(io::ErrorKind::BrokenPipe.into()), 0),
            (Failure::Output(io::ErrorKind::StorageFull.into()), 74),
        ] {
            assert_eq!(failure.code(), code, "{failure:?}");
        }
    }

    #[test]
    fn every_problem_is_told_and_what_to_do_next() {
        let problems = vec!["import a:b/c is not granted".to_owned(), "no export".to_owned()];
        let problem = Problem { status: 422, detail: "score.wasm was not admitted".into(), problems, ..Problem::default() };
        let text = Failure::Call(Error::Refused(Box::new(problem))).text(true, None);
        assert_eq!(text, "weir: score.wasm was not admitted\n  - import a:b/c is not granted\n  - no export\n");
        assert!(refused(401, "who?").text(false, None).contains("WEIR_TOKEN"));
        assert!(refused(401, "who?").text(true, None).contains("does not know this token"));
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let text = Failure::Call(Error::Unreachable { address: "http://127.0.0.1:4141".into(), source: refused }).text(false, None);
        assert!(
            text.starts_with("weir: cannot reach an agent at http://127.0.0.1:4141: connection refused\n  is the agent running?"),
            "{text}"
        );
    }
}
