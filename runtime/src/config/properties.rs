//! Java's properties files, with the position of everything in them: the grammar of `java.util.Properties.load`.
//!
//! Comments only where a line begins; `=`, `:` or blanks after the key; `\` at the end continues a line; `\uXXXX` and the usual escapes; any other
//! escaped character stands for itself. Keys and values are trimmed, as Flume trims them. Flume 1.10 and later read ISO-8859-1, earlier ones
//! the platform's charset: here a file that is valid UTF-8 is read as UTF-8, any other as ISO-8859-1.

use std::ops::Range;

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Unescaped and trimmed.
    pub key: String,
    /// Where the key is.
    pub key_span: Range<usize>,
    /// The value and where each piece of it is.
    pub value: Text,
}

/// Unescaped text that knows where in the file it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// Unescaped and trimmed.
    pub text: String,
    /// Where it is, continuation lines included; empty and at the end of the key's line when there is no value.
    pub span: Range<usize>,
    /// Ascending; what stands in the file as it is, and escapes each on its own.
    pieces: Vec<Piece>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Where it begins in the text.
    offset: usize,
    /// Where it is in the file.
    span: Range<usize>,
    /// It is longer in the file than in the text, and has no parts.
    is_escape: bool,
}

impl Text {
    /// The part of the file that a part of the text was read from.
    #[must_use]
    pub fn place_of(&self, range: Range<usize>) -> Range<usize> {
        let first = self.pieces.iter().take_while(|piece| piece.offset <= range.start).last();
        let last = self.pieces.iter().take_while(|piece| piece.offset < range.end).last();
        let start = match first {
            None => self.span.start,
            Some(piece) if piece.is_escape => piece.span.start,
            Some(piece) => (piece.span.start + (range.start - piece.offset)).min(piece.span.end),
        };
        let end = match last {
            None => start,
            Some(piece) if piece.is_escape => piece.span.end,
            Some(piece) => (piece.span.start + (range.end - piece.offset)).min(piece.span.end),
        };
        start..end.max(start)
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    /// In the file's order, duplicates included: the last one of a key counts.
    pub properties: Vec<Property>,
    /// Where a `\u` is not followed by four hexadecimal digits; Java refuses such a file.
    pub malformed: Vec<Range<usize>>,
}

/// The text of a file: UTF-8 when it is valid UTF-8 (a byte order mark is dropped), else ISO-8859-1.
#[must_use]
pub fn decode(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text),
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    }
}

/// Reads a file; there is no text that it cannot read.
#[must_use]
pub fn parse(text: &str) -> Properties {
    let mut found = Properties::default();
    let mut lines = LogicalLines { text, offset: 0 };
    while let Some(line) = lines.next_line() {
        let (key, value) = split(&line);
        let end = line.last().map_or(0, |(at, character)| at + character.len_utf8());
        let key = unescape(key, end, &mut found.malformed);
        let value = unescape(value, end, &mut found.malformed);
        found.properties.push(Property { key: key.text, key_span: key.span, value });
    }
    found
}

/// A character and its offset in the file.
type Positioned = (usize, char);

/// An unescaped character and where it begins and ends in the file.
type Unit = (usize, usize, char);

/// Lines with their continuations joined, without blank ones and comments.
struct LogicalLines<'a> {
    text: &'a str,
    offset: usize,
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

impl LogicalLines<'_> {
    fn next_line(&mut self) -> Option<Vec<Positioned>> {
        while self.offset < self.text.len() {
            let mut line = self.natural_line();
            if line.first().is_none_or(|(_, first)| matches!(first, '#' | '!')) {
                continue;
            }
            // An odd number of backslashes at the end: the last one joins the next line.
            while line.iter().rev().take_while(|(_, character)| *character == '\\').count() % 2 == 1 {
                line.pop();
                if self.offset >= self.text.len() {
                    break;
                }
                line.append(&mut self.natural_line());
            }
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    }

    /// The next line of the file, without leading blanks and line end.
    fn natural_line(&mut self) -> Vec<Positioned> {
        let start = self.offset;
        let rest = &self.text[start..];
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let line_end = &rest[length..];
        self.offset = start + length + if line_end.starts_with("\r\n") { 2 } else { usize::from(!line_end.is_empty()) };
        let positioned = rest[..length].char_indices().map(|(at, character)| (start + at, character));
        positioned.skip_while(|(_, character)| is_blank(*character)).collect()
    }
}

/// Key and value, still escaped.
fn split(line: &[Positioned]) -> (&[Positioned], &[Positioned]) {
    let mut escaped = false;
    let mut key_end = line.len();
    for (index, (_, character)) in line.iter().enumerate() {
        if !escaped && (is_blank(*character) || matches!(character, '=' | ':')) {
            key_end = index;
            break;
        }
        escaped = !escaped && *character == '\\';
    }
    let skip_blanks = |from: usize| from + line[from..].iter().take_while(|(_, character)| is_blank(*character)).count();
    let mut value = skip_blanks(key_end);
    if line.get(value).is_some_and(|(_, character)| matches!(character, '=' | ':')) {
        value = skip_blanks(value + 1);
    }
    (&line[..key_end], &line[value..])
}

/// Resolves escapes and trims; `end` is where an empty text is said to be.
fn unescape(escaped: &[Positioned], end: usize, malformed: &mut Vec<Range<usize>>) -> Text {
    let mut units: Vec<Unit> = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let [(at, character), tail @ ..] = rest {
        let (read, unread) = if *character == '\\' { escape(*at, tail, malformed) } else { (Some(*character), tail) };
        let (last_at, last) = rest[rest.len() - unread.len() - 1];
        rest = unread;
        if let Some(read) = read {
            units.push((*at, last_at + last.len_utf8(), read));
        }
    }
    // As Java's `String.trim`.
    let is_trimmed = |unit: &Unit| unit.2 <= ' ';
    let from = units.iter().take_while(|unit| is_trimmed(unit)).count();
    let to = units.len() - units[from..].iter().rev().take_while(|unit| is_trimmed(unit)).count();
    positioned_text(&units[from..to], end)
}

