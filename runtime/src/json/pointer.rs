//! RFC 6901 pointers.

/// A parsed pointer.
#[derive(Debug)]
pub(crate) struct Pointer(Vec<Token>);

/// One step of it, into an object or an array.
#[derive(Debug)]
pub(super) struct Token {
    /// Unescaped.
    pub(super) name: String,
    /// The element it means in an array: a number without leading zeros (RFC 6901 §4).
    pub(super) index: Option<usize>,
}

impl Pointer {
    /// `None` when the text is no pointer: it must be empty or begin with `/`, and `~` stands before `0` or `1` only (RFC 6901 §3).
    pub(crate) fn parse(text: &str) -> Option<Pointer> {
        if text.is_empty() {
            return Some(Pointer(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/').map(Token::parse);
        tokens.collect::<Option<Vec<_>>>().map(Pointer)
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.0
    }
}

impl Token {
    fn parse(token: &str) -> Option<Token> {
        let mut parts = token.split('~');
        let mut name = parts.next()?.to_owned();
        for part in parts {
            let rest = part.strip_prefix('0').map(|rest| ('~', rest)).or_else(|| part.strip_prefix('1').map(|rest| ('/', rest)));
            let (character, rest) = rest?;
            name.push(character);
            name.push_str(rest);
        }
        let index = name.parse().ok().filter(|index: &usize| index.to_string() == name);
        Some(Token { name, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_pointer_is_told() {
        assert!(["a", "/~", "/~2", "a/b"].iter().all(|text| Pointer::parse(text).is_none()));
    }
}
