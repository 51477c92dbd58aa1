//! A core module made into a component: Rust's carries its component type (the bindings embed it), Go's and C's get the contract's here, and
//! the adapter where their runtime wants WASI.

use std::panic::{self, AssertUnwindSafe};

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use super::adapter;
use super::payloads::outermost;

/// The contract.
pub const CONTRACT: &str = include_str!("../../../wit/interceptor.wit");

/// Prefix of the custom sections in which bindings leave the component type.
const SECTION: &str = "component-type";

/// Whether a core module says which world it was built for.
fn carries_its_type(module: &[u8]) -> bool {
    outermost(module).flatten().any(|payload| matches!(payload, Payload::CustomSection(section) if section.name().starts_with(SECTION)))
}

fn wants_wasi(module: &[u8]) -> bool {
    outermost(module).flatten().any(|payload| match payload {
        Payload::ImportSection(section) => section.into_imports().flatten().any(|import| import.module == adapter::ANSWERS),
        _ => false,
    })
}

/// Makes the component.
///
/// # Errors
/// A sentence: it does not export what the contract asks for, an import that no component can satisfy, or not a core module at all.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    if !Parser::is_core_wasm(module) {
        return Err(if module.starts_with(b"\0asm") {
            "it is a component already".into()
        } else {
            "not WebAssembly: it does not begin with \\0asm".into()
        });
    }
    let own_type = carries_its_type(module);
    // The encoder trusts its input to come from a compiler and asserts where it does not.
    match panic::catch_unwind(AssertUnwindSafe(|| encode(module, own_type))) {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) if own_type => Err(format!("{error:#}")),
        Ok(Err(error)) => Err(format!("it was not built with an SDK of Weir: {error:#}")),
        Err(_) => Err("its component type does not fit the module".into()),
    }
}

fn encode(module: &[u8], own_type: bool) -> anyhow::Result<Vec<u8>> {
    let mut typed = module.to_vec();
    if !own_type {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("interceptor.wit", CONTRACT)?;
        let world = resolve.select_world(&[package], Some("plugin"))?;
        wit_component::embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&typed)?;
    if wants_wasi(module) {
        encoder = encoder.adapter(adapter::ANSWERS, &adapter::adapter_for(module, CONTRACT)?)?;
    }
    encoder.encode()
}
