//! What a file must be before it may reach the compiler: one pass of the parser, linear in its size.
//!
//! Cranelift's time is more than linear in what a function holds alive, so that a quarter of a megabyte can keep it busy for minutes.
//! The caps here stop the cheap forms of that; the child process the compiler runs in (`compile.rs`) stops the rest.

use wasmparser::{Chunk, ComponentExternalKind, Encoding, FunctionBody, Parser, Payload, ValidPayload, Validator};

use super::payloads::outermost;
use super::{Error, Host, Signatures, engine};
use crate::interceptor::spec::Ability;

/// The contract's package, the interfaces of it that every plugin may import, and the one it must export. Others are abilities.
const PACKAGE: &str = "weir:interceptor/";
/// Version of the contract `weir:interceptor` that this host has.
pub const VERSION: &str = "0.1.0";
const EVENTS: &str = "weir:interceptor/events@0.1.0";
const COUNTERS: &str = "weir:interceptor/counters@0.1.0";
const WANTED: &str = "weir:interceptor/interceptor@0.1.0";

/// The most nested components and modules one in another.
const MAX_NESTING: usize = 8;

/// How large a plugin may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the file. Default: 32 MiB; CPython with its standard library is 18 MiB.
    pub file: usize,
    /// Functions, of all modules in it. Default: 30,000.
    pub functions: usize,
    /// Bytes of one function's body. Default: 512 KiB; CPython's longest has 417 KiB.
    pub function_body: usize,
    /// Locals of one function, parameters not counted. Default: 4,000.
    pub locals: u32,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps { file: 32 << 20, functions: 30_000, function_body: 512 << 10, locals: 4_000 }
    }
}

/// On which terms a plugin is taken in.
#[derive(Clone)]
pub struct Terms {
    /// How large it may be.
    pub caps: Caps,
    /// Abilities it may import.
    pub grants: Vec<Ability>,
    /// Whose signature it needs.
    pub signatures: Signatures,
    /// Who takes it in: a component it has compiled before was found valid then, and only its imports and exports are looked at again.
    pub host: Option<Host>,
}

impl Default for Terms {
    /// The default caps, every ability, no signature, and every component is looked at whole.
    fn default() -> Terms {
        Terms { caps: Caps::default(), grants: Ability::ALL.to_vec(), signatures: Signatures::default(), host: None }
    }
}

impl Terms {
    /// Whether this many bytes are few enough to be looked at.
    pub(super) fn fits(&self, name: &str, bytes: usize) -> Result<(), Error> {
        match bytes <= self.caps.file {
            true => Ok(()),
            false => Err(refused(name, format!("{bytes} bytes, over the cap of {}", self.caps.file))),
        }
    }

    /// Looks at the file. `Ok` means: a valid component of this world that asks for nothing it is not granted.
    pub(super) fn check(&self, name: &str, wasm: &[u8], digest: &str) -> Result<(), Error> {
        self.fits(name, wasm.len())?;
        kind(name, wasm)?;
        let mut survey = Survey { caps: &self.caps, functions: 0, imports: Vec::new(), exports: Vec::new() };
        let looked = match self.host.as_ref().is_some_and(|host| host.knows(digest)) {
            true => survey.skim(wasm),
            false => survey.read(wasm),
        };
        looked.map_err(|reason| refused(name, reason))?;
        survey.world(name, &self.grants)
    }
}

/// The interface an ability is.
fn interface(ability: Ability) -> String {
    format!("{PACKAGE}{}@{VERSION}", ability.name())
}

fn refused(name: &str, reason: String) -> Error {
    Error::Refused { plugin: name.to_owned(), reason }
}

/// A component, or what else it is and what to do about it.
fn kind(name: &str, wasm: &[u8]) -> Result<(), Error> {
    if wasmtime::Engine::detect_precompiled(wasm).is_some() {
        return Err(refused(name, "compiled code (.cwasm), which is never taken from outside; give the component it was made from".into()));
    }
    if !wasm.starts_with(b"\0asm") {
        return Err(refused(name, "not WebAssembly: it does not begin with \\0asm".into()));
    }
    if !Parser::is_core_wasm(wasm) {
        return Ok(());
    }
    let reason = "a core module, not a component: turn it into a component with `weir plugin build FILE -o PLUGIN.wasm`, \
                  which works for what was built with an SDK of Weir";
    Err(refused(name, reason.into()))
}

