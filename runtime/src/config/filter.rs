//! Flume's config filters (`org.apache.flume.configfilter`): `${name['key']}` in a value, resolved by the filter of that name.

use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;

use super::resolved::{Origin, Resolved};

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    let key = "[-_a-zA-Z0-9]+";
    let pattern = format!(r#"\$\{{(?<filter>[^\[\]{{}}$]+)\[(?:'(?<single>{key})'|"(?<double>{key})"|(?<bare>{key}))\]\}}"#);
    Regex::new(&pattern).expect("the pattern is a constant")
});

/// A filter of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `env`: the environment.
    Environment,
    /// `external`: the first line that `command key` prints; no shell is involved.
    External {
        /// Program and arguments, split at blanks.
        command: Vec<String>,
    },
}

/// What a reference could not be resolved for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment has no such variable.
    #[error("the environment has no variable `{0}`")]
    Unset(String),
    /// The command cannot be started.
    #[error("run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The command ended with another code than 0.
    #[error("`{program} {key}` ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// The key asked for.
        key: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

impl Filter {
    fn look_up(&self, key: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, Error> {
        match self {
            Filter::Environment => environment(key).ok_or_else(|| Error::Unset(key.to_owned())),
            Filter::External { command } => external(command, key),
        }
    }

    fn origin(&self, key: &str) -> Origin {
        match self {
            Filter::Environment => Origin::Environment { name: key.to_owned(), default: None },
            Filter::External { .. } => Origin::Command(key.to_owned()),
        }
    }
}

fn external(command: &[String], key: &str) -> Result<String, Error> {
    let program = command.first().cloned().unwrap_or_default();
    let output = Command::new(&program).args(command.iter().skip(1)).arg(key).output();
    let output = output.map_err(|source| Error::Run { program: program.clone(), source })?;
    if !output.status.success() {
        return Err(Error::Failed { program, key: key.to_owned(), status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

/// Replaces every reference to one of `filters` in `value`; a reference that fails is left and told to `failed`.
pub fn apply<'f>(
    value: &Resolved,
    filters: impl Fn(&str) -> Option<&'f Filter>,
    environment: &dyn Fn(&str) -> Option<String>,
    mut failed: impl FnMut(Error),
) -> Resolved {
    let mut out = Resolved::default();
    let mut done = 0;
    for captures in REFERENCE.captures_iter(&value.text) {
        let Some(reference) = captures.get(0) else { continue };
        let key = ["single", "double", "bare"].iter().find_map(|quote| captures.name(quote)).map_or("", |key| key.as_str());
        let Some(filter) = filters(&captures["filter"]) else { continue };
        match filter.look_up(key, environment) {
            Ok(found) => {
                out.push(value.slice(done..reference.start()));
                out.push(Resolved::of(found, filter.origin(key)));
                done = reference.end();
            }
            Err(error) => failed(error),
        }
    }
    out.push(value.slice(done..value.text.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply_one(filter: &Filter, text: &str) -> (String, usize) {
        let mut failures = 0;
        let environment = |name: &str| (name == "KEY").then(|| "value".to_owned());
        let out = apply(&Resolved::plain(text), |name| (name == "f").then_some(filter), &environment, |_| failures += 1);
        (out.text, failures)
    }

    #[test]
    fn all_three_quotings_are_references_and_several_fit_in_a_value() {
        let text = r#"${f['KEY']}-${f["KEY"]}-${f[KEY]}-${f['KEY"]}-${g[KEY]}"#;
        assert_eq!(apply_one(&Filter::Environment, text).0, r#"value-value-value-${f['KEY"]}-${g[KEY]}"#);
    }

    #[test]
    fn an_unset_variable_leaves_the_reference() {
        assert_eq!(apply_one(&Filter::Environment, "${f[NONE]}"), ("${f[NONE]}".to_owned(), 1));
    }

    #[test]
    fn a_command_gives_the_first_line_it_prints() {
        let echo = Filter::External { command: vec!["echo".to_owned(), "got".to_owned()] };
        assert_eq!(apply_one(&echo, "<${f[KEY]}>"), ("<got KEY>".to_owned(), 0));
        let no = Filter::External { command: vec!["false".to_owned()] };
        assert_eq!(apply_one(&no, "${f[KEY]}"), ("${f[KEY]}".to_owned(), 1));
        let none = Filter::External { command: vec!["/nowhere/to/be/found".to_owned()] };
        assert_eq!(apply_one(&none, "${f[KEY]}").1, 1);
    }
}
