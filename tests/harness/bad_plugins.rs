//! Files that are no plugins of this host, each in its own way, and what a person must be told about them.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use wasm_encoder::{
    CodeSection, Component, ComponentExportKind, ComponentExportSection, ComponentInstanceSection, ExportKind, ExportSection, Function,
    FunctionSection, Module, ModuleSection, TypeSection, ValType,
};

use super::agent::binary;
use super::{guests, versions::Version};

/// A file that must be refused.
#[derive(Debug, Clone)]
pub struct Bad {
    /// What it is called.
    pub name: &'static str,
    /// The file.
    pub file: Vec<u8>,
    /// What the refusal must contain: one of each group.
    pub says: &'static [&'static [&'static str]],
}

/// All of them but the compile bomb.
pub fn all() -> Vec<Bad> {
    let whole = Version::good(1).component;
    let cut = |at: usize| whole[..at].to_vec();
    let bad = |name, file: Vec<u8>, says| Bad { name, file, says };
    let mut longer = whole.clone();
    longer.extend_from_slice(b"more");
    vec![
        bad("empty.wasm", Vec::new(), &[&["body is empty"]]),
        bad("script.wasm", b"#!/bin/sh\n".to_vec(), &[&["not WebAssembly"]]),
        bad("cut-in-its-head.wasm", cut(6), &[&["cut-in-its-head.wasm"], &["cut off", "unexpected end"]]),
        bad("cut-early.wasm", cut(100), &[&["cut-early.wasm"], &["cut off", "unexpected end"]]),
        bad("cut-in-the-middle.wasm", cut(whole.len() / 2), &[&["cut-in-the-middle.wasm"], &["cut off", "unexpected end"]]),
        bad("cut-at-its-end.wasm", cut(whole.len() - 1), &[&["cut-at-its-end.wasm"], &["cut off", "unexpected end"]]),
        bad("longer.wasm", longer, &[&["longer.wasm"]]),
        bad("core.wasm", core_module(), &[&["a core module, not a component"], &["weir plugin build"]]),
        bad(
            "other-world.wasm",
            wat(r#"(component (instance $i) (export "acme:filter/run@1.0.0" (instance $i)))"#),
            &[&["weir:interceptor/interceptor@0.1.0"], &["acme:filter/run@1.0.0"]],
        ),
        bad(
            "other-contract.wasm",
            wat(r#"(component (import "weir:interceptor/events@0.9.0" (instance)))"#),
            &[&["weir:interceptor/events@0.9.0"], &["this host has version 0.1.0"]],
        ),
        bad(
            "wasi.wasm",
            wat(r#"(component
                (import "wasi:filesystem/types@0.2.9" (instance))
                (import "wasi:sockets/tcp@0.2.9" (instance)))"#),
            &[&["nothing grants"], &["wasi:filesystem/types@0.2.9"], &["wasi:sockets/tcp@0.2.9"]],
        ),
        bad("compiled.wasm", compiled(&whole), &[&[".cwasm"], &["component it was made from"]]),
    ]
}

/// More bytes than a plugin may have.
pub fn huge() -> Vec<u8> {
    let mut file = Version::good(1).component;
    file.resize(33 << 20, 0);
    file
}

/// A small component whose one function keeps 13,000 values alive on its stack: within every cap, and a burden for a compiler whose time is more
/// than linear in that.
pub fn compile_bomb() -> Bad {
    const LIVE: i64 = 13_000;
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64], [ValType::I64]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("f", ExportKind::Func, 0);
    let mut body = Function::new([]);
    let mut code = body.instructions();
    for value in 1..=LIVE {
        // Each value depends on the one before, so none can be made again where it is used.
        code.local_get(0).i64_const(value).i64_mul().local_tee(0);
    }
    for _ in 1..LIVE {
        code.i64_sub();
    }
    code.end();
    let mut codes = CodeSection::new();
    codes.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&codes);
    let mut instances = ComponentInstanceSection::new();
    instances.export_items::<&str, [(&str, ComponentExportKind, u32); 0]>([]);
    let mut interface = ComponentExportSection::new();
    interface.export("weir:interceptor/interceptor@0.1.0", ComponentExportKind::Instance, 0, None);
    let mut component = Component::new();
    component.section(&ModuleSection(&module)).section(&instances).section(&interface);
    Bad { name: "bomb.wasm", file: component.finish(), says: &[&["bomb.wasm"], &["stopped after", "more than the", "export"]] }
}

/// The guest before it was made a component: what a build tool leaves behind, and somebody copies.
fn core_module() -> Vec<u8> {
    // The guests are built by the time somebody asks for one.
    guests::path("versions");
    fs::read(guests::target_directory().join("guests/cargo/wasm32-unknown-unknown/release/versions.wasm")).unwrap()
}

/// What the agent's own compiler makes of a component.
fn compiled(component: &[u8]) -> Vec<u8> {
    let file = super::cache::scratch("compiled").join("whole.wasm");
    fs::write(&file, component).unwrap();
    let made =
        Command::new(binary()).arg(weir::plugin::compile::SUBCOMMAND).stdin(Stdio::from(File::open(&file).unwrap())).output().unwrap();
    assert!(made.status.success());
    // After the compiler's greeting, a line, comes what wasmtime would load.
    let greeting = made.stdout.iter().position(|byte| *byte == b'\n').unwrap();
    made.stdout[greeting + 1..].to_vec()
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}
