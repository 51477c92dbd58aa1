//! The properties of one component, read one by one: what was read is marked, so that what is left over is a mistake.
//!
//! The typed reads are those of Flume's `Context`. A value that Flume's component would refuse makes the component `refused`: Flume drops it
//! and carries on, and so does the loader.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

use super::problem::{File, Place, Problem, closest, quoted};
use super::properties::Text;
use super::resolved::{Foreign, Resolved};
use super::secret::{MASK, is_secret};

/// Where findings are gathered while a configuration is read.
pub type Problems = Rc<RefCell<Vec<Problem>>>;

/// A value as written and as substituted, and where it is.
#[derive(Debug, Clone)]
pub struct Value {
    /// The whole key, agent included.
    pub key: String,
    /// After substitution.
    pub text: String,
    /// What of the text the file does not hold.
    pub foreign: Vec<Foreign>,
    written: Text,
    key_span: Range<usize>,
    file: Arc<File>,
}

impl Value {
    /// A value as read from a file, before substitution.
    #[must_use]
    pub fn new(key: String, written: Text, key_span: Range<usize>, file: Arc<File>) -> Value {
        Value { key, text: written.text.clone(), foreign: Vec::new(), written, key_span, file }
    }

    /// The text as the file has it, for messages; masked when the key is a secret's. A substituted value is never shown: it may be one.
    #[must_use]
    pub fn shown(&self) -> String {
        if is_secret(&self.key) { MASK.to_owned() } else { quoted(&self.written.text) }
    }

    /// The text and which of it came from where.
    #[must_use]
    pub fn resolved(&self) -> Resolved {
        Resolved { text: self.text.clone(), foreign: self.foreign.clone() }
    }

    /// Takes a completed text.
    pub fn set(&mut self, resolved: Resolved) {
        self.text = resolved.text;
        self.foreign = resolved.foreign;
    }

    /// Where the key is.
    #[must_use]
    pub fn key_place(&self) -> Place {
        Place { file: self.file.clone(), span: self.key_span.clone() }
    }

    /// Where the value is.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { file: self.file.clone(), span: self.written.span.clone() }
    }

    /// Whether this place is in the key or the value.
    #[must_use]
    pub fn holds(&self, place: &Place) -> bool {
        place.file == self.file && (self.key_span.start..=self.written.span.end.max(self.key_span.end)).contains(&place.span.start)
    }

    /// Where a part of the text is: all of the value when it was substituted.
    #[must_use]
    pub fn place_of(&self, range: Range<usize>) -> Place {
        let whole = self.text != self.written.text || is_secret(&self.key);
        let span = if whole { self.written.span.clone() } else { self.written.place_of(range) };
        Place { file: self.file.clone(), span }
    }
}

/// The properties below one prefix (`flume1.sources.orders.`), by the rest of their keys.
pub struct Keys {
    scope: String,
    declared: Place,
    values: BTreeMap<String, Value>,
    known: BTreeSet<String>,
    known_prefixes: BTreeSet<String>,
    read: BTreeSet<String>,
    refused: bool,
    problems: Problems,
}

impl Keys {
    /// The properties below `scope`; `declared` is where the component is listed.
    #[must_use]
    pub fn new(scope: String, declared: Place, values: BTreeMap<String, Value>, problems: Problems) -> Keys {
        let (known, known_prefixes, read) = Default::default();
        Keys { scope, declared, values, known, known_prefixes, read, refused: false, problems }
    }

    /// No property at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether the key is set.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Where the component is declared: its `type`, else the list that names it.
    #[must_use]
    pub fn declared(&self) -> Place {
        self.values.get("type").map_or_else(|| self.declared.clone(), Value::place)
    }

