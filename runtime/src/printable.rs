//! Text that somebody else wrote, such as an event, a guest or a file's name, made fit for a terminal and a log: it can forge no line, move no
//! cursor, colour nothing and turn no text around.

use std::fmt::Write;

/// Bytes of a line that is cut.
const LINE: usize = 4096;

/// The text with everything that is not a plain character escaped, and cut at 4 KiB.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LINE));
    for character in text.chars() {
        if line.len() >= LINE {
            line.push('…');
            break;
        }
        push(&mut line, character);
    }
    line
}

/// The same, whole.
pub(crate) fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    text.chars().for_each(|character| push(&mut line, character));
    line
}

fn push(line: &mut String, character: char) {
    if steers(character) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{}", character.escape_default());
    } else {
        line.push(character);
    }
}

/// Whether a terminal does something other than show it: control characters, Unicode's line ends, and the marks that change a text's direction.
pub(crate) fn steers(character: char) -> bool {
    let turns = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_has_an_end() {
        assert_eq!(one_line("a\nb\u{1b}[31m\u{9b}c é"), "a\\nb\\u{1b}[31m\\u{9b}c é");
        assert!(one_line(&"é".repeat(LINE)).len() <= LINE + '…'.len_utf8() + 1);
    }

    #[test]
    fn a_text_cannot_be_turned_around() {
        assert_eq!(escaped("gpj.\u{202e}exe\u{2028}x"), "gpj.\\u{202e}exe\\u{2028}x");
    }

    #[test]
    fn a_whole_text_stays_whole() {
        assert_eq!(escaped(&"é\n".repeat(LINE)), "é\\n".repeat(LINE));
    }
}
