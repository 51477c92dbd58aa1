//! A plugin's own counters: names that are checked, and few. What a call counted is passed on when the call has ended in order, so that
//! events which are judged again after a failure are counted once.

use std::collections::{BTreeMap, BTreeSet};

use crate::printable::one_line;

/// Names a plugin may count under.
const NAMES: usize = 64;
/// Characters of a name.
const LENGTH: usize = 64;

/// What one call has counted so far.
#[derive(Default)]
pub(super) struct Counted {
    by_name: BTreeMap<String, u64>,
    /// The first name that did not fit, and why.
    misfit: Option<(String, &'static str)>,
}

impl Counted {
    pub(super) fn add(&mut self, name: String, by: u64) {
        if let Some(count) = self.by_name.get_mut(&name) {
            *count = count.saturating_add(by);
        } else if !fits(&name) {
            self.misfit(name, "a name is 1 to 64 of `a-z`, `0-9` and `_`, a letter first");
        } else if self.by_name.len() == NAMES {
            self.misfit(name, TOO_MANY);
        } else {
            self.by_name.insert(name, by);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.misfit.is_none()
    }

    fn misfit(&mut self, name: String, reason: &'static str) {
        self.misfit.get_or_insert((name, reason));
    }
}

const TOO_MANY: &str = "a plugin has at most 64 counters";

fn fits(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= LENGTH && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(rest)
}

/// The names of one plugin, whichever of its instances counted first.
#[derive(Default)]
pub(super) struct Names {
    known: BTreeSet<String>,
    complained: bool,
}

impl Names {
    /// Hands on what fits; the answer is a complaint about what does not, the first time.
    pub(super) fn admit(&mut self, mut counted: Counted, mut pass_on: impl FnMut(&str, u64)) -> Option<String> {
        for (name, by) in std::mem::take(&mut counted.by_name) {
            if self.known.contains(&name) {
                pass_on(&name, by);
            } else if self.known.len() < NAMES {
                pass_on(&name, by);
                self.known.insert(name);
            } else {
                counted.misfit(name, TOO_MANY);
            }
        }
        let (name, reason) = counted.misfit?;
        let is_first = !std::mem::replace(&mut self.complained, true);
        is_first.then(|| format!("the counter `{}` is left out: {reason}", one_line(&name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_on(names: &mut Names, counts: &[(&str, u64)]) -> (Vec<(String, u64)>, Option<String>) {
        let mut counted = Counted::default();
        counts.iter().for_each(|(name, by)| counted.add((*name).to_owned(), *by));
        let mut passed = Vec::new();
        let complaint = names.admit(counted, |name, by| passed.push((name.to_owned(), by)));
        (passed, complaint)
    }

    #[test]
    fn counts_of_a_call_add_up_and_do_not_run_over() {
        let (passed, complaint) = passed_on(&mut Names::default(), &[("a", 1), ("b_2", u64::MAX), ("a", 2), ("b_2", 1)]);
        assert_eq!(passed, [("a".to_owned(), 3), ("b_2".to_owned(), u64::MAX)]);
        assert_eq!(complaint, None);
    }

    #[test]
    fn names_that_do_not_fit_are_left_out_and_told_once() {
        let long = "a".repeat(65);
        for name in ["", "1a", "_a", "A", "a-b", "a b", "ä", "a\n", &long] {
            let mut names = Names::default();
            let (passed, complaint) = passed_on(&mut names, &[(name, 1), ("good", 1)]);
            assert_eq!(passed, [("good".to_owned(), 1)]);
            let complaint = complaint.unwrap();
            assert!(complaint.ends_with("is left out: a name is 1 to 64 of `a-z`, `0-9` and `_`, a letter first"), "{complaint}");
            assert_eq!(passed_on(&mut names, &[(name, 1)]), (vec![], None), "told twice");
        }
        assert_eq!(passed_on(&mut Names::default(), &[(&"a".repeat(64), 1)]).1, None);
    }

    #[test]
    fn there_are_sixty_four_names_over_all_calls() {
        let mut names = Names::default();
        let all: Vec<String> = (0..70).map(|number| format!("n{number:02}")).collect();
        for name in &all[..40] {
            assert_eq!(passed_on(&mut names, &[(name, 1)]).1, None);
        }
        let rest: Vec<(&str, u64)> = all[40..].iter().map(|name| (name.as_str(), 1)).collect();
        let (passed, complaint) = passed_on(&mut names, &rest);
        assert_eq!(passed.len(), 24);
        assert_eq!(complaint.as_deref(), Some("the counter `n64` is left out: a plugin has at most 64 counters"));
        assert_eq!(passed_on(&mut names, &[("n00", 5), ("n69", 5)]), (vec![("n00".to_owned(), 5)], None));
    }
}
