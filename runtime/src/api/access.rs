//! Who asks, and whether they may.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use sha2::{Digest, Sha256};

use super::settings::{Role, Settings};
use crate::control::Caller;
use crate::http::{Peer, Problem};

/// The callers that are known.
pub(super) struct Access {
    tokens: Vec<Known>,
    certificates: Vec<Known>,
    needs_certificate: bool,
}

struct Known {
    name: String,
    role: Role,
    /// SHA-256 of the token, or of the certificate.
    digest: [u8; 32],
}

impl Access {
    pub(super) fn new(settings: &Settings) -> Access {
        let token = |token: &super::settings::Token| Known {
            name: token.name.clone(),
            role: token.role,
            digest: Sha256::digest(token.token.reveal()).into(),
        };
        let client = |client: &super::settings::Client| Known { name: client.name.clone(), role: client.role, digest: client.sha256.0 };
        Access {
            tokens: settings.tokens.iter().map(token).collect(),
            certificates: settings.tls.iter().flat_map(|tls| &tls.clients).map(client).collect(),
            needs_certificate: settings.client_ca().is_some(),
        }
    }

    /// Who asks. With authorities of client certificates everybody needs one; a token besides says more exactly who it is.
    pub(super) fn caller(&self, headers: &HeaderMap, peer: &Peer, operates: bool) -> Result<Caller, Problem> {
        if self.tokens.is_empty() && !self.needs_certificate {
            return Ok(Caller::new("local"));
        }
        let certificate = peer.certificate.filter(|_| self.needs_certificate);
        if self.needs_certificate && certificate.is_none() {
            return Err(unknown("a client certificate is required"));
        }
        let (name, role) = match (bearer(headers)?, certificate) {
            (Some(token), _) => {
                let known = find(&self.tokens, &Sha256::digest(token).into()).ok_or_else(|| unknown("there is no such token"))?;
                (known.name.clone(), known.role)
            }
            (None, Some(digest)) => match find(&self.certificates, &digest) {
                Some(known) => (known.name.clone(), known.role),
                None => (format!("certificate {}", &hex(&digest)[..12]), Role::Observe),
            },
            (None, None) => return Err(unknown("a token is required: `Authorization: Bearer TOKEN`")),
        };
        if operates && role != Role::Operate {
            return Err(Problem::new(StatusCode::FORBIDDEN, format!("{name} may observe, and this takes the role `operate`")));
        }
        Ok(Caller { name })
    }
}

/// The token that was sent, if one was.
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = sent.next() else { return Ok(None) };
    let token = value.as_bytes().split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
    match (token, sent.next()) {
        (Some((_, token)), None) => Ok(Some(token.trim_ascii())),
        _ => Err(unknown("the Authorization header is not one `Bearer TOKEN`")),
    }
}

/// Compares with all of them, and all of each, so that the time tells nothing; what is compared are digests, which nobody can choose.
fn find<'a>(known: &'a [Known], digest: &[u8; 32]) -> Option<&'a Known> {
    let mut found = None;
    for one in known {
        let difference = one.digest.iter().zip(digest).fold(0, |difference, (a, b)| difference | (a ^ b));
        if std::hint::black_box(difference) == 0 {
            found = Some(one);
        }
    }
    found
}

fn unknown(detail: &str) -> Problem {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
    problem.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"weir\""))
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
