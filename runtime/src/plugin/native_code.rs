//! The one place where bytes become machine code.
#![expect(unsafe_code, reason = "wasmtime trusts what it deserializes; these types are made only of what this host compiled itself")]

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsRawFd;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Serialized machine code that this host's own compiler wrote, fresh from the child process.
pub(super) struct NativeCode(Vec<u8>);

impl NativeCode {
    /// The caller vouches for where the bytes come from: `compile.rs` is the only one that may.
    pub(super) fn vouched_for(bytes: Vec<u8>) -> NativeCode {
        NativeCode(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes are what `Engine::precompile_component` of this very binary returned (see the type); wasmtime itself
        // checks that version, target and settings are this engine's.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}

/// The same, as a file of the cache that begins with it, its digest verified. It is mapped and not read: pages that no guest touches take no memory, and
/// agents of one machine share the others.
pub(super) struct KeptCode {
    file: File,
    bytes: u64,
}

impl KeptCode {
    /// The caller vouches for these bytes at the file's beginning, and that nobody else can change them: `cache.rs` is the only one that may.
    pub(super) fn vouched_for(file: File, bytes: u64) -> KeptCode {
        KeptCode { file, bytes }
    }

    /// Bytes of machine code.
    pub(super) fn len(&self) -> u64 {
        self.bytes
    }

    /// The code itself.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut code = Vec::new();
        self.file.rewind()?;
        (&self.file).take(self.bytes).read_to_end(&mut code)?;
        Ok(code)
    }

    pub(super) fn load(mut self, engine: &Engine) -> wasmtime::Result<Component> {
        // The file that was verified, whatever its name means by now.
        let file = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        // SAFETY: as above; and nobody but this user may write the file, which is never changed once it has its name.
        match unsafe { Component::deserialize_file(engine, file) } {
            Ok(component) => Ok(component),
            // A disk from which nothing may be executed, or no /proc.
            Err(_) => NativeCode(self.read()?).load(engine),
        }
    }
}
