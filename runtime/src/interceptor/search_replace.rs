//! `search_replace`: replaces what matches in the body (`org.apache.flume.interceptor.SearchAndReplaceInterceptor`), with the replacement read and
//! the matches found as Java's `Matcher.replaceAll` does. A body without a match stays byte for byte; Flume decodes and encodes even that, which
//! spoils what is not in the charset.

mod replacement;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

pub use replacement::Error;
use replacement::Replacement;

use super::each::judge;
use super::spec::{Charset, SearchReplace as Spec};
use super::{Interceptor, Judging};
use crate::batch::{Batch, Change, Verdict};
use crate::event::Event;

/// The interceptor `search_replace`.
#[derive(Debug)]
pub struct SearchReplace {
    pattern: regex::Regex,
    replacement: Replacement,
    charset: Charset,
}

impl SearchReplace {
    /// As the settings say.
    ///
    /// # Errors
    /// When the replacement is none for this pattern. Flume finds out with the first match, and then with every retry.
    pub fn new(spec: &Spec) -> Result<SearchReplace, Error> {
        let replacement = Replacement::parse(&spec.replacement, &spec.pattern)?;
        Ok(SearchReplace { pattern: spec.pattern.clone(), replacement, charset: spec.charset })
    }

    fn judge(&self, event: &Event) -> Option<Verdict> {
        let text = self.charset.decode(event.body());
        let replaced = self.replacement.replace_all(&self.pattern, &text)?;
        Some(Verdict::changes(vec![Change::Body(Some(self.charset.encode(replaced)))]))
    }
}

impl Interceptor for SearchReplace {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        judge(&batch, |event| self.judge(event))
    }
}

impl Charset {
    /// As Java's `new String(bytes, charset)`: what is not in the charset becomes U+FFFD.
    fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes),
            Charset::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Charset::Ascii => {
                bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER }).collect()
            }
        }
    }

    /// As Java's `getBytes(charset)`: what is not in the charset becomes a question mark.
    fn encode(self, text: String) -> Bytes {
        let last = match self {
            Charset::Utf8 => return Bytes::from(text),
            Charset::Latin1 => 0xff,
            Charset::Ascii => 0x7f,
        };
        text.chars().map(|letter| u8::try_from(letter).ok().filter(|byte| *byte <= last).unwrap_or(b'?')).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::kept;
    use super::*;

    fn replaced(pattern: &str, replacement: &str, charset: Charset, body: &'static [u8]) -> Vec<u8> {
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        let interceptor = SearchReplace::new(&Spec { pattern, replacement: replacement.into(), charset }).expect("an interceptor");
        kept(&interceptor, Event::new(body)).body().to_vec()
    }

    #[test]
    fn every_match_is_replaced_and_groups_are_filled_in() {
        assert_eq!(replaced(r"(\d{4})\d+", "$1****", Charset::Utf8, b"card 1234567890, 55551"), b"card 1234****, 5555****");
        assert_eq!(replaced("x", "", Charset::Utf8, b"axbx"), b"ab");
    }

    #[test]
    fn a_body_without_a_match_stays_byte_for_byte() {
        assert_eq!(replaced("x", "y", Charset::Utf8, b"\xff\xfe"), b"\xff\xfe");
    }

    #[test]
    fn the_body_is_read_in_its_charset() {
        assert_eq!(replaced("\u{e9}", "e", Charset::Latin1, b"caf\xe9 \xe8"), b"cafe \xe8");
        assert_eq!(replaced("f", "\u{20ac}", Charset::Latin1, b"f\xe9"), b"?\xe9");
        assert_eq!(replaced("f", "\u{e9}", Charset::Ascii, b"f\xe9"), b"??");
    }

    #[test]
    fn a_tombstone_stays_one_unless_the_empty_text_matches() {
        let interceptor = |pattern: &str| {
            let pattern = regex::Regex::new(pattern).expect("a pattern");
            SearchReplace::new(&Spec { pattern, replacement: "new".into(), charset: Charset::Utf8 }).expect("an interceptor")
        };
        assert_eq!(kept(&interceptor("x"), Event::default()).body, None);
        assert_eq!(kept(&interceptor("^$"), Event::default()).body.as_deref(), Some(&b"new"[..]));
    }
}
