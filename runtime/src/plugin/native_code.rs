//! The one place where bytes become machine code.
#![expect(unsafe_code, reason = "wasmtime trusts what it deserializes; this type is made only of what this host compiled itself")]

use wasmtime::Engine;
use wasmtime::component::Component;

/// Serialized machine code that this host's own compiler wrote: fresh from the child process, or out of the cache with its digest verified.
pub(super) struct NativeCode(Vec<u8>);

impl NativeCode {
    /// The caller vouches for where the bytes come from: `compile.rs` and `cache.rs` are the only ones that may.
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
