//! One instance of a plugin in a store of its own, and one call of it under limits. After any failure it is not used again: a store
//! that trapped refuses every further call, and what its memory holds is anybody's guess.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime::{ResourceLimiter, Store, Trap, WasmBacktrace};

use super::batch_resource::{Call, Pointers, Said};
use super::bindings::{Plugin, PluginPre};
use super::counters::Counted;
use super::lifecycle::{Description, Parameter};
use super::{FailureKind, LogLines, engine};
use crate::batch::{Batch, Outcome};
use crate::interceptor::spec::Limits;
use crate::printable::one_line;

/// `describe` and `configure` may take at least this long: tables are built there, once an instance.
const START: Duration = Duration::from_secs(1);
/// What each event adds to the deadline of a batch.
const PER_EVENT: Duration = Duration::from_micros(20);

/// An interpreter compiled to WebAssembly has a few core modules; nothing needs more than these.
const INSTANCES: usize = 64;
const TABLES: usize = 16;
const MEMORIES: usize = 4;
const TABLE_ELEMENTS: usize = 100_000;
const HANDLES: usize = 64;

/// What the store holds for the host.
pub(super) struct State {
    pub(super) call: Option<Call>,
    pub(super) pointers: Pointers,
    pub(super) log: LogLines,
    /// What the call under way has counted so far.
    pub(super) counted: Counted,
    limiter: Limiter,
}

/// Counts linear memory over all memories of the instance, and remembers what it refused: a guest out of memory only looks like one that panics.
struct Limiter {
    limit: usize,
    in_use: usize,
    refused: Option<usize>,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = (self.in_use - current).saturating_add(desired);
        if total > self.limit {
            self.refused = Some(total);
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.in_use = total;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

/// A call that failed, and with it the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) reason: String,
    pub(crate) backtrace: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, reason: String) -> Failure {
        Failure { kind, reason, backtrace: None }
    }

    /// Names the call that failed; `intercept` needs no name.
    fn of(self, call: &str) -> Failure {
        Failure { reason: format!("in `{call}`: {}", self.reason), ..self }
    }
}

/// An instance, configured.
pub(crate) struct Instance {
    store: Store<State>,
    guest: Plugin,
    batches: u64,
}

impl Instance {
    /// Makes one and configures it; a failure says which of its calls failed.
    pub(super) fn start(
        ready: &PluginPre<State>,
        settings: &[(String, String)],
        limits: &Limits,
        log: LogLines,
    ) -> Result<Instance, Failure> {
        let mut instance = Instance::bare(ready, limits, log)?;
        let time = limits.deadline.max(START);
        let answer = instance.run(time, |guest, store| guest.weir_interceptor_interceptor().call_configure(store, settings));
        match answer.map_err(|failure| failure.of("configure"))? {
            Ok(()) => {
                instance.pass_on_what_it_counted();
                Ok(instance)
            }
            Err(reason) => Err(Failure::new(FailureKind::Guest, format!("it refuses its settings: {}", one_line(&reason)))),
        }
    }

    /// Asks a throw-away instance what the plugin is.
    pub(super) fn describe(ready: &PluginPre<State>, limits: &Limits) -> Result<Description, Failure> {
        let mut instance = Instance::bare(ready, limits, LogLines::muted())?;
        let time = limits.deadline.max(START);
        let said = instance.run(time, |guest, store| guest.weir_interceptor_interceptor().call_describe(store));
        let said = said.map_err(|failure| failure.of("describe"))?;
        let parameters = said.parameters.into_iter().map(|parameter| Parameter {
            name: one_line(&parameter.name),
            description: one_line(&parameter.description),
            required: parameter.required,
            default: parameter.default,
        });
        Ok(Description { name: one_line(&said.name), version: one_line(&said.version), parameters: parameters.collect() })
    }

