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
    use wasmtime::{Caller, Engine, Extern, Instance, Linker, Memory, MemoryType, Module, Store};

    use super::*;

    /// What was logged: level and text.
    type Lines = Vec<(i32, String)>;

    /// The adapter around a memory full of something, as a guest's would be.
    struct Guest {
        store: Store<Lines>,
        adapter: Instance,
        memory: Memory,
    }

    const TEXT: usize = 0x4000;

    impl Guest {
        fn new() -> Guest {
            let engine = Engine::default();
            let mut store = Store::new(&engine, Lines::new());
            let memory = Memory::new(&mut store, MemoryType::new(1, None)).expect("memory");
            memory.data_mut(&mut store).fill(0xA5);
            let mut linker = Linker::new(&engine);
            linker.define(&store, "env", "memory", Extern::Memory(memory)).expect("defined");
            let write = move |mut caller: Caller<'_, Lines>, level: i32, at: i32, len: i32| {
                let text = memory.data(&caller)[at as usize..][..len as usize].to_vec();
                caller.data_mut().push((level, String::from_utf8(text).expect("UTF-8")));
            };
            linker.func_wrap("weir:interceptor/logging@0.1.0", "write", write).expect("defined");
            let module = Module::new(&engine, MODULE).expect("a module");
            let adapter = linker.instantiate(&mut store, &module).expect("an instance");
            Guest { store, adapter, memory }
        }

        /// Prints, and has the rest of the memory as it was.
        fn print(&mut self, fd: i32, text: &[u8]) -> i32 {
            let data = self.memory.data_mut(&mut self.store);
            data[TEXT..TEXT + text.len()].copy_from_slice(text);
            data[TEXT - 16..][..4].copy_from_slice(&(TEXT as u32).to_le_bytes());
            data[TEXT - 12..][..4].copy_from_slice(&(text.len() as u32).to_le_bytes());
            let write = self.adapter.get_typed_func::<(i32, i32, i32, i32), i32>(&mut self.store, "fd_write").expect("a function");
            let at = TEXT as i32;
            let answer = write.call(&mut self.store, (fd, at - 16, 1, at - 8)).expect("no trap");
            assert!(self.memory.data(&self.store)[..TEXT - 16].iter().all(|byte| *byte == 0xA5), "the guest's memory is as it was");
            answer
        }

        fn lines(&self) -> Vec<(i32, &str)> {
            self.store.data().iter().map(|(level, text)| (*level, text.as_str())).collect()
        }
    }

    #[test]
    fn what_is_printed_in_pieces_is_logged_line_by_line() {
        let mut guest = Guest::new();
        for piece in ["goroutine ", "1", " [running]:\n\nmain", ".main()\nand "] {
            assert_eq!(guest.print(2, piece.as_bytes()), 0);
        }
        assert_eq!(guest.lines(), [(2, "goroutine 1 [running]:"), (2, "main.main()")]);
        guest.print(1, "news\n".as_bytes());
        assert_eq!(guest.lines()[2..], [(2, "and "), (1, "news")], "another output ends the line of the first");
        assert_eq!(guest.print(3, b"x\n"), 8, "there is no such file");
    }

    #[test]
    fn what_is_no_text_is_logged_as_question_marks() {
        let mut guest = Guest::new();
        for (printed, logged) in [
            (&b"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80\n"[..], "\u{e4} \u{20ac} \u{1f600}"),
            (b"a\xFFb\x80c\xC0\xAFd\n", "a?b?c??d"),
            (b"\xE2\x82\n\xED\xA0\x80\n", "?"),
            (b"\xF4\x90\n", "??"),
        ] {
            guest.store.data_mut().clear();
            guest.print(1, printed);
            assert_eq!(guest.lines()[0], (1, logged), "{printed:?}");
        }
        // A character that comes in two pieces is one.
        guest.store.data_mut().clear();
        guest.print(1, b"\xE2\x82");
        guest.print(1, b"\xAC\n");
        assert_eq!(guest.lines(), [(1, "\u{20ac}")]);
    }

    #[test]
    fn a_line_longer_than_what_is_kept_is_logged_in_pieces_and_whole() {
        let mut guest = Guest::new();
        let long: String = "\u{e4}x\u{20ac}".repeat(500);
        guest.print(1, long.as_bytes());
        guest.print(1, b"\n");
        assert_eq!(guest.lines().iter().map(|(_, piece)| *piece).collect::<String>(), long);
        assert!(guest.lines().iter().all(|(_, piece)| piece.len() <= 512));
    }

    #[test]
    fn every_module_has_random_numbers_of_its_own_that_repeat() {
        let valid = |module: &[u8]| wasmparser::validate(module).map(drop).expect("a valid module");
        let (one, other) = (seeded(b"one"), seeded(b"other"));
        valid(&one);
        valid(&other);
        assert_ne!(one, MODULE);
        assert_ne!(one, other);
        assert_eq!(one, seeded(b"one"));
    }
}
