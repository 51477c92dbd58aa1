//! Results as text, Markdown or JSON.

use serde_json::{Map, Value, json};

/// A table; its first column says what a row is about.
#[derive(Debug)]
pub struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// What is in a cell.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number, and so many digits behind its point.
    Number(f64, usize),
    /// Nothing to say.
    None,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Cell {
        Cell::Number(number as f64, 0)
    }
}

impl Cell {
    /// Bytes, as MiB.
    pub fn mebibytes(bytes: u64) -> Cell {
        Cell::Number(bytes as f64 / f64::from(1 << 20), 0)
    }

    fn shown(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number, digits) => format!("{number:.digits$}"),
            Cell::None => String::new(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Cell::Text(text) => json!(text),
            Cell::Number(number, _) => json!(number),
            Cell::None => Value::Null,
        }
    }
}

impl Table {
    /// Without rows.
    pub fn new(title: impl Into<String>, columns: &[&'static str]) -> Table {
        Table { title: title.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// One more row, a cell a column.
    pub fn row(&mut self, cells: Vec<Cell>) {
        assert_eq!(cells.len(), self.columns.len(), "a cell a column");
        self.rows.push(cells);
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut lines = vec![self.columns.iter().map(|&column| column.to_owned()).collect::<Vec<_>>()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(Cell::shown).collect()));
        let widths: Vec<usize> =
            (0..self.columns.len()).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)).collect();
        let mut text = format!("{}\n", self.title);
        for line in lines {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                text.push_str(&if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") });
            }
            text.push('\n');
        }
        text
    }

    /// For the README.
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("{}\n\n", self.title);
        text.push_str(&line(self.columns.iter().map(|&column| column.to_owned()).collect()));
        text.push_str(&format!("|---{}|\n", "|---:".repeat(self.columns.len() - 1)));
        self.rows.iter().for_each(|row| text.push_str(&line(row.iter().map(Cell::shown).collect())));
        text
    }

    /// For programs, in one line.
    pub fn json(&self, part: &str) -> String {
        let row = |cells: &Vec<Cell>| -> Value {
            let named = self.columns.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), cell.value()));
            Value::Object(named.collect::<Map<_, _>>())
        };
        json!({ "part": part, "title": self.title, "rows": self.rows.iter().map(row).collect::<Vec<_>>() }).to_string()
    }
}

/// The value in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (_, _) if values.is_empty() => f64::NAN,
        (middle, 1) => values[middle],
        (middle, _) => f64::midpoint(values[middle - 1], values[middle]),
    }
}
