//! `cargo xtask bench short`: a few minutes of `start`, `nothing` and `engine`, of products alone,
//! held against what it was in docs/BENCHMARKS.md, or written there.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use shared::specs::PRODUCTS;

use super::Bench;
use super::document::Document;
use super::nothing::Change;
use super::report::{Bar, Figure, Report, Unit};

/// Worse by more than this share is a regression.
const TOLERANCE: f64 = 0.3;
const ROWS: u64 = 100_000;

/// What it measures.
pub(super) fn functions() -> BTreeSet<String> {
    BTreeSet::from([PRODUCTS.function_name()])
}

/// Measures, and writes that down, or fails where a figure is much worse than the one in the file, twice
/// running: other work on the machine passes, a regression stays. Bars are not asked for: a figure
/// that misses one in the file may miss it here.
pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let cases: [(&str, Case); 3] = [("start", start), ("nothing", nothing), ("engine", engine)];
    let mut document = Document::read(bench.workspace)?;
    let mut regressions = Vec::new();
    for (name, case) in cases {
        let report = look(bench, case)?;
        if bench.args.write {
            document.put(&format!("short {name}"), &report, bench)?;
            document.write()?;
            continue;
        }
        let mut found = regressions_of(&report, |name| document.figure(name))?;
        if !found.is_empty() {
            println!("worse, so once more: {}", found.join("; "));
            found = regressions_of(&look(bench, case)?, |name| document.figure(name))?;
        }
        regressions.extend(found);
    }
    if bench.args.write {
        return Ok(());
    }
    ensure!(
        regressions.is_empty(),
        "worse than in docs/BENCHMARKS.md: {}",
        regressions.join("; ")
    );
    println!(
        "no regression of more than {:.0} percent",
        TOLERANCE * 100.0
    );
    Ok(())
}

type Case = fn(&Bench<'_>) -> Result<Report>;

fn start(bench: &Bench<'_>) -> Result<Report> {
    super::start::run(bench, &[PRODUCTS.function_name()])
}

fn nothing(bench: &Bench<'_>) -> Result<Report> {
    super::nothing::run(bench, Change::Nothing, &[&PRODUCTS])
}

fn engine(bench: &Bench<'_>) -> Result<Report> {
    super::engine::run(bench, ROWS.min(bench.args.rows))
}

/// Measures a case. Its figures have names of their own: of other functions, and of fewer rows, they
/// are not those of the whole case.
fn look(bench: &Bench<'_>, case: Case) -> Result<Report> {
    let mut report = case(bench)?;
    report.set_apart("short");
    report.print();
    Ok(report)
}

/// What is worse than `known` has it.
///
/// # Errors
/// Where a figure is not known: a new one could otherwise be as bad as it likes.
fn regressions_of(report: &Report, known: impl Fn(&str) -> Option<f64>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for figure in report.figures().iter().filter(|figure| travels(figure)) {
        let name = &figure.name;
        let known = known(name).with_context(|| {
            format!("docs/BENCHMARKS.md has no figure {name:?}: cargo xtask bench --write short")
        })?;
        if is_worse(figure, known) {
            found.push(format!("{name}: {:.2} instead of {known:.2}", figure.value));
        }
    }
    Ok(found)
}

/// Whether the figure means the same on another machine. A time does not.
fn travels(figure: &Figure) -> bool {
    figure.unit != Unit::Milliseconds
}

fn is_worse(figure: &Figure, known: f64) -> bool {
    match figure.bar {
        Bar::AtLeast(_) => figure.value < known * (1.0 - TOLERANCE),
        Bar::AtMost(_) | Bar::None => figure.value > known * (1.0 + TOLERANCE),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_worse, regressions_of, travels};
    use crate::bench::report::{Bar, Figure, Report, Unit};

    fn figure(value: f64, unit: Unit, bar: Bar) -> Figure {
        Figure {
            name: "it".to_owned(),
            value,
            unit,
            bar,
        }
    }

    #[test]
    fn worse_is_less_where_more_is_asked_for_and_more_elsewhere() {
        let share = |value| figure(value, Unit::Ratio, Bar::AtLeast(0.6));
        assert!(is_worse(&share(0.4), 0.6) && !is_worse(&share(0.45), 0.6));
        let size = |value| figure(value, Unit::Megabytes, Bar::AtMost(9.0));
        assert!(is_worse(&size(11.8), 9.0) && !is_worse(&size(11.6), 9.0));
        assert!(!is_worse(&size(3.0), 9.0));
    }

    #[test]
    fn tells_each_figure_that_is_worse_and_none_goes_unwatched() {
        let mut report = Report::new("it");
        report.figure("share", 0.4, Unit::Ratio, Bar::AtLeast(0.6));
        report.figure("size", 9.0, Unit::Megabytes, Bar::AtMost(9.0));
        report.figure("time", 100.0, Unit::Milliseconds, Bar::AtMost(9.0));
        let known = |name: &str| Some(if name == "share" { 0.6 } else { 9.0 });
        let found = regressions_of(&report, known).expect("all are known");
        assert_eq!(found, ["share: 0.40 instead of 0.60"]);
        assert!(regressions_of(&report, |name| known(name).filter(|_| name != "size")).is_err());
    }

    #[test]
    fn a_time_of_another_machine_is_no_measure() {
        assert!(!travels(&figure(1.0, Unit::Milliseconds, Bar::None)));
        assert!(travels(&figure(1.0, Unit::Ratio, Bar::None)));
    }
}
