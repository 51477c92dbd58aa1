//! Two runs side by side: which lines differ, and what about them.

use std::ops::Range;

use crate::cli::show::paint::{Paint, Tone};
use crate::cli::tap::diff::between;
use crate::control::tap::EventView;
use crate::event_file::{Ending, Line};
use crate::printable::one_line;

/// Differences that are shown; who has more has another problem than each of them.
const SHOWN: usize = 50;
/// Places of the table that finds common lines; beyond it lines are compared one by one.
const TABLE: usize = 16 << 20;

/// What differs; empty when nothing does.
pub(super) struct Difference {
    /// For a person.
    pub(super) text: String,
    /// Lines that are gone, new, or not the same.
    pub(super) lines: usize,
}

/// Compares what was with what is, line by line.
pub(super) fn compare(was: &[Line], is: &[Line], paint: Paint) -> Difference {
    let (old, new) = (texts(was), texts(is));
    let mut difference = Difference { text: String::new(), lines: 0 };
    for (gone, added) in hunks(&old, &new) {
        for place in 0..gone.len().max(added.len()) {
            let before = gone.clone().nth(place);
            let after = added.clone().nth(place);
            difference.lines += 1;
            if difference.lines <= SHOWN {
                let number = before.or(after).unwrap_or_default() + 1;
                difference.text.push_str(&paint.tone(Tone::Strong, &format!("line {number}\n")));
                difference.text.push_str(&one(before.map(|at| (&was[at], &old[at])), after.map(|at| (&is[at], &new[at])), paint));
            }
        }
    }
    if difference.lines > SHOWN {
        difference.text.push_str(&format!("... and {} more\n", difference.lines - SHOWN));
    }
    difference
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(Line::text).collect()
}

fn one(was: Option<(&Line, &String)>, is: Option<(&Line, &String)>, paint: Paint) -> String {
    let mut text = String::new();
    if let Some((_, line)) = was {
        text.push_str(&paint.tone(Tone::Bad, &format!("- {}", one_line(line))));
        text.push('\n');
    }
    if let Some((_, line)) = is {
        text.push_str(&paint.tone(Tone::Good, &format!("+ {}", one_line(line))));
        text.push('\n');
    }
    let (Some((was, _)), Some((is, _))) = (was, is) else { return text };
    for change in changes(was, is) {
        text.push_str(&format!("    {change}\n"));
    }
    text
}

/// What differs about a line, said part by part.
fn changes(was: &Line, is: &Line) -> Vec<String> {
    let nothing = || "nothing".to_owned();
    let mut changes = Vec::new();
    if was.ending.name() != is.ending.name() {
        changes.push(format!("verdict: {} -> {}", was.ending.name(), is.ending.name()));
    } else if let (Ending::Rejected(before), Ending::Rejected(after)) = (&was.ending, &is.ending)
        && before != after
    {
        changes.push(format!("reason: {} -> {}", one_line(before), one_line(after)));
    }
    let (was, is) = (EventView::from(&was.event), EventView::from(&is.event));
    for change in between(&was, &is) {
        let (before, after) = (change.before.unwrap_or_else(nothing), change.after.unwrap_or_else(nothing));
        changes.push(one_line(&format!("{}: {before} -> {after}", change.place)));
    }
    changes
}

/// What is not common to both, as pairs of ranges: the longest common subsequence is left out.
fn hunks(old: &[String], new: &[String]) -> Vec<(Range<usize>, Range<usize>)> {
    let first = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let last = old[first..].iter().rev().zip(new[first..].iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[first..old.len() - last], &new[first..new.len() - last]);
    let mut hunks: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let (mut at, mut to) = (first, first);
    let mut common = common(old, new);
    common.push((old.len(), new.len()));
    for (left, right) in common {
        let (left, right) = (first + left, first + right);
        if at < left || to < right {
            hunks.push((at..left, to..right));
        }
        (at, to) = (left + 1, right + 1);
    }
    hunks
}

