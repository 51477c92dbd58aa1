//! The adapter (`wasi.wat`, assembled by build.rs) for core modules whose runtime wants WASI: Go's and C's.

use sha2::{Digest, Sha256};
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// The module of imports it answers.
pub(super) const ANSWERS: &str = "wasi_snapshot_preview1";

const MODULE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/adapter.wasm"));
/// What the adapter itself imports.
const WORLD: &str = "package weir:adapter; world wasi { import weir:interceptor/logging@0.1.0; }";
/// Where the adapter's random numbers begin, as it is written in the module: signed LEB128, ten bytes long.
const SEED: [u8; 10] = leb128(0x9E37_79B9_7F4A_7C15);

/// The adapter for this core module, with random numbers of the module's own: the same in each run of a plugin, so that it judges alike
/// whenever it is asked, and not the same in all plugins, so that nobody without the file knows how its hash tables fall.
pub(super) fn adapter_for(module: &[u8], contract: &str) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    resolve.push_str("interceptor.wit", contract)?;
    let package = resolve.push_str("adapter.wit", WORLD)?;
    let world = resolve.select_world(&[package], Some("wasi"))?;
    let mut adapter = seeded(module);
    wit_component::embed_component_metadata(&mut adapter, &resolve, world, StringEncoding::UTF8)?;
    Ok(adapter)
}

fn seeded(module: &[u8]) -> Vec<u8> {
    let mut adapter = MODULE.to_vec();
    let digest = Sha256::digest(module);
    let seed = digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    if let Some(at) = adapter.windows(SEED.len()).position(|window| window == SEED) {
        // Of zero, xorshift makes nothing but zeros.
        adapter[at..at + SEED.len()].copy_from_slice(&leb128(seed | 1));
    }
    adapter
}

/// Ten bytes, whatever the number.
const fn leb128(number: u64) -> [u8; 10] {
    let mut bytes = [0x80; 10];
    let mut at = 0;
    while at < 9 {
        bytes[at] |= (number >> (7 * at)) as u8 & 0x7F;
        at += 1;
    }
    // The one bit that is left is the sign.
    bytes[9] = if number >> 63 == 1 { 0x7F } else { 0 };
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_has_random_numbers_of_its_own_that_repeat() {
        let valid = |module: &[u8]| wasmparser::validate(module).expect("a valid module");
        let (one, other) = (seeded(b"one"), seeded(b"other"));
        valid(&one);
        valid(&other);
        assert_ne!(one, MODULE);
        assert_ne!(one, other);
        assert_eq!(one, seeded(b"one"));
    }
}
