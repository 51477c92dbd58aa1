//! Medians over the rounds with the least and the most, and ratios, which are taken within each round.

use std::iter::once;

use serde_json::{Map, Value, json};

/// One contestant over all rounds.
pub struct Row<T> {
    /// For people.
    pub name: String,
    /// Index of the row its ratios refer to.
    pub base: Option<usize>,
    /// What each round showed; `None` where it took no part.
    pub rounds: Vec<Option<T>>,
}

/// One figure of a contestant.
pub struct Column<T> {
    /// For people.
    pub title: &'static str,
    /// For programs.
    pub key: &'static str,
    /// The figure; `None` where a round has none.
    pub value: fn(&T) -> Option<f64>,
    /// For people.
    pub show: fn(f64) -> String,
    /// Whether it is followed by the ratio to the row's base.
    pub ratio: bool,
}

/// Medians and ratios, ready to be shown.
pub struct Report {
    titles: Vec<&'static str>,
    rows: Vec<(String, Vec<String>)>,
    json: Value,
}

#[derive(Clone, Copy)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Report {
    /// Makes one.
    pub fn new<T>(columns: &[Column<T>], rows: &[Row<T>]) -> Report {
        let titles = columns.iter().flat_map(|column| once(column.title).chain(column.ratio.then_some("ratio")));
        let mut report = Report { titles: titles.collect(), rows: Vec::new(), json: Value::Null };
        let mut objects = Vec::new();
        for row in rows {
            let (mut cells, mut object) = (Vec::new(), Map::new());
            object.insert("name".to_owned(), json!(row.name));
            for column in columns {
                let figures = row.rounds.iter().flatten().filter_map(column.value);
                let spread = Spread::of(figures);
                cells.push(cell(spread, column.show));
                object.insert(column.key.to_owned(), Spread::json(spread));
                if column.ratio {
                    let base = row.base.map(|base| &rows[base].rounds);
                    let pairs = base.into_iter().flat_map(|base| row.rounds.iter().zip(base));
                    let figure = |round: &Option<T>| round.as_ref().and_then(column.value);
                    let spread = Spread::of(pairs.filter_map(|(one, base)| Some(figure(one)? / figure(base)?)));
                    cells.push(cell(spread, |ratio| format!("{ratio:.2}")));
                    object.insert(format!("{}_ratio", column.key), Spread::json(spread));
                }
            }
            report.rows.push((row.name.clone(), cells));
            objects.push(Value::Object(object));
        }
        report.json = Value::Array(objects);
        report
    }

    /// For a terminal.
    pub fn plain(&self) -> String {
        let width = |index: usize| {
            let cells = self.rows.iter().map(|(_, cells)| cells[index].chars().count());
            cells.chain(once(self.titles[index].len())).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.titles.len()).map(width).collect();
        let names = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let line = |name: &str, cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells.zip(&widths).map(|(cell, width)| format!("  {cell:>width$}"));
            format!("{name:<names$}{}\n", cells.collect::<String>())
        };
        let head = line("", &mut self.titles.iter().copied());
        let rows = self.rows.iter().map(|(name, cells)| line(name, &mut cells.iter().map(String::as_str)));
        once(head).chain(rows).collect()
    }

    /// For the README.
    pub fn markdown(&self) -> String {
        let line = |name: &str, cells: &str| format!("| {name} | {cells} |\n");
        let rule = format!("|---|{}\n", "---:|".repeat(self.titles.len()));
        let rows = self.rows.iter().map(|(name, cells)| line(name, &cells.join(" | ")));
        once(line("", &self.titles.join(" | "))).chain(once(rule)).chain(rows).collect()
    }

    /// For programs.
    pub fn json(&self) -> &Value {
        &self.json
    }
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] };
        Some(Spread { least, median, most })
    }

    fn json(spread: Option<Spread>) -> Value {
        spread.map_or(Value::Null, |Spread { least, median, most }| json!({ "least": least, "median": median, "most": most }))
    }
}

/// The median, and behind it the least and the most where they look different.
fn cell(spread: Option<Spread>, show: fn(f64) -> String) -> String {
    let Some(Spread { least, median, most }) = spread else { return "-".to_owned() };
    let [least, median, most] = [least, median, most].map(show);
    if least == most { median } else { format!("{median} ({least}..{most})") }
}

/// Thousands.
pub fn thousands(value: f64) -> String {
    format!("{:.*} k", if value < 10_000.0 { 1 } else { 0 }, value / 1e3)
}

/// Two decimals.
pub fn hundredths(value: f64) -> String {
    format!("{value:.2}")
}

/// MiB of bytes.
pub fn mebibytes(bytes: f64) -> String {
    format!("{:.0}", bytes / f64::from(1 << 20))
}
