//! A token bucket: so many at once, and as many again each second. What is over the rate is for the caller to count.

use std::time::{Duration, Instant};

const SECOND: u128 = 1_000_000_000;

/// The bucket; it is given the time, so that a test can choose it.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    rate: u32,
    tokens: u32,
    filled: Instant,
}

impl TokenBucket {
    /// A full one, of so many tokens a second.
    pub(crate) fn full(rate: u32, now: Instant) -> TokenBucket {
        TokenBucket { rate, tokens: rate, filled: now }
    }

    /// Takes a token, if one is there.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }

    fn fill(&mut self, now: Instant) {
        if self.rate == 0 {
            return;
        }
        let rate = u128::from(self.rate);
        let earned = now.saturating_duration_since(self.filled).as_nanos() * rate / SECOND;
        let missing = u128::from(self.rate - self.tokens);
        if earned >= missing {
            self.tokens = self.rate;
            self.filled = now;
            return;
        }
        // Fewer than are missing, which is a u32; the time they took is less than a second.
        self.tokens += u32::try_from(earned).unwrap_or(self.rate);
        self.filled += Duration::from_nanos(u64::try_from(earned * SECOND / rate).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_rate_comes_out_and_no_less() {
        let start = Instant::now();
        let mut bucket = TokenBucket::full(100, start);
        assert_eq!((0..1000).filter(|_| bucket.take(start)).count(), 100);
        // Asked every 15 ms, which is a token and a half.
        let taken: usize = (1..=200).map(|step| (0..10).filter(|_| bucket.take(start + Duration::from_millis(15 * step))).count()).sum();
        assert_eq!(taken, 300);
    }

    #[test]
    fn a_rate_of_nothing_gives_nothing_and_the_highest_rate_does_not_overflow() {
        let start = Instant::now();
        assert!(!TokenBucket::full(0, start).take(start + Duration::from_secs(10)));
        let mut bucket = TokenBucket::full(u32::MAX, start);
        assert!(bucket.take(start));
        assert!(bucket.take(start + Duration::from_secs(1 << 32)));
    }
}
