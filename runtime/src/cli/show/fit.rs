//! Texts cut to what a terminal's line holds. What goes into a file or a pipe is never cut.

use std::io::IsTerminal;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns shown of what two texts have in common before they differ.
const CONTEXT: usize = 20;

/// Columns of a line; `None` is no limit.
pub(in crate::cli) type Room = Option<usize>;

/// Of standard output.
pub(in crate::cli) fn terminal_width() -> Room {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    // A terminal that does not know its size says 0.
    rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The text, cut with an ellipsis where it does not fit. It is escaped already.
pub(in crate::cli) fn fit(text: &str, room: Room) -> String {
    let Some(room) = room.filter(|room| text.width() > *room) else { return text.to_owned() };
    let mut cut = String::new();
    let mut left = room.saturating_sub(1);
    for character in text.chars() {
        let width = character.width().unwrap_or_default();
        if width > left {
            break;
        }
        left -= width;
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// Both texts cut to the room, from a little before the first difference on where it lies too far behind.
pub(in crate::cli) fn fit_both(one: &str, other: &str, room: Room) -> (String, String) {
    let common = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let from = match room {
        Some(room) if one.width().max(other.width()) > room && common > CONTEXT => common - CONTEXT,
        _ => 0,
    };
    let shown = |text: &str| match text.char_indices().nth(from) {
        Some((start, _)) if from > 0 => fit(&format!("…{}", &text[start..]), room),
        _ => fit(text, room),
    };
    (shown(one), shown(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_what_it_takes_on_the_screen() {
        assert_eq!(fit("abcdef", Some(6)), "abcdef");
        assert_eq!(fit("abcdefg", Some(6)), "abcde…");
        assert_eq!(fit("日本語日本語", Some(6)), "日本…");
        assert_eq!(fit("abc", Some(0)), "…");
        assert_eq!(fit(&"x".repeat(10_000), None), "x".repeat(10_000));
    }

    #[test]
    fn two_texts_are_cut_to_where_they_differ() {
        let (one, other) = (format!("{}a{}", "=".repeat(100), "-".repeat(100)), format!("{}b", "=".repeat(100)));
        let expected = (format!("…{}a{}…", "=".repeat(20), "-".repeat(7)), format!("…{}b", "=".repeat(20)));
        assert_eq!(fit_both(&one, &other, Some(30)), expected);
        assert_eq!(fit_both(&one, &other, None), (one.clone(), other.clone()));
        assert_eq!(fit_both("ab", "ac", Some(30)), ("ab".to_owned(), "ac".to_owned()));
    }
}
