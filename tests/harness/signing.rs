//! Keys and signatures, as the tool `minisign` makes them.

use std::io::Cursor;

use minisign::KeyPair;

/// Somebody who signs plugins.
pub struct Signer {
    keys: KeyPair,
}

impl Signer {
    /// Somebody new.
    pub fn new() -> Signer {
        Signer { keys: KeyPair::generate_unencrypted_keypair().unwrap() }
    }

    /// The public key, as an agent's configuration has it.
    pub fn public(&self) -> String {
        self.keys.pk.to_base64()
    }

    /// The text of `FILE.minisig`.
    pub fn sign(&self, component: &[u8]) -> String {
        minisign::sign(Some(&self.keys.pk), &self.keys.sk, Cursor::new(component), None, None).unwrap().into_string()
    }
}

impl Default for Signer {
    fn default() -> Signer {
        Signer::new()
    }
}
