//! The agent's allocator, librdkafka's calls of `malloc` included.
//!
//! A record with headers takes five allocations that one thread makes and another frees, many thousands of records later. glibc gives such memory
//! back to the arena it came from, under that arena's lock, and merges it there only to cut it up again; jemalloc's threads hand it over in bulk.

#![expect(unsafe_code, reason = "jemalloc reads its settings from a symbol")]

use std::ffi::c_char;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Settings as a C string, which jemalloc's manual calls `malloc_conf`; the environment's `MALLOC_CONF` goes over them.
#[repr(transparent)]
struct Settings(*const c_char);

// SAFETY: it points to a constant.
unsafe impl Sync for Settings {}

/// One arena a core, since each keeps free memory of its own; free memory goes back to the system after a second. What threads keep is as it comes: with
/// five times as much an idle pipeline had a megabyte more in its dozen threads, and nothing was faster.
// SAFETY: it has the type that jemalloc declares, `const char *`, and no other code defines it.
#[unsafe(export_name = "malloc_conf")]
static SETTINGS: Settings = Settings(c"narenas_ratio:1,dirty_decay_ms:1000,muzzy_decay_ms:0".as_ptr());
