//! Java's regular expressions in Rust's syntax: what is the same is kept, `\d`, `\w`, `\s` and `\b` become the ASCII ones they are in Java,
//! and what the `regex` crate cannot do (look-around, back-references: they need exponential time) is refused, with its place.

use std::ops::Range;

use regex_syntax::ast::{self, Ast, ClassPerl, ClassPerlKind, ClassSetItem, Visitor};

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is wrong.
    pub message: String,
    /// Bytes of the pattern.
    pub span: Range<usize>,
}

/// The pattern in Rust's syntax; it compiles, unless it is too large.
///
/// # Errors
/// When the syntax is wrong, or is one that only Java has.
pub fn translate(pattern: &str) -> Result<String, Error> {
    let parsed = ast::parse::Parser::new().parse(pattern);
    let ast = parsed.map_err(|error| Error { message: describe(&error), span: range(error.span()) })?;
    // Visiting only gathers: it does not fail.
    let pieces = ast::visit(&ast, Pieces::default())?;
    let mut out = pattern.to_owned();
    for (span, replacement) in pieces.into_iter().rev() {
        out.replace_range(span, replacement);
    }
    // What the parser takes and the translator does not, such as a Unicode class that does not exist.
    if let Err(error) = regex_syntax::parse(&out) {
        return Err(Error { message: last_line(&error.to_string()), span: 0..pattern.len() });
    }
    Ok(out)
}

fn describe(error: &ast::Error) -> String {
    match error.kind() {
        ast::ErrorKind::UnsupportedLookAround => "look-around (`(?=`, `(?!`, `(?<=`, `(?<!`) is not supported".to_owned(),
        ast::ErrorKind::UnsupportedBackreference => "back-references (`\\1`) are not supported".to_owned(),
        ast::ErrorKind::EscapeUnrecognized => "this escape is not supported".to_owned(),
        ast::ErrorKind::FlagUnrecognized => "this flag is not supported".to_owned(),
        other => other.to_string(),
    }
}

fn last_line(message: &str) -> String {
    message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn range(span: &ast::Span) -> Range<usize> {
    span.start.offset..span.end.offset
}

/// Pieces of the pattern to replace, in order.
#[derive(Default)]
struct Pieces(Vec<(Range<usize>, &'static str)>);

impl Pieces {
    fn class(&mut self, class: &ClassPerl) {
        let replacement = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            (ClassPerlKind::Space, false) => r"[ \t\n\x0B\f\r]",
            (ClassPerlKind::Space, true) => r"[^ \t\n\x0B\f\r]",
            (ClassPerlKind::Word, false) => "[A-Za-z0-9_]",
            (ClassPerlKind::Word, true) => "[^A-Za-z0-9_]",
        };
        self.0.push((range(&class.span), replacement));
    }
}

impl Visitor for Pieces {
    type Output = Vec<(Range<usize>, &'static str)>;
    type Err = Error;

    fn finish(mut self) -> Result<Self::Output, Error> {
        self.0.sort_by_key(|(span, _)| span.start);
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Error> {
        match ast {
            Ast::ClassPerl(class) => self.class(class),
            Ast::Assertion(assertion) if assertion.kind == ast::AssertionKind::WordBoundary => {
                self.0.push((range(&assertion.span), r"(?-u:\b)"));
            }
            Ast::Flags(flags) => refuse_swapped_greed(&flags.flags)?,
            Ast::Group(group) => {
                if let ast::GroupKind::NonCapturing(flags) = &group.kind {
                    refuse_swapped_greed(flags)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Error> {
        if let ClassSetItem::Perl(class) = item {
            self.class(class);
        }
        Ok(())
    }
}

/// `(?U)` means Unicode classes in Java and lazy repetition in Rust.
fn refuse_swapped_greed(flags: &ast::Flags) -> Result<(), Error> {
    match flags.flag_state(ast::Flag::SwapGreed) {
        None => Ok(()),
        Some(_) => Err(Error { message: "the flag `U` is not supported".to_owned(), span: range(&flags.span) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_as_in_java() {
        let pattern = translate(r"^\d+[\w-]\s\b.\D$").unwrap();
        assert_eq!(pattern, r"^[0-9]+[[A-Za-z0-9_]-][ \t\n\x0B\f\r](?-u:\b).[^0-9]$");
        assert!(!regex::Regex::new(&translate(r"\d").unwrap()).unwrap().is_match("٣"));
        assert!(regex::bytes::Regex::new(&pattern).is_ok());
    }

    #[test]
    fn what_only_java_has_is_refused_where_it_is() {
        assert_eq!(translate("ab(?=c)").unwrap_err().span.start, 2);
        assert!(translate("ab(?=c)").unwrap_err().message.contains("look-around"));
        assert_eq!(translate(r"(a)\1").unwrap_err(), Error { message: r"back-references (`\1`) are not supported".to_owned(), span: 3..5 });
        assert_eq!(translate("(?U)a").unwrap_err().message, "the flag `U` is not supported");
        assert_eq!(translate(r"\Qa\E").unwrap_err().span, 0..2);
    }

    #[test]
    fn wrong_syntax_is_refused() {
        assert_eq!(translate("a(b").unwrap_err().message, "unclosed group");
        assert!(translate(r"\p{Nonsense}").is_err());
    }
}
