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
    risky_mccs: Vec<String>,
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
        let risky_mccs = risky_mccs.iter().map(|mcc| (*mcc).to_owned()).collect();
        Ok(Rules { amount_limit, review: points(review), refuse: points(refuse), risky_mccs })
    }

    /// Points of a transaction whose card was seen so often before in the batch.
    pub fn score(&self, transaction: &Transaction, seen: u32) -> u32 {
        let mut points = (AMOUNT * (transaction.amount / self.amount_limit).min(1.0)).round() as u32;
        points += seen.saturating_mul(AGAIN).min(AGAIN_AT_MOST);
        if transaction.country != transaction.home {
            points += ABROAD;
        }
        if self.risky_mccs.iter().any(|mcc| *mcc == transaction.mcc) {
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
