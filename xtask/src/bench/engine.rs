//! Cases `engine` and `growth`: what the function and Postgres can take in where Odoo costs
//! nothing, against what Postgres can by itself, and whether that stays so as the rows grow.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use shared::specs::{PRODUCTS, Stream};

use super::canned::CannedOdoo;
use super::function::Function;
use super::report::{Bar, Report, Thousands, Unit, megabytes, ratio, seconds};
use super::{Bench, median};
use crate::progress::Step;
use crate::{child, runtime};

/// The bar: this share of the rows a second that psql takes in.
const LEAST_SHARE: f64 = 0.6;
/// Time per row with the most rows against that with the fewest.
const LARGEST_GROWTH: f64 = 1.15;
/// Of `growth`, in megabytes.
const MOST_MEMORY: f64 = 48.0;
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

/// A first full sync from the canned Odoo.
struct Filled {
    took: Duration,
    memory: u64,
}

/// Case `engine` with so many rows.
pub(super) fn run(bench: &Bench<'_>, rows: u64) -> Result<Report> {
    let odoo = CannedOdoo::start(rows)?;
    let mut report = Report::new(
        "A first full sync of products from an Odoo whose answers are ready, against a binary `copy` \
         of the same rows into a temporary table and one `insert … on conflict` in psql, in turns, on \
         the same Postgres.",
    );
    report.table(
        format!("{} products.", Thousands(rows)),
        &[
            "",
            "function",
            "rows a second",
            "psql",
            "rows a second",
            "peak memory",
        ],
    );
    let mut rounds = Vec::new();
    for number in 1..=bench.args.rounds() {
        let step = Step::start(format!("engine: round {number} of {}", bench.args.rounds()));
        let filled = fill(bench, &odoo, rows)?;
        let psql = copy_and_insert(bench, rows)?;
        step.done();
        let a_second = |time: Duration| Thousands((rows as f64 / time.as_secs_f64()) as u64);
        report.row([
            format!("round {number}"),
            seconds(filled.took),
            a_second(filled.took).to_string(),
            seconds(psql),
            a_second(psql).to_string(),
            format!("{:.1} MB", megabytes(filled.memory)),
        ]);
        rounds.push((filled, psql));
    }
    let function = median(rounds.iter().map(|(filled, _)| filled.took))?;
    let psql = median(rounds.iter().map(|(_, psql)| *psql))?;
    report.figure(
        "engine: rows a second against psql",
        ratio(psql, function),
        Unit::Ratio,
        Bar::AtLeast(LEAST_SHARE),
    );
    Ok(report)
}

/// Case `growth` up to so many rows.
pub(super) fn growth(bench: &Bench<'_>, most: u64) -> Result<Report> {
    let mut report = Report::new(
        "A first full sync of products from an Odoo whose answers are ready, by a process of its own \
         each time.",
    );
    report.table(
        "Medians; the most memory of all rounds.",
        &["rows", "function", "a row", "peak memory"],
    );
    let sizes: Vec<u64> = SIZES.into_iter().filter(|rows| *rows <= most).collect();
    ensure!(sizes.len() > 1, "growth needs --rows {} at least", SIZES[1]);
    let mut per_row = Vec::new();
    let mut most_memory = 0;
    for rows in sizes {
        let odoo = CannedOdoo::start(rows)?;
        let step = Step::start(format!("growth: {} rows", Thousands(rows)));
        let rounds = (0..bench.args.rounds())
            .map(|_| fill(bench, &odoo, rows))
            .collect::<Result<Vec<_>>>()?;
        step.done();
        let took = median(rounds.iter().map(|filled| filled.took))?;
        let memory = rounds.iter().map(|filled| filled.memory).max().unwrap_or(0);
        let of_one = took.as_secs_f64() / rows as f64;
        report.row([
            Thousands(rows).to_string(),
            seconds(took),
            format!("{:.1} µs", of_one * 1e6),
            format!("{:.1} MB", megabytes(memory)),
        ]);
        per_row.push(of_one);
        most_memory = most_memory.max(memory);
    }
    let growth = per_row[per_row.len() - 1] / per_row[0];
    report.figure(
        "growth: time per row, the most rows against the fewest",
        growth,
        Unit::Ratio,
        Bar::AtMost(LARGEST_GROWTH),
    );
    report.figure(
        "growth: peak memory",
        megabytes(most_memory),
        Unit::Megabytes,
        Bar::AtMost(MOST_MEMORY),
    );
    Ok(report)
}

