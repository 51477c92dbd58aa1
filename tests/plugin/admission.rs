//! What is not accepted as a plugin, and what is said about it.

use std::process::Command;

use weir::plugin::{Artifact, Caps, Error, Terms};

use super::{admit, binary, guest, host};

fn refusal(wasm: impl Into<Vec<u8>>) -> String {
    match Artifact::from_bytes("x.wasm", wasm, None, &Terms::default()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was accepted"),
    }
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn everything_a_plugin_may_not_have_is_named() {
    let component = wat(r#"(component
        (import "wasi:clocks/wall-clock@0.2.9" (instance))
        (import "wasi:filesystem/types@0.2.9" (instance))
        (import "weir:interceptor/logging@0.1.0" (instance)))"#);
    assert_eq!(refusal(component), "plugin x.wasm imports what nothing grants: wasi:clocks/wall-clock@0.2.9, wasi:filesystem/types@0.2.9");
}

#[test]
fn events_and_counters_are_for_every_plugin_and_the_log_is_granted() {
    let imports = ["events", "counters", "logging"].map(|name| format!(r#"(import "weir:interceptor/{name}@0.1.0" (instance))"#));
    let component = wat(&format!("(component {})", imports.concat()));
    let Err(error) = Artifact::from_bytes("x.wasm", component, None, &Terms { grants: vec![], ..Terms::default() }) else {
        panic!("it was accepted")
    };
    let said =
        "plugin x.wasm imports what nothing grants: weir:interceptor/logging@0.1.0 (the interceptor's `grants` do not have `logging`)";
    assert_eq!(error.to_string(), said);
}

#[test]
fn another_version_of_the_contract_is_named() {
    let said = refusal(wat(r#"(component (import "weir:interceptor/events@0.9.0" (instance)))"#));
    assert!(said.contains("it imports weir:interceptor/events@0.9.0; this host has version 0.1.0"), "{said}");
}

#[test]
fn a_component_of_another_world_is_told_what_it_lacks() {
    let said = refusal(wat(r#"(component (instance $i) (export "acme:filter/run@1.0.0" (instance $i)))"#));
    assert!(said.ends_with("it does not export weir:interceptor/interceptor@0.1.0; it exports acme:filter/run@1.0.0"), "{said}");
}

#[test]
fn exports_of_the_right_name_and_the_wrong_type_are_refused() {
    let component = wat(r#"(component (instance $i) (export "weir:interceptor/interceptor@0.1.0" (instance $i)))"#);
    let artifact = Artifact::from_bytes("x.wasm", component, None, &Terms::default()).unwrap();
    let Err(error) = host().admit(artifact, [], &Default::default()) else { panic!("it was accepted") };
    assert!(matches!(error, Error::World { .. }), "{error}");
}

#[test]
fn a_core_module_is_told_how_to_become_a_component() {
    let said = refusal(wat("(module)"));
    assert!(said.contains("a core module, not a component: turn it into a component with `weir plugin build FILE"), "{said}");
}

#[test]
fn what_is_no_webassembly_at_all_is_said_so() {
    assert!(refusal("").contains("not WebAssembly"));
    assert!(refusal("#!/bin/sh").contains("not WebAssembly"));
    let whole = std::fs::read(guest("passthrough")).unwrap();
    for cut in [5, 8, 100, whole.len() / 2, whole.len() - 1] {
        let said = refusal(&whole[..cut]);
        assert!(said.starts_with("plugin x.wasm"), "{said}");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(refusal(longer).starts_with("plugin x.wasm: "));
}

#[test]
fn compiled_code_is_never_taken() {
    let component = std::fs::File::open(guest("passthrough")).unwrap();
    let made = Command::new(binary()).arg(weir::plugin::compile::SUBCOMMAND).stdin(component).output().unwrap();
    assert!(made.status.success());
    // After the compiler's greeting, a line, comes what wasmtime would load.
    let greeting = made.stdout.iter().position(|byte| *byte == b'\n').unwrap();
    let said = refusal(&made.stdout[greeting + 1..]);
    assert!(said.contains("compiled code (.cwasm), which is never taken from outside"), "{said}");
}

#[test]
fn sizes_have_caps() {
    let wasm = std::fs::read(guest("fraud-score")).unwrap();
    let with = |caps: Caps| {
        Artifact::from_bytes("x.wasm", wasm.clone(), None, &Terms { caps, ..Terms::default() })
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let caps = Caps::default;
    assert!(with(Caps { file: 1000, ..caps() }).contains("over the cap of 1000"));
    assert!(with(Caps { functions: 10, ..caps() }).contains("more than 10 functions"));
    assert!(with(Caps { function_body: 100, ..caps() }).contains("over the cap of 100"));
    assert!(with(Caps { locals: 1, ..caps() }).contains("over the cap of 1"));
    assert_eq!(with(caps()), "");
    let read = Artifact::read(&guest("fraud-score"), &Terms { caps: Caps { file: 1000, ..caps() }, ..Terms::default() });
    assert!(read.err().unwrap().to_string().contains("1001 bytes, over the cap of 1000"));
}

#[test]
fn settings_are_checked_before_the_start() {
    let said = |settings: &[(&str, &str)]| admit("fraud-score", settings).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(
        said(&[("amount_limt", "1")]).contains("`amount_limt` is unknown; did you mean `amount_limit`?"),
        "{}",
        said(&[("amount_limt", "1")])
    );
    assert!(said(&[("amount_limit", "much")]).contains("it refuses its settings: `amount_limit` cannot be `much`"));
    assert_eq!(said(&[("amount_limit", "5")]), "");
    let said = admit("miscounts", &[]).err().unwrap().to_string();
    assert!(said.contains("`kind` is required (in which way)"), "{said}");
}

#[test]
fn a_plugin_says_what_it_is() {
    let plugin = admit("fraud-score", &[]).unwrap();
    assert_eq!((plugin.info().name.as_str(), plugin.info().version.as_str()), ("fraud-score", "0.1.0"));
    assert_eq!(plugin.info().digest.len(), 64);
    assert_eq!(plugin.description().parameters[0].default.as_deref(), Some("1000"));
}
