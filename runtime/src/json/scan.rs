//! One pass over a JSON text: whether it is one, and where the fields or the elements of its outermost value are.
//!
//! The grammar is RFC 8259's, read as `serde_json` reads it. Every byte is looked at, so a text that is broken anywhere is no JSON; no value is
//! made, and nesting costs a byte a level, not a stack frame. How strings are searched is [`special`]'s; the small steps are inlined into the one
//! loop, which halves its time.

use super::shape::{Shape, Shapes};
use super::special::special;

/// A value or a name where it stands in the text; a string without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) len: u32,
    /// What it is, by its first byte: `"` a string, `\` one with escapes, else that of the value as it is written.
    pub(super) first: u8,
}

impl Place {
    pub(super) fn of(self, text: &[u8]) -> Option<&[u8]> {
        let start = self.start as usize;
        text.get(start..start + self.len as usize)
    }

    pub(super) fn has_escapes(self) -> bool {
        self.first == b'\\'
    }
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outermost {
    /// Of this shape, unless it has none.
    Object(Option<Shape>),
    Array,
    /// A string, a number, a literal.
    Scalar,
}

/// Reads a text whole. `member` is told the name (of an object's) and the value of every member of the outermost object or array, in order; it may
/// stop the reading with `None`. `None` also where the text is no JSON, or of over 4 GiB.
///
/// `shapes` are those known, which this text's is added to; `open` is room for the containers that are open.
pub(super) fn scan(
    text: &[u8],
    shapes: &mut Shapes,
    open: &mut Vec<u8>,
    mut member: impl FnMut(Option<Place>, Place) -> Option<()>,
) -> Option<Outermost> {
    u32::try_from(text.len()).ok()?;
    open.clear();
    let mut scanner = Scanner { text, at: 0, open };
    let outermost = match scanner.token()? {
        b'{' => {
            let (mut next, mut shape) = (scanner.token()?, Some(Shape::EMPTY));
            while next != b'}' {
                let name = scanner.shaped_name(next, shapes, &mut shape)?;
                let first = scanner.token()?;
                let value = scanner.value(first)?;
                member(Some(name), value)?;
                next = scanner.comma(b'}', b'"')?;
            }
            Outermost::Object(shape)
        }
        b'[' => {
            let mut next = scanner.token()?;
            while next != b']' {
                let value = scanner.value(next)?;
                member(None, value)?;
                next = scanner.comma(b']', 0)?;
            }
            Outermost::Array
        }
        first => {
            scanner.value(first)?;
            Outermost::Scalar
        }
    };
    scanner.space();
    (scanner.at == text.len()).then_some(outermost)
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    open: &'a mut Vec<u8>,
}

impl Scanner<'_> {
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no white space.
    #[inline(always)]
    fn token(&mut self) -> Option<u8> {
        match self.next()? {
            b' ' | b'\n' | b'\t' | b'\r' => {
                self.space();
                self.next()
            }
            byte => Some(byte),
        }
    }

    /// Behind a member: the end, or the first byte of the next member, which `must` begin so unless that is 0.
    #[inline(always)]
    fn comma(&mut self, end: u8, must: u8) -> Option<u8> {
        match self.token()? {
            b',' => self.token().filter(|next| *next != end && (must == 0 || *next == must)),
            other => (other == end).then_some(end),
        }
    }

    /// A name with its colon, of an object that has this shape so far.
    #[inline(always)]
    fn shaped_name(&mut self, first: u8, shapes: &mut Shapes, shape: &mut Option<Shape>) -> Option<Place> {
        let Some(before) = *shape else { return self.name(first) };
        if first == b'"'
            && let Some((after, len)) = shapes.likely(before, self.text.get(self.at..)?)
        {
            let start = self.at;
            *shape = Some(after);
            self.at += len + 2;
            return Some(self.place(start, start + len, b'"'));
        }
        let name = self.name(first)?;
        *shape = if name.has_escapes() { None } else { shapes.with(before, name.of(self.text)?) };
        Some(name)
    }

    /// A name with its colon.
    #[inline(always)]
    fn name(&mut self, first: u8) -> Option<Place> {
        let name = if first == b'"' { self.string()? } else { return None };
        (self.token()? == b':').then_some(name)
    }

    #[inline]
    fn place(&self, start: usize, end: usize, first: u8) -> Place {
        // Both fit: the text's length does.
        Place { start: start as u32, len: (end - start) as u32, first }
    }

    /// A value whose first byte is read.
    #[inline(always)]
    fn value(&mut self, first: u8) -> Option<Place> {
        let start = self.at - 1;
        match first {
            b'"' => return self.string(),
            b'{' | b'[' => self.nested(first)?,
            _ => self.scalar(first)?,
        }
        Some(self.place(start, self.at, first))
    }

    /// Neither a string nor a container.
    #[inline(always)]
    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'-' | b'0'..=b'9' => self.number(first),
            b't' => self.literal(b"rue"),
            b'f' => self.literal(b"alse"),
            b'n' => self.literal(b"ull"),
            _ => None,
        }
    }

    /// The rest of an object or an array, whatever is in it.
    fn nested(&mut self, first: u8) -> Option<()> {
        self.open.push(first);
        let mut next = self.token()?;
        while let Some(container) = self.open.last() {
            let (end, must) = if *container == b'{' { (b'}', b'"') } else { (b']', 0) };
            // The end of a container is that of a member of the one around it.
            if next == end {
                self.open.pop();
                if let Some(around) = self.open.last() {
                    next = if *around == b'{' { self.comma(b'}', b'"')? } else { self.comma(b']', 0)? };
                }
                continue;
            }
            if must != 0 {
                self.name(next)?;
                next = self.token()?;
            }
            match next {
                b'{' | b'[' => {
                    self.open.push(next);
                    next = self.token()?;
                    continue;
                }
                b'"' => self.string().map(drop)?,
                _ => self.scalar(next)?,
            }
            next = self.comma(end, must)?;
        }
        Some(())
    }

    fn literal(&mut self, rest: &[u8]) -> Option<()> {
        let end = self.at + rest.len();
        (self.text.get(self.at..end)? == rest).then(|| self.at = end)
    }

    #[inline]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    #[inline(always)]
    fn number(&mut self, first: u8) -> Option<()> {
        let leading = if first == b'-' { self.next()? } else { first };
        match leading {
            b'0' if matches!(self.peek(), Some(b'0'..=b'9')) => return None,
            b'0' => {}
            b'1'..=b'9' => {
                self.digits();
            }
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// The rest of a string.
    #[inline(always)]
    fn string(&mut self) -> Option<Place> {
        let start = self.at;
        let mut first = b'"';
        loop {
            self.at += special(self.text.get(self.at..)?)?;
            match self.next()? {
                b'"' => return Some(self.place(start, self.at - 1, first)),
                b'\\' => {
                    first = b'\\';
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let end = self.at + 4;
                let is_hex = self.text.get(self.at..end)?.iter().all(u8::is_ascii_hexdigit);
                is_hex.then(|| self.at = end)
            }
            _ => None,
        }
    }
}
