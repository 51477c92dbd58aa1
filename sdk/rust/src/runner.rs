//! Between the generated bindings and an author's type: what `export!` needs.

use std::cell::RefCell;

use crate::batch::Batch;
use crate::bindings::exports::weir::interceptor::interceptor::{Description, Parameter};
use crate::bindings::weir::interceptor::events;
use crate::changes::Changes;
use crate::settings::Settings;
use crate::{Fault, Interceptor};

/// An instance of the plugin.
pub struct Runner<I> {
    interceptor: RefCell<Option<I>>,
    changes: RefCell<Option<RefCell<Changes>>>,
}

impl<I: Interceptor> Runner<I> {
    /// Not yet configured.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is made in a const")]
    pub const fn new() -> Runner<I> {
        Runner { interceptor: RefCell::new(None), changes: RefCell::new(None) }
    }

    /// The contract's `configure`.
    ///
    /// # Errors
    /// What the interceptor says of its settings.
    pub fn configure(&self, settings: Vec<(String, String)>) -> Result<(), String> {
        report_panics();
        let interceptor = I::configure(&Settings::new(settings))?;
        *self.interceptor.borrow_mut() = Some(interceptor);
        Ok(())
    }

    /// The contract's `intercept`.
    ///
    /// # Errors
    /// What fails the batch.
    pub fn intercept(&self, events: &events::Batch) -> Result<(), String> {
        let mut interceptor = self.interceptor.borrow_mut();
        let interceptor = interceptor.as_mut().ok_or("it was not configured")?;
        let mut changes = self.changes.borrow_mut();
        let changes = changes.get_or_insert_with(|| RefCell::new(Changes::new()));
        changes.get_mut().clear();
        interceptor.intercept_batch(&Batch::new(events, changes)).map_err(Fault::into_reason)?;
        match changes.get_mut().finish() {
            Some(edits) => events.apply(edits),
            None => Ok(()),
        }
    }
}

/// The contract's `describe`.
#[must_use]
pub fn describe<I: Interceptor>(name: &str, version: &str) -> Description {
    let parameters = I::PARAMETERS.iter().map(|parameter| Parameter {
        name: parameter.name.into(),
        description: parameter.description.into(),
        required: parameter.required,
        default: parameter.default.map(str::to_owned),
    });
    Description { name: name.into(), version: version.into(), parameters: parameters.collect() }
}

/// A panic ends the instance, and WebAssembly has no standard error: what it says goes to the log instead. The host has the backtrace.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("a value that is no text");
        match panic.location() {
            Some(place) => crate::error!("panicked at {place}: {message}"),
            None => crate::error!("panicked: {message}"),
        }
    }));
}
