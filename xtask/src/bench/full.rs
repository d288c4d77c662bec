//! Cases `full` and `far`: everything of a data type from a real Odoo, as fast as that answers and in
//! little memory, also where it is far away.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde_json::json;
use shared::odoo::{Domain, OdooClient};
use shared::specs::{DataType, PRODUCTS, SALES, TRANSFERS};

use super::distance::Distance;
use super::dlt::{self, Pipeline};
use super::floor::{Floor, IN_FLIGHT, Which};
use super::function::Function;
use super::report::{Bar, Report, Thousands, Unit, megabytes, ratio, seconds};
use super::round::{Round, Rounds};
use super::{Args, Bench, median};
use crate::odoo_environment::OdooEnvironment;
use crate::progress::Step;
use crate::real_odoo::{Borrowed, Release};
use crate::{child, function_environment, runtime};

const WORKERS: u16 = 2;
/// So many times as long dlt takes.
const LEAST_LEAD: f64 = 3.0;
/// Of dlt's memory.
const LARGEST_SHARE: f64 = 1.0 / 3.0;

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

    /// How much longer than the bare reads it may take. A page of products costs Odoo four times what one
    /// of the others does, and us the same.
    fn largest_ratio(self) -> f64 {
        match self {
            Self::Products => 1.10,
            Self::Sales | Self::Transfers => 1.25,
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

/// What one round measured, with dlt beside it.
struct Measured {
    round: Round,
    dlt: Option<dlt::Run>,
}

/// What a round works with.
struct Source<'a> {
    spec: &'static DataType,
    odoo: &'a OdooEnvironment,
    floor: Floor,
    dlt: Option<Pipeline>,
}

/// Case `full`: measures what is wanted of it.
pub(super) fn run(bench: &Bench<'_>) -> Result<Report> {
    let odoo = start_odoo(bench.args)?;
    let against_dlt = if bench.args.no_dlt {
        String::new()
    } else {
        format!(
            " {} reads the same fields of the same pages into the same PostgreSQL, as many at once, with \
             `merge`; its time is without the start of Python.",
            Pipeline::title()
        )
    };
    let mut report = Report::new(format!(
        "A full sync by the function against a bare loop of the same reads, {IN_FLIGHT} in flight, in \
         turns, from real Odoo 19 with {WORKERS} workers on the same machine.{against_dlt}"
    ));
    for subject in subjects(bench.args) {
        let with_dlt = !bench.args.no_dlt;
        measure(
            subject,
            bench,
            &odoo.environment,
            with_dlt,
            "full",
            &mut report,
        )?;
    }
    Ok(report)
}

/// Case `far`: the same where all that is sent to and by Odoo takes longer, but for the handshakes of TCP.
pub(super) fn run_far(bench: &Bench<'_>) -> Result<Report> {
    let odoo = start_odoo(bench.args)?;
    let delay = Duration::from_millis(bench.args.delay);
    let distance = Distance::to(&odoo.environment, delay)?;
    let mut report = Report::new(format!(
        "As `full`, with {} ms added to all that is sent to Odoo and by it, the handshake of TCP aside, for the \
         function and for the bare loop.",
        bench.args.delay
    ));
    for subject in subjects(bench.args) {
        measure(
            subject,
            bench,
            distance.environment(),
            false,
            "far",
            &mut report,
        )?;
    }
    Ok(report)
}

/// Odoo with as many rows as are to be there: one database for all data types.
pub(super) fn start_odoo(args: &Args) -> Result<Borrowed> {
    let options = [
        ("--workers", u32::from(WORKERS)),
        ("--products", args.products),
        ("--orders", args.orders),
        ("--moves", args.moves),
    ];
    let options = options.map(|(name, number)| format!("{name}={number}"));
    let odoo = Borrowed::up(Release::V19, &options.each_ref().map(String::as_str))?;
    ensure!(
        odoo.workers == WORKERS,
        "the Odoo 19 that is up has {} workers instead of {WORKERS}: \
         stop it first (cargo xtask real-odoo down 19)",
        odoo.workers
    );
    Ok(odoo)
}

fn measure(
    subject: Subject,
    bench: &Bench<'_>,
    odoo: &OdooEnvironment,
    with_dlt: bool,
    case: &str,
    report: &mut Report,
) -> Result<()> {
    let spec = subject.spec();
    let database_url = bench.mirror.make_empty()?;
    let config = function_environment::config(odoo, &database_url)?;
    let client = OdooClient::new(&config.odoo)?;
    let (headline, source) = runtime::block_on(async {
        let present = present_rows(spec, &client).await?;
        for (model, least) in subject.least(bench.args) {
            let is_there = |(it, rows): &(&str, u64)| *it == model && *rows >= u64::from(least);
            ensure!(
                present.iter().any(is_there),
                "the Odoo 19 that is up has fewer than {least} rows of {model}: \
                 stop it first (cargo xtask real-odoo down 19)"
            );
        }
        let source = Source {
            spec,
            odoo,
            floor: Floor::prepare(spec, odoo, &client).await?,
            dlt: if with_dlt {
                Some(Pipeline::prepare(spec, &client).await?)
            } else {
                None
            },
        };
        anyhow::Ok((headline(spec, &present), source))
    })??;
    let rounds = bench.args.rounds();
    let measured: Vec<Measured> = (1..=rounds)
        .map(|number| {
            child::check_interrupt()?;
            let step = Step::start(format!("{}: round {number} of {rounds}", spec.title));
            let measured = round(bench, &source, number)?;
            step.done();
            Ok(measured)
        })
        .collect::<Result<_>>()?;
    tell(report, case, subject, headline, &measured)
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
        .map(|(model, rows)| format!("{} {model}", Thousands(*rows)))
        .collect();
    format!("{}: {}", spec.title, rows.join(", "))
}

fn round(bench: &Bench<'_>, source: &Source<'_>, number: usize) -> Result<Measured> {
    let database_url = bench.mirror.make_empty()?;
    let is_function_first = number.is_multiple_of(2);
    let measuring = against_floor(&bench.programs, source, &database_url, is_function_first);
    let round = runtime::block_on(measuring)??;
    let dlt = source.dlt.as_ref();
    let dlt = dlt.map(|pipeline| pipeline.run(bench, source.odoo, &database_url));
    Ok(Measured {
        round,
        dlt: dlt.transpose()?,
    })
}

/// The function goes first in every second round: whoever comes later finds Odoo warmer.
async fn against_floor(
    programs: &Path,
    source: &Source<'_>,
    database_url: &str,
    is_function_first: bool,
) -> Result<Round> {
    let mut function = Function::start(source.spec, programs, source.odoo, database_url).await?;
    let mut sync = async || {
        let started = Instant::now();
        function.sync(&json!({"mode": "full"})).await?;
        anyhow::Ok((started.elapsed(), function.peak_memory()?))
    };
    let floors = async || {
        let of_rows = source.floor.run(Which::Rows).await?;
        anyhow::Ok((of_rows, source.floor.run(Which::All).await?))
    };
    let ((took, memory), (floor_of_rows, floor)) = if is_function_first {
        let synced = sync().await?;
        (synced, floors().await?)
    } else {
        let floors = floors().await?;
        (sync().await?, floors)
    };
    Ok(Round {
        function: took,
        floor,
        floor_of_rows,
        memory,
    })
}

fn tell(
    report: &mut Report,
    case: &str,
    subject: Subject,
    headline: String,
    measured: &[Measured],
) -> Result<()> {
    let rounds = measured.iter().map(|it| &it.round);
    let medians = Rounds::of(rounds)?;
    report.table(
        headline,
        &[
            "",
            "function",
            "same reads",
            "rows alone",
            "peak memory",
            "dlt",
            "its memory",
        ],
    );
    for (index, Measured { round, dlt }) in measured.iter().enumerate() {
        let dlts = dlt.as_ref().map_or_else(Default::default, |run| {
            [
                seconds(run.took),
                format!("{:.1} MB", megabytes(run.memory)),
            ]
        });
        report.row(round.cells(index + 1).into_iter().chain(dlts));
    }
    let name = subject.spec().name;
    medians.tell(
        report,
        format!("{case}: {name} against the same reads"),
        subject.largest_ratio(),
        format!("{case}: {name} against reading its rows alone"),
    );
    medians.tell_memory(report, format!("{case}: {name}, peak memory"));
    let runs: Vec<&dlt::Run> = measured.iter().filter_map(|it| it.dlt.as_ref()).collect();
    if !runs.is_empty() {
        let dlt = median(runs.iter().map(|run| run.took))?;
        // The least that it got by with, against the most that we took.
        let dlts_memory = runs.iter().map(|run| run.memory).min().unwrap_or(0);
        report.figure(
            format!("{case}: {name}, time of dlt against ours"),
            ratio(dlt, medians.function),
            Unit::Ratio,
            Bar::AtLeast(LEAST_LEAD),
        );
        report.figure(
            format!("{case}: {name}, memory against dlt's"),
            medians.memory as f64 / dlts_memory as f64,
            Unit::Ratio,
            Bar::AtMost(LARGEST_SHARE),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::headline;
    use shared::specs::SALES;

    #[test]
    fn the_headline_tells_what_is_read() {
        let present = [("sale.order", 3000), ("sale.order.line", 7)];
        assert_eq!(
            headline(&SALES, &present),
            "Sales: 3,000 sale.order, 7 sale.order.line"
        );
    }
}
