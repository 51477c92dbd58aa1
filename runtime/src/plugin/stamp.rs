//! What `weir plugin build` writes into a plugin's file about where it comes from: a custom section of JSON, and the `producers` section that
//! other tools read. Nothing of it is proof: whoever can write the file can write this; a signature over the file is proof.

use serde::{Deserialize, Serialize};
use wasm_encoder::{ComponentSection, CustomSection};
use wasm_metadata::{AddMetadata, AddMetadataField};
use wasmparser::Payload;

use super::Language;
use super::payloads::outermost;

/// The custom section.
const SECTION: &str = "weir-plugin";
/// The longest that is read.
const LONGEST: usize = 16 << 10;

/// Where a plugin comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stamp {
    /// Its project's name.
    pub name: String,
    /// Its project's version.
    pub version: String,
    /// What it is written in, as [`Language::name`] has it.
    pub language: String,
    /// What compiled it, such as `go1.26.8`.
    pub toolchain: String,
    /// SHA-256, in hex, over the sources that went in.
    pub source: String,
    /// Version of the `weir` that built it.
    pub weir: String,
}

impl Stamp {
    /// The file with this stamp in it. The same component and stamp give the same file.
    ///
    /// # Errors
    /// A sentence: it is no WebAssembly that can be rewritten.
    pub fn put(&self, component: &[u8]) -> Result<Vec<u8>, String> {
        let mut metadata = AddMetadata::default();
        metadata.name = AddMetadataField::Set(self.name.clone());
        let title = self.language().map_or_else(|| self.language.clone(), |language| language.title().to_owned());
        metadata.language = vec![(title, self.toolchain.clone())];
        metadata.processed_by = vec![("weir".to_owned(), self.weir.clone())];
        let mut stamped = metadata.to_wasm(component).map_err(|error| format!("write its name into it: {error:#}"))?;
        let text = serde_json::to_vec(self).map_err(|error| format!("write its name into it: {error}"))?;
        CustomSection { name: SECTION.into(), data: text.into() }.append_to_component(&mut stamped);
        Ok(stamped)
    }

    /// The stamp of a file, if it has one that can be read.
    #[must_use]
    pub fn of(wasm: &[u8]) -> Option<Stamp> {
        let mut found = None;
        for payload in outermost(wasm) {
            if let Payload::CustomSection(section) = payload.ok()?
                && section.name() == SECTION
                && section.data().len() <= LONGEST
            {
                found = serde_json::from_slice(section.data()).ok();
            }
        }
        found
    }

    /// What it is written in, where that is a language with an SDK.
    #[must_use]
    pub fn language(&self) -> Option<Language> {
        self.language.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(component)`
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn stamp() -> Stamp {
        let text = |text: &str| text.to_owned();
        Stamp {
            name: text("large-ones"),
            version: text("1.2.3"),
            language: text("go"),
            toolchain: text("go1.26"),
            source: "ab".repeat(32),
            weir: text("0.1.0"),
        }
    }

    #[test]
    fn what_is_put_in_is_read_back_and_the_file_stays_valid() {
        let stamped = stamp().put(EMPTY).expect("a component");
        assert_eq!(Stamp::of(&stamped), Some(stamp()));
        wasmparser::validate(&stamped).expect("a valid component");
        assert_eq!(stamped, stamp().put(EMPTY).expect("a component"), "the same in, the same out");
        assert_eq!(Stamp::of(&stamped).and_then(|stamp| stamp.language()), Some(Language::Go));
    }

    #[test]
    fn a_file_without_a_stamp_or_with_nonsense_has_none() {
        assert_eq!(Stamp::of(EMPTY), None);
        assert_eq!(Stamp::of(b"nonsense"), None);
        let mut broken = EMPTY.to_vec();
        broken.extend(b"\0\x0d\x0bweir-plugin{");
        assert_eq!(Stamp::of(&broken), None);
    }

    #[test]
    fn a_long_stamp_is_written_and_read() {
        let long = Stamp { toolchain: "x".repeat(9000), ..stamp() };
        assert_eq!(Stamp::of(&long.put(EMPTY).expect("a component")), Some(long));
    }
}
