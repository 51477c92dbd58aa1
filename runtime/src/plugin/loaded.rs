//! The components this process has loaded: pipelines with the same plugin have one copy of its machine code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wasmtime::component::Component;

/// By digest, as long as some plugin is made of it.
#[derive(Default)]
pub(super) struct Loaded {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// Locked while the component is loaded, so that whoever wants the same one waits for it.
type Slot = Mutex<Weak<Component>>;

impl Loaded {
    /// The component of this digest; `load` brings it where nobody has it.
    pub(super) fn get<E>(&self, digest: &str, load: impl FnOnce() -> Result<Component, E>) -> Result<Arc<Component>, E> {
        let slot = self.slot(digest);
        let mut kept = lock(&slot);
        if let Some(component) = kept.upgrade() {
            return Ok(component);
        }
        let component = Arc::new(load()?);
        *kept = Arc::downgrade(&component);
        Ok(component)
    }

    fn slot(&self, digest: &str) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        // One that somebody holds is in use, and may be locked for as long as a compiler takes.
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || lock(slot).strong_count() > 0);
        slots.entry(digest.to_owned()).or_default().clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(component)`
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn a_component_is_loaded_once_and_forgotten_with_its_last_user() {
        let engine = super::super::engine::compiler().expect("an engine");
        let loaded = Loaded::default();
        let loads = std::cell::Cell::new(0);
        let load = || {
            loads.set(loads.get() + 1);
            Component::new(&engine, EMPTY)
        };
        let (first, second) = (loaded.get("a", load).expect("loaded"), loaded.get("a", load).expect("there"));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(loads.get(), 1);
        drop((first, second));
        loaded.get("b", load).expect("loaded");
        assert_eq!(lock(&loaded.slots).len(), 1, "`a` is forgotten");
        loaded.get("a", load).expect("loaded anew");
        assert_eq!(loads.get(), 3);
    }

    #[test]
    fn one_that_does_not_load_is_tried_again() {
        let engine = super::super::engine::compiler().expect("an engine");
        let loaded = Loaded::default();
        assert_eq!(loaded.get("a", || Err("no")).err(), Some("no"));
        loaded.get("a", || Component::new(&engine, EMPTY)).expect("loaded");
    }
}
