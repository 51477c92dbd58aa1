//! Who may use the admin address: the table `[agent.api]`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::secret::Secret;
use crate::http::host;

/// Fewest characters of a token.
const SHORTEST_TOKEN: usize = 16;
/// Names of callers that are no person.
const RESERVED: [&str; 5] = ["local", "probe", "file", "signal", "trial"];

/// Who may use the admin address. With nothing set, on loopback, everybody who reaches it may do everything.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Tokens, sent as `Authorization: Bearer TOKEN`. With one set, or with `client_ca`, everything but the probes needs one.
    pub tokens: Vec<Token>,
    /// TLS instead of plain HTTP. Default: none.
    pub tls: Option<Tls>,
    /// Names that requests may have in `Host`, such as `weir.example:4141`, beside loopback names and the address they came in by.
    pub hosts: Vec<host::Name>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whose it is: the name in the audit log and in histories.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The token, at least 16 visible ASCII characters.
    pub token: Secret,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Read: status, histories, taps, logs, dead letters, metrics.
    Observe,
    /// Everything.
    Operate,
}

/// TLS of the admin address. Files are PEM, and begin where the file with the settings is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and what leads to its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Authorities of client certificates; with them everything but the probes needs a certificate. Default: none.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// Certificates with a name and a role; any other that the authorities signed may observe.
    #[serde(default)]
    pub clients: Vec<Client>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Whose it is.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the certificate's DER form, in hex, as `openssl x509 -noout -fingerprint -sha256` prints it.
    pub sha256: Fingerprint,
}

/// SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Fingerprint(pub [u8; 32]);

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Fingerprint, String> {
        let wrong = || format!("{text:?} is no SHA-256 in hex: 64 digits, with or without colons");
        let digits: String = text.chars().filter(|character| *character != ':').collect();
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Fingerprint(bytes))
    }
}

