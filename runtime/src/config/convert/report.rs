//! What became of each line of a Flume file.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::config::problem::Problem;
use crate::printable::escaped;

/// How well a line is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It means what it means in Flume.
    Exact,
    /// It means nearly that, or has nothing to say here.
    Approximate,
    /// It is lost: a key that is ignored, or a component that is left out.
    Unsupported,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Exact => "exact",
            Verdict::Approximate => "approximate",
            Verdict::Unsupported => "unsupported",
        }
    }
}

/// A line of a Flume file.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The file, as given.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The whole key.
    pub key: String,
    /// How well it is kept.
    pub verdict: Verdict,
    /// What it became, such as `pipelines.a.sources.r.kafka.group`.
    pub native: Vec<String>,
    /// What is to be known about it; holds no secret.
    pub why: Vec<String>,
    /// Flume's files cannot run because of it.
    pub is_error: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}: {}", escaped(&self.file), self.line, self.verdict.name(), escaped(&self.key))?;
        if !self.native.is_empty() {
            write!(formatter, " -> {}", escaped(&self.native.join(", ")))?;
        }
        if !self.why.is_empty() {
            write!(formatter, " ({})", escaped(&self.why.join("; ")))?;
        }
        Ok(())
    }
}

/// An environment variable that has to be set for the native form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The Flume key it stands for.
    pub key: String,
}

/// What became of Flume's files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// In the files' order.
    pub lines: Vec<Line>,
    /// What is wrong or worth knowing beside single lines.
    pub problems: Vec<Problem>,
    /// What has to be set in the environment, which was elsewhere for Flume.
    pub variables: Vec<Variable>,
}

impl Report {
    /// How many lines got this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict == verdict).count()
    }

    /// The report as a JSON object.
    #[must_use]
    pub fn json(&self) -> Json {
        let line = |line: &Line| {
            json!({
                "file": line.file,
                "line": line.line,
                "key": line.key,
                "verdict": line.verdict.name(),
                "native": line.native,
                "why": line.why,
            })
        };
        json!({
            "exact": self.count(Verdict::Exact),
            "approximate": self.count(Verdict::Approximate),
            "unsupported": self.count(Verdict::Unsupported),
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
            "variables": self.variables.iter().map(|variable| json!({ "name": variable.name, "key": variable.key })).collect::<Vec<_>>(),
            "problems": self.problems.iter().map(Problem::json).collect::<Vec<_>>(),
        })
    }
}
