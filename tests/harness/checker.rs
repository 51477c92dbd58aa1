//! Counts what became of transactions, from the ids in the data alone: it shares nothing with the agent and believes none of its numbers.

use std::collections::HashMap;
use std::fmt;

use rdkafka::message::Message;

use super::dead_letters::DeadLetter;
use super::reader;
use super::topics::Topic;
use super::transactions::{Transactions, id_in};

/// Takes note of every event that arrives anywhere.
#[derive(Debug)]
pub struct Checker {
    transactions: Transactions,
    arrived: Vec<u8>,
    parked: Vec<u8>,
    /// (output partition, source partition) -> the highest id seen there.
    highest: HashMap<(i32, i32), u64>,
    /// Source partition -> its first event that has not been seen, as an offset.
    missing: Vec<i64>,
    expected: Vec<u8>,
    report: Report,
}

/// What became of the events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that were sent.
    pub sent: u64,
    /// Records in the output, whatever they are.
    pub records: u64,
    /// Sent events that are in the output at least once.
    pub delivered: u64,
    /// Sent events that are in the dead letters at least once.
    pub dead_lettered: u64,
    /// Sent events that are nowhere.
    pub lost: u64,
    /// Records and dead letters beyond the first of their event.
    pub duplicated: u64,
    /// Events that are both in the output and in the dead letters.
    pub torn: u64,
    /// Records and dead letters nobody sent.
    pub fabricated: u64,
    /// Records whose body is not the one that was sent.
    pub corrupted: u64,
    /// Events whose first arrival came after one that followed them in their source partition, within one output partition.
    pub reordered: u64,
}

impl Checker {
    /// For transactions `0..events`.
    pub fn new(transactions: &Transactions, events: u64) -> Checker {
        Checker {
            arrived: vec![0; events as usize],
            parked: vec![0; events as usize],
            highest: HashMap::new(),
            missing: vec![0; transactions.partitions as usize],
            expected: Vec::new(),
            report: Report { sent: events, ..Report::default() },
            transactions: transactions.clone(),
        }
    }

    /// A record of the output.
    pub fn arrived(&mut self, partition: i32, body: &[u8]) {
        self.report.records += 1;
        let Some(id) = id_in(body).filter(|id| *id < self.report.sent) else {
            self.report.fabricated += 1;
            return;
        };
        self.transactions.write(id, &mut self.expected);
        if self.expected != body {
            self.report.corrupted += 1;
        }
        let seen = &mut self.arrived[id as usize];
        *seen = seen.saturating_add(1);
        if *seen > 1 {
            self.report.duplicated += 1;
            return;
        }
        let highest = self.highest.entry((partition, self.transactions.partition(id))).or_insert(id);
        if id < *highest {
            self.report.reordered += 1;
        }
        *highest = id.max(*highest);
    }

    /// An event in the dead letters.
    pub fn parked(&mut self, id: u64) {
        let Some(seen) = self.parked.get_mut(id as usize) else {
            self.report.fabricated += 1;
            return;
        };
        *seen = seen.saturating_add(1);
        self.report.duplicated += u64::from(*seen > 1);
    }

    /// The sent events that are nowhere so far.
    pub fn lost(&self) -> impl Iterator<Item = u64> {
        let nowhere = |id: &u64| self.arrived[*id as usize] == 0 && self.parked[*id as usize] == 0;
        (0..self.report.sent).filter(nowhere)
    }

    /// For every source partition, the offset of its first event that was seen nowhere: no group may have committed more.
    pub fn first_missing(&mut self) -> &[i64] {
        for (partition, offset) in self.missing.iter_mut().enumerate() {
            loop {
                let id = self.transactions.id_at(partition as i32, *offset) as usize;
                let seen = self.arrived.get(id).is_some_and(|count| *count > 0) || self.parked.get(id).is_some_and(|count| *count > 0);
                if !seen {
                    break;
                }
                *offset += 1;
            }
        }
        &self.missing
    }

    /// The count.
    pub fn report(&self) -> Report {
        let mut report = self.report.clone();
        for (arrived, parked) in self.arrived.iter().zip(&self.parked) {
            report.delivered += u64::from(*arrived > 0);
            report.dead_lettered += u64::from(*parked > 0);
            report.lost += u64::from(*arrived == 0 && *parked == 0);
            report.torn += u64::from(*arrived > 0 && *parked > 0);
        }
        report
    }
}