/// What is wrong with the settings as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Key of `[agent]` that it is about.
    pub key: &'static str,
    /// What is the case.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Settings {
    /// Whether a caller must say who it is.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        !self.tokens.is_empty() || self.client_ca().is_some()
    }

    /// The authorities of client certificates.
    #[must_use]
    pub fn client_ca(&self) -> Option<&Path> {
        self.tls.as_ref()?.client_ca.as_deref()
    }

    /// Makes relative files begin in `directory`.
    pub fn resolve_files(&mut self, directory: &Path) {
        let Some(tls) = &mut self.tls else { return };
        for file in [Some(&mut tls.certificate), Some(&mut tls.key), tls.client_ca.as_mut()].into_iter().flatten() {
            *file = directory.join(&*file);
        }
    }

    /// What is wrong with them for an admin address; `None` is the usual one, on loopback.
    #[must_use]
    pub fn flaws(&self, admin: Option<SocketAddr>) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut flaw = |key, message: String, help: Option<&str>| flaws.push(Flaw { key, message, help: help.map(str::to_owned) });
        if let Some(admin) = admin.filter(|admin| !self.is_guarded() && !admin.ip().to_canonical().is_loopback()) {
            let help = "add `tokens = [{ name = \"...\", role = \"operate\", token = \"${env:WEIR_TOKEN}\" }]` or `tls` with `client_ca` to [agent.api], or use 127.0.0.1";
            let message = format!("the admin address {admin} is not on loopback, and whoever reaches it could change what runs");
            flaw("admin", message, Some(help));
        }
        for token in &self.tokens {
            let (name, secret) = (&token.name, token.token.reveal());
            if secret.chars().count() < SHORTEST_TOKEN {
                flaw(
                    "api",
                    format!("token {name:?} is shorter than {SHORTEST_TOKEN} characters"),
                    Some("`openssl rand -hex 32` makes a good one"),
                );
            } else if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                flaw("api", format!("token {name:?} has characters that a header cannot carry; use visible ASCII only"), None);
            }
        }
        let clients = self.tls.iter().flat_map(|tls| &tls.clients);
        let mut names = BTreeSet::new();
        for name in self.tokens.iter().map(|token| &token.name).chain(clients.clone().map(|client| &client.name)) {
            if name.is_empty() || name.chars().any(char::is_control) || RESERVED.contains(&name.as_str()) {
                let message = format!("{name:?} cannot be a caller's name: it is empty, not printable, or the agent's own");
                flaw("api", message, None);
            } else if !names.insert(name) {
                flaw("api", format!("two callers are named {name:?}: the audit log could not tell them apart"), None);
            }
        }
        let mut secrets = BTreeSet::new();
        for token in self.tokens.iter().filter(|token| !secrets.insert(token.token.reveal())) {
            flaw("api", format!("token {:?} is the same as another", token.name), None);
        }
        let mut fingerprints = BTreeSet::new();
        for client in clients.clone().filter(|client| !fingerprints.insert(client.sha256)) {
            flaw("api", format!("the certificate of {:?} is the same as another", client.name), None);
        }
        if clients.count() > 0 && self.client_ca().is_none() {
            let help = "set `client_ca` in `tls` of [agent.api]";
            flaw("api", "client certificates are listed, and no authority says which are valid".to_owned(), Some(help));
        }
        flaws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        toml::from_str(text).expect("settings")
    }

    fn messages(text: &str, admin: Option<&str>) -> String {
        let admin = admin.map(|admin| admin.parse().expect("an address"));
        settings(text).flaws(admin).into_iter().map(|flaw| flaw.message).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_address_that_others_reach_needs_tokens_or_client_certificates() {
        let token = "tokens = [{ name = 'ci', role = 'operate', token = '0123456789abcdef' }]";
        let mutual = "tls = { certificate = 'c', key = 'k', client_ca = 'a' }";
        for address in ["0.0.0.0:4141", "10.0.0.1:4141", "[::]:4141"] {
            assert!(messages("", Some(address)).contains("is not on loopback"), "{address}");
            assert!(messages("tls = { certificate = 'c', key = 'k' }", Some(address)).contains("is not on loopback"));
            assert_eq!(messages(token, Some(address)), "");
            assert_eq!(messages(mutual, Some(address)), "");
        }
        for address in [None, Some("127.0.0.1:4141"), Some("[::1]:0"), Some("[::ffff:127.0.0.1]:0")] {
            assert_eq!(messages("", address), "");
        }
    }

    #[test]
    fn what_is_wrong_with_a_token_is_said_without_it() {
        let text = "tokens = [
            { name = 'short', role = 'observe', token = 'hunter2' },
            { name = 'space', role = 'observe', token = 'hunter2 hunter2 hunter2' },
            { name = 'file', role = 'observe', token = 'hunter2hunter2hunter2' },
            { name = 'a', role = 'observe', token = 'hunter2hunter2hunter2' },
            { name = 'a', role = 'observe', token = 'hunter2-hunter2-hunter2' },
        ]";
        let said = messages(text, None);
        for part in
            ["\"short\" is shorter", "\"space\" has characters", "\"file\" cannot be", "two callers are named \"a\"", "\"a\" is the same"]
        {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
        assert!(!said.contains("hunter2"), "{said}");
        assert!(!format!("{:?}", settings(text)).contains("hunter2"));
    }

    #[test]
    fn a_fingerprint_is_read_as_openssl_prints_it() {
        let colons = vec!["AB"; 32].join(":");
        let client = |sha256: &str| {
            format!("tls = {{ certificate = 'c', key = 'k', clients = [{{ name = 'a', role = 'operate', sha256 = '{sha256}' }}] }}")
        };
        let read = settings(&client(&colons));
        assert_eq!(read.tls.as_ref().map(|tls| tls.clients[0].sha256), Some(Fingerprint([0xab; 32])));
        assert!(read.flaws(None)[0].message.contains("no authority"));
        for wrong in ["", "ab", &"ag".repeat(32), &"é".repeat(32)] {
            assert!(toml::from_str::<Settings>(&client(wrong)).is_err(), "{wrong}");
        }
    }
}
