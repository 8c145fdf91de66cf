//! The figures as tables, for the terminal and for a Markdown file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::Outcome;
use crate::print;

/// Everything that is told in the end, in order.
#[derive(Default)]
pub(crate) struct Report {
    markdown: String,
}

/// Rows of one measure. The first column is to the left, the others are to the right.
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let head = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.to_owned(), rows: vec![head] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.rows[0].len()).map(widest).collect()
    }

    fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        let padded = |(at, cell): (usize, &String)| {
            let width = widths.get(at).copied().unwrap_or(0);
            if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        let line = |row: &Vec<String>| row.iter().enumerate().map(padded).collect::<Vec<_>>();
        let mut lines: Vec<String> =
            self.rows.iter().map(|row| format!("| {} |", line(row).join(" | "))).collect();
        let rule = widths.iter().enumerate().map(|(at, width)| {
            if at == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) }
        });
        lines.insert(1, format!("| {} |", rule.collect::<Vec<_>>().join(" | ")));
        lines
    }
}

impl Report {
    pub(crate) fn line(&mut self, text: &str) -> Outcome<()> {
        print::line(text)?;
        self.markdown.push_str(text);
        self.markdown.push_str("\n\n");
        Ok(())
    }

    pub(crate) fn table(&mut self, table: &Table) -> Outcome<()> {
        self.line(&format!("\n## {}", table.title))?;
        let lines = table.lines().join("\n");
        self.line(&lines)
    }

    /// Keeps it beside the earlier ones.
    pub(crate) fn save(&self, folder: &Path) -> Outcome<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let moment = jiff::Zoned::now().strftime("%Y-%m-%d-%H%M%S");
        let path = folder.join(format!("{moment}.md"));
        std::fs::write(&path, &self.markdown)?;
        Ok(path)
    }
}

pub(crate) fn millis(time: Duration) -> String {
    match time {
        Duration::MAX => "never".to_owned(),
        time => {
            let millis = time.as_secs_f64() * 1_000.0;
            let digits = if millis < 10.0 {
                2
            } else if millis < 100.0 {
                1
            } else {
                0
            };
            format!("{millis:.digits$} ms")
        }
    }
}

pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// As [`ratio`]; what never came compares with nothing.
pub(crate) fn ratio_of_times(skep: Option<Duration>, other: Duration) -> String {
    match skep.filter(|skep| *skep < Duration::MAX && other < Duration::MAX) {
        Some(skep) => ratio(skep.as_secs_f64(), other.as_secs_f64()),
        None => "–".to_owned(),
    }
}

/// How many times as much Skep takes as the other: below one, Skep is better.
pub(crate) fn ratio(skep: f64, other: f64) -> String {
    if skep.is_finite() && other > 0.0 { format!("{:.2}", skep / other) } else { "–".to_owned() }
}
