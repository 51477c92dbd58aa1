//! Where a JSON string ends or goes on with an escape: eight bytes at a time, and in blocks once it is longer than most.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes are before the first quote, backslash or control character.
#[inline(always)]
pub(super) fn special(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    let mut at = 0;
    for word in words.iter().take(3) {
        if let Some(more) = special_of(*word) {
            return Some(at + more);
        }
        at += 8;
    }
    if words.len() > 3 { special_of_long(text, at) } else { rest.iter().position(|byte| is_special(*byte)).map(|more| at + more) }
}

/// As [`special`], of a string that is longer than most, from `at` on.
#[inline(never)]
fn special_of_long(text: &[u8], mut at: usize) -> Option<usize> {
    let (blocks, _) = text.get(at..)?.as_chunks::<32>();
    for block in blocks {
        // Without a branch a byte, so that the compiler takes many at once.
        if block.iter().fold(false, |any, byte| any | is_special(*byte)) {
            break;
        }
        at += 32;
    }
    let (words, rest) = text.get(at..)?.as_chunks::<8>();
    for word in words {
        if let Some(more) = special_of(*word) {
            return Some(at + more);
        }
        at += 8;
    }
    rest.iter().position(|byte| is_special(*byte)).map(|more| at + more)
}

#[inline(always)]
fn special_of(word: [u8; 8]) -> Option<usize> {
    let word = u64::from_le_bytes(word);
    // The high bit of every byte below a bound, or equal to one: exact up to the first that is set, and that is the one wanted.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let found = below(word, 0x20) | equal(b'"') | equal(b'\\');
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}
