//! Detached minisign signatures (Ed25519 over a BLAKE2b digest): `FILE.wasm.minisig` beside `FILE.wasm`, or sent along with an upload.
//!
//! Keys come from the configuration only. With one key set every plugin must be signed, and an unsigned one is refused before any of it is parsed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};
use serde::de::{self, Deserialize, Deserializer};

/// The longest signature file that is read; a real one has about 300 bytes.
const LONGEST: u64 = 4096;

/// Whose signatures count, by the name of the key: `[agent.signatures]`, `NAME = "RWQ..."` (the second line of a minisign public key file).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signatures(BTreeMap<String, PublicKey>);

impl<'de> Deserialize<'de> for Signatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signatures, D::Error> {
        let keys = BTreeMap::<String, String>::deserialize(deserializer)?;
        let read = |(name, key): (String, String)| match PublicKey::from_base64(key.trim()) {
            Ok(key) => Ok((name, key)),
            Err(error) => Err(de::Error::custom(format!("the key `{name}` is no minisign public key: {error}"))),
        };
        keys.into_iter().map(read).collect::<Result<_, _>>().map(Signatures)
    }
}

impl Signatures {
    /// Whether a plugin needs no signature.
    #[must_use]
    pub fn are_optional(&self) -> bool {
        self.0.is_empty()
    }

    /// Name of the key that signed these bytes; `None` where no key is set.
    ///
    /// # Errors
    /// What is wrong, for a person: unsigned, not a signature, signed by somebody else, or other bytes than the signed ones.
    pub(super) fn verify(&self, bytes: &[u8], signature: Option<&str>) -> Result<Option<String>, String> {
        if self.are_optional() {
            return Ok(None);
        }
        let known = || self.0.keys().cloned().collect::<Vec<_>>().join(", ");
        let Some(signature) = signature else {
            return Err(format!("it is not signed, and this agent takes only what is signed by: {}", known()));
        };
        let signature = Signature::decode(signature).map_err(|error| format!("its signature is no minisign signature: {error}"))?;
        let signed_by = self.0.iter().find(|(_, key)| key.verify(bytes, &signature, false).is_ok());
        match signed_by {
            Some((name, _)) => Ok(Some(name.clone())),
            None => Err(format!("its signature does not fit: it is by none of {}, or of another file", known())),
        }
    }
}

/// Where the signature of a plugin's file is.
#[must_use]
pub fn signature_file(plugin: &Path) -> PathBuf {
    let mut name = plugin.as_os_str().to_owned();
    name.push(".minisig");
    PathBuf::from(name)
}

/// The text of a signature file; `None` where there is none.
///
/// # Errors
/// The file is there and cannot be read, or is no text, or too long to be a signature.
pub(super) fn read(file: &Path) -> std::io::Result<Option<String>> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    opened.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(std::io::Error::other(format!("longer than {LONGEST} bytes: not a signature")));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use minisign::KeyPair;

    use super::*;

    fn pair() -> KeyPair {
        KeyPair::generate_unencrypted_keypair().expect("a key pair")
    }

    fn trusting(name: &str, pair: &KeyPair) -> Signatures {
        let table = format!("{name} = {:?}", pair.pk.to_base64());
        toml::from_str(&table).expect("a key")
    }

    fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
        minisign::sign(None, &pair.sk, Cursor::new(bytes), None, None).expect("a signature").into_string()
    }

    #[test]
    fn a_signature_by_a_known_key_names_the_key() {
        let (pair, other) = (pair(), pair());
        let signatures = trusting("release", &pair);
        assert_eq!(signatures.verify(b"plugin", Some(&sign(&pair, b"plugin"))), Ok(Some("release".to_owned())));
        assert_eq!(Signatures::default().verify(b"plugin", None), Ok(None));
        for (signature, reason) in [
            (None, "not signed"),
            (Some(sign(&other, b"plugin")), "does not fit"),
            (Some(sign(&pair, b"plugin and more")), "does not fit"),
            (Some("nonsense".to_owned()), "no minisign signature"),
        ] {
            let refused = signatures.verify(b"plugin", signature.as_deref()).expect_err("refused");
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_named() {
        let error = toml::from_str::<Signatures>("release = \"RWnonsense\"").expect_err("no key");
        assert!(error.to_string().contains("`release` is no minisign public key"), "{error}");
    }
}
