//! A benchmark without `--bench`, which only `cargo bench` says, is a test: it does little, and checks that what it would measure is all there.

use libtest_mimic::{Arguments, Trial};

/// Whether the smoke test is meant.
pub fn is_meant() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}

/// Runs it as `cargo test` runs any test: filters, `--list` and the like are understood.
pub fn run(name: &str, test: fn()) -> ! {
    let trial = Trial::test(name, move || {
        test();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit()
}
