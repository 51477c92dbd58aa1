#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod batch;
mod changes;
mod column;
mod counters;
mod log;
mod settings;
mod short;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod verdict;

pub use batch::{Batch, BodyRanges, Event, JsonNumbers, JsonTexts};
pub use counters::count;
pub use log::{Level, log};
pub use settings::{Parameter, Settings};
pub use verdict::{Fault, Verdict};

/// Generated from `wit/interceptor.wit`, the contract between host and guest.
#[doc(hidden)]
#[allow(missing_docs, reason = "generated; the documentation is in the WIT file")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "weir_interceptor::bindings",
    });
}

#[doc(hidden)]
pub mod runner;

/// A plugin: made once an instance by [`Interceptor::configure`], asked about every event after that.
///
/// Several instances run in parallel, one a thread, and batches go to whichever is free. What one instance learns is a cache: it is lost
/// when the host renews the instance, after a trap at the latest.
pub trait Interceptor: Sized + 'static {
    /// The settings it takes. The host refuses others, asks for the required ones and fills in the defaults.
    const PARAMETERS: &'static [Parameter] = &[];

    /// Makes an instance.
    ///
    /// # Errors
    /// A sentence for whoever wrote the settings; the pipeline does not start.
    fn configure(settings: &Settings) -> Result<Self, String>;

    /// Judges one event: looks at it, changes it through its methods, and says whether it goes on.
    fn intercept(&mut self, event: &Event<'_, '_>) -> Verdict;

    /// Judges a whole batch, by default event by event. Override it to look at the events together; then say what becomes of each
    /// with [`Event::decide`], once at most (an event about which nothing is said goes on).
    ///
    /// # Errors
    /// Fails the batch. The host then asks again about ever smaller parts of it, until it knows over which events; so an error here is for
    /// what an event did, and [`Verdict::reject`] is the better way to say so.
    fn intercept_batch(&mut self, batch: &Batch<'_>) -> Result<(), Fault> {
        for event in batch.events() {
            let verdict = self.intercept(&event);
            event.decide(verdict);
        }
        Ok(())
    }
}

/// Makes a type that implements [`Interceptor`] the plugin of this crate. Its name and version are the crate's.
#[macro_export]
macro_rules! export {
    ($interceptor:ty) => {
        const _: () = {
            // On the developer's own machine there is nothing to export to; the type is checked all the same.
            #[cfg(not(target_arch = "wasm32"))]
            const fn is_an_interceptor<I: $crate::Interceptor>() {}
            #[cfg(not(target_arch = "wasm32"))]
            is_an_interceptor::<$interceptor>();

            #[cfg(target_arch = "wasm32")]
            mod component {
                use super::*;
                use $crate::bindings::exports::weir::interceptor::interceptor as contract;

                ::std::thread_local! {
                    static RUNNER: $crate::runner::Runner<$interceptor> = const { $crate::runner::Runner::new() };
                }

                struct Component;

                impl contract::Guest for Component {
                    fn describe() -> contract::Description {
                        $crate::runner::describe::<$interceptor>(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"))
                    }
                    fn configure(
                        settings: ::std::vec::Vec<(::std::string::String, ::std::string::String)>,
                    ) -> ::core::result::Result<(), ::std::string::String> {
                        RUNNER.with(|runner| runner.configure(settings))
                    }
                    fn intercept(events: &contract::Batch) -> ::core::result::Result<(), ::std::string::String> {
                        RUNNER.with(|runner| runner.intercept(events))
                    }
                }

        $crate::bindings::export_component!(Component with_types_in $crate::bindings);
            }
        };
    };
}
