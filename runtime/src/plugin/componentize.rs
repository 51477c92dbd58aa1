//! A core module that carries its component type (as the SDKs' bindings embed it) made into a component.

use std::panic::{self, AssertUnwindSafe};

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// Prefix of the custom sections in which bindings leave the component type.
const SECTION: &str = "component-type";

/// Whether a core module says which world it was built for.
pub(super) fn carries_its_type(module: &[u8]) -> bool {
    Parser::new(0).parse_all(module).map_while(Result::ok).any(|payload| match payload {
        Payload::CustomSection(section) => section.name().starts_with(SECTION),
        _ => false,
    })
}

/// Makes the component.
///
/// # Errors
/// A sentence: no component type in it, an import that no component can satisfy, or not a core module at all.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    if !Parser::is_core_wasm(module) {
        return Err(if module.starts_with(b"\0asm") {
            "it is a component already".into()
        } else {
            "not WebAssembly: it does not begin with \\0asm".into()
        });
    }
    if !carries_its_type(module) {
        return Err("it carries no component type: build it with an SDK of Weir, or embed one with `wasm-tools component embed`".into());
    }
    let encode = || ComponentEncoder::default().validate(true).module(module).and_then(|mut encoder| encoder.encode());
    // The encoder trusts its input to come from a compiler and asserts where it does not.
    match panic::catch_unwind(AssertUnwindSafe(encode)) {
        Ok(encoded) => encoded.map_err(|error| format!("{error:#}")),
        Err(_) => Err("its component type does not fit the module".into()),
    }
}