fn positioned_text(units: &[Unit], end: usize) -> Text {
    let span = match (units.first(), units.last()) {
        (Some(first), Some(last)) => first.0..last.1,
        _ => end..end,
    };
    let mut text = Text { span, ..Text::default() };
    for (start, stop, character) in units {
        let is_escape = stop - start != character.len_utf8();
        match text.pieces.last_mut() {
            Some(piece) if !is_escape && !piece.is_escape && piece.span.end == *start => piece.span.end = *stop,
            _ => text.pieces.push(Piece { offset: text.text.len(), span: *start..*stop, is_escape }),
        }
        text.text.push(*character);
    }
    text
}

/// The character after a backslash, and what follows it.
fn escape<'a>(at: usize, tail: &'a [Positioned], malformed: &mut Vec<Range<usize>>) -> (Option<char>, &'a [Positioned]) {
    let [(_, kind), rest @ ..] = tail else { return (None, tail) };
    match kind {
        't' => (Some('\t'), rest),
        'n' => (Some('\n'), rest),
        'r' => (Some('\r'), rest),
        'f' => (Some('\u{c}'), rest),
        'u' => unicode(at, rest, malformed),
        other => (Some(*other), rest),
    }
}

/// `\uXXXX`, or two of them when they are a surrogate pair; a lone surrogate becomes U+FFFD.
fn unicode<'a>(at: usize, rest: &'a [Positioned], malformed: &mut Vec<Range<usize>>) -> (Option<char>, &'a [Positioned]) {
    let Some((unit, after)) = hex_unit(rest) else {
        let end = rest.first().map_or(at + 2, |(next, _)| *next);
        malformed.push(at..end);
        return (Some('u'), rest);
    };
    if let [(_, '\\'), (_, 'u'), low @ ..] = after
        && let Some((low, after_pair)) = hex_unit(low)
        && let Some(Ok(character)) = char::decode_utf16([unit, low]).next()
        && (0xd800..0xdc00).contains(&unit)
    {
        return (Some(character), after_pair);
    }
    (Some(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)), after)
}

fn hex_unit(rest: &[Positioned]) -> Option<(u16, &[Positioned])> {
    let mut unit = 0;
    for (_, digit) in rest.get(..4)? {
        unit = unit << 4 | u16::try_from(digit.to_digit(16)?).ok()?;
    }
    Some((unit, &rest[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).properties.into_iter().map(|property| (property.key, property.value.text)).collect()
    }

    fn one(text: &str) -> (String, String) {
        let mut all = pairs(text);
        assert_eq!(all.len(), 1, "{text:?}");
        all.remove(0)
    }

    #[test]
    fn separators_are_equals_colon_and_blanks() {
        for text in ["a=b", "a:b", "a b", " a \t=\u{c} b ", "a : b", "a\tb\n"] {
            assert_eq!(one(text), ("a".to_owned(), "b".to_owned()), "{text:?}");
        }
        assert_eq!(one("a = = b").1, "= b");
        assert_eq!(one("a"), ("a".to_owned(), String::new()));
        assert_eq!(one("= b"), (String::new(), "b".to_owned()));
    }

    #[test]
    fn a_comment_is_one_only_where_a_line_begins() {
        assert_eq!(pairs("# a = b\n  ! c = d\n\n \t\n").len(), 0);
        assert_eq!(one("a = b # note").1, "b # note");
        assert_eq!(one("a = b \\\n# c").1, "b # c");
    }

    #[test]
    fn lines_are_continued_and_their_leading_blanks_dropped() {
        assert_eq!(one("a = b\\\r\n   c\\\n\td").1, "bcd");
        assert_eq!(one("fruits\\\n  = x").0, "fruits");
        assert_eq!(pairs("a = b\\\\\nc = d").len(), 2);
        assert_eq!(one("a = b\\").1, "b");
        assert_eq!(pairs("a = b\\\n\nc = d")[0].1, "b");
    }

    #[test]
    fn escapes_are_resolved_and_unknown_ones_lose_the_backslash() {
        assert_eq!(one(r"a = \\d\d\:\u0041\u00e4\ud83d\ude00\tx").1, "\\dd:Aä😀\tx");
        assert_eq!(one(r"a\ b\=c = d").0, "a b=c");
        assert_eq!(one(r"a = x\ud83dy").1, "x\u{fffd}y");
    }

    #[test]
    fn a_broken_unicode_escape_is_reported_where_it_is() {
        let found = parse("a = x\\u12g4");
        assert_eq!(found.malformed, vec![5..7]);
        assert_eq!(parse("a = \\u").malformed, vec![4..6]);
    }

    #[test]
    fn positions_hold_across_escapes_and_continuations() {
        let text = "k = ab\\\\c\\\n   def";
        let value = &parse(text).properties[0].value;
        assert_eq!((value.text.as_str(), value.span.clone()), ("ab\\cdef", 4..17));
        assert_eq!(&text[value.place_of(3..4)], "c");
        assert_eq!(&text[value.place_of(4..7)], "def");
        assert_eq!(&text[value.place_of(0..2)], "ab");
    }

    #[test]
    fn what_is_not_utf8_is_latin1() {
        assert_eq!(decode(b"a = \xe4".to_vec()), "a = ä");
        assert_eq!(decode("\u{feff}a = ä".as_bytes().to_vec()), "a = ä");
    }
}
