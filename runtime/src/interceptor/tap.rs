//! Listening at an interceptor: chosen events as they came and as they went on, and which version judged them.
//!
//! Nobody waits for a listener and nothing grows because of one. While nobody listens, a batch costs one look at a number. Otherwise each
//! listener has a bounded queue and a rate; what does not fit is counted and told later, so that a listener knows what it has not seen.

mod listener;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Place;
use crate::batch::{Batch, Outcome};
use crate::control::swap::VersionStatus;
use crate::control::tap::{Listening, TapRequest};
use crate::control::{Refusal, RefusalKind, now};
use crate::telemetry::Counter;
use listener::{Heard, Listener};

/// Most that listen at one interceptor.
const LISTENERS: usize = 16;
/// How often listeners that left are looked for, and those that missed something are told where no event follows to say it with.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// The taps of every interceptor by its place, so that listeners outlive a pipeline that is built anew. Cheap to clone.
#[derive(Clone, Default)]
pub struct TapDirectory {
    places: Arc<Mutex<HashMap<Place, Taps>>>,
}

impl TapDirectory {
    /// The taps of an interceptor; asked for again, the same. `dropped` counts the events that were not shown.
    pub fn of(&self, place: &Place, dropped: &Counter) -> Taps {
        self.lock().entry(place.clone()).or_insert_with(|| Taps::new(dropped.clone())).clone()
    }

    /// The interceptor is gone for good: its listeners are told why, and their streams end.
    pub fn end(&self, place: &Place, why: &str) {
        let gone = self.lock().remove(place);
        if let Some(taps) = gone {
            taps.lock().end(why);
            taps.shared.listening.store(0, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Taps>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who listens at one interceptor. Cloning gives another handle on the same listeners.
#[derive(Clone)]
pub struct Taps {
    shared: Arc<Shared>,
}

struct Shared {
    /// How many listeners there are: all that a batch looks at while there are none.
    listening: AtomicUsize,
    state: Mutex<State>,
    dropped: Counter,
}

#[derive(Default)]
struct State {
    listeners: Vec<Listener>,
    /// The version that judges since the last switch; `None` before any was told.
    current: Option<VersionStatus>,
    looked_after: bool,
}

impl Taps {
    /// Nobody listens yet. `dropped` counts the events that were not shown.
    pub fn new(dropped: Counter) -> Taps {
        Taps { shared: Arc::new(Shared { listening: AtomicUsize::new(0), state: Mutex::default(), dropped }) }
    }

    /// Whether nobody listens.
    pub fn is_idle(&self) -> bool {
        self.shared.listening.load(Ordering::Relaxed) == 0
    }

    /// Listens. To be called within the runtime, whose timer tells listeners what they missed.
    ///
    /// # Errors
    /// [`RefusalKind::Busy`] when too many listen already; [`RefusalKind::Unprocessable`] for a text too long to search for.
    pub fn listen(&self, request: &TapRequest) -> Result<Listening, Refusal> {
        let (listener, listening) = Listener::new(request, Instant::now())?;
        let mut state = self.lock();
        state.listeners.retain(Listener::is_there);
        if state.listeners.len() >= LISTENERS {
            return Err(Refusal::new(RefusalKind::Busy, format!("{LISTENERS} listen at this interceptor already")));
        }
        state.listeners.push(listener);
        self.shared.listening.store(state.listeners.len(), Ordering::Relaxed);
        if !std::mem::replace(&mut state.looked_after, true) {
            tokio::spawn(look_after(Arc::downgrade(&self.shared)));
        }
        Ok(listening)
    }

    /// Shows a judged batch to those who listen; `digest` is that of the version that judged it.
    pub fn observe(&self, batch: &Batch, outcome: &Outcome, digest: Option<&str>) {
        if self.is_idle() {
            return;
        }
        let heard = Heard { batch, outcome, digest, at: Instant::now(), time: now() };
        let mut state = self.lock();
        let dropped = state.hear(&heard);
        self.shared.listening.store(state.listeners.len(), Ordering::Relaxed);
        drop(state);
        self.shared.dropped.inc_by(dropped);
    }

    /// From the next batch on `to` judges. Listeners hear of it with the first batch that it has judged.
    pub fn swapped(&self, from: Option<&VersionStatus>, to: &VersionStatus) {
        let mut state = self.lock();
        if let Some(from) = from {
            state.listeners.iter_mut().for_each(|listener| listener.knows(from));
        }
        state.current = Some(to.clone());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).end("the interceptor is gone");
    }
}

impl State {
    /// How many events were not shown to somebody who would have liked to see them.
    fn hear(&mut self, heard: &Heard<'_>) -> u64 {
        let mut dropped = 0;
        let current = self.current.as_ref();
        self.listeners.retain_mut(|listener| {
            let missed = listener.hear(heard, current);
            dropped += missed;
            listener.is_there()
        });
        dropped
    }

    fn end(&mut self, why: &str) {
        self.listeners.drain(..).for_each(|listener| listener.end(why));
    }
}

/// Runs while somebody listens.
async fn look_after(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_AFTER).await;
        let Some(shared) = shared.upgrade() else { return };
        let mut state = shared.lock();
        state.listeners.retain_mut(|listener| listener.tell_dropped() && listener.is_there());
        shared.listening.store(state.listeners.len(), Ordering::Relaxed);
        if state.listeners.is_empty() {
            state.looked_after = false;
            return;
        }
    }
}