/// What the pass gathers.
struct Survey<'a> {
    caps: &'a Caps,
    functions: usize,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Survey<'_> {
    fn read(&mut self, wasm: &[u8]) -> Result<(), String> {
        let mut validator = Validator::new_with_features(engine::features());
        let mut parser = Parser::new(0);
        parser.set_features(engine::features());
        let mut parents = Vec::new();
        let mut allocations = wasmparser::FuncValidatorAllocations::default();
        let mut at = 0;
        loop {
            let Chunk::Parsed { consumed, payload } = parser.parse(&wasm[at..], true).map_err(|error| error.to_string())? else {
                return Err(format!("cut off at byte {at}"));
            };
            at += consumed;
            self.note(&payload, parents.len()).map_err(|error| error.to_string())?;
            match validator.payload(&payload).map_err(|error| error.to_string())? {
                ValidPayload::Ok => {}
                ValidPayload::Func(function, body) => {
                    self.function(&body)?;
                    let mut checker = function.into_validator(allocations);
                    checker.validate(&body).map_err(|error| error.to_string())?;
                    allocations = checker.into_allocations();
                }
                ValidPayload::Parser(inner) => {
                    parents.push(std::mem::replace(&mut parser, inner));
                    if parents.len() > MAX_NESTING {
                        return Err(format!("components nested deeper than {MAX_NESTING}"));
                    }
                }
                ValidPayload::End(_) => match parents.pop() {
                    Some(parent) => parser = parent,
                    None if at == wasm.len() => return Ok(()),
                    None => return Err(format!("{} bytes after its end", wasm.len() - at)),
                },
            }
        }
    }

    /// Of a component that was read before.
    fn skim(&mut self, wasm: &[u8]) -> Result<(), String> {
        for payload in outermost(wasm) {
            payload.and_then(|payload| self.note(&payload, 0)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The outermost component's imports and exports are the plugin's.
    fn note(&mut self, payload: &Payload<'_>, depth: usize) -> wasmparser::Result<()> {
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {}
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section.clone() {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        self.exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), String> {
        self.functions += 1;
        if self.functions > self.caps.functions {
            return Err(format!("more than {} functions", self.caps.functions));
        }
        let place = body.range();
        if place.len() > self.caps.function_body {
            return Err(format!(
                "the function at byte {} is {} bytes long, over the cap of {}",
                place.start,
                place.len(),
                self.caps.function_body
            ));
        }
        let mut locals = 0u32;
        for local in body.get_locals_reader().map_err(|error| error.to_string())? {
            let (count, _) = local.map_err(|error| error.to_string())?;
            locals = locals.saturating_add(count);
        }
        if locals > self.caps.locals {
            return Err(format!("the function at byte {} has {locals} locals, over the cap of {}", place.start, self.caps.locals));
        }
        Ok(())
    }

    /// Imports against grants, exports against the world; everything that is wrong is named.
    fn world(&self, name: &str, grants: &[Ability]) -> Result<(), Error> {
        let (mut ungranted, mut other_version) = (Vec::new(), None);
        for import in self.imports.iter().filter(|import| *import != EVENTS && *import != COUNTERS) {
            match Ability::ALL.into_iter().find(|ability| interface(*ability) == *import) {
                Some(ability) if grants.contains(&ability) => {}
                Some(ability) => ungranted.push(format!("{import} (the interceptor's `grants` do not have `{}`)", ability.name())),
                None if import.starts_with(PACKAGE) => other_version = Some(import),
                None => ungranted.push(import.clone()),
            }
        }
        if !ungranted.is_empty() {
            return Err(Error::Imports { plugin: name.to_owned(), imports: ungranted });
        }
        if let Some(import) = other_version {
            let abilities = Ability::ALL.map(interface).join(", ");
            return Err(world(
                name,
                format!("it imports {import}; this host has version {VERSION} of the contract: {EVENTS}, {COUNTERS}, {abilities}"),
            ));
        }
        if self.exports.iter().any(|export| export == WANTED) {
            return Ok(());
        }
        let exports = if self.exports.is_empty() { "nothing".to_owned() } else { self.exports.join(", ") };
        Err(world(name, format!("it does not export {WANTED}; it exports {exports}")))
    }
}

fn world(name: &str, reason: String) -> Error {
    Error::World { plugin: name.to_owned(), reason }
}
