//! `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` in strings of the native form; `$${` is `${` itself.

use std::path::Path;

/// Largest file that a string may take in, bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// A string that cannot be completed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable that is not set and has no default.
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    /// A file that cannot be read.
    #[error("read file `{path}`: {cause}")]
    Read {
        /// As written.
        path: String,
        /// Why.
        cause: String,
    },
    /// `${` without `}`.
    #[error("`${{` is never closed; write `$${{` for the text itself")]
    Unclosed,
    /// Neither `env:` nor `file:`.
    #[error("`${{{0}}}` is neither `${{env:NAME}}` nor `${{file:PATH}}`; write `$${{` for the text itself")]
    Unknown(String),
}

/// The completed string; `None` when there is nothing to complete. Files are found from `directory`, and lose one line end.
pub fn interpolate(text: &str, directory: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, Error> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        if out.ends_with('$') {
            out.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        let end = rest[at..].find('}').ok_or(Error::Unclosed)?;
        out.push_str(&look_up(&rest[at + 2..at + end], directory, environment)?);
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    Ok(Some(out))
}

fn look_up(inner: &str, directory: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, Error> {
    if let Some(variable) = inner.strip_prefix("env:") {
        let (name, default) = variable.split_once(":-").map_or((variable, None), |(name, default)| (name, Some(default.to_owned())));
        return environment(name).or(default).ok_or_else(|| Error::Unset(name.to_owned()));
    }
    if let Some(path) = inner.strip_prefix("file:") {
        return read(&directory.join(path)).map_err(|cause| Error::Read { path: path.to_owned(), cause: cause.to_string() });
    }
    Err(Error::Unknown(inner.to_owned()))
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(std::io::Error::other("larger than 1 MiB"));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> Result<Option<String>, Error> {
        interpolate(text, Path::new("/"), &|name| (name == "HOST").then(|| "kafka1".to_owned()))
    }

    #[test]
    fn variables_defaults_and_escapes_are_completed() {
        assert_eq!(complete("${env:HOST}:9092,${env:NONE:-b}").unwrap().unwrap(), "kafka1:9092,b");
        assert_eq!(complete("$${env:HOST}").unwrap().unwrap(), "${env:HOST}");
        assert!(complete("100 $ {x}").unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_completed_is_an_error() {
        assert!(matches!(complete("${env:NONE}"), Err(Error::Unset(_))));
        assert!(matches!(complete("${file:nowhere/at/all}"), Err(Error::Read { .. })));
        assert!(matches!(complete("${HOST}"), Err(Error::Unknown(_))));
        assert!(matches!(complete("a${"), Err(Error::Unclosed)));
    }

    #[test]
    fn a_file_loses_its_line_end() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), "hunter2\r\n").unwrap();
        let text = interpolate("${file:secret}", directory.path(), &|_| None).unwrap();
        assert_eq!(text.as_deref(), Some("hunter2"));
    }
}
