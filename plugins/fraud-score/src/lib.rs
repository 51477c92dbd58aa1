//! Scores card transactions; see the README for fields, rules and settings.

mod rules;
mod transaction;

use std::collections::HashMap;

use weir_interceptor::{Batch, Event, Fault, Interceptor, Parameter, Settings, Verdict};

use rules::{Rules, Score};
use transaction::{Fields, Transaction};

struct FraudScore {
    rules: Rules,
    /// Transactions of a card so far in this batch; emptied, not freed, between batches.
    seen: HashMap<u64, u32, Spread>,
}

impl Interceptor for FraudScore {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("amount_limit", "amount that gives all of the amount's points", "1000"),
        Parameter::optional("review_above", "scores of at least this are marked `review`, 0 to 1", "0.5"),
        Parameter::optional("refuse_above", "scores of at least this are marked `refuse`, 0 to 1", "0.8"),
        Parameter::optional("risky_mccs", "merchant category codes that give points, separated by commas", "4829,5933,6051,6211,7995"),
    ];

    fn configure(settings: &Settings) -> Result<FraudScore, String> {
        let rules = Rules::new(
            settings.get("amount_limit")?,
            settings.get("review_above")?,
            settings.get("refuse_above")?,
            &settings.list("risky_mccs"),
        )?;
        Ok(FraudScore { rules, seen: HashMap::default() })
    }

    fn intercept(&mut self, _event: &Event) -> Verdict {
        unreachable!("`intercept_batch` judges")
    }

    fn intercept_batch(&mut self, batch: &Batch) -> Result<(), Fault> {
        self.seen.clear();
        let fields = Fields::of(batch);
        for event in batch.events() {
            match fields.transaction(&event) {
                Ok(transaction) => self.mark(&event, &transaction),
                Err(reason) => event.decide(Verdict::reject(reason)),
            }
        }
        Ok(())
    }
}

impl FraudScore {
    /// Scores a transaction, and says so in its event's headers.
    fn mark(&mut self, event: &Event, transaction: &Transaction) {
        let seen = self.seen.entry(hash(transaction.card.as_bytes())).or_default();
        let score = self.rules.score(transaction, *seen);
        *seen += 1;
        event.set_header("fraud.score", Score::text(score));
        event.set_header("fraud.verdict", self.rules.verdict(score));
    }
}

/// Multiplies and mixes, eight bytes at a time. Two cards of one hash share their velocity within a batch, which is rare and raises a score at most.
fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product ^ (product >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(words.iter().fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word))), last)
}

/// The keys are hashes already.
#[derive(Default, Clone)]
struct Spread(u64);

impl std::hash::BuildHasher for Spread {
    type Hasher = Spread;
    fn build_hasher(&self) -> Spread {
        Spread(0)
    }
}

impl std::hash::Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }
    fn write_u64(&mut self, hashed: u64) {
        self.0 = hashed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

weir_interceptor::export!(FraudScore);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_interceptor::testing::{self, Events, Fate};

    fn body(card: &str, amount: &str, mcc: &str, country: &str) -> String {
        format!(
            r#"{{"id":"t-1","card":"{card}","amount":{amount},"currency":"EUR","merchant":"m","mcc":"{mcc}","country":"{country}","home":"SE","ts":1,"more":[1]}}"#
        )
    }

    fn judge(bodies: impl IntoIterator<Item = String>) -> Vec<testing::Judged> {
        let mut scorer: FraudScore = testing::configure(&[]).expect("defaults fit");
        Events::of_bodies(bodies).judge(&mut scorer).expect("it never fails a batch")
    }

    #[test]
    fn points_add_up() {
        let judged = judge([
            body("1", "10", "5411", "SE"),
            body("2", "10", "5411", "NO"),
            body("3", "500", "7995", "NO"),
            body("4", "2000.5", "7995", "NO"),
        ]);
        let marks: Vec<_> = judged.iter().map(|judged| (judged.header("fraud.score"), judged.header("fraud.verdict"))).collect();
        assert_eq!(
            marks,
            [
                (Some("0.004"), Some("approve")),
                (Some("0.204"), Some("approve")),
                (Some("0.650"), Some("review")),
                (Some("0.850"), Some("refuse"))
            ]
        );
    }

    #[test]
    fn a_card_used_again_and_again_gains_points_up_to_a_bound() {
        let judged = judge((0..6).map(|_| body("1", "0", "5411", "SE")));
        let scores: Vec<_> = judged.iter().filter_map(|judged| judged.header("fraud.score")).collect();
        assert_eq!(scores, ["0.000", "0.100", "0.200", "0.300", "0.300", "0.300"]);
    }

    #[test]
    fn what_is_no_transaction_is_rejected_with_the_reason() {
        let cases = [
            ("", "not a transaction: no `card`"),
            (r#" ["t","1",1,"EUR","m","5411","SE","SE",1]"#, "not a transaction: no `card`"),
            (r#"{"card":"1","amount":10,"mcc":"5411","country":"SE","home":"SE""#, "not a transaction: no `card`"),
            (r#"{"card":"1","amount":"10"}"#, "not a transaction: no number `amount`"),
            (r#"{"card":"1","amount":10,"mcc":null}"#, "not a transaction: no `mcc`"),
        ];
        for (body, reason) in cases {
            let Fate::Rejected(said) = &judge([body.to_owned()])[0].fate else { panic!("{body} was not rejected") };
            assert_eq!(said, reason);
        }
        let Fate::Rejected(reason) = &judge([body("1", "-1", "5411", "SE")])[0].fate else { panic!("negative amount") };
        assert_eq!(reason, "not a transaction: amount -1 is negative");
    }

    #[test]
    fn thresholds_must_make_sense() {
        assert_eq!(
            testing::configure::<FraudScore>(&[("review_above", "0.9")]).err().as_deref(),
            Some("`review_above` (0.9) must not be above `refuse_above` (0.8), and both between 0 and 1")
        );
        assert!(testing::configure::<FraudScore>(&[("amount_limit", "0")]).is_err());
    }
}
