//! Pieces of events in error messages: enough to recognise a value by, however long it is.

/// Most characters shown.
const MOST: usize = 100;

/// The beginning of a text; dots say that there is more.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"é".repeat(100)), "é".repeat(100));
        assert_eq!(excerpt(&"é".repeat(101)), format!("{}...", "é".repeat(100)));
    }
}
