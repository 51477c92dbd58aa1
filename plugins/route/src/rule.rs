//! One rule: what of an event it looks at, what that must be, and the topic.

use regex::bytes::Regex;

use weir_interceptor::Event;

/// A line of the setting `rules`.
pub struct Rule {
    subject: Subject,
    test: Test,
    /// Whether the test must fail.
    negated: bool,
    topic: String,
}

enum Subject {
    Header(String),
    Json(String),
    Key,
    Body,
}

enum Test {
    Is(String),
    Matches(Regex),
}

/// What tells the subject from the value, and whether it negates.
const OPERATORS: [(&str, bool); 4] = [(" = ", false), (" != ", true), (" ~ ", false), (" !~ ", true)];

/// Reads all rules; empty lines and those that begin with `#` are none. An error names the line.
pub fn read(text: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            rules.push(Rule::read(line).map_err(|error| format!("line {number} of `rules`: {error}"))?);
        }
    }
    if rules.is_empty() { Err("`rules` has no rule".into()) } else { Ok(rules) }
}

/// A name Kafka takes for a topic.
pub fn topic(name: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match (1..=249).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{name}` is no topic: 1 to 249 letters, digits, `.`, `_` and `-`")),
    }
}

impl Rule {
    fn read(line: &str) -> Result<Rule, String> {
        let (condition, name) = line.rsplit_once(" -> ").ok_or("it has no ` -> TOPIC`")?;
        // The first of them counts: a value may hold another.
        let found = OPERATORS.iter().filter_map(|(operator, negated)| Some((condition.find(operator)?, operator, *negated)));
        let (at, operator, negated) = found.min_by_key(|(at, ..)| *at).ok_or("it has none of ` = `, ` != `, ` ~ ` and ` !~ `")?;
        let (subject, value) = (condition[..at].trim(), condition[at + operator.len()..].trim());
        let test = if operator.contains('~') { Test::Matches(regex(value)?) } else { Test::Is(value.to_owned()) };
        Ok(Rule { subject: Subject::read(subject)?, test, negated, topic: topic(name.trim())? })
    }

    /// Whether the event has what the rule looks at, and it is as the rule says.
    pub fn matches(&self, event: &Event) -> bool {
        self.subject.of(event).is_some_and(|value| self.test.holds(value) != self.negated)
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }
}

impl Subject {
    fn read(text: &str) -> Result<Subject, String> {
        match text.split_once(' ').map(|(kind, name)| (kind, name.trim())) {
            Some(("header", name)) => Ok(Subject::Header(name.to_owned())),
            Some(("json", pointer)) if is_pointer(pointer) => Ok(Subject::Json(pointer.to_owned())),
            Some(("json", other)) => Err(format!("`{other}` is no JSON pointer (RFC 6901), such as `/card/country`")),
            None if text == "key" => Ok(Subject::Key),
            None if text == "body" => Ok(Subject::Body),
            _ => Err(format!("`{text}` is none of `header NAME`, `json POINTER`, `key` and `body`")),
        }
    }

    fn of<'b>(&self, event: &Event<'b, '_>) -> Option<&'b [u8]> {
        match self {
            Subject::Header(name) => event.header(name),
            Subject::Json(pointer) => event.json_text(pointer).map(str::as_bytes),
            Subject::Key => event.key(),
            Subject::Body => event.body(),
        }
    }
}

impl Test {
    fn holds(&self, value: &[u8]) -> bool {
        match self {
            Test::Is(text) => value == text.as_bytes(),
            Test::Matches(regex) => regex.is_match(value),
        }
    }
}

fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

/// The error of a malformed one is drawn over several lines; the last says what is wrong.
fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        format!("`{text}` is no regular expression: {}", error.lines().last().unwrap_or_default())
    })
}
