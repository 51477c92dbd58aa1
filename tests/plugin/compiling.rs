//! The compiler's child process and the cache of what it made.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wasm_encoder::{
    CodeSection, Component, ExportKind, ExportSection, Function, FunctionSection, Module, ModuleSection, TypeSection, ValType,
};
use weir::interceptor::spec::{Ability, Limits};
use weir::plugin::{Artifact, Caps, Compiled, Error, Host, Options, Terms};

use super::{binary, guest};

fn caching_in(directory: &Path) -> Host {
    Host::new(Options { cache: Some(directory.to_owned()), compiler: Some(binary().to_owned()), ..Options::default() }).unwrap()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn load(host: &Host) -> Result<weir::plugin::Plugin, Error> {
    host.admit(Artifact::read(&guest("passthrough"), &Terms::default())?, [], &Limits::default())
}

#[test]
fn a_plugin_is_compiled_once_and_damaged_code_again() {
    let home = tempfile::tempdir().unwrap();
    let host = caching_in(home.path());
    load(&host).unwrap();
    let entry = entries(home.path()).remove(0);
    assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = fs::read(&entry).unwrap();
    // Without a compiler only the cache can serve it.
    let without = |directory: &Path| {
        let options = Options { cache: Some(directory.to_owned()), compiler: Some("/nonexistent/weir".into()), ..Options::default() };
        load(&Host::new(options).unwrap()).map(|_| ())
    };
    without(home.path()).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&entry, damaged).unwrap();
    assert!(matches!(without(home.path()), Err(Error::Compile { .. })));
    assert!(entries(home.path()).is_empty(), "the damaged entry is gone");
    load(&host).unwrap();
    assert_eq!(fs::read(&entry).unwrap(), whole);
}

#[test]
fn a_plugin_that_was_compiled_before_needs_its_grants_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let host = caching_in(home.path());
    let read = |grants: &[Ability]| Artifact::read(&guest("fraud-score"), &host.terms(grants));
    host.admit(read(&Ability::ALL).unwrap(), [], &Limits::default()).unwrap();
    assert!(matches!(read(&[]), Err(Error::Imports { .. })));
    read(&Ability::ALL).unwrap();
}

#[test]
fn a_directory_others_may_write_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    load(&caching_in(home.path())).unwrap();
    assert!(entries(home.path()).is_empty());
}

#[test]
fn a_link_to_a_directory_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    let (real, link) = (home.path().join("real"), home.path().join("link"));
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    load(&caching_in(&link)).unwrap();
    assert!(entries(&real).is_empty());
}

#[test]
fn another_program_is_not_mistaken_for_the_compiler() {
    for program in ["/bin/true", "/bin/cat", "/bin/false"] {
        let host = Host::new(Options { compiler: Some(program.into()), ..Options::default() }).unwrap();
        assert!(matches!(load(&host), Err(Error::Compile { .. })), "{program}");
    }
}

#[test]
fn a_compile_bomb_is_stopped_and_the_agent_lives() {
    let wasm = bomb(40_000);
    let host = Host::new(Options {
        compiler: Some(binary().to_owned()),
        caps: Caps { function_body: 4 << 20, locals: 1 << 20, ..Caps::default() },
        ..Options::default()
    });
    let host = host.unwrap();
    // Past the caps, as if somebody had raised them: the child's limits are what is left.
    match Artifact::from_bytes("bomb.wasm", wasm.clone(), None, &host.terms(&Ability::ALL))
        .and_then(|artifact| Compiled::build(artifact, &host))
    {
        Err(Error::World { .. }) => panic!("the bomb must get as far as the compiler"),
        Err(Error::Compile { reason, .. }) => assert!(reason.contains("more than the") || reason.contains("stopped after"), "{reason}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("40,000 live values are no bomb any more"),
    }
    // With the caps it does not get that far.
    let refused = Artifact::from_bytes("bomb.wasm", wasm, None, &Terms::default());
    assert!(refused.err().unwrap().to_string().contains("over the cap of"));
}

/// A component of the right world's looks whose one function holds so many values alive.
fn bomb(live: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64], [ValType::I64]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("f", ExportKind::Func, 0);
    let mut body = Function::new([(live, ValType::I64)]);
    let mut code = body.instructions();
    for local in 1..=live {
        // Each value depends on the one before, so none can be made again where it is used.
        code.local_get(local - 1).local_get(0).i64_mul().i64_const(i64::from(local)).i64_xor().local_set(local);
    }
    code.i64_const(0);
    for local in (1..=live).rev() {
        code.local_get(local).i64_add().local_get(0).i64_mul();
    }
    code.end();
    let mut codes = CodeSection::new();
    codes.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&codes);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    let mut instances = wasm_encoder::ComponentInstanceSection::new();
    instances.export_items::<&str, [(&str, wasm_encoder::ComponentExportKind, u32); 0]>([]);
    component.section(&instances);
    let mut exports = wasm_encoder::ComponentExportSection::new();
    exports.export("weir:interceptor/interceptor@0.1.0", wasm_encoder::ComponentExportKind::Instance, 0, None);
    component.section(&exports);
    component.finish()
}