/// Lines that are in both, in order, as many as can be.
fn common(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    if (old.len() + 1).saturating_mul(width) > TABLE {
        return (0..old.len().min(new.len())).filter(|at| old[*at] == new[*at]).map(|at| (at, at)).collect();
    }
    // How many lines are common from these two on.
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for left in (0..old.len()).rev() {
        for right in (0..new.len()).rev() {
            longest[left * width + right] = if old[left] == new[right] {
                longest[(left + 1) * width + right + 1] + 1
            } else {
                longest[(left + 1) * width + right].max(longest[left * width + right + 1])
            };
        }
    }
    let (mut left, mut right, mut pairs) = (0, 0, Vec::new());
    while left < old.len() && right < new.len() {
        if old[left] == new[right] {
            pairs.push((left, right));
            (left, right) = (left + 1, right + 1);
        } else if longest[(left + 1) * width + right] >= longest[left * width + right + 1] {
            left += 1;
        } else {
            right += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_file::expectation;

    fn lines(text: &str) -> Vec<Line> {
        expectation("x", text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_the_same_is_not_told() {
        let same = lines("{\"verdict\":\"kept\",\"body\":{\"json\":{ \"a\" : 1 }}}");
        let written_otherwise = lines("{\"body\":\"{\\\"a\\\":1}\",\"verdict\":\"kept\"}");
        let difference = compare(&same, &written_otherwise, Paint::OFF);
        assert_eq!((difference.text.as_str(), difference.lines), ("", 0));
    }

    #[test]
    fn a_changed_line_is_told_part_by_part() {
        let was = lines("{\"verdict\":\"kept\",\"body\":\"{\\\"a\\\":1}\"}\n{\"verdict\":\"rejected\",\"reason\":\"x\",\"body\":\"b\"}");
        let is = lines(
            "{\"verdict\":\"kept\",\"body\":\"{\\\"a\\\":2}\",\"headers\":{\"n\":\"1\"}}\n{\"verdict\":\"rejected\",\"reason\":\"y\",\"body\":\"b\"}",
        );
        let difference = compare(&was, &is, Paint::OFF);
        let expected = "\
line 1
- {\"verdict\":\"kept\",\"body\":\"{\\\"a\\\":1}\"}
+ {\"verdict\":\"kept\",\"body\":\"{\\\"a\\\":2}\",\"headers\":{\"n\":\"1\"}}
    header n: nothing -> \"1\"
    body /a: 1 -> 2
line 2
- {\"verdict\":\"rejected\",\"reason\":\"x\",\"body\":\"b\"}
+ {\"verdict\":\"rejected\",\"reason\":\"y\",\"body\":\"b\"}
    reason: x -> y
";
        assert_eq!((difference.text.as_str(), difference.lines), (expected, 2));
    }

    #[test]
    fn a_line_that_is_new_or_gone_does_not_make_the_others_differ() {
        let (was, is) = (["a", "b", "c", "d"].map(str::to_owned), ["a", "x", "b", "d", "e"].map(str::to_owned));
        assert_eq!(hunks(&was, &is), [(1..1, 1..2), (2..3, 3..3), (4..4, 4..5)]);
        assert_eq!(hunks(&was, &was), []);
        assert_eq!(hunks(&[], &is), [(0..0, 0..5)]);
        assert_eq!(hunks(&was, &[]), [(0..4, 0..0)]);
    }

    #[test]
    fn a_line_that_is_gone_or_new_is_numbered_by_the_file_it_is_in() {
        let (one, two) = (
            lines("{\"verdict\":\"kept\",\"body\":\"a\"}"),
            "{\"verdict\":\"kept\",\"body\":\"a\"}\n{\"verdict\":\"derived\",\"body\":\"b\"}",
        );
        let two = lines(two);
        assert_eq!(compare(&one, &two, Paint::OFF).text, "line 2\n+ {\"verdict\":\"derived\",\"body\":\"b\"}\n");
        assert_eq!(compare(&two, &one, Paint::OFF).text, "line 2\n- {\"verdict\":\"derived\",\"body\":\"b\"}\n");
    }

    #[test]
    fn many_differences_are_counted_and_not_all_shown() {
        let many = "{\"verdict\":\"kept\"}\n".repeat(SHOWN + 7);
        let difference = compare(&[], &lines(&many), Paint::OFF);
        assert_eq!(difference.lines, SHOWN + 7);
        assert!(difference.text.ends_with("... and 7 more\n"), "{}", difference.text);
    }
}
