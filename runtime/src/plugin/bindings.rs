//! The host's side of `wit/interceptor.wit`, generated from it.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::Error;
use super::instance::State;

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "plugin",
        imports: { default: trappable },
        with: { "weir:interceptor/events.batch": crate::plugin::batch_resource::BatchResource },
    });
}

pub(super) use generated::weir::interceptor::{counters, events, logging};
pub(super) use generated::{Plugin, PluginPre};
pub(super) use logging::Level;

/// Everything a guest may call: the contract's own interfaces.
pub(super) fn linker(engine: &Engine) -> Result<Linker<State>, Error> {
    let mut linker = Linker::new(engine);
    let failed = |error: wasmtime::Error| Error::Engine(format!("link the contract: {error:#}"));
    Plugin::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).map_err(failed)?;
    Ok(linker)
}
