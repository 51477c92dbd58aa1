//! From a file to a plugin at work. Each step consumes the one before, so none can be left out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::bindings::PluginPre;
use super::instance::{Instance, State};
use super::{Error, Host, Language, LogLines, Stamp, Terms, settings, signature};
use crate::interceptor::spec::Limits;

/// A component that was read, looked at and found admissible; nothing of it has run. Cheap to clone.
#[derive(Clone)]
pub struct Artifact {
    name: String,
    file: Option<PathBuf>,
    wasm: Bytes,
    digest: String,
    signature: Option<String>,
    signed_by: Option<String>,
    stamp: Option<Stamp>,
}

/// SHA-256 in hex.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

impl Artifact {
    /// Reads a file, no further than the size cap, and the signature beside it.
    ///
    /// # Errors
    /// [`Error::Read`], and what [`Artifact::from_bytes`] refuses.
    pub fn read(path: &Path, terms: &Terms) -> Result<Artifact, Error> {
        let (wasm, signature) = Artifact::look(path, terms)?;
        let artifact = Artifact::from_bytes(&path.display().to_string(), wasm, signature.as_deref(), terms)?;
        Ok(Artifact { file: Some(path.to_owned()), ..artifact })
    }

    /// What [`Artifact::read`] reads, nothing of it checked yet. A component above the size cap is cut one byte behind it, so that it is refused.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn look(path: &Path, terms: &Terms) -> Result<(Vec<u8>, Option<String>), Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mut wasm = Vec::new();
        File::open(path).map_err(failed)?.take(terms.caps.file as u64 + 1).read_to_end(&mut wasm).map_err(failed)?;
        let beside = signature::signature_file(path);
        let signature = signature::read(&beside).map_err(|source| Error::Read { path: beside, source })?;
        Ok((wasm, signature))
    }

    /// Takes a component that is in memory already; the name is for messages, the signature a minisign signature's text.
    ///
    /// # Errors
    /// [`Error::Signature`] before anything else is looked at but its size; [`Error::Refused`], [`Error::Imports`], [`Error::World`].
    pub fn from_bytes(name: &str, wasm: impl Into<Vec<u8>>, signature: Option<&str>, terms: &Terms) -> Result<Artifact, Error> {
        let wasm = wasm.into();
        terms.fits(name, wasm.len())?;
        let unsigned = |reason| Error::Signature { plugin: name.to_owned(), reason };
        let signed_by = terms.signatures.verify(&wasm, signature).map_err(unsigned)?;
        let digest = digest(&wasm);
        terms.check(name, &wasm, &digest)?;
        let stamp = Stamp::of(&wasm);
        let (name, signature) = (name.to_owned(), signature.map(str::to_owned));
        Ok(Artifact { name, file: None, wasm: wasm.into(), digest, signature, signed_by, stamp })
    }

    /// The component itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.wasm
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the signature it came with.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// Name of the key that signed it; `None` where no signature is asked for.
    #[must_use]
    pub fn signed_by(&self) -> Option<&str> {
        self.signed_by.as_deref()
    }

    /// SHA-256 of the component, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the file says about where it comes from.
    #[must_use]
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// These limits, with the memory a plugin of its language is given where they give none.
    fn limits(&self, given: &Limits) -> Limits {
        let memory = || Language::memory(self.stamp.as_ref().and_then(Stamp::language));
        Limits { memory: Some(given.memory.unwrap_or_else(memory)), ..given.clone() }
    }
}

/// An artifact and its machine code.
pub struct Compiled {
    artifact: Artifact,
    component: Arc<Component>,
}

impl Compiled {
    /// Takes the code from another plugin of this digest, else from the cache, else compiles in a child process. Blocks.
    ///
    /// # Errors
    /// [`Error::Compile`]
    pub fn build(artifact: Artifact, host: &Host) -> Result<Compiled, Error> {
        let component = host.shared.loaded.get(&artifact.digest, || match Compiled::cached(&artifact, host) {
            Some(component) => Ok(component),
            None => Compiled::compile(&artifact, host),
        })?;
        Ok(Compiled { artifact, component })
    }

    fn compile(artifact: &Artifact, host: &Host) -> Result<Component, Error> {
        let failed = |reason: String| Error::Compile { plugin: artifact.name.clone(), reason };
        let code = host.shared.compiler.compile(&artifact.wasm).map_err(failed)?;
        let component = code.load(&host.shared.engine).map_err(|error| failed(format!("{error:#}")))?;
        if let Some(cache) = &host.shared.cache
            && let Err(error) = cache.put(&artifact.digest, &code)
        {
            tracing::warn!(plugin = artifact.name, %error, "could not cache the compiled plugin");
        }
        Ok(component)
    }

