//! Colour, where it helps: on a terminal, unless `NO_COLOR` is set.

use std::io::IsTerminal;

/// What a text is, and so how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::cli) enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Beside the point.
    Dim,
    /// What to look at.
    Strong,
    /// In order, or added.
    Good,
    /// To be looked at, or changed.
    Warning,
    /// Wrong, or taken away.
    Bad,
}

/// Whether texts are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Paint {
    /// Whether they are.
    pub(in crate::cli) colours: bool,
}

impl Paint {
    /// For tests.
    #[cfg(test)]
    pub(in crate::cli) const OFF: Paint = Paint { colours: false };

    /// For standard output as it is.
    pub(in crate::cli) fn stdout() -> Paint {
        Paint::of(&std::io::stdout())
    }

    /// For standard error as it is.
    pub(in crate::cli) fn stderr() -> Paint {
        Paint::of(&std::io::stderr())
    }

    fn of(stream: &impl IsTerminal) -> Paint {
        Paint { colours: stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// The text, which is escaped already, in its tone.
    pub(in crate::cli) fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            _ if !self.colours => return text.to_owned(),
            Tone::Dim => "2",
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
