//! Plugins: the file, the compiler, the sandbox, and one instance of it at work.
//!
//! ```text
//! Artifact::read ──► Compiled::build ──► Validated::check ──► Plugin::probe ──► instances, one a guest thread,
//!  size, signature,   cache, or a child    linked against       describe,         exchanged while they run
//!  shape, imports     process with limits  what is granted      configure         (interceptor/wasm)
//! ```
//! Each step consumes the one before (`lifecycle.rs`). [`store`] remembers which versions judged, [`mod@file`] sees that there is a new one. A guest
//! gets nothing but the interfaces `events`, `counters` and `logging` of
//! `wit/interceptor.wit`: no file, no network, no environment, no clock.

mod adapter;
mod admission;
mod batch_resource;
mod bindings;
mod cache;
mod columns;
pub mod compile;
pub mod componentize;
mod counters;
mod cpu_clock;
mod edits;
mod engine;
pub mod file;
mod inspect;
mod instance;
mod language;
mod lifecycle;
mod loaded;
mod log_lines;
mod native_code;
mod observe;
mod payloads;
mod settings;
mod signature;
mod stamp;
pub mod store;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::Engine;
use wasmtime::component::Linker;

pub use admission::{Caps, Terms, VERSION};
pub(crate) use cpu_clock::CpuClock;
pub use inspect::Inspection;
pub(crate) use instance::{Failure, Instance, time_for};
pub use language::Language;
pub use lifecycle::{Artifact, Compiled, Description, Info, Parameter, Plugin, Validated, digest, short_digest};
pub(crate) use log_lines::{LogLines, Speaker};
pub use observe::{FailureKind, Judgement, Observer, Unobserved};
pub use signature::{Signatures, signature_file};
pub use stamp::Stamp;

use crate::interceptor::spec::{self, Ability, Limits};
use instance::State;

/// Why a plugin is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("read plugin {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no component, not a valid one, or larger than a cap.
    #[error("plugin {plugin}: {reason}")]
    Refused {
        /// File or given name.
        plugin: String,
        /// What is wrong, and what to do about it where something can be done.
        reason: String,
    },
    /// It is not signed as it must be; nothing of it was looked at.
    #[error("plugin {plugin}: {reason}")]
    Signature {
        /// File or given name.
        plugin: String,
        /// What is wrong with its signature.
        reason: String,
    },
    /// It asks for what nothing grants, such as WASI.
    #[error("plugin {plugin} imports what nothing grants: {}", imports.join(", "))]
    Imports {
        /// File or given name.
        plugin: String,
        /// Every import that is not granted.
        imports: Vec<String>,
    },
    /// It was built for another contract.
    #[error("plugin {plugin} is not of the world weir:interceptor/plugin@{}: {reason}", admission::VERSION)]
    World {
        /// File or given name.
        plugin: String,
        /// What does not fit.
        reason: String,
    },
    /// The compiler gave up, or was stopped.
    #[error("compile plugin {plugin}: {reason}")]
    Compile {
        /// File or given name.
        plugin: String,
        /// What the compiler said, or which limit it ran into.
        reason: String,
    },
    /// Its settings do not fit the parameters it describes.
    #[error("settings of plugin {plugin}: {}", problems.join("; "))]
    Settings {
        /// File or given name.
        plugin: String,
        /// Every problem.
        problems: Vec<String>,
    },
    /// It could not be started: `describe` or `configure` failed.
    #[error("start plugin {plugin}: {reason}")]
    Probe {
        /// File or given name.
        plugin: String,
        /// What the guest did or said.
        reason: String,
    },
    /// The host itself cannot run guests.
    #[error("set up the plugin host: {0}")]
    Engine(String),
}

/// How plugins are taken in.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directory for compiled code; none: every start compiles. It is made with mode 0700, and not used at all when it belongs to
    /// somebody else or others may write to it.
    pub cache: Option<PathBuf>,
    /// The `weir` executable, whose hidden `compile-plugin` command compiles under resource limits. Default: the running executable,
    /// which must then be `weir`.
    pub compiler: Option<PathBuf>,
    /// How large a plugin may be.
    pub caps: Caps,
    /// Whose signatures a plugin needs.
    pub signatures: Signatures,
}

/// Where compiled code is kept unless it is said: systemd's `$CACHE_DIRECTORY`, else `$XDG_CACHE_HOME/weir`, else `~/.cache/weir`.
#[must_use]
pub fn default_cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || Some(set("HOME")?.join(".cache"));
    set("CACHE_DIRECTORY").or_else(|| Some(set("XDG_CACHE_HOME").or_else(home)?.join("weir")))
}

/// Takes plugins in and runs them. Cheap to clone; one for a process.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    linker: Linker<State>,
    loaded: loaded::Loaded,
    cache: Option<cache::Cache>,
    compiler: compile::Compiler,
    caps: Caps,
    signatures: Signatures,
    /// Who compiles, and who waits for that.
    compiling: Semaphore,
    waiting: Semaphore,
}

/// Plugins that may wait to be compiled beside the one that is.
const WAITING: usize = 4;