/// Fills an empty mirror.
fn fill(bench: &Bench<'_>, odoo: &CannedOdoo, rows: u64) -> Result<Filled> {
    child::check_interrupt()?;
    let database_url = bench.mirror.make_empty()?;
    let filled = runtime::block_on(async {
        let mut function = Function::start(
            &PRODUCTS,
            &bench.programs,
            odoo.environment(),
            &database_url,
        )
        .await?;
        let started = Instant::now();
        function.sync(&json!({"mode": "full"})).await?;
        anyhow::Ok(Filled {
            took: started.elapsed(),
            memory: function.peak_memory()?,
        })
    })??;
    expect_rows(bench, rows)?;
    Ok(filled)
}

/// Moves what the mirror holds into an empty one, as somebody would by hand; how long that takes
/// once the rows are in a file.
fn copy_and_insert(bench: &Bench<'_>, rows: u64) -> Result<Duration> {
    child::check_interrupt()?;
    let stream = products();
    let columns = columns(stream);
    let file = bench.mirror.place("rows.copy", "")?;
    let file = file.display();
    bench.mirror.sql(&[&format!(
        "copy (select {columns} from odoo.{} order by odoo_id) to '{file}' (format binary)",
        stream.name
    )])?;
    bench.mirror.make_empty()?;
    let statements = copying(stream, &columns, &file.to_string());
    let started = Instant::now();
    bench
        .mirror
        .sql(&statements.each_ref().map(String::as_str))?;
    let took = started.elapsed();
    expect_rows(bench, rows)?;
    Ok(took)
}

fn copying(stream: &Stream, columns: &str, file: &str) -> [String; 5] {
    let table = stream.name;
    let changes: Vec<String> = columns
        .split(", ")
        .skip(1)
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    [
        "begin".to_owned(),
        format!(
            "create temporary table fresh (like odoo.{table} including defaults) on commit drop"
        ),
        format!("\\copy fresh ({columns}) from '{file}' (format binary)"),
        format!(
            "insert into odoo.{table} ({columns}) select {columns} from fresh
             on conflict (odoo_id) do update set {}",
            changes.join(", ")
        ),
        "commit".to_owned(),
    ]
}

/// A list of them, the id first.
fn columns(stream: &Stream) -> String {
    stream.table_columns().collect::<Vec<_>>().join(", ")
}

fn expect_rows(bench: &Bench<'_>, rows: u64) -> Result<()> {
    let table = products().name;
    let present = bench
        .mirror
        .sql(&[&format!("select count(*) from odoo.{table}")])?;
    ensure!(
        present == rows.to_string(),
        "{table} has {present} rows instead of {rows}"
    );
    Ok(())
}

/// The stream with the many rows.
fn products() -> &'static Stream {
    &PRODUCTS.streams[PRODUCTS.streams.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::{columns, copying, products};

    #[test]
    fn every_column_but_the_id_is_overwritten() {
        let columns = columns(products());
        assert!(columns.starts_with("odoo_id, "));
        let [.., insert, _] = copying(products(), &columns, "/x");
        assert!(insert.contains("barcode = excluded.barcode"));
        assert!(insert.contains("deleted_at = excluded.deleted_at"));
        assert!(!insert.contains("odoo_id = excluded"));
    }
}
