//! Points at which the process can be made to die, for the tests that kill it in the middle of a swap: `WEIR_TEST_STOP_AT=NAME`.

use std::sync::LazyLock;

/// The point to die at.
static POINT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("WEIR_TEST_STOP_AT").ok());

/// Dies as of `kill -9`, when this point is the one that was named.
pub(crate) fn stop_at(point: &str) {
    if POINT.as_deref() == Some(point) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal may take an instant; nothing more happens until then.
        loop {
            std::thread::park();
        }
    }
}
