//! Text that was completed from elsewhere, and which of it came from where: what is written again must name the place, not the value.

use std::ops::Range;

/// A completed text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The whole text.
    pub text: String,
    /// What of it the file does not hold, ascending.
    pub foreign: Vec<Foreign>,
}

/// A piece of a text that comes from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Bytes of the text; may be empty.
    pub range: Range<usize>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a piece of text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `${env:NAME}`, `${env:NAME:-default}`
    Environment {
        /// The variable.
        name: String,
        /// What stands for it when it is not set.
        default: Option<String>,
    },
    /// `${sys:KEY}`: a `-DKEY=…` of the command line.
    System(String),
    /// What a config filter's command answered to this key.
    Command(String),
    /// A part of one of these: it has no name.
    Part,
}

impl Resolved {
    /// Text that the file itself holds.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Resolved {
        Resolved { text: text.into(), foreign: Vec::new() }
    }

    /// Text of an origin.
    #[must_use]
    pub fn of(text: String, origin: Origin) -> Resolved {
        let range = 0..text.len();
        Resolved { text, foreign: vec![Foreign { range, origin }] }
    }

    /// Appends another text.
    pub fn push(&mut self, other: Resolved) {
        let shift = self.text.len();
        self.text.push_str(&other.text);
        let shifted = other.foreign.into_iter().map(|piece| Foreign { range: piece.range.start + shift..piece.range.end + shift, ..piece });
        self.foreign.extend(shifted);
    }

    /// A part of the text. Of a piece that is cut only this much is known: it comes from elsewhere.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Resolved {
        let mut foreign = Vec::new();
        for piece in &self.foreign {
            let (start, end) = (piece.range.start.max(range.start), piece.range.end.min(range.end));
            if start > end || (start == end && !piece.range.is_empty()) {
                continue;
            }
            let is_whole = start == piece.range.start && end == piece.range.end;
            let origin = if is_whole { piece.origin.clone() } else { Origin::Part };
            foreign.push(Foreign { range: start - range.start..end - range.start, origin });
        }
        Resolved { text: self.text[range].to_owned(), foreign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_keeps_what_is_whole_and_only_knows_that_the_rest_is_foreign() {
        let variable = |name: &str| Origin::Environment { name: name.to_owned(), default: None };
        let mut text = Resolved::plain("a-");
        text.push(Resolved::of("host".to_owned(), variable("H")));
        text.push(Resolved::plain(":"));
        text.push(Resolved::of("9092".to_owned(), variable("P")));
        let cut = text.slice(4..11);
        assert_eq!(cut.text, "st:9092");
        let expected = [Foreign { range: 0..2, origin: Origin::Part }, Foreign { range: 3..7, origin: variable("P") }];
        assert_eq!(cut.foreign, expected);
        assert_eq!(text.slice(0..2), Resolved::plain("a-"));
    }
}
