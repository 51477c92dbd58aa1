//! The plugin's own counters, seen in the agent's metrics as `weir_plugin_counter_total`.

#[cfg(target_arch = "wasm32")]
use crate::bindings::weir::interceptor::counters;

/// Adds to the counter of this name: 1 to 64 of `a-z`, `0-9` and `_`, a letter first. A plugin has at most 64 names; what does not fit is
/// left out, which the host logs once. What is counted over a batch that fails is not counted: the host asks about its events again.
pub fn count(name: &str, by: u64) {
    #[cfg(target_arch = "wasm32")]
    counters::add(name, by);
    #[cfg(not(target_arch = "wasm32"))]
    native::add(name, by);
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::so_far;

/// Outside a host each thread counts for itself, so that tests do not see each other's counts.
#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    thread_local! {
        static COUNTS: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(super) fn add(name: &str, by: u64) {
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = name.len() <= 64 && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(rest);
        COUNTS.with_borrow_mut(|counts| match counts.get_mut(name) {
            Some(count) => *count = count.saturating_add(by),
            None if fits && counts.len() < 64 => _ = counts.insert(name.to_owned(), by),
            None => {}
        });
    }

    pub(crate) fn so_far(name: &str) -> u64 {
        COUNTS.with_borrow(|counts| counts.get(name).copied().unwrap_or_default())
    }
}
