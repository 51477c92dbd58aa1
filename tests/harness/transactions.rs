//! Card transactions, the same for the same seed: each with an id that tells its partition and its place there.
//!
//! Ids 0, 1, 2, … go to the partitions in turn, so that `id = offset * partitions + partition` in a topic that got nothing else.

use std::io::Write;

/// About how long a body is unless a test says otherwise, bytes.
const SIZE: usize = 250;
/// A card's number has this many values behind its first digit.
const CARDS: u64 = 1_000_000_000_000_000;
const COUNTRIES: [&str; 8] = ["DE", "FR", "IT", "ES", "PL", "US", "GB", "NL"];
const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "PLN"];
const CLASSES: [&str; 8] = ["5411", "5812", "5541", "6051", "7995", "4829", "5999", "4111"];
const STREET: &str = "high street of some town with a name that is quite long, building between the river and the old market";

/// What is with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it should be.
    Good,
    /// Not the JSON object it should be.
    Malformed,
    /// Good JSON with `"poison":true`, which a certain guest cannot bear.
    Poisoned,
    /// Good JSON with `"rare":true`, which a certain version of a guest cannot bear.
    Rare,
}

/// An endless sequence of transactions.
#[derive(Debug, Clone)]
pub struct Transactions {
    /// Two sequences of one seed are equal.
    pub seed: u64,
    /// Partitions of the topic they go to.
    pub partitions: u64,
    /// About how long a body is, bytes: 250 or more.
    pub size: usize,
    /// One in this many, at random places, is malformed.
    pub malformed_one_in: Option<u64>,
    /// One in this many, at random places, is poisoned.
    pub poisoned_one_in: Option<u64>,
    /// From this one on, each hundredth is a rare one.
    pub rare_from: Option<u64>,
}

impl Transactions {
    /// Good ones only.
    pub fn new(partitions: i32) -> Transactions {
        Transactions {
            seed: 1,
            partitions: partitions.cast_unsigned().into(),
            size: SIZE,
            malformed_one_in: None,
            poisoned_one_in: None,
            rare_from: None,
        }
    }

    /// Where a transaction goes.
    pub fn partition(&self, id: u64) -> i32 {
        (id % self.partitions) as i32
    }

    /// Which one is at this place of the topic.
    pub fn id_at(&self, partition: i32, offset: i64) -> u64 {
        offset.cast_unsigned() * self.partitions + u64::from(partition.cast_unsigned())
    }

    /// Its Kafka key: the card's number. A card keeps to one partition.
    pub fn key(&self, id: u64) -> String {
        let owner = mix(self.seed ^ (mix(id / self.partitions / 4) & 0xffff)) % (CARDS - self.partitions);
        format!("4{:015}", owner / self.partitions * self.partitions + id % self.partitions)
    }

    /// What is with it.
    pub fn kind(&self, id: u64) -> Kind {
        let chosen = |salt: u64, one_in: Option<u64>| one_in.is_some_and(|one_in| mix(self.seed ^ salt ^ mix(id)).is_multiple_of(one_in));
        if chosen(1, self.malformed_one_in) {
            Kind::Malformed
        } else if chosen(2, self.poisoned_one_in) {
            Kind::Poisoned
        } else if self.rare_from.is_some_and(|from| id >= from && id.is_multiple_of(100)) {
            Kind::Rare
        } else {
            Kind::Good
        }
    }

    /// How many of the first `events` are of this kind.
    pub fn count(&self, kind: Kind, events: u64) -> u64 {
        (0..events).filter(|id| self.kind(*id) == kind).count() as u64
    }

