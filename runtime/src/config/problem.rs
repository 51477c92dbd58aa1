//! One thing that is wrong with a configuration, or worth knowing: where, what, and what to do about it; and how it is shown.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::secret::MASK;

/// Longest piece of a configuration that a message quotes, characters.
const LONGEST_QUOTE: usize = 80;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// It runs, but perhaps not as meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it: `error`, `warning`, `note`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A configuration file as it may be shown: its text with the secrets masked.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// As given on the command line.
    pub name: String,
    shown: String,
    secrets: Vec<Range<usize>>,
}

impl File {
    /// Keeps `text` with the byte ranges `secrets` masked; positions stay as they were.
    #[must_use]
    pub fn new(name: String, text: &str, secrets: Vec<Range<usize>>) -> File {
        let mut bytes = text.as_bytes().to_vec();
        for secret in &secrets {
            for (index, byte) in bytes[secret.clone()].iter_mut().enumerate() {
                // The rest is blank, so that the length is not told.
                let mask = if index < MASK.len() { b'*' } else { b' ' };
                *byte = if *byte == b'\n' || *byte == b'\r' { *byte } else { mask };
            }
        }
        File { name, shown: String::from_utf8_lossy(&bytes).into_owned(), secrets }
    }

    /// The line that holds a byte: its number from 1, and its bytes' range without the line end.
    fn line_at(&self, offset: usize) -> (usize, Range<usize>) {
        let offset = offset.min(self.shown.len());
        let before = &self.shown.as_bytes()[..offset];
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = self.shown.as_bytes()[offset..].iter().position(|byte| *byte == b'\n').map_or(self.shown.len(), |at| offset + at);
        (before.iter().filter(|byte| **byte == b'\n').count() + 1, start..end)
    }
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<File>,
    /// Bytes of its text.
    pub span: Range<usize>,
}

impl Place {
    /// Line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.file.line_at(self.span.start).0
    }

    /// Column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        let (_, line) = self.file.line_at(self.span.start);
        let before = &self.file.shown.as_bytes()[line.start..self.span.start.clamp(line.start, line.end)];
        String::from_utf8_lossy(before).chars().count() + 1
    }

    /// The first line of the span, never longer than the mask when it is a secret.
    fn shown_span(&self, line: &Range<usize>) -> Range<usize> {
        let start = floor_boundary(&self.file.shown, self.span.start.clamp(line.start, line.end));
        let masked = self.file.secrets.iter().any(|secret| secret.contains(&start));
        let end = if masked { self.span.end.min(start + MASK.len()) } else { self.span.end };
        start..floor_boundary(&self.file.shown, end.clamp(start, line.end))
    }
}

fn floor_boundary(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file.name, self.line(), self.column())
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is the case; holds no secret.
    pub message: String,
    /// What to do, in lines of their own.
    pub help: Vec<String>,
    /// The full key, where one is concerned.
    pub key: Option<String>,
    /// Where; `None` for what is not in a file (the command line, a file that cannot be read).
    pub place: Option<Place>,
    /// Flume lets this pass and so does Weir, but not under `--strict`.
    pub lenient: bool,
    /// Weir does what Flume does: the warning is about that.
    pub same: bool,
}

impl Problem {
    fn new(severity: Severity, message: impl Into<String>) -> Problem {
        Problem { severity, message: message.into(), help: Vec::new(), key: None, place: None, lenient: false, same: false }
    }

    /// Nothing can run with it.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Problem {
        Problem::new(Severity::Error, message)
    }

    /// It runs, perhaps not as meant.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Problem {
        Problem::new(Severity::Warning, message)
    }

    /// A warning that is an error under `--strict`.
    #[must_use]
    pub fn lenient(message: impl Into<String>) -> Problem {
        Problem { lenient: true, ..Problem::new(Severity::Warning, message) }
    }

    /// Worth knowing.
    #[must_use]
    pub fn note(message: impl Into<String>) -> Problem {
        Problem::new(Severity::Note, message)
    }

    /// Adds a line of advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help.push(help.into());
        self
    }

    /// Weir does what Flume does: the warning is about that, and not about a difference.
    #[must_use]
    pub fn same(mut self) -> Problem {
        self.same = true;
        self
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Problem {
        self.place = Some(place);
        self
    }

    /// Names the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Problem {
        self.key = Some(key.into());
        self
    }

    /// The file's name, if it is in a file.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.file.name.as_str())
    }

    /// `file:line:column: severity: message`, on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let place = self.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        format!("{place}{}: {}", self.severity.name(), self.message)
    }

    /// The report with the line of the file and a caret under the key or value; in colour if asked for.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        if let Some(place) = &self.place {
            let (number, line) = place.file.line_at(place.span.start);
            let span = place.shown_span(&line);
            let snippet = Snippet::source(&place.file.shown[line.clone()])
                .path(place.file.name.as_str())
                .line_start(number)
                .annotation(AnnotationKind::Primary.span(span.start - line.start..span.end - line.start));
            group = group.element(snippet);
        }
        group = group.elements(self.help.iter().map(|help| Level::HELP.message(help.as_str())));
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    /// The finding as a JSON object.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "severity": self.severity.name(),
            "file": self.file(),
            "line": self.place.as_ref().map(Place::line),
            "column": self.place.as_ref().map(Place::column),
            "span": self.place.as_ref().map(|place| [place.span.start, place.span.end]),
            "key": self.key,
            "message": self.message,
            "help": self.help,
        })
    }
}

/// A piece of a configuration between backticks: cut when long, control characters escaped.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST_QUOTE {
            out.push('…');
            break;
        }
        if character.is_control() {
            // Writing to a string does not fail.
            let _ = write!(out, "{}", character.escape_default());
        } else {
            out.push(character);
        }
    }
    out.push('`');
    out
}

/// The candidate that was most likely meant, if one is close enough (Damerau-Levenshtein, a third of the letters).
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, span: Range<usize>, secrets: Vec<Range<usize>>) -> Problem {
        let file = Arc::new(File::new("a.properties".to_owned(), text, secrets));
        Problem::error("no").at(Place { file, span })
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let problem = problem("a = 1\nä = b\n", 11..12, Vec::new());
        assert_eq!(problem.line(), "a.properties:2:5: error: no");
    }

    #[test]
    fn a_secret_is_masked_with_its_length() {
        let problem = problem("password = hunter2hunter2\n", 11..25, std::iter::once(11..25).collect());
        let shown = problem.render(false);
        assert!(shown.contains("password = ***"), "{shown}");
        assert!(!shown.contains("hunter") && !shown.contains("****") && !shown.contains("^^^^"), "{shown}");
    }

    #[test]
    fn a_span_past_the_end_is_shown_at_the_end() {
        assert!(problem("ab", 7..9, Vec::new()).render(false).contains("ab"));
    }

    #[test]
    fn quotes_are_cut_and_free_of_control_characters() {
        assert_eq!(quoted("a\u{1b}[1m"), "`a\\u{1b}[1m`");
        assert_eq!(quoted(&"x".repeat(200)).chars().count(), LONGEST_QUOTE + 3);
    }

    #[test]
    fn the_closest_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(closest("batchsize", ["batchSize", "batchDurationMillis"]), Some("batchSize"));
        assert_eq!(closest("frobnicate", ["batchSize", "channels"]), None);
    }
}