    /// Where a key's value is, else where the component is declared.
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        self.values.get(key).map_or_else(|| self.declared(), Value::place)
    }

    /// The whole key.
    #[must_use]
    pub fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.scope)
    }

    /// Whether a value was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Adds a finding.
    pub fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Adds a finding that makes the component unusable.
    pub fn refuse(&mut self, problem: Problem) {
        self.refused = true;
        self.report(problem);
    }

    /// Refuses this component where a part of it, read from [`Keys::nested`], was refused.
    pub fn refuse_with(&mut self, nested: &Keys) {
        self.refused |= nested.refused;
    }

    /// The value of a key, which counts as read and known.
    pub fn get(&mut self, key: &str) -> Option<Value> {
        self.known.insert(key.to_owned());
        let value = self.values.get(key)?.clone();
        self.read.insert(key.to_owned());
        Some(value)
    }

    /// The value of a key, else of its old name; the new one wins, and the old one is told what replaces it.
    pub fn get_renamed(&mut self, key: &str, old: &str) -> Option<Value> {
        let current = self.get(key);
        let Some(outdated) = self.get(old) else { return current };
        let message = match &current {
            Some(_) => format!("`{old}` is ignored, since `{key}` is set"),
            None => format!("`{old}` is the old name of `{key}`"),
        };
        let problem = Problem::warning(message).help(format!("use `{}`", self.full(key))).same();
        self.report(problem.key(outdated.key.clone()).at(outdated.key_place()));
        current.or(Some(outdated))
    }

    /// Text, or the default.
    pub fn text(&mut self, key: &str, default: &str) -> String {
        self.get(key).map_or_else(|| default.to_owned(), |value| value.text)
    }

    /// Java's `Boolean.parseBoolean`: only `true` in any case is true. Anything but `true` and `false` gets a warning.
    pub fn boolean(&mut self, key: &str, default: bool) -> bool {
        let Some(value) = self.get(key) else { return default };
        let is_true = value.text.eq_ignore_ascii_case("true");
        if !is_true && !value.text.eq_ignore_ascii_case("false") {
            self.report(
                Problem::lenient(format!("{} is neither `true` nor `false`; Flume takes it for `false`", value.shown()))
                    .same()
                    .key(value.key.clone())
                    .at(value.place()),
            );
        }
        is_true
    }

    /// A number, or the default; text that is none refuses the component, as Java's `NumberFormatException` does.
    pub fn number<N: FromStr>(&mut self, key: &str, default: N, what: &str) -> N {
        match self.get(key) {
            None => default,
            Some(value) => self.parsed(&value, what).unwrap_or(default),
        }
    }

    /// The value as a number; refuses the component when it is none.
    pub fn parsed<N: FromStr>(&mut self, value: &Value, what: &str) -> Option<N> {
        let parsed = value.text.strip_prefix('+').unwrap_or(&value.text).parse().ok();
        if parsed.is_none() {
            self.refuse(Problem::lenient(format!("{} is not {what}", value.shown())).key(value.key.clone()).at(value.place()));
        }
        parsed
    }

    /// Takes every key that begins with `prefix`, by the rest of the key; all of them count as read.
    pub fn take(&mut self, prefix: &str) -> BTreeMap<String, Value> {
        self.known_prefixes.insert(prefix.to_owned());
        let matching = self.values.iter().filter(|(key, _)| key.starts_with(prefix));
        let taken: BTreeMap<String, Value> = matching.map(|(key, value)| (key[prefix.len()..].to_owned(), value.clone())).collect();
        self.read.extend(taken.keys().map(|rest| format!("{prefix}{rest}")));
        taken
    }

    /// Takes every key that nobody has asked for yet.
    pub fn take_rest(&mut self) -> BTreeMap<String, Value> {
        let unread = self.values.iter().filter(|(key, _)| !self.read.contains(*key));
        let taken: BTreeMap<String, Value> = unread.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.read.extend(taken.keys().cloned());
        taken
    }

    /// The keys below `name.` as a component of their own; `declared` is where it is listed.
    pub fn nested(&mut self, name: &str, declared: Place) -> Keys {
        let values = self.take(&format!("{name}."));
        Keys::new(self.full(name), declared, values, self.problems.clone())
    }

    /// A key that means something else here than in Flume: a note says how, where it is set.
    pub fn differs(&mut self, key: &str, how: &str) {
        let Some(value) = self.get(key) else { return };
        self.report(Problem::note(format!("`{key}`: {how}")).key(value.key.clone()).at(value.key_place()));
    }

    /// Keys that Flume knows and that mean nothing here.
    pub fn ignore(&mut self, keys: &[&str]) {
        for key in keys {
            // Reading marks it as known.
            let _ = self.get(key);
        }
    }

    /// Reports every key that nobody asked for.
    pub fn report_unknown(&self) {
        for (key, value) in self.values.iter().filter(|(key, _)| !self.read.contains(*key)) {
            let mut problem = Problem::lenient(format!("unknown key {}", quoted(key))).key(value.key.clone()).at(value.key_place());
            let candidates = self.known.iter().filter(|known| !self.read.contains(*known)).map(String::as_str);
            if let Some(meant) =
                self.known.iter().find(|known| key.strip_prefix("kafka.") == Some(known) || known.strip_prefix("kafka.") == Some(key))
            {
                problem = problem.help(format!("did you mean `{meant}`?"));
            } else if let Some(meant) = closest(key, candidates) {
                problem = problem.help(format!("did you mean `{meant}`?"));
            } else if let Some(prefix) = self.prefix_meant(key) {
                problem = problem.help(format!("did you mean `{prefix}…`?"));
            }
            self.report(problem);
        }
    }

    /// A prefix (`kafka.consumer.`) that the beginning of the key almost is.
    fn prefix_meant(&self, key: &str) -> Option<&str> {
        let dots = key.match_indices('.').map(|(at, _)| &key[..=at]);
        dots.filter_map(|start| closest(start, self.known_prefixes.iter().map(String::as_str))).next_back()
    }
}
