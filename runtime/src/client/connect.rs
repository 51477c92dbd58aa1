//! Which agent is spoken to, and as whom: the options that all commands on a running agent share.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::header::HeaderValue;

use super::{Address, Client, Error, tls};

/// Where an agent's API is unless the agent or the caller says otherwise.
pub const DEFAULT_API: &str = "http://127.0.0.1:4141";
/// Holds a token.
const TOKEN: &str = "WEIR_TOKEN";
/// Names a file with a token.
const TOKEN_FILE: &str = "WEIR_TOKEN_FILE";

/// Which agent, and as whom. A token is never an argument: those are seen by everybody on the machine.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connect {
    /// Address of the agent's admin API.
    #[arg(long, env = "WEIR_API", value_name = "URL", default_value = DEFAULT_API)]
    pub api: String,
    /// File that holds a token; else $WEIR_TOKEN holds one, or $WEIR_TOKEN_FILE names the file.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) that vouch for an agent behind https.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Certificate (PEM) to show to the agent.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Private key (PEM) of that certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Longest that one call may take, and a stream be silent.
    #[arg(long, value_name = "TIME", default_value = "310s", value_parser = duration)]
    pub timeout: Duration,
}

impl Connect {
    /// A client that has read its files; nothing is connected yet.
    ///
    /// # Errors
    /// An address, a file or an option that cannot be used.
    pub fn client(&self) -> Result<Client, Error> {
        let address = Address::parse(&self.api)?;
        let tls = if address.tls {
            Some(tls::connector(&address.host, self.ca.as_deref(), self.cert.as_deref().zip(self.key.as_deref()))?)
        } else if self.ca.is_some() || self.cert.is_some() {
            return Err(Error::Option(format!("--ca and --cert are for https, and the address is {address}")));
        } else {
            None
        };
        let token = token(self.token_file.as_deref(), |name| std::env::var_os(name))?;
        Ok(Client::new(address, token, tls, self.timeout))
    }
}

/// A time such as `10s`, for clap.
///
/// # Errors
/// When it is none, or no time at all.
pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime_serde::re::humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("it must be longer than nothing".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; a time is such as 10s or 2min")),
    }
}

/// The header that shows who asks. What is said on the command line wins over the environment.
fn token(file: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<HeaderValue>, Error> {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(file) = file {
        return from_file(file).map(Some);
    }
    if let Some(token) = given(TOKEN) {
        let text = token.into_string().map_err(|_| Error::Option(format!("{TOKEN} is not UTF-8")))?;
        let header =
            bearer(text.trim()).ok_or_else(|| Error::Option(format!("{TOKEN} holds no token: a token is one word of visible ASCII")))?;
        return Ok(Some(header));
    }
    given(TOKEN_FILE).map(|file| from_file(Path::new(&file))).transpose()
}

fn from_file(path: &Path) -> Result<HeaderValue, Error> {
    let what = "the token file";
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { what, path: path.to_owned(), source })?;
    bearer(text.trim()).ok_or_else(|| Error::File {
        what,
        path: path.to_owned(),
        reason: "it holds no token: a token is one word of visible ASCII".to_owned(),
    })
}

fn bearer(token: &str) -> Option<HeaderValue> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn a_token_comes_from_a_file_or_the_environment_and_is_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "from-a-file\n").unwrap();
        let environment = |name: &str| (name == TOKEN).then(|| OsString::from(" from-the-environment "));
        assert_eq!(token(None, none).unwrap(), None);
        assert_eq!(token(None, environment).unwrap().unwrap(), "Bearer from-the-environment");
        assert_eq!(token(Some(&file), environment).unwrap().unwrap(), "Bearer from-a-file");
        let named = |name: &str| (name == TOKEN_FILE).then(|| file.clone().into_os_string());
        let header = token(None, named).unwrap().unwrap();
        assert_eq!(header, "Bearer from-a-file");
        assert!(!format!("{header:?}").contains("from"), "{header:?}");
    }

    #[test]
    fn a_token_that_is_none_is_refused_without_being_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "two words\n").unwrap();
        let error = token(Some(&file), none).unwrap_err().to_string();
        assert!(error.contains("one word") && !error.contains("two"), "{error}");
        let error = token(None, |name| (name == TOKEN).then(|| OsString::from("hunter\u{e9}"))).unwrap_err().to_string();
        assert!(error.contains(TOKEN) && !error.contains("hunter"), "{error}");
        assert!(matches!(token(Some(&directory.path().join("none")), none), Err(Error::Read { .. })));
    }

    #[test]
    fn a_time_has_a_unit_and_is_not_nothing() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        for text in ["10", "0s", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
