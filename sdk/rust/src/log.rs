//! Lines of the plugin's log. The host names the plugin and the pipeline, and writes no more than a hundred lines a second.

#[cfg(target_arch = "wasm32")]
use crate::bindings::weir::interceptor::logging;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For whoever works on the plugin.
    Debug,
    /// Worth knowing.
    Info,
    /// Odd, and handled.
    Warn,
    /// Somebody must look.
    Error,
}

/// Writes a line; to standard error outside a host.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    logging::write(
        match level {
            Level::Debug => logging::Level::Debug,
            Level::Info => logging::Level::Info,
            Level::Warn => logging::Level::Warn,
            Level::Error => logging::Level::Error,
        },
        message,
    );
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// Logs for whoever works on the plugin; arguments as for `format!`.
#[macro_export]
macro_rules! debug { ($($message:tt)+) => { $crate::log($crate::Level::Debug, &::std::format!($($message)+)) }; }

/// Logs what is worth knowing; arguments as for `format!`.
#[macro_export]
macro_rules! info { ($($message:tt)+) => { $crate::log($crate::Level::Info, &::std::format!($($message)+)) }; }

/// Logs what is odd and handled; arguments as for `format!`.
#[macro_export]
macro_rules! warn { ($($message:tt)+) => { $crate::log($crate::Level::Warn, &::std::format!($($message)+)) }; }

/// Logs what somebody must look at; arguments as for `format!`.
#[macro_export]
macro_rules! error { ($($message:tt)+) => { $crate::log($crate::Level::Error, &::std::format!($($message)+)) }; }
