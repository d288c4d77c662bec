//! Case `full`: everything of a data type from a real Odoo, as fast as that answers and in
//! little memory.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;
use shared::odoo::{Domain, OdooClient};
use shared::specs::{DataType, PRODUCTS, SALES, TRANSFERS};

use super::floor::{Floor, Which};
use super::function::Function;
use super::mirror::Mirror;
use super::{Args, median, verdict};
use crate::progress::Step;
use crate::real_odoo::{Borrowed, Release};
use crate::{child, function_environment, runtime};

const WORKERS: u16 = 2;
const LARGEST_RATIO: f64 = 1.25;
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// A data type that is measured: those of which a shop has many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Subject {
    Products,
    Sales,
    Transfers,
}

impl Subject {
    pub(super) fn spec(self) -> &'static DataType {
        match self {
            Self::Products => &PRODUCTS,
            Self::Sales => &SALES,
            Self::Transfers => &TRANSFERS,
        }
    }

    /// How many rows are to be there, by model.
    fn least(self, args: &Args) -> Vec<(&'static str, u32)> {
        match self {
            Self::Products => vec![("product.product", args.products)],
            Self::Sales => vec![
                ("sale.order", args.orders),
                ("sale.order.line", args.orders.saturating_mul(2)),
            ],
            Self::Transfers => vec![("stock.move", args.moves)],
        }
    }
}

/// What is to be measured.
pub(super) fn subjects(args: &Args) -> impl Iterator<Item = Subject> {
    let is_wanted = |it: &Subject| args.data_types.is_empty() || args.data_types.contains(it);
    Subject::value_variants().iter().copied().filter(is_wanted)
}

/// What one round measured.
struct Round {
    function: Duration,
    floor: Duration,
    floor_of_rows: Duration,
    memory: u64,
}

/// Measures; true if every bar was taken.
pub(super) fn run(args: &Args, programs: &Path, mirror: &Mirror) -> Result<bool> {
    let odoo = start_odoo(args)?;
    ensure!(
        odoo.workers == WORKERS,
        "the Odoo 19 that is up has {} workers instead of {WORKERS}: \
         stop it first (cargo xtask real-odoo down 19)",
        odoo.workers
    );
    let mut passed = true;
    for subject in subjects(args) {
        passed &= measure(subject, args, programs, mirror, &odoo)?;
    }
    Ok(passed)
}

/// Odoo with as many rows as are to be there: one database for all data types.
fn start_odoo(args: &Args) -> Result<Borrowed> {
    let options = [
        ("--workers", u32::from(WORKERS)),
        ("--products", args.products),
        ("--orders", args.orders),
        ("--moves", args.moves),
    ];
    let options = options.map(|(name, number)| format!("{name}={number}"));
    Borrowed::up(Release::V19, &options.each_ref().map(String::as_str))
}

fn measure(
    subject: Subject,
    args: &Args,
    programs: &Path,
    mirror: &Mirror,
    odoo: &Borrowed,
) -> Result<bool> {
    let spec = subject.spec();
    let database_url = mirror.make_empty()?;
    let config = function_environment::config(&odoo.environment, &database_url)?;
    let client = OdooClient::new(&config.odoo)?;
    let floor = runtime::block_on(async {
        let present = present_rows(spec, &client).await?;
        for (model, least) in subject.least(args) {
            let is_there = |(it, rows): &(&str, u64)| *it == model && *rows >= u64::from(least);
            ensure!(
                present.iter().any(is_there),
                "the Odoo 19 that is up has fewer than {least} rows of {model}: \
                 stop it first (cargo xtask real-odoo down 19)"
            );
        }
        println!("{}", headline(spec, &present));
        Floor::prepare(spec, &odoo.environment, &client).await
    })??;
    let rounds = args.repeat.max(1);
    let measured: Vec<Round> = (1..=rounds)
        .map(|number| {
            child::check_interrupt()?;
            let database_url = mirror.make_empty()?;
            let step = Step::start(format!("{}: round {number} of {rounds}", spec.title));
            let round = runtime::block_on(round(spec, programs, odoo, &database_url, &floor))??;
            step.done();
            Ok(round)
        })
        .collect::<Result<_>>()?;
    report(&measured)
}

/// How many rows Odoo has of each model of a data type.
async fn present_rows(
    spec: &'static DataType,
    client: &OdooClient,
) -> Result<Vec<(&'static str, u64)>> {
    let mut present = Vec::new();
    for stream in spec.streams {
        let rows = client.search_count(stream.model, &Domain::all()).await?;
        present.push((stream.model, rows));
    }
    Ok(present)
}

fn headline(spec: &DataType, present: &[(&str, u64)]) -> String {
    let rows: Vec<String> = present
        .iter()
        .map(|(model, rows)| format!("{rows} {model}"))
        .collect();
    format!(
        "full sync of {} from Odoo 19, {WORKERS} workers: {}",
        spec.name,
        rows.join(", ")
    )
}

async fn round(
    spec: &'static DataType,
    programs: &Path,
    odoo: &Borrowed,
    database_url: &str,
    floor: &Floor,
) -> Result<Round> {
    let of_rows = floor.run(Which::Rows).await?;
    let of_all = floor.run(Which::All).await?;
    let mut function = Function::start(spec, programs, &odoo.environment, database_url).await?;
    let started = Instant::now();
    function.sync(&json!({"mode": "full"})).await?;
    Ok(Round {
        function: started.elapsed(),
        floor: of_all,
        floor_of_rows: of_rows,
        memory: function.peak_memory()?,
    })
}

fn report(rounds: &[Round]) -> Result<bool> {
    let function = median(rounds.iter().map(|round| round.function))?;
    let floor = median(rounds.iter().map(|round| round.floor))?;
    let floor_of_rows = median(rounds.iter().map(|round| round.floor_of_rows))?;
    let memory = rounds.iter().map(|round| round.memory).max().unwrap_or(0);

    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["", "function", "same reads", "rows alone", "peak memory"]);
    for (number, round) in rounds.iter().enumerate() {
        table.add_row([
            format!("round {}", number + 1),
            seconds(round.function),
            seconds(round.floor),
            seconds(round.floor_of_rows),
            megabytes(round.memory),
        ]);
    }
    table.add_row([
        "median".to_owned(),
        seconds(function),
        seconds(floor),
        seconds(floor_of_rows),
        String::new(),
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");

    let ratio = function.as_secs_f64() / floor.as_secs_f64();
    let ratio_to_rows = function.as_secs_f64() / floor_of_rows.as_secs_f64();
    let is_fast = ratio <= LARGEST_RATIO;
    let is_small = memory < MOST_MEMORY;
    println!(
        "function / same reads: {ratio:.2}, at most {LARGEST_RATIO}: {}",
        verdict(is_fast)
    );
    println!("function / rows alone: {ratio_to_rows:.2}");
    println!(
        "peak memory: {}, less than {}: {}",
        megabytes(memory),
        megabytes(MOST_MEMORY),
        verdict(is_small)
    );
    Ok(is_fast && is_small)
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / (1024.0 * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::{headline, megabytes};
    use shared::specs::SALES;

    #[test]
    fn memory_is_told_in_megabytes() {
        assert_eq!(megabytes(64 * 1024 * 1024), "64.0 MB");
    }

    #[test]
    fn the_headline_tells_what_is_read() {
        let present = [("sale.order", 3), ("sale.order.line", 7)];
        assert_eq!(
            headline(&SALES, &present),
            "full sync of sales from Odoo 19, 2 workers: 3 sale.order, 7 sale.order.line"
        );
    }
}