    fn bare(ready: &PluginPre<State>, limits: &Limits, log: LogLines) -> Result<Instance, Failure> {
        let limiter = Limiter { limit: limits.memory_limit(), in_use: 0, refused: None };
        let mut store =
            Store::new(ready.engine(), State { call: None, pointers: Pointers::default(), log, counted: Counted::default(), limiter });
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.result);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(engine::ticks(limits.deadline.max(START)));
        match ready.instantiate(&mut store) {
            Ok(guest) => Ok(Instance { store, guest, batches: 0 }),
            Err(error) => Err(failure(&error, &store, limits.deadline.max(START))),
        }
    }

    /// Has the guest judge a part of a batch. On an error the instance is done for.
    pub(crate) fn judge(&mut self, batch: &Arc<Batch>, range: Range<usize>, time: Duration) -> Result<Outcome, Failure> {
        self.batches += 1;
        self.store.data_mut().call = Some(Call::new(batch.clone(), range));
        // The handle's number says nothing: there is one batch, and it is in the store's data.
        let answer = self.run(time, |guest, store| guest.weir_interceptor_interceptor().call_intercept(store, Resource::new_borrow(0)));
        let said = self.store.data_mut().call.take().map_or(Said::Nothing, Call::said);
        let outcome = match (answer?, said) {
            (_, Said::Nonsense(reason)) => Err(Failure::new(FailureKind::Outcome, format!("its edits do not fit the batch: {reason}"))),
            (Err(reason), _) => Err(Failure::new(FailureKind::Guest, one_line(&reason))),
            (Ok(()), Said::Edits(outcome)) => Ok(outcome),
            (Ok(()), Said::Nothing) => Ok(Outcome::default()),
        }?;
        self.pass_on_what_it_counted();
        Ok(outcome)
    }

    /// After a call that ended in order. What a failed one counted is lost with its instance, since its events are judged again.
    fn pass_on_what_it_counted(&mut self) {
        let state = self.store.data_mut();
        state.log.counted(&mut state.counted);
    }

    fn run<T>(&mut self, time: Duration, call: impl FnOnce(&Plugin, &mut Store<State>) -> wasmtime::Result<T>) -> Result<T, Failure> {
        self.store.data_mut().limiter.refused = None;
        self.store.set_epoch_deadline(engine::ticks(time));
        call(&self.guest, &mut self.store).map_err(|error| failure(&error, &self.store, time))
    }

    /// How many calls it has had.
    pub(crate) fn batches(&self) -> u64 {
        self.batches
    }

    /// Linear memory in use, bytes. It never shrinks.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().limiter.in_use
    }
}

/// Time a guest has for so many events, when a whole batch of `base` is granted.
pub(crate) fn time_for(base: Duration, events: usize) -> Duration {
    let events = u32::try_from(events).unwrap_or(u32::MAX);
    base.saturating_add(PER_EVENT.saturating_mul(events))
}

fn failure(error: &wasmtime::Error, store: &Store<State>, time: Duration) -> Failure {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).filter(|text| !text.is_empty());
    let (kind, reason) = cause(error, &store.data().limiter, time);
    Failure { kind, reason, backtrace }
}

fn cause(error: &wasmtime::Error, limiter: &Limiter, time: Duration) -> (FailureKind, String) {
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::Interrupt) {
        return (FailureKind::Deadline, format!("no answer within {} ms", time.as_millis()));
    }
    if let Some(wanted) = limiter.refused {
        return (FailureKind::Memory, format!("it asked for {wanted} bytes of memory; the limit is {}", limiter.limit));
    }
    if let Some(trap) = trap {
        return (FailureKind::Trap, trap.to_string());
    }
    let reason = error.root_cause().to_string();
    // wasmtime keeps the type of this error to itself.
    if reason.starts_with("too much data is being copied") {
        return (FailureKind::TooLarge, "it handed over more bytes than the limit on results".into());
    }
    (FailureKind::Trap, one_line(&reason))
}

/// The guest's stack, innermost first; names come from its name section, as their author wrote them.
fn frames(backtrace: &WasmBacktrace) -> String {
    let lines = backtrace.frames().iter().enumerate().map(|(index, frame)| {
        let name = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), readable);
        format!("{index}: {name}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A function's name without the compiler's mangling; another language's is as it is.
fn readable(name: &str) -> String {
    one_line(&format!("{:#}", rustc_demangle::demangle(name)))
}
