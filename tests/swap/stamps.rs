//! Which version judged each event, and in which batch, as the events themselves say it.

use rdkafka::message::BorrowedMessage;

use crate::harness::raw;
use crate::harness::transactions::Transactions;

/// A batch, by the id of its first event, its length, and the event's place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub first: u32,
    pub len: u16,
    pub index: u16,
}

/// What one event carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the version that judged it.
    pub version: u16,
    /// Its batch, according to that version.
    pub batch: Place,
    /// Its batch, according to the interceptor before it, which is never exchanged.
    pub outer: Place,
}

impl Stamp {
    /// Reads a record's headers.
    ///
    /// # Panics
    /// When one is missing or is no stamp.
    pub fn of(message: &BorrowedMessage<'_>) -> Stamp {
        let headers = raw::headers(message);
        let text = |name: &str| {
            let found: Vec<_> = headers.iter().filter(|(header, _)| header == name.as_bytes()).collect();
            let [(_, Some(value))] = found[..] else { panic!("{name} is there {} times: {headers:?}", found.len()) };
            std::str::from_utf8(value).unwrap()
        };
        Stamp { version: text("version").parse().unwrap(), batch: place(text("batch")), outer: place(text("outer-batch")) }
    }
}

fn place(text: &str) -> Place {
    let numbers: Vec<u64> = text.split('/').map(|number| number.parse().unwrap()).collect();
    let [first, len, index] = numbers[..] else { panic!("{text} is no place") };
    Place { first: u32::try_from(first).unwrap(), len: u16::try_from(len).unwrap(), index: u16::try_from(index).unwrap() }
}

/// Every batch of the interceptor before the exchanged one was judged whole, in one call, by one version; says how many batches there were.
///
/// # Panics
/// When one was not.
pub fn assert_whole_batches(stamps: &[Option<Stamp>]) -> u64 {
    /// What is known of a batch that begins with this event.
    #[derive(Clone, Copy)]
    struct Batch {
        version: u16,
        len: u16,
        seen: u16,
    }
    let mut batches: Vec<Option<Batch>> = vec![None; stamps.len()];
    for (id, stamp) in stamps.iter().enumerate() {
        let Some(stamp) = stamp else { continue };
        assert_eq!(stamp.batch, stamp.outer, "event {id}: the version did not see the batch as it came");
        let (version, len) = (stamp.version, stamp.outer.len);
        let batch = batches[stamp.outer.first as usize].get_or_insert(Batch { version, len, seen: 0 });
        assert_eq!((batch.version, batch.len), (version, len), "event {id}: its batch is of more than one version");
        batch.seen += 1;
    }
    let mut count = 0;
    for (first, batch) in batches.iter().enumerate() {
        let Some(batch) = batch else { continue };
        assert_eq!(batch.seen, batch.len, "the batch that begins with event {first} is not whole");
        count += 1;
    }
    count
}

/// The versions of a source partition's events, in order, each named once as long as it stays the same.
pub fn runs(stamps: &[Option<Stamp>], transactions: &Transactions, partition: i32) -> Vec<u16> {
    let mut runs = Vec::new();
    for (id, stamp) in stamps.iter().enumerate() {
        let Some(stamp) = stamp else { continue };
        if transactions.partition(id as u64) == partition && runs.last() != Some(&stamp.version) {
            runs.push(stamp.version);
        }
    }
    runs
}

/// Whether versions came in the order in which they were put in place. Some may be left out: a partition need not have had a batch meanwhile.
pub fn in_order(runs: &[u16], put: &[u16]) -> bool {
    let mut put = put.iter();
    runs.iter().all(|run| put.any(|version| version == run))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(version: u16, first: u32, len: u16, index: u16) -> Option<Stamp> {
        let place = Place { first, len, index };
        Some(Stamp { version, batch: place, outer: place })
    }

    #[test]
    fn whole_batches_of_one_version_each_are_counted() {
        assert_eq!(assert_whole_batches(&[stamp(1, 0, 2, 0), stamp(1, 0, 2, 1), stamp(2, 2, 1, 0), None]), 2);
    }

    #[test]
    #[should_panic(expected = "of more than one version")]
    fn a_batch_of_two_versions_is_found() {
        assert_whole_batches(&[stamp(1, 0, 2, 0), stamp(2, 0, 2, 1)]);
    }

    #[test]
    #[should_panic(expected = "is not whole")]
    fn a_batch_with_a_hole_is_found() {
        assert_whole_batches(&[stamp(1, 0, 3, 0), stamp(1, 0, 3, 2)]);
    }

    #[test]
    #[should_panic(expected = "did not see the batch as it came")]
    fn a_batch_that_was_cut_before_it_was_judged_is_found() {
        let cut =
            |first, index| Some(Stamp { batch: Place { first, len: 1, index: 0 }, outer: Place { first: 0, len: 2, index }, version: 1 });
        assert_whole_batches(&[cut(0, 0), cut(1, 1)]);
    }

    #[test]
    fn versions_that_take_turns_are_not_in_order() {
        let put = [1, 2, 3, 1, 2, 3];
        assert!(in_order(&[1, 3, 1, 3], &put));
        assert!(in_order(&[1, 2, 3, 1, 2, 3], &put));
        assert!(!in_order(&[1, 2, 1, 2, 3, 1], &put));
        assert!(!in_order(&[4], &put));
    }
}
