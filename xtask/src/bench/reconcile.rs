//! Case `reconcile`: the comparison of a mirror that is right with the whole source, against
//! reading ids and change times alone.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;
use shared::odoo::OdooClient;
use shared::specs::PRODUCTS;

use super::canned::CannedOdoo;
use super::floor::{Floor, IN_FLIGHT, Which};
use super::function::Function;
use super::report::{Report, Thousands};
use super::round::{Round, Rounds};
use super::{Bench, full};
use crate::odoo_environment::OdooEnvironment;
use crate::progress::Step;
use crate::{child, function_environment, runtime};

const LARGEST_RATIO: f64 = 1.25;

/// Measures with so many rows from the canned Odoo, and with those of the real one unless that is
/// left out.
pub(super) fn run(bench: &Bench<'_>, rows: u64) -> Result<Report> {
    let mut report = Report::new(format!(
        "A reconcile of products where nothing differs, by a process that filled the mirror before, \
         against a bare loop that reads ids and change times of products and of their templates, \
         {IN_FLIGHT} requests in flight, in turns."
    ));
    {
        let odoo = CannedOdoo::start(rows)?;
        let what = format!("{} canned products", Thousands(rows));
        measure(bench, odoo.environment(), &what, &mut report)?;
    }
    if !bench.args.no_real_odoo {
        let odoo = full::start_odoo(bench.args)?;
        let what = "products of real Odoo 19";
        measure(bench, &odoo.environment, what, &mut report)?;
    }
    Ok(report)
}

fn measure(
    bench: &Bench<'_>,
    odoo: &OdooEnvironment,
    what: &str,
    report: &mut Report,
) -> Result<()> {
    let database_url = bench.mirror.make_empty()?;
    let config = function_environment::config(odoo, &database_url)?;
    let client = OdooClient::new(&config.odoo)?;
    let rounds = bench.args.rounds();
    let step = Step::start(format!("reconcile of {what}: {rounds} rounds"));
    let measured = runtime::block_on(async {
        let floor = Floor::prepare_times(&PRODUCTS, odoo, &client).await?;
        let mut function = Function::start(&PRODUCTS, &bench.programs, odoo, &database_url).await?;
        function.sync(&json!({"mode": "full"})).await?;
        // The first one reads what changed in the last second again: of canned products, all.
        function.sync(&json!({"mode": "reconcile"})).await?;
        let mut measured = Vec::new();
        for _ in 0..rounds {
            child::check_interrupt()?;
            measured.push(round(&mut function, &floor).await?);
        }
        anyhow::Ok(measured)
    })??;
    step.done();
    tell(report, what, &measured)
}

async fn round(function: &mut Function, floor: &Floor) -> Result<Round> {
    let floor_of_rows = floor.run(Which::Rows).await?;
    let floor = floor.run(Which::All).await?;
    let started = Instant::now();
    let data = function.sync(&json!({"mode": "reconcile"})).await?;
    let took = started.elapsed();
    ensure!(
        data["recordsInserted"] == 0 && data["recordsUpdated"] == 0 && data["recordsDeleted"] == 0,
        "the mirror differed from its source: {data}"
    );
    Ok(Round {
        function: took,
        floor,
        floor_of_rows,
        memory: function.peak_memory()?,
    })
}

fn tell(report: &mut Report, what: &str, rounds: &[Round]) -> Result<()> {
    let medians = Rounds::of(rounds.iter())?;
    report.table(
        format!("Of {what}."),
        &[
            "",
            "function",
            "ids and times",
            "without templates",
            "peak memory",
        ],
    );
    for (index, round) in rounds.iter().enumerate() {
        report.row(round.cells(index + 1));
    }
    medians.tell(
        report,
        format!("reconcile: {what}, against reading ids and times"),
        LARGEST_RATIO,
        format!("reconcile: {what}, against the same without templates"),
    );
    medians.tell_memory(report, format!("reconcile: {what}, peak memory"));
    Ok(())
}
