//! Who may use the machine: the test runner runs tests on several threads, and two heavy scenarios at once would measure each other's load
//! (or kill each other's broker).

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// Waits for the machine to be free and keeps it: for heavy scenarios and those that stop the shared broker.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    // A test that failed in its turn leaves nothing behind that the next could trip over.
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until no heavy scenario runs, and keeps those out.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