    /// Writes a transaction's body over `body`.
    pub fn write(&self, id: u64, body: &mut Vec<u8>) {
        body.clear();
        let kind = self.kind(id);
        let random = mix(self.seed.wrapping_add(id));
        let pick = |from: &[&'static str], shift: u32| from[(random >> shift) as usize % from.len()];
        let country = pick(&COUNTRIES, 8);
        let home = if (random >> 12).is_multiple_of(10) { pick(&COUNTRIES, 16) } else { country };
        write!(
            body,
            r#"{{"id":{id},"card":"{}","amount":{}.{:02},"currency":"{}","mcc":"{}","country":"{country}","home":"{home}","ts":{}"#,
            self.key(id),
            random % 2500,
            (random >> 20) % 100,
            pick(&CURRENCIES, 28),
            pick(&CLASSES, 32),
            1_700_000_000_000 + id,
        )
        .expect("a Vec takes every byte");
        if kind == Kind::Malformed {
            // Cut off in the middle, as a producer that ran out of buffer leaves it: the id can still be found.
            return;
        }
        if kind == Kind::Poisoned {
            body.extend_from_slice(br#","poison":true"#);
        }
        if kind == Kind::Rare {
            body.extend_from_slice(br#","rare":true"#);
        }
        let _ = write!(body, r#","merchant":"M{:07} "#, (random >> 36) % 10_000_000);
        let room = self.size.saturating_sub(body.len() + 2);
        body.extend(STREET.bytes().cycle().take(room));
        body.extend_from_slice(br#""}"#);
    }

    /// A transaction's body.
    pub fn body(&self, id: u64) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.size);
        self.write(id, &mut body);
        body
    }
}

/// How many events the large scenarios move: `usual`, or what `$WEIR_TEST_EVENTS` says where somebody is in a hurry.
pub fn planned(usual: u64) -> u64 {
    match std::env::var("WEIR_TEST_EVENTS") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("WEIR_TEST_EVENTS = {text:?}: {error}")),
        Err(_) => usual,
    }
}

/// How many swaps the large scenario makes: `usual`, or what `$WEIR_TEST_SWAPS` says.
pub fn planned_swaps(usual: u64) -> u64 {
    match std::env::var("WEIR_TEST_SWAPS") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("WEIR_TEST_SWAPS = {text:?}: {error}")),
        Err(_) => usual,
    }
}

/// The id in a body, also in one that is cut off.
pub fn id_in(body: &[u8]) -> Option<u64> {
    let digits = body.strip_prefix(br#"{"id":"#)?;
    let len = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..len]).ok()?.parse().ok()
}

/// SplitMix64's finalizer: neighbours become unlike each other.
fn mix(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_poisoned_ones_are_json_of_the_right_size_and_malformed_ones_are_not() {
        let transactions = Transactions { malformed_one_in: Some(50), poisoned_one_in: Some(50), ..Transactions::new(4) };
        for id in 0..10_000 {
            let body = transactions.body(id);
            assert_eq!(id_in(&body), Some(id));
            let parsed = serde_json::from_slice::<serde_json::Value>(&body);
            match transactions.kind(id) {
                Kind::Malformed => assert!(parsed.is_err()),
                kind => {
                    let parsed = parsed.unwrap();
                    assert_eq!(parsed["card"], transactions.key(id));
                    assert_eq!(parsed.get("poison").is_some(), kind == Kind::Poisoned);
                    assert!((230..=270).contains(&body.len()), "{}", body.len());
                }
            }
        }
        for kind in [Kind::Malformed, Kind::Poisoned] {
            let count = transactions.count(kind, 10_000);
            assert!((150..250).contains(&count), "{kind:?}: {count} of about 200");
        }
    }

    #[test]
    fn a_body_is_as_long_as_it_is_asked_for() {
        let transactions = Transactions { size: 1024, ..Transactions::new(4) };
        for id in 0..1000 {
            let body = transactions.body(id);
            assert_eq!(body.len(), 1024);
            assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
        }
    }

    #[test]
    fn a_card_keeps_to_one_partition() {
        let transactions = Transactions::new(4);
        let mut homes = std::collections::HashMap::new();
        for id in 0..10_000 {
            let partition = transactions.partition(id);
            assert_eq!(*homes.entry(transactions.key(id)).or_insert(partition), partition);
            assert_eq!(transactions.id_at(partition, (id / 4) as i64), id);
        }
        assert!(homes.len() > 100);
    }
}
