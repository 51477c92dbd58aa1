//! Lines out of bytes as they come, each no longer than is allowed. A line's length is counted as Java counts characters.

use bytes::{Buf, Bytes, BytesMut};

use super::Encoding;

/// The bytes of one client that are not a line yet.
pub(super) struct Lines {
    buffer: BytesMut,
    /// Bytes at the front that hold no line end.
    searched: usize,
    /// Their length in characters.
    length: usize,
    longest: usize,
    encoding: Encoding,
}

/// A line is longer than is allowed; what comes after it is not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// `longest` counts the line's end.
    pub(super) fn new(longest: usize, encoding: Encoding) -> Lines {
        Lines { buffer: BytesMut::new(), searched: 0, length: 0, longest, encoding }
    }

    /// Where more bytes go.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole line without its `\n`, as UTF-8. A `\r` before it stays, as in Flume.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        while let Some(byte) = self.buffer.get(self.searched) {
            // The line's end is a character of it.
            if self.length >= self.longest || (*byte == b'\n' && self.length + 1 > self.longest) {
                return Err(TooLong);
            }
            if *byte == b'\n' {
                let line = self.buffer.split_to(self.searched).freeze();
                self.buffer.advance(1);
                (self.searched, self.length) = (0, 0);
                return Ok(Some(self.decode(line)));
            }
            self.length += self.width(*byte);
            self.searched += 1;
        }
        if self.length >= self.longest { Err(TooLong) } else { Ok(None) }
    }

    /// How many of Java's characters begin with this byte.
    fn width(&self, byte: u8) -> usize {
        match (self.encoding, byte) {
            (Encoding::Latin1, _) => 1,
            (_, 0x80..=0xBF) => 0,
            // Beyond the first plane: a pair of surrogates.
            (_, 0xF0..) => 2,
            _ => 1,
        }
    }

    fn decode(&self, line: Bytes) -> Bytes {
        match self.encoding {
            Encoding::Latin1 if !line.is_ascii() => line.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
            _ => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(longest: usize, encoding: Encoding, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
        let mut lines = Lines::new(longest, encoding);
        let mut all = Vec::new();
        for piece in pieces {
            lines.buffer().extend_from_slice(piece);
            loop {
                match lines.next() {
                    Ok(Some(line)) => all.push(line.to_vec()),
                    Ok(None) => break,
                    Err(TooLong) => return (all, true),
                }
            }
        }
        (all, false)
    }

    #[test]
    fn a_line_may_be_as_long_as_is_allowed_with_its_end() {
        assert_eq!(lines(4, Encoding::Utf8, &[b"abc\n"]), (vec![b"abc".to_vec()], false));
        assert_eq!(lines(4, Encoding::Utf8, &[b"ok\nabcd\nlost\n"]), (vec![b"ok".to_vec()], true));
        assert_eq!(lines(4, Encoding::Utf8, &[b"abcd"]), (vec![], true));
        assert_eq!(lines(4, Encoding::Utf8, &[b"abc"]), (vec![], false));
    }

    #[test]
    fn length_is_counted_in_javas_characters() {
        let three = "šžé\n".as_bytes();
        assert_eq!(lines(4, Encoding::Utf8, &[three]), (vec![three[..6].to_vec()], false));
        assert!(lines(4, Encoding::Latin1, &[three]).1);
        // Two characters to Java.
        assert!(lines(2, Encoding::Utf8, &["😀\n".as_bytes()]).1);
        assert!(!lines(3, Encoding::Utf8, &["😀\n".as_bytes()]).1);
    }

    #[test]
    fn latin_1_becomes_utf_8_and_other_bytes_stay() {
        assert_eq!(lines(9, Encoding::Latin1, &[b"\xe9\r\n"]).0, ["é\r".as_bytes().to_vec()]);
        assert_eq!(lines(9, Encoding::Utf8, &[b"\xe9\xff\n"]).0, [b"\xe9\xff".to_vec()]);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(
            text in proptest::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(b'\n')], 0..200),
            cuts in proptest::collection::vec(0_usize..200, 0..8),
            longest in 1_usize..40,
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([text.len()]);
            let mut start = 0;
            let pieces: Vec<&[u8]> = ends.map(|end| { let piece = &text[start..end]; start = end; piece }).collect();
            prop_assert_eq!(lines(longest, Encoding::Utf8, &pieces), lines(longest, Encoding::Utf8, &[&text]));
        }
    }
}
