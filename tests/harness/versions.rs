//! Any version of one plugin: the guest `versions` with another block of data, which is another digest of the same code.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::guests;

/// What the block begins with.
const MARK: &[u8] = b"WEIR-TEST-VERSION:";
/// The block's length, bytes.
const BLOCK: usize = 64;

/// One version.
#[derive(Debug, Clone)]
pub struct Version {
    /// The component.
    pub component: Vec<u8>,
    /// SHA-256 of it, in hex.
    pub digest: String,
}

impl Version {
    /// Version `number`, which behaves as `mode` says: a name of the guest's modes, with `=N` where it takes a number.
    ///
    /// # Panics
    /// When the guest does not have the mark exactly once, or the text does not fit the block.
    pub fn new(mode: &str, number: u32) -> Version {
        let mut component = fs::read(guests::path("versions")).unwrap();
        let found: Vec<usize> = component.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK).map(|(at, _)| at).collect();
        let [at] = found[..] else { panic!("the mark is in the component {} times, not once", found.len()) };
        let text = format!("{}{mode} {number}", String::from_utf8_lossy(MARK));
        assert!(text.len() < BLOCK, "{text:?} does not fit {BLOCK} bytes");
        component[at..at + BLOCK].copy_from_slice(format!("{text:<BLOCK$}").as_bytes());
        Version { digest: digest(&component), component }
    }

    /// A version that does what it should.
    pub fn good(number: u32) -> Version {
        Version::new("good", number)
    }

    /// Puts it into a file at once: whoever looks sees the old content or all of the new.
    pub fn put(&self, file: &Path) {
        let draft = file.with_extension("draft");
        fs::write(&draft, &self.component).unwrap();
        fs::rename(draft, file).unwrap();
    }
}

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_differ_in_their_block_alone() {
        let (one, two) = (Version::good(1), Version::new("spins-on-batch=500", 2));
        assert_ne!(one.digest, two.digest);
        assert_eq!(one.component.len(), two.component.len());
        let differing: Vec<usize> = (0..one.component.len()).filter(|at| one.component[*at] != two.component[*at]).collect();
        assert!(differing.last().unwrap() - differing.first().unwrap() < BLOCK - MARK.len());
    }
}
