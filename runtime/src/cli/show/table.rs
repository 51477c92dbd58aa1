//! Columns that line up, without lines between them.

use unicode_width::UnicodeWidthStr;

use super::paint::{Paint, Tone};
use crate::printable::escaped;

/// Between two columns.
const GAP: usize = 2;

/// A table being filled.
#[derive(Debug)]
pub(in crate::cli) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A column's head and side.
#[derive(Debug)]
struct Column {
    head: &'static str,
    is_number: bool,
}

/// What stands in one place; escaped.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// With a tone.
    pub(in crate::cli) fn toned(tone: Tone, text: impl AsRef<str>) -> Cell {
        Cell { text: escaped(text.as_ref()), tone }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::toned(Tone::Plain, text)
    }
}

impl Table {
    /// An empty one. A head that begins with `>` is of a column of numbers, which stand at the right.
    pub(in crate::cli) fn new(heads: &[&'static str]) -> Table {
        let column = |head: &&'static str| match head.strip_prefix('>') {
            Some(head) => Column { head, is_number: true },
            None => Column { head, is_number: false },
        };
        Table { columns: heads.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row: a cell a column.
    pub(in crate::cli) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    /// Whether it has no rows.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Its lines, each with its end; nothing when it has no rows.
    pub(in crate::cli) fn render(&self, paint: Paint) -> String {
        let mut text = String::new();
        for line in self.lines() {
            for (tone, piece) in line {
                text.push_str(&paint.tone(tone, &piece));
            }
            text.push('\n');
        }
        text
    }

    /// The same in pieces, the spaces between two columns being plain ones.
    pub(in crate::cli) fn lines(&self) -> Vec<Vec<(Tone, String)>> {
        if self.is_empty() {
            return Vec::new();
        }
        let heads: Vec<Cell> = self.columns.iter().map(|column| Cell::toned(Tone::Strong, column.head)).collect();
        let widest = |index: usize| {
            let cells = self.rows.iter().chain([&heads]).filter_map(|row| row.get(index));
            cells.map(|cell| cell.text.width()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(widest).collect();
        std::iter::once(&heads).chain(&self.rows).map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize]) -> Vec<(Tone, String)> {
        let mut line = Vec::new();
        // Spaces are written before the next text, so that no line ends in them.
        let mut owed = 0;
        for ((cell, column), width) in row.iter().zip(&self.columns).zip(widths) {
            let room = width.saturating_sub(cell.text.width());
            let (left, right) = if column.is_number { (room, 0) } else { (0, room) };
            owed += left;
            if !cell.text.is_empty() {
                line.push((Tone::Plain, " ".repeat(owed)));
                line.push((cell.tone, cell.text.clone()));
                owed = 0;
            }
            owed += right + GAP;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_is_in_them() {
        let mut table = Table::new(&["NAME", ">EVENTS", "WHY"]);
        table.row(["a".into(), "1,000".into(), "".into()]);
        table.row(["日本 é".into(), "".into(), "x\ny\u{1b}[31m".into()]);
        let expected = "NAME    EVENTS  WHY\na        1,000\n日本 é          x\\ny\\u{1b}[31m\n";
        assert_eq!(table.render(Paint::OFF), expected);
    }

    #[test]
    fn colours_do_not_move_columns_and_only_tones_make_them() {
        let mut table = Table::new(&["A", "B"]);
        table.row([Cell::toned(Tone::Bad, "x"), "y".into()]);
        assert_eq!(table.render(Paint { colours: true }), "\u{1b}[1mA\u{1b}[0m  \u{1b}[1mB\u{1b}[0m\n\u{1b}[31mx\u{1b}[0m  y\n");
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(Table::new(&["A"]).render(Paint::OFF), "");
    }
}
