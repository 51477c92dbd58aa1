//! Ten thousand damaged components: each is refused with a reason, or is still a plugin; none harms the agent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use weir::interceptor::spec::Limits;
use weir::plugin::{Artifact, Error, Terms};

use super::{guest, host};

const MUTANTS: u64 = 10_000;
/// Of those that pass the parser, every so manieth is compiled in the child and started: a process each.
const STARTED: usize = 40;

#[test]
fn ten_thousand_mutated_components_are_refused_or_run_under_limits() {
    let seed = std::env::var("WEIR_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_u64);
    println!("WEIR_TEST_SEED={seed}");
    let originals = Arc::new(["fraud-score", "passthrough"].map(|name| std::fs::read(guest(name)).unwrap()));
    let valid = AtomicUsize::new(0);
    let started = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (originals, valid, started) = (&originals, &valid, &started);
            scope.spawn(move || {
                for number in (worker..MUTANTS).step_by(workers as usize) {
                    let mutant = mutate(originals, seed ^ (number << 20));
                    let Some(artifact) = admitted(mutant) else { continue };
                    if valid.fetch_add(1, Ordering::Relaxed) % STARTED == 0 {
                        started.fetch_add(usize::from(start(artifact)), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (valid, started) = (valid.into_inner(), started.into_inner());
    println!("{valid} of {MUTANTS} were valid components still; {started} of those tried started");
    // Both kinds must be there, or the mutations are too gentle or too harsh to show anything.
    assert!(valid > 100 && valid < MUTANTS as usize * 9 / 10, "{valid} valid");
    assert!(started > 0);
}

fn admitted(mutant: Vec<u8>) -> Option<Artifact> {
    match Artifact::from_bytes("mutant.wasm", mutant, None, &Terms::default()) {
        Ok(artifact) => Some(artifact),
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with("plugin mutant.wasm ") || said.starts_with("plugin mutant.wasm: "), "{said}");
            None
        }
    }
}

/// Compiles, starts; a refusal must be one of the kinds there are.
fn start(artifact: Artifact) -> bool {
    let limits = Limits { deadline: Duration::from_millis(100), memory: Some(16 << 20), ..Limits::default() };
    match host().admit(artifact, [], &limits) {
        Ok(_) => true,
        Err(Error::Compile { .. } | Error::World { .. } | Error::Probe { .. } | Error::Settings { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

/// Flips bits, cuts, repeats, or splices a piece of one component into another.
fn mutate(originals: &[Vec<u8>; 2], seed: u64) -> Vec<u8> {
    let mut random = Random(seed | 1);
    let mut wasm = originals[random.below(4).min(1)].clone();
    let at = random.below(wasm.len());
    match random.below(8) {
        0 => wasm.truncate(at),
        1 => {
            let piece: Vec<u8> = wasm[at..].iter().take(random.below(64) + 1).copied().collect();
            let to = random.below(wasm.len());
            wasm.splice(to..to, piece);
        }
        2 => {
            let other = &originals[random.below(2)];
            let from = random.below(other.len());
            let piece: Vec<u8> = other[from..].iter().take(random.below(256) + 1).copied().collect();
            let end = (at + piece.len()).min(wasm.len());
            wasm.splice(at..end, piece);
        }
        3 => wasm.drain(at..(at + 1 + random.below(16)).min(wasm.len())).for_each(drop),
        _ => {
            for _ in 0..=random.below(3) {
                let at = random.below(wasm.len());
                wasm[at] ^= 1 << random.below(8);
            }
        }
    }
    wasm
}

/// SplitMix64: enough for a seed that can be printed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) as usize % bound.max(1)
    }
}
