//! What a case found out: tables for a person, and figures that are held to a bar and remembered
//! in docs/BENCHMARKS.md.

use std::fmt::{self, Write};
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

/// The outcome of one case.
pub(super) struct Report {
    /// What was measured, and how.
    about: String,
    parts: Vec<Part>,
    figures: Vec<Figure>,
}

/// A table with a line above it.
struct Part {
    headline: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// One number that matters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// Unique over all cases: it is found again by this.
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: Unit,
    pub(super) bar: Bar,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Of two figures of the same run.
    Ratio,
    Milliseconds,
    /// 1,000,000 bytes.
    Megabytes,
    Requests,
}

/// What a figure is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing is asked for; less is better.
    None,
}

impl Report {
    pub(super) fn new(about: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            parts: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Puts a word before the name of each figure: what the same case measures otherwise has other
    /// figures.
    pub(super) fn set_apart(&mut self, word: &str) {
        for figure in &mut self.figures {
            figure.name = format!("{word} {}", figure.name);
        }
    }

    /// Begins a table.
    pub(super) fn table(&mut self, headline: impl Into<String>, header: &[&str]) {
        self.parts.push(Part {
            headline: headline.into(),
            header: header.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        });
    }

    /// Adds a row to the table that was begun last.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        if let Some(part) = self.parts.last_mut() {
            part.rows.push(cells.into_iter().collect());
        }
    }

    pub(super) fn figure(&mut self, name: impl Into<String>, value: f64, unit: Unit, bar: Bar) {
        self.figures.push(Figure {
            name: name.into(),
            value,
            unit,
            bar,
        });
    }

    pub(super) fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// Whether every bar was taken.
    pub(super) fn passed(&self) -> bool {
        self.figures.iter().all(Figure::passed)
    }

    /// For a terminal.
    pub(super) fn print(&self) {
        println!("{}", self.about);
        for part in &self.parts {
            println!("{}", part.headline);
            println!("{}", boxed(&part.header, &part.rows));
        }
        println!("{}", boxed(&header(), &self.rows()));
    }

    /// The same as Markdown, without a heading.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("{}\n", self.about);
        for part in &self.parts {
            let _ = write!(text, "\n{}\n\n", part.headline);
            text.push_str(&piped(&part.header, &part.rows));
        }
        text.push('\n');
        text.push_str(&piped(&header(), &self.rows()));
        text
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let row = |figure: &Figure| {
            vec![
                figure.name.clone(),
                figure.unit.show(figure.value),
                figure.bar.show(figure.unit),
                verdict(figure).to_owned(),
            ]
        };
        self.figures.iter().map(row).collect()
    }
}

impl Figure {
    /// Whether it takes its bar. What is no number takes none.
    pub(super) fn passed(&self) -> bool {
        match self.bar {
            Bar::AtMost(most) => self.value <= most,
            Bar::AtLeast(least) => self.value >= least,
            Bar::None => true,
        }
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2}"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Requests => format!("{value:.0}"),
        }
    }
}

impl Bar {
    fn show(self, unit: Unit) -> String {
        match self {
            Self::AtMost(most) => format!("at most {}", unit.show(most)),
            Self::AtLeast(least) => format!("at least {}", unit.show(least)),
            Self::None => String::new(),
        }
    }
}

/// Names, values, bars and verdicts.
fn header() -> Vec<String> {
    ["figure", "measured", "bar", ""].map(str::to_owned).into()
}

fn verdict(figure: &Figure) -> &'static str {
    match figure.bar {
        Bar::None => "",
        _ if figure.passed() => "ok",
        _ => "NOT OK",
    }
}

fn boxed(header: &[String], rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn piped(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(header);
    let rule = std::iter::once("---".to_owned());
    let rule = rule.chain(std::iter::repeat_n(
        "---:".to_owned(),
        header.len().saturating_sub(1),
    ));
    text.push_str(&line(&rule.collect::<Vec<_>>()));
    for row in rows {
        text.push_str(&line(row));
    }
    text
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// How often `time` contains `other`.
pub(super) fn ratio(time: Duration, other: Duration) -> f64 {
    time.as_secs_f64() / other.as_secs_f64()
}

/// A number of rows with its thousands apart: `120,038`.
pub(super) struct Thousands(pub(super) u64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bar, Figure, Report, Thousands, Unit};

    fn figure(value: f64, bar: Bar) -> Figure {
        Figure {
            name: "it".to_owned(),
            value,
            unit: Unit::Ratio,
            bar,
        }
    }

    #[test]
    fn a_bar_holds_at_its_very_height() {
        assert!(figure(1.1, Bar::AtMost(1.1)).passed());
        assert!(!figure(1.11, Bar::AtMost(1.1)).passed());
        assert!(figure(0.6, Bar::AtLeast(0.6)).passed());
        assert!(!figure(0.59, Bar::AtLeast(0.6)).passed());
        assert!(!figure(f64::NAN, Bar::AtMost(1.1)).passed());
    }

    #[test]
    fn the_markdown_has_every_table_and_every_figure() {
        let mut report = Report::new("How fast.");
        report.table("In turns:", &["", "time"]);
        report.row(["round 1".to_owned(), "2.00 s".to_owned()]);
        report.figure("it against that", 1.5, Unit::Ratio, Bar::AtMost(1.1));
        report.figure("size of it", 8.04, Unit::Megabytes, Bar::None);
        assert!(!report.passed());
        let expected = "How fast.\n\nIn turns:\n\n|  | time |\n| --- | ---: |\n\
             | round 1 | 2.00 s |\n\n| figure | measured | bar |  |\n| --- | ---: | ---: | ---: |\n\
             | it against that | 1.50 | at most 1.10 | NOT OK |\n| size of it | 8.0 MB |  |  |\n";
        assert_eq!(report.markdown(), expected);
    }

    #[test]
    fn thousands_stand_apart() {
        let shown = [7, 1000, 120_038, 1_000_000].map(|number| Thousands(number).to_string());
        assert_eq!(shown, ["7", "1,000", "120,038", "1,000,000"]);
    }
}
