//! A set of event numbers, kept as ranges: nearly all of it is one range from the start, with a few beyond a gap.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of numbers: all below one of them, and ranges above it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    below: u64,
    /// Ends by starts; none touches another, or what is below.
    above: BTreeMap<u64, u64>,
}

impl Ranges {
    /// All numbers below this one.
    pub(super) fn all_below(below: u64) -> Ranges {
        Ranges { below, above: BTreeMap::new() }
    }

    /// The lowest number that is not in the set.
    pub(super) fn below(&self) -> u64 {
        self.below
    }

    /// The ranges beyond the first gap.
    pub(super) fn above(&self) -> impl Iterator<Item = Range<u64>> {
        self.above.iter().map(|(start, end)| *start..*end)
    }

    /// One more than the highest number in the set.
    pub(super) fn end(&self) -> u64 {
        self.above.last_key_value().map_or(self.below, |(_, end)| *end)
    }

    /// How many numbers are in the set.
    pub(super) fn count(&self) -> u64 {
        self.below + self.above().map(|range| range.end - range.start).sum::<u64>()
    }

    /// Adds a range, and says how many of its numbers are new.
    pub(super) fn insert(&mut self, range: Range<u64>) -> u64 {
        let (mut start, mut end) = (range.start.max(self.below), range.end);
        if start >= end {
            return 0;
        }
        let mut known = 0;
        // From the last that begins at or before our end, backwards, as long as they touch.
        while let Some((&other_start, &other_end)) = self.above.range(..=end).next_back() {
            if other_end < start {
                break;
            }
            self.above.remove(&other_start);
            known += other_end - other_start;
            (start, end) = (start.min(other_start), end.max(other_end));
        }
        match start == self.below {
            true => self.below = end,
            false => _ = self.above.insert(start, end),
        }
        end - start - known
    }

    /// The parts of a range that are not in the set, in order.
    pub(super) fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        let mut start = range.start.max(self.below);
        // A range that begins before ours may reach into it.
        let reaching = self.above.range(..=start).next_back().map(|(start, end)| (*start, *end));
        let within = self.above.range(start.saturating_add(1)..).map(|(start, end)| (*start, *end));
        for (other_start, other_end) in reaching.into_iter().chain(within) {
            if other_start >= range.end || start >= range.end {
                break;
            }
            if other_start > start {
                missing.push(start..other_start);
            }
            start = start.max(other_end);
        }
        if start < range.end {
            missing.push(start..range.end);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_agree_with_a_plain_set(first in 0u64..10, inserted in prop::collection::vec((0u64..60, 0u64..12), 0..30), asked in (0u64..60, 0u64..30)) {
            let mut ranges = Ranges::all_below(first);
            let mut plain: BTreeSet<u64> = (0..first).collect();
            for (start, length) in inserted {
                let before = plain.len();
                plain.extend(start..start + length);
                prop_assert_eq!(ranges.insert(start..start + length), (plain.len() - before) as u64);
                prop_assert_eq!(ranges.count(), plain.len() as u64);
            }
            let lowest = (0..).find(|number| !plain.contains(number)).expect("sets are finite");
            prop_assert_eq!(ranges.below(), lowest);
            prop_assert_eq!(ranges.end(), plain.last().map_or(0, |last| last + 1).max(first));
            let missing: Vec<u64> = ranges.missing(asked.0..asked.0 + asked.1).into_iter().flatten().collect();
            let wanted: Vec<u64> = (asked.0..asked.0 + asked.1).filter(|number| !plain.contains(number)).collect();
            prop_assert_eq!(missing, wanted);
        }
    }
}
