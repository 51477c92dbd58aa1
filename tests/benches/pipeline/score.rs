//! A scorer compiled in: the rules of `plugins/fraud-score`, without a sandbox around them.

use std::collections::HashMap;

use crate::rules::{Rules, Score};
use crate::transaction::Transaction;

/// Events after which cards are forgotten, as the plugin forgets them after a batch.
const BATCH: usize = 1000;

/// Scores transactions; remembers how often it saw a card.
pub struct Scorer {
    rules: Rules,
    cards: HashMap<String, u32>,
    judged: usize,
}

/// A judgement, as the headers say it.
pub struct Scored {
    /// `0.000` to `1.000`.
    pub score: Score,
    /// `approve`, `review` or `refuse`.
    pub verdict: &'static str,
}

impl Scorer {
    /// With the plugin's defaults.
    pub fn new() -> Scorer {
        let rules = Rules::new(1000.0, 0.5, 0.8, &["4829", "5933", "6051", "6211", "7995"]).expect("the defaults fit");
        Scorer { rules, cards: HashMap::new(), judged: 0 }
    }

    /// `None` for a body that is no transaction.
    pub fn score(&mut self, body: &[u8]) -> Option<Scored> {
        let transaction = Transaction::read(Some(body)).ok()?;
        if self.judged.is_multiple_of(BATCH) {
            self.cards.clear();
        }
        self.judged += 1;
        let before = match self.cards.get_mut(&*transaction.card) {
            Some(count) => {
                *count += 1;
                *count - 1
            }
            None => {
                self.cards.insert(transaction.card.clone().into_owned(), 1);
                0
            }
        };
        let points = self.rules.score(&transaction, before);
        Some(Scored { score: Score::text(points), verdict: self.rules.verdict(points) })
    }
}
