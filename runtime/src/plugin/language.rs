//! What a plugin is written in, as its file says: what an instance of it may be expected to need depends on that.

use std::fmt;
use std::str::FromStr;

/// A language with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// Rust
    Rust,
    /// Go
    Go,
    /// Python
    Python,
    /// JavaScript
    JavaScript,
    /// TypeScript
    TypeScript,
    /// C, and C++ without exceptions.
    C,
}

/// Of an instance whose language has no interpreter and no runtime, or is unknown.
const SMALL: usize = 64 << 20;
/// Of one with a collector or a JavaScript interpreter.
const MIDDLING: usize = 128 << 20;
/// Of one with CPython, whose standard library is in its memory before a line of the plugin has run.
const LARGE: usize = 256 << 20;

impl Language {
    /// All there are.
    pub const ALL: [Language; 6] =
        [Language::Rust, Language::Go, Language::Python, Language::JavaScript, Language::TypeScript, Language::C];

    /// Its name on the command line and in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Go => "go",
            Language::Python => "python",
            Language::JavaScript => "js",
            Language::TypeScript => "ts",
            Language::C => "c",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::Go => "Go",
            Language::Python => "Python",
            Language::JavaScript => "JavaScript",
            Language::TypeScript => "TypeScript",
            Language::C => "C",
        }
    }

    /// Linear memory an instance may have where nobody says; `None` is a plugin that does not say what it is written in.
    #[must_use]
    pub fn memory(language: Option<Language>) -> usize {
        match language {
            None | Some(Language::Rust | Language::C) => SMALL,
            Some(Language::Go | Language::JavaScript | Language::TypeScript) => MIDDLING,
            Some(Language::Python) => LARGE,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(name: &str) -> Result<Language, String> {
        let found = Language::ALL.into_iter().find(|language| language.name() == name || language.title().to_lowercase() == name);
        found.ok_or_else(|| format!("expected one of {}", Language::ALL.map(Language::name).join(", ")))
    }
}
