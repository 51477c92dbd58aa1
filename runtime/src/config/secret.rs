//! Which values are secrets. They are masked wherever a configuration is shown: reports, logs, `Debug`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// Words that make a key's value a secret, compared ignoring case.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "token",
    "apikey",
    "api-key",
    "api_key",
    "private",
    "sasl.jaas.config",
    "sasl.oauthbearer.config",
    "ssl.key.pem",
    "keystore.key",
];

/// What stands for a secret.
pub const MASK: &str = "***";

/// Whether the value of this key is never to be shown.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    WORDS.iter().any(|word| key.contains(word)) || key.split(|character: char| !character.is_alphanumeric()).any(is_misspelt)
}

/// A misspelt key (`sasl.pasword`) is reported with its line, and its value is as secret as if it were spelt right.
fn is_misspelt(part: &str) -> bool {
    [("password", 2), ("passphrase", 2), ("secret", 1)].iter().any(|(word, most)| strsim::damerau_levenshtein(part, word) <= *most)
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value, for what it is there for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// Shows a map of settings with the secret values masked.
#[derive(Clone, Copy)]
pub struct Masked<'a>(pub &'a BTreeMap<String, String>);

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(key, value): (&'_ String, &'_ String)| (key.clone(), if is_secret(key) { MASK.to_owned() } else { value.clone() });
        formatter.debug_map().entries(self.0.iter().map(shown)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_keys_and_login_modules_are_secrets_in_any_case() {
        for key in [
            "sasl.password",
            "kafka.consumer.sasl.jaas.config",
            "ssl.key.pem",
            "Ssl.Key.PASSWORD",
            "apiKey",
            "client_secret",
            "sasl.pasword",
            "passwrd",
        ] {
            assert!(is_secret(key), "{key}");
        }
        assert!(!is_secret("kafka.bootstrap.servers"));
    }

    #[test]
    fn a_map_is_shown_without_its_secrets() {
        let map = BTreeMap::from([("sasl.password".to_owned(), "hunter2".to_owned()), ("acks".to_owned(), "all".to_owned())]);
        assert_eq!(format!("{:?}", Masked(&map)), r#"{"acks": "all", "sasl.password": "***"}"#);
    }
}
