//! What this copy of the component is: 64 bytes of its data, `WEIR-TEST-VERSION:MODE NUMBER` and spaces, which a test overwrites in the built file.
//!
//! Another block is another digest and the same code, so that a test has as many versions as it wants from one build.

use std::hint::black_box;

/// Begins with what a test looks for.
static BLOCK: [u8; 64] = *b"WEIR-TEST-VERSION:good 1                                        ";
/// Bytes of the mark.
const MARK: usize = 18;

/// How a version behaves; in the block it is the name, with `=N` where there is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As it should.
    Good,
    /// Never ends `configure`.
    ConfigureSpins,
    /// Refuses its settings.
    ConfigureFails,
    /// Never ends the N-th call of an instance.
    SpinsOnBatch(u64),
    /// Traps over events whose body contains `"rare":true`.
    TrapsOnRare,
    /// Traps over every event.
    TrapsAlways,
    /// Takes N times as long as a good one.
    Slow(u64),
    /// Discards events whose id N divides.
    Discards(u64),
    /// Keeps N bytes more with each batch.
    Leaks(u64),
    /// Logs N lines an event.
    LogsFlood(u64),
    /// Rejects every event.
    RejectsAll,
}

impl Mode {
    fn read(text: &str) -> Option<Mode> {
        let (name, number) = text.split_once('=').unwrap_or((text, "1"));
        let number = number.parse().ok()?;
        Some(match name {
            "good" => Mode::Good,
            "configure-spins" => Mode::ConfigureSpins,
            "configure-fails" => Mode::ConfigureFails,
            "spins-on-batch" => Mode::SpinsOnBatch(number),
            "traps-on-rare" => Mode::TrapsOnRare,
            "traps-always" => Mode::TrapsAlways,
            "slow" => Mode::Slow(number),
            "discards" => Mode::Discards(number),
            "leaks" => Mode::Leaks(number),
            "logs-flood" => Mode::LogsFlood(number),
            "rejects-all" => Mode::RejectsAll,
            _ => return None,
        })
    }
}

/// Mode and number of this copy.
///
/// # Errors
/// The block does not say.
pub fn read() -> Result<(Mode, &'static str), String> {
    // The optimiser must not know what is there: another program will write it.
    parse(black_box(&BLOCK))
}

fn parse(block: &'static [u8; 64]) -> Result<(Mode, &'static str), String> {
    let text = std::str::from_utf8(&block[MARK..]).map_err(|error| error.to_string())?;
    let mut words = text.split_ascii_whitespace();
    let mode = words.next().and_then(Mode::read);
    match (mode, words.next()) {
        (Some(mode), Some(number)) => Ok((mode, number)),
        _ => Err(format!("the block says {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_begins_with_the_mark_and_says_good_1() {
        assert!(BLOCK.starts_with(b"WEIR-TEST-VERSION:") && MARK == "WEIR-TEST-VERSION:".len());
        assert_eq!(read(), Ok((Mode::Good, "1")));
    }

    #[test]
    fn a_mode_may_have_a_number_and_an_unknown_one_is_refused() {
        static SPINS: [u8; 64] = *b"WEIR-TEST-VERSION:spins-on-batch=500 17                         ";
        static UNKNOWN: [u8; 64] = *b"WEIR-TEST-VERSION:sings 1                                       ";
        assert_eq!(parse(&SPINS), Ok((Mode::SpinsOnBatch(500), "17")));
        assert!(parse(&UNKNOWN).is_err());
    }
}
