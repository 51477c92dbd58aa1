//! How guests are compiled and run: the one engine, its settings, and the thread that makes time pass for them.
//!
//! Everything of WebAssembly that a guest in Rust, Go, C, JavaScript or Python does without is off: nearly every advisory
//! against wasmtime was in a feature that a plugin does not need.

use std::thread;
use std::time::Duration;

use wasmparser::WasmFeatures;
use wasmtime::{Config, Engine, EngineWeak, OptLevel, Strategy, WasmBacktraceDetails};

use super::Error;

/// How often a running guest is asked whether its time is up.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Native stack of a guest call. Guest threads have several times that.
const GUEST_STACK: usize = 512 * 1024;

/// The engine without its clock: enough to compile.
pub(super) fn compiler() -> Result<Engine, Error> {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        // The same NaN everywhere: what a plugin computes does not depend on the processor.
        .cranelift_nan_canonicalization(true)
        .epoch_interruption(true)
        // Off is 0.5 to 0.9 µs a call and a third of a host call: guests are called synchronously, on threads of their own.
        .concurrency_support(false)
        .max_wasm_stack(GUEST_STACK)
        // Function names come from the name section; line numbers would need the guest's DWARF, which nobody ships.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_component_model(true)
        .gc_support(false)
        .shared_memory(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_tail_call(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_stack_switching(false)
        .wasm_relaxed_simd(false);
    Engine::new(&config).map_err(|error| Error::Engine(format!("{error:#}")))
}

/// The engine guests run on: [`compiler`] and a thread that ticks until the engine is gone.
pub(super) fn runner() -> Result<Engine, Error> {
    let engine = compiler()?;
    let clock = engine.weak();
    thread::Builder::new()
        .name("weir-guest-clock".into())
        .spawn(move || tick(&clock))
        .map_err(|error| Error::Engine(format!("start the clock of the guests: {error}")))?;
    Ok(engine)
}

fn tick(clock: &EngineWeak) {
    while let Some(engine) = clock.upgrade() {
        engine.increment_epoch();
        drop(engine);
        thread::sleep(TICK);
    }
}

/// Ticks after which a guest is over its time; never early, at most one tick and the scheduler's delay late.
pub(super) fn ticks(time: Duration) -> u64 {
    let ticks = time.as_micros().div_ceil(TICK.as_micros());
    u64::try_from(ticks).unwrap_or(u64::MAX - 1).saturating_add(1)
}

/// What the engine accepts, for the parser that looks at a plugin before the compiler does.
pub(super) fn features() -> WasmFeatures {
    let off = WasmFeatures::GC
        | WasmFeatures::GC_TYPES
        | WasmFeatures::FUNCTION_REFERENCES
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::MEMORY64
        | WasmFeatures::THREADS
        | WasmFeatures::SHARED_EVERYTHING_THREADS
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::STACK_SWITCHING
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::LEGACY_EXCEPTIONS
        | WasmFeatures::CM_ASYNC;
    WasmFeatures::default() - off
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_cut_short() {
        assert_eq!(ticks(Duration::from_millis(5)), 2);
        assert_eq!(ticks(Duration::from_millis(6)), 3);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }

    #[test]
    fn the_engine_can_be_made_and_its_clock_ends_with_it() {
        let engine = runner().expect("an engine");
        let weak = engine.weak();
        drop(engine);
        // The clock holds the engine for an instant at each tick.
        while weak.upgrade().is_some() {
            thread::yield_now();
        }
    }
}
