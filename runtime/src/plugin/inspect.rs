//! What a plugin's file says of itself, whether or not an agent would take it: nothing here runs it but `describe`, in the sandbox, when it would.

use std::path::Path;

use minisign_verify::Signature;
use wasmparser::{ComponentExternalKind, Payload};

use super::payloads::outermost;
use super::{Artifact, Description, Error, Host, Stamp, digest, signature};
use crate::error_chain;
use crate::interceptor::spec::Ability;

/// A plugin's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Bytes.
    pub bytes: usize,
    /// SHA-256, in hex.
    pub digest: String,
    /// Where it comes from, as it says.
    pub stamp: Option<Stamp>,
    /// The version of the contract its imports or exports name.
    pub contract: Option<String>,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it says when asked.
    pub description: Option<Description>,
    /// Why an agent would not take it.
    pub refusal: Option<String>,
    /// The trusted comment of the signature beside it, or what is wrong with that; whose it is, only an agent with keys can tell.
    pub signature: Option<String>,
}

impl Inspection {
    /// Reads it, no further than an agent would. Blocks, as [`Host::load`] does.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn of(file: &Path, host: &Host) -> Result<Inspection, Error> {
        let terms = host.terms(&Ability::ALL);
        let (wasm, signature) = Artifact::look(file, &terms)?;
        let looked = Inspection::unasked(&wasm, signature.as_deref());
        let asked = Artifact::from_bytes(&file.display().to_string(), wasm, None, &terms).and_then(|artifact| host.describe(artifact));
        Ok(match asked {
            Ok(description) => Inspection { description: Some(description), ..looked },
            Err(error) => Inspection { refusal: Some(error_chain(&error)), ..looked },
        })
    }

    /// Of a file that was admitted and asked already, which compiles it where there is no cache.
    ///
    /// # Errors
    /// [`Error::Read`]: the signature beside it.
    pub fn of_taken(file: &Path, artifact: &Artifact, description: Description) -> Result<Inspection, Error> {
        let beside = signature::signature_file(file);
        let signature = signature::read(&beside).map_err(|source| Error::Read { path: beside, source })?;
        Ok(Inspection { description: Some(description), ..Inspection::unasked(artifact.bytes(), signature.as_deref()) })
    }

    fn unasked(wasm: &[u8], signature: Option<&str>) -> Inspection {
        let (imports, exports) = interfaces(wasm);
        let contract = imports.iter().chain(&exports).find_map(|name| name.strip_prefix("weir:interceptor/")?.split_once('@'));
        let contract = contract.map(|(_, version)| version.to_owned());
        let (bytes, digest, stamp) = (wasm.len(), digest(wasm), Stamp::of(wasm));
        let (description, refusal, signature) = (None, None, signature.map(signature_says));
        Inspection { bytes, digest, stamp, contract, imports, exports, description, refusal, signature }
    }
}

fn signature_says(text: &str) -> String {
    match Signature::decode(text) {
        Ok(signature) => signature.trusted_comment().to_owned(),
        Err(error) => format!("no minisign signature: {error}"),
    }
}

/// The outermost component's imports, and the instances it exports; what can be read of them in a damaged file.
fn interfaces(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for payload in outermost(wasm).map_while(Result::ok) {
        match payload {
            Payload::ComponentImportSection(section) => {
                imports.extend(section.into_iter().flatten().map(|import| import.name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) => {
                let instances = section.into_iter().flatten().filter(|export| export.kind == ComponentExternalKind::Instance);
                exports.extend(instances.map(|export| export.name.name.to_owned()));
            }
            _ => {}
        }
    }
    (imports, exports)
}