/// Reads a whole output topic and the dead letters.
pub fn check(transactions: &Transactions, events: u64, output: &Topic, dead_letters: &[DeadLetter]) -> Report {
    let mut checker = Checker::new(transactions, events);
    reader::read(output, |message| checker.arrived(message.partition(), message.payload().unwrap_or_default()));
    for letter in dead_letters {
        checker.parked(transactions.id_at(letter.partition, letter.offset));
    }
    checker.report()
}

impl Report {
    /// At least once: everything sent is in the output or in the dead letters, unharmed, in order, and nothing else is.
    #[track_caller]
    pub fn assert_nothing_lost(&self) {
        let harm = [self.lost, self.torn, self.fabricated, self.corrupted, self.reordered];
        assert!(harm.iter().all(|count| *count == 0), "{self}");
        assert_eq!(self.sent, self.delivered + self.dead_lettered, "{self}");
    }

    /// As [`Report::assert_nothing_lost`], and nothing is there twice.
    #[track_caller]
    pub fn assert_exact(&self) {
        self.assert_nothing_lost();
        assert_eq!(self.duplicated, 0, "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { sent, records, delivered, dead_lettered, lost, duplicated, torn, fabricated, corrupted, reordered } = self;
        write!(
            f,
            "sent {sent}, records {records}, delivered {delivered}, dead-lettered {dead_lettered}, lost {lost}, duplicated {duplicated}, "
        )?;
        write!(f, "torn {torn}, fabricated {fabricated}, corrupted {corrupted}, reordered {reordered}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: u64 = 1000;

    /// What a flawless pipeline with one output partition for each of the source's would write.
    fn flawless() -> Vec<(i32, Vec<u8>)> {
        let transactions = Transactions::new(4);
        (0..EVENTS).map(|id| (transactions.partition(id), transactions.body(id))).collect()
    }

    fn count(records: &[(i32, Vec<u8>)]) -> Report {
        let mut checker = Checker::new(&Transactions::new(4), EVENTS);
        for (partition, body) in records {
            checker.arrived(*partition, body);
        }
        checker.report()
    }

    #[test]
    fn a_flawless_run_is_exact() {
        let report = count(&flawless());
        report.assert_exact();
        assert_eq!((report.records, report.delivered), (EVENTS, EVENTS));
    }

    #[test]
    fn every_dropped_event_is_lost() {
        let mut records = flawless();
        records.remove(999);
        records.remove(500);
        records.remove(0);
        let report = count(&records);
        assert_eq!((report.lost, report.duplicated, report.reordered), (3, 0, 0));
    }

    #[test]
    fn a_replay_is_duplicates_and_no_disorder() {
        let mut records = flawless();
        let replay = records[400..600].to_vec();
        records.splice(600..600, replay);
        let report = count(&records);
        assert_eq!((report.lost, report.duplicated, report.reordered), (0, 200, 0));
    }

    #[test]
    fn swapped_neighbours_of_a_partition_are_disorder_and_those_of_two_partitions_are_not() {
        let mut records = flawless();
        records.swap(100, 104);
        records.swap(200, 201);
        assert_eq!(count(&records).reordered, 1);
    }

    #[test]
    fn a_flipped_bit_a_cut_tail_and_an_unknown_id_are_found() {
        let mut records = flawless();
        records[10].1[100] ^= 1;
        records[20].1.pop();
        records.push((0, Transactions::new(4).body(EVENTS)));
        records.push((0, b"not a transaction".to_vec()));
        let report = count(&records);
        assert_eq!((report.corrupted, report.fabricated, report.lost), (2, 2, 0));
    }

    #[test]
    fn a_dead_letter_accounts_for_its_event_and_one_too_many_is_torn() {
        let mut records = flawless();
        records.remove(7);
        let mut checker = Checker::new(&Transactions::new(4), EVENTS);
        for (partition, body) in &records {
            checker.arrived(*partition, body);
        }
        for id in [7, 7, 8, EVENTS] {
            checker.parked(id);
        }
        let report = checker.report();
        assert_eq!((report.lost, report.dead_lettered, report.duplicated, report.torn, report.fabricated), (0, 2, 1, 1, 1));
    }

    #[test]
    fn the_first_missing_event_of_a_partition_stops_its_watermark() {
        let transactions = Transactions::new(4);
        let mut checker = Checker::new(&transactions, EVENTS);
        for id in (0..100).filter(|id| *id != 41) {
            checker.arrived(0, &transactions.body(id));
        }
        assert_eq!(checker.first_missing(), [25, 10, 25, 25]);
        checker.parked(41);
        assert_eq!(checker.first_missing(), [25, 25, 25, 25]);
    }
}