    fn cached(artifact: &Artifact, host: &Host) -> Option<Component> {
        let cache = host.shared.cache.as_ref()?;
        match cache.get(&artifact.digest)?.load(&host.shared.engine) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(plugin = artifact.name, error = format!("{error:#}"), "compiling again: the cached code does not load");
                cache.forget(&artifact.digest);
                None
            }
        }
    }
}

/// A compiled component whose imports and exports are the contract's.
pub struct Validated {
    artifact: Artifact,
    component: Arc<Component>,
    ready: PluginPre<State>,
}

impl Validated {
    /// Links the component against what is granted.
    ///
    /// # Errors
    /// [`Error::World`]: an import or export of another type than the contract's.
    pub fn check(compiled: Compiled, host: &Host) -> Result<Validated, Error> {
        let Compiled { artifact, component } = compiled;
        let linked = host.shared.linker.instantiate_pre(&component).and_then(PluginPre::new);
        match linked {
            Ok(ready) => Ok(Validated { artifact, component, ready }),
            Err(error) => Err(Error::World { plugin: artifact.name, reason: format!("{error:#}") }),
        }
    }

    /// Asks the plugin what it is, in an instance that is thrown away.
    ///
    /// # Errors
    /// [`Error::Probe`]
    pub fn describe(&self, limits: &Limits) -> Result<Description, Error> {
        Instance::describe(&self.ready, &self.artifact.limits(limits))
            .map_err(|failure| Error::Probe { plugin: self.artifact.name.clone(), reason: failure.to_string() })
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The settings it takes.
    pub parameters: Vec<Parameter>,
}

/// A setting a plugin takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name of the setting.
    pub name: String,
    /// What it means, for people.
    pub description: String,
    /// Whether the plugin does without.
    pub required: bool,
    /// What it is when nobody sets it.
    pub default: Option<String>,
}

/// Which plugin it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Name, as it describes itself.
    pub name: String,
    /// Version, as it describes itself.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// Where it was read; `None` for one that came from memory.
    pub file: Option<PathBuf>,
}

impl Info {
    /// The beginning of the digest: enough to tell versions apart in logs and metrics.
    #[must_use]
    pub fn short_digest(&self) -> &str {
        short_digest(&self.digest)
    }
}

/// The first 12 hex digits of a digest.
#[must_use]
pub fn short_digest(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// A plugin that has been started once and whose settings fit. Cheap to clone; instances are made of it.
#[derive(Clone)]
pub struct Plugin {
    parts: Arc<Parts>,
}

struct Parts {
    info: Info,
    description: Description,
    /// Held, so that another plugin of this digest finds it loaded.
    _component: Arc<Component>,
    ready: PluginPre<State>,
    settings: Vec<(String, String)>,
    limits: Limits,
}

impl Plugin {
    /// Starts the plugin once: `describe`, settings against parameters, `configure`.
    ///
    /// # Errors
    /// [`Error::Probe`], [`Error::Settings`]
    pub fn probe(validated: Validated, given: BTreeMap<String, String>, limits: &Limits) -> Result<Plugin, Error> {
        let description = validated.describe(limits)?;
        let Validated { artifact, component, ready } = validated;
        let limits = artifact.limits(limits);
        let plugin = artifact.name;
        let settings =
            settings::check(&given, &description.parameters).map_err(|problems| Error::Settings { plugin: plugin.clone(), problems })?;
        let info =
            Info { name: description.name.clone(), version: description.version.clone(), digest: artifact.digest, file: artifact.file };
        let made = Plugin { parts: Arc::new(Parts { info, description, _component: component, ready, settings, limits }) };
        match made.instance(LogLines::muted()) {
            Ok(_trial) => Ok(made),
            Err(failure) => Err(Error::Probe { plugin, reason: failure.to_string() }),
        }
    }

    /// Which plugin it is.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.parts.info
    }

    /// What it says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.parts.description
    }

    /// What one call may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    /// Linear memory one instance may have.
    #[must_use]
    pub fn memory_limit(&self) -> usize {
        self.parts.limits.memory_limit()
    }

    /// A fresh, configured instance.
    pub(crate) fn instance(&self, log: LogLines) -> Result<Instance, super::Failure> {
        Instance::start(&self.parts.ready, &self.parts.settings, &self.parts.limits, log)
    }
}