/// A plugin's machine code in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precompiled {
    /// What its entry is called: the plugin's digest, the engine it was compiled for, the version of Weir.
    pub key: String,
    /// Bytes of machine code.
    pub bytes: u64,
    /// Whether it was there before.
    pub was_there: bool,
}

/// The right to compile, until it is dropped.
pub(crate) struct Turn<'a> {
    _waited: SemaphorePermit<'a>,
    _compiling: SemaphorePermit<'a>,
}

impl Host {
    /// A host with no plugin yet. A cache directory that cannot be trusted is reported in the log, once, and not used.
    ///
    /// # Errors
    /// [`Error::Engine`] when this machine cannot run guests.
    pub fn new(options: Options) -> Result<Host, Error> {
        let engine = engine::runner()?;
        let linker = bindings::linker(&engine)?;
        let compiler = compile::Compiler::new(options.compiler)?;
        let cache = options.cache.and_then(|directory| match cache::Cache::open(&directory, &engine) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(directory = %directory.display(), %error, "compiled plugins are not cached");
                None
            }
        });
        let (caps, signatures) = (options.caps, options.signatures);
        Ok(Host::of(Shared {
            engine,
            linker,
            loaded: loaded::Loaded::default(),
            cache,
            compiler,
            caps,
            signatures,
            compiling: Semaphore::new(1),
            waiting: Semaphore::new(1 + WAITING),
        }))
    }

    /// Takes the plugin of an interceptor in, all the way to a configured trial instance. Blocks: compiling takes 0.1 to 20 s of CPU.
    ///
    /// # Errors
    /// Whatever is wrong with the plugin or its settings; see [`enum@Error`].
    pub fn load(&self, spec: &spec::Wasm) -> Result<Plugin, Error> {
        let file = file::find(&spec.plugin)?;
        self.admit(Artifact::read(&file, &self.terms(&spec.grants))?, spec.settings.clone(), &spec.limits)
    }

    /// As [`Host::load`], for a component in memory.
    ///
    /// # Errors
    /// As [`Host::load`].
    pub fn admit<S>(&self, artifact: Artifact, settings: S, limits: &Limits) -> Result<Plugin, Error>
    where
        S: IntoIterator<Item = (String, String)>,
    {
        let compiled = Compiled::build(artifact, self)?;
        let validated = Validated::check(compiled, self)?;
        Plugin::probe(validated, settings.into_iter().collect(), limits)
    }

    /// What a plugin says of itself, without configuring it. Blocks as [`Host::load`] does.
    ///
    /// # Errors
    /// As [`Host::load`], but for its settings.
    pub fn describe(&self, artifact: Artifact) -> Result<Description, Error> {
        Validated::check(Compiled::build(artifact, self)?, self)?.describe(&Limits::default())
    }

    /// Has the machine code of a plugin in the cache, so that no start and no swap compiles it. Blocks as [`Host::load`] does.
    ///
    /// # Errors
    /// [`Error::Compile`], [`Error::World`]; [`Error::Engine`] where this host has no cache.
    pub fn precompile(&self, artifact: Artifact) -> Result<Precompiled, Error> {
        let Some(cache) = &self.shared.cache else {
            return Err(Error::Engine("there is no cache of compiled code that can be used".into()));
        };
        let digest = artifact.digest().to_owned();
        let was_there = cache.get(&digest).is_some();
        Validated::check(Compiled::build(artifact, self)?, self)?;
        let Some(code) = cache.get(&digest) else {
            return Err(Error::Engine("the cache of compiled code did not keep it; the log says why".into()));
        };
        Ok(Precompiled { key: cache.name(&digest), bytes: code.len(), was_there })
    }

    /// Compiles the emptiest component in the compiler's own process and loads its code: what every plugin needs of this machine.
    ///
    /// # Errors
    /// [`Error::Engine`], with what went wrong.
    pub fn self_test(&self) -> Result<(), Error> {
        let code = self.shared.compiler.compile(b"\0asm\x0d\0\x01\0").map_err(Error::Engine)?;
        code.load(&self.shared.engine).map(drop).map_err(|error| Error::Engine(format!("load compiled code: {error:#}")))
    }

    /// Whether compiled code is kept.
    #[must_use]
    pub fn has_cache(&self) -> bool {
        self.shared.cache.is_some()
    }

    /// Whether this host has compiled the component of this digest before: then it was looked at whole.
    fn knows(&self, digest: &str) -> bool {
        self.shared.cache.as_ref().is_some_and(|cache| cache.has(digest))
    }

    fn of(shared: Shared) -> Host {
        Host { shared: Arc::new(shared) }
    }

    /// Waits for the right to compile, one plugin at a time; `None` when too many wait already.
    pub(crate) async fn turn(&self) -> Option<Turn<'_>> {
        let waited = self.shared.waiting.try_acquire().ok()?;
        let compiling = self.shared.compiling.acquire().await.ok()?;
        Some(Turn { _waited: waited, _compiling: compiling })
    }

    /// The terms a plugin with these grants is taken in on.
    #[must_use]
    pub fn terms(&self, grants: &[Ability]) -> Terms {
        let Shared { caps, signatures, .. } = &*self.shared;
        Terms { caps: caps.clone(), grants: grants.to_vec(), signatures: signatures.clone(), host: Some(self.clone()) }
    }
}
