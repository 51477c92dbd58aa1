//! Which offsets of one partition are in the files of one bucket already, where names are made of offsets.
//!
//! An event is in a whole file of its bucket if, and only if, one covers its offset. For that to hold
//!
//! 1. a file ends only between two offsets: events derived from one record share its offset, and a channel never parts them;
//! 2. a file holds all events of its bucket between its ends, but for those that are refused; whoever skips an event asks the format first, so that
//!    one that is refused is refused again;
//! 3. no file is begun below the offsets of one that is not whole yet, as its own range could come to cover that one's: it waits.

use std::sync::Arc;

use super::file::File;
use super::fs::Error;

/// What is known of a partition's offsets.
#[derive(Default)]
pub(super) struct Ranges {
    /// In whole files; ascending, and apart from each other.
    whole: Vec<(i64, i64)>,
    /// Takes more.
    pub(super) current: Option<Arc<File>>,
    /// Take no more, and are not whole yet.
    pub(super) closing: Vec<Arc<File>>,
}

/// Where an event of some offset is.
pub(super) enum Known {
    /// In a whole file.
    Whole,
    /// In a file that is not whole yet.
    Coming(Arc<File>),
    /// Nowhere; but there are files of later offsets that are not whole yet.
    Behind,
    /// Nowhere, and it may be appended.
    New,
}

impl Ranges {
    /// Notes the range of a whole file.
    pub(super) fn add(&mut self, (start, end): (i64, i64)) {
        let begin = self.whole.partition_point(|(_, before)| before.saturating_add(1) < start);
        let after = self.whole.partition_point(|(next, _)| *next <= end.saturating_add(1));
        let joined = self.whole[begin..after.max(begin)].iter().fold((start, end), |all, one| (all.0.min(one.0), all.1.max(one.1)));
        self.whole.splice(begin..after.max(begin), [joined]);
    }

    /// Whether a whole file has it.
    pub(super) fn is_whole(&self, offset: i64) -> bool {
        let after = self.whole.partition_point(|(start, _)| *start <= offset);
        after > 0 && self.whole[after - 1].1 >= offset
    }

    /// Takes note of files that have ended, and of those that are whole; gives back why one failed.
    pub(super) fn follow(&mut self) -> Option<Error> {
        if let Some(ended) = self.current.take_if(|file| file.has_ended()) {
            self.closing.push(ended);
        }
        let (mut whole, mut failure) = (Vec::new(), None);
        self.closing.retain(|file| {
            if let Some(error) = file.failure() {
                failure = Some(error);
                return false;
            }
            let outcome = file.outcome();
            whole.extend(file.span().filter(|_| matches!(outcome, Some(Ok(())))));
            outcome.is_none()
        });
        whole.into_iter().for_each(|range| self.add(range));
        failure
    }

    /// Where the event of this offset is.
    pub(super) fn find(&self, offset: i64) -> Known {
        if self.is_whole(offset) {
            return Known::Whole;
        }
        let mut behind = false;
        for file in self.current.iter().chain(&self.closing) {
            match file.span() {
                Some((start, end)) if (start..=end).contains(&offset) => return Known::Coming(file.clone()),
                Some((start, _)) if offset < start => behind = true,
                _ => {}
            }
        }
        if behind { Known::Behind } else { Known::New }
    }

    /// How many of these offsets, from the first on, can be appended to one file in a row; the first is new.
    pub(super) fn run(&self, offsets: impl IntoIterator<Item = i64>) -> usize {
        let mut last = None;
        let goes_on = |offset: &i64| {
            let before = last.replace(*offset);
            before.is_none_or(|before| before == *offset || (before < *offset && !self.is_whole(*offset)))
        };
        offsets.into_iter().take_while(goes_on).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_what_was_added_and_nothing_else(added in prop::collection::vec((0i64..60, 0i64..8), 0..12)) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for (start, length) in added {
                ranges.add((start, start + length));
                model.extend(start..=start + length);
            }
            for offset in -1..80 {
                prop_assert_eq!(ranges.is_whole(offset), model.contains(&offset), "{}", offset);
            }
            prop_assert!(ranges.whole.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", ranges.whole);
        }
    }

    #[test]
    fn a_run_ends_where_offsets_fall_or_are_there_already() {
        let mut ranges = Ranges::default();
        ranges.add((7, 8));
        assert_eq!(ranges.run([3, 3, 4, 6, 7]), 4);
        assert_eq!(ranges.run([3, 4, 2]), 2);
        assert_eq!(ranges.run([9, 9, 9]), 3);
        assert_eq!(ranges.run([]), 0);
        ranges.add((i64::MAX, i64::MAX));
        assert!(ranges.is_whole(i64::MAX) && !ranges.is_whole(9));
    }
}
