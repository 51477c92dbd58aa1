//! Points of a thousand, and what they mean.

use crate::transaction::Transaction;

/// The most points there are.
const ALL: u32 = 1000;
const AMOUNT: f64 = 400.0;
const AGAIN: u32 = 100;
const AGAIN_AT_MOST: u32 = 300;
const ABROAD: u32 = 200;
const RISKY: u32 = 250;

/// The settings, made ready.
pub struct Rules {
    amount_limit: f64,
    review: u32,
    refuse: u32,
    risky_mccs: Codes,
}

/// Codes to look others up among. Short ones, which is most, are compared as numbers: for few bytes a call of `memcmp` costs a guest a multiple.
#[derive(Default)]
struct Codes {
    short: Vec<u64>,
    long: Vec<Box<[u8]>>,
}

/// Points as text.
pub struct Score([u8; 5]);

impl Rules {
    pub fn new(amount_limit: f64, review: f64, refuse: f64, risky_mccs: &[&str]) -> Result<Rules, String> {
        if !(amount_limit.is_finite() && amount_limit > 0.0) {
            return Err(format!("`amount_limit` ({amount_limit}) must be above 0"));
        }
        if !(0.0 <= review && review <= refuse && refuse <= 1.0) {
            return Err(format!("`review_above` ({review}) must not be above `refuse_above` ({refuse}), and both between 0 and 1"));
        }
        let points = |share: f64| (share * f64::from(ALL)).round() as u32;
        Ok(Rules { amount_limit, review: points(review), refuse: points(refuse), risky_mccs: Codes::new(risky_mccs) })
    }

    /// Points of a transaction whose card was seen so often before in the batch.
    pub fn score(&self, transaction: &Transaction, seen: u32) -> u32 {
        let mut points = rounded(AMOUNT * (transaction.amount / self.amount_limit).min(1.0));
        points += seen.saturating_mul(AGAIN).min(AGAIN_AT_MOST);
        if !same(transaction.country.as_bytes(), transaction.home.as_bytes()) {
            points += ABROAD;
        }
        if self.risky_mccs.contain(transaction.mcc.as_bytes()) {
            points += RISKY;
        }
        points.min(ALL)
    }

    pub fn verdict(&self, points: u32) -> &'static str {
        if points >= self.refuse {
            "refuse"
        } else if points >= self.review {
            "review"
        } else {
            "approve"
        }
    }
}

impl Codes {
    fn new(codes: &[&str]) -> Codes {
        let mut known = Codes::default();
        for code in codes.iter().map(|code| code.as_bytes()) {
            match packed(code) {
                Some(code) => known.short.push(code),
                None => known.long.push(code.into()),
            }
        }
        known
    }

    fn contain(&self, code: &[u8]) -> bool {
        match packed(code) {
            Some(code) => self.short.contains(&code),
            None => self.long.iter().any(|long| **long == *code),
        }
    }
}

/// Up to seven bytes and their number as one number, so that no two texts have the same.
fn packed(text: &[u8]) -> Option<u64> {
    if text.len() > 7 {
        return None;
    }
    Some(text.iter().fold(text.len() as u64, |number, byte| number << 8 | u64::from(*byte)))
}

/// Whether two texts of a few bytes are the same.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one == other)
}

/// As `f64::round`, for what is neither negative nor large: WebAssembly has no such instruction, and the function costs more.
fn rounded(number: f64) -> u32 {
    let whole = number as u32;
    whole + u32::from(number - f64::from(whole) >= 0.5)
}

impl Score {
    /// `0.000` to `1.000`.
    pub fn text(points: u32) -> Score {
        let digit = |unit: u32| b'0' + (points / unit % 10) as u8;
        Score([digit(1000), b'.', digit(100), digit(10), digit(1)])
    }
}

impl AsRef<[u8]> for Score {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_any_length_are_found_and_no_others() {
        let known = ["", "4829", "a", "1234567", "12345678", "a code of many bytes"];
        let codes = Codes::new(&known);
        assert!(known.iter().all(|code| codes.contain(code.as_bytes())));
        let others = ["4828", "482", "48290", "\0a", "a\0", "\0", "1234568", "12345679", "a code of many byteS"];
        assert!(!others.iter().any(|code| codes.contain(code.as_bytes())));
        assert!(!Codes::new(&[]).contain(b""));
    }

    #[test]
    fn points_are_rounded_as_round_does() {
        let halves = (0..=800).map(|half| f64::from(half) / 2.0);
        for number in halves.flat_map(|number| [number.next_down(), number, number.next_up()]) {
            assert_eq!(rounded(number), number.round() as u32, "{number}");
        }
    }
}
