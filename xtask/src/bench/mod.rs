//! `cargo xtask bench`: whether a sync is as fast, as quiet and as small as it has to be.

mod canned;
mod case;
mod distance;
mod dlt;
mod document;
mod engine;
mod floor;
mod full;
mod function;
mod meter;
mod mirror;
mod nothing;
mod reconcile;
mod report;
mod round;
mod short;
mod start;
mod status;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;
use crate::{child, lock};
use case::{Case, Plan, Wanted};
use document::Document;
use mirror::Mirror;

/// Options that make a case smaller or another one: docs/BENCHMARKS.md would have it under the name of the whole.
const PARTS: [&str; 8] = [
    "data_types",
    "rows",
    "no_real_odoo",
    "no_dlt",
    "delay",
    "products",
    "orders",
    "moves",
];

/// Measure how fast, how small and how quiet a sync is
///
/// start      from exec to the first poll, the memory then, and the size of every function
/// status     how long `GET /api/sync/status` takes `api` once it is warm, with the records of
///            some hundred runs: median and worst of 500 requests
/// nothing    an incremental sync of every data type when nothing has changed: how many
///            requests Odoo gets (simulated), and our own time beside theirs
/// one-row    the same when one row has changed
/// engine     a first full sync of products from an Odoo whose answers are ready, against a binary
///            `copy` of the same rows and one `insert … on conflict` in psql
/// growth     the same with 10,000 rows, 100,000 and 1,000,000: time per row, peak memory
/// reconcile  the comparison of a mirror that is right with the whole source, against reading ids
///            and change times alone; of 1,000,000 such products and of those of a real Odoo
/// full       a full sync of products, of sales and of transfers from a real Odoo 19 with two
///            workers, each against a bare loop of the same `read` calls, two in flight, in
///            turns; medians, their ratio, and the peak of the function's memory; also against
///            dlt, which is installed from PyPI
/// far        the same with 50 ms added to all that is sent to Odoo and by it, without dlt
/// short      a few minutes of `start`, `nothing` and `engine`, for CI: ends with 1 if a figure is more
///            than 30 percent worse than what `--write short` has written, whatever the bars say
///
/// Without a case, all of them. Functions are measured as release builds under a Lambda
/// Runtime API of our own, with a PostgreSQL of our own on loopback. Ends with 1 if a bar is
/// missed. Other work on the machine makes the figures worthless: let it be quiet.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// What to measure; may be repeated
    #[arg(value_enum)]
    cases: Vec<Wanted>,
    /// Write what is measured into docs/BENCHMARKS.md; cases that are not measured stay there, and a case
    /// is written whole
    #[arg(long, conflicts_with_all = PARTS)]
    write: bool,
    /// Measure what the last time built, without building again
    #[arg(long)]
    no_build: bool,
    /// How often what is compared is repeated
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// What `full` and `far` measure; may be repeated [default: all of them]
    #[arg(long = "data-type", value_enum)]
    data_types: Vec<full::Subject>,
    /// How many products the cases without a real Odoo have: `engine`,
    /// `reconcile`, and `growth` at most
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Leave out the part of `reconcile` that needs a real Odoo
    #[arg(long)]
    no_real_odoo: bool,
    /// Leave out dlt, which `full` is compared with
    #[arg(long)]
    no_dlt: bool,
    /// How many milliseconds later than without it `far` lets what is sent arrive
    #[arg(long, default_value_t = 50)]
    delay: u64,
    /// How many products are to be in the real Odoo, at least
    #[arg(long, default_value_t = 120_000)]
    products: u32,
    /// How many sale orders, at least, with twice as many lines
    #[arg(long, default_value_t = 10_000)]
    orders: u32,
    /// How many stock moves, at least
    #[arg(long, default_value_t = 15_000)]
    moves: u32,
}

impl Args {
    fn rounds(&self) -> usize {
        self.repeat.max(1)
    }
}

/// What every case works with.
struct Bench<'a> {
    args: &'a Args,
    workspace: &'a Workspace,
    /// The folder with the functions' programs.
    programs: PathBuf,
    mirror: Mirror,
}

/// Measures, prints, and fails if a bar is missed.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let folder = workspace.scratch("bench")?;
    let _lock = lock::hold(&folder.join("lock"), "`cargo xtask bench`")?;
    let plan = Plan::of(&args.cases)?;
    let functions = match &plan {
        Plan::Cases(cases) => cases.iter().flat_map(|case| case.functions(args)).collect(),
        Plan::Short => short::functions(),
    };
    let programs = programs(&workspace, &functions, args.no_build)?;
    let bench = Bench {
        args,
        workspace: &workspace,
        programs,
        mirror: Mirror::start(&folder)?,
    };
    match plan {
        Plan::Cases(cases) => measure(&bench, &cases),
        Plan::Short => short::run(&bench),
    }
}

fn measure(bench: &Bench<'_>, cases: &[Case]) -> Result<()> {
    let mut passed = true;
    for case in cases {
        child::check_interrupt()?;
        println!("\n==> {}", case.name());
        let report = case.run(bench)?;
        report.print();
        passed &= report.passed();
        if bench.args.write {
            let mut document = Document::read(bench.workspace)?;
            document.put(&case.name(), &report, bench)?;
            document.write()?;
        }
    }
    ensure!(passed, "a bar was missed");
    Ok(())
}

/// Builds the functions as they are deployed, each with its own features only. Returns the
/// folder that they are in.
fn programs(
    workspace: &Workspace,
    functions: &BTreeSet<String>,
    is_built: bool,
) -> Result<PathBuf> {
    if !is_built {
        // One after the other: of packages that are built together Cargo unites the features, and
        // each would carry what `backup` alone needs of `shared`.
        for function in functions {
            let mut command = workspace.cargo();
            command.args(["build", "--release", "--package", function]);
            child::run_to_success(&command)?;
        }
    }
    Ok(workspace.target.join("release"))
}

/// The one in the middle.
///
/// # Errors
/// Where nothing was measured.
pub(crate) fn median<T: Ord + Copy>(measured: impl IntoIterator<Item = T>) -> Result<T> {
    let mut measured: Vec<T> = measured.into_iter().collect();
    measured.sort_unstable();
    measured
        .get(measured.len() / 2)
        .copied()
        .context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::{Args, PARTS, median};
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        _args: Args,
    }

    #[test]
    fn a_part_of_a_case_is_not_written_as_the_whole() {
        let parses = |words: &[&str]| {
            let words = ["bench"].iter().chain(words).copied();
            Program::try_parse_from(words).is_ok()
        };
        assert!(parses(&["--write"]));
        assert!(parses(&["--write", "full", "--repeat", "5", "--no-build"]));
        for part in PARTS {
            let option = match part {
                "data_types" => "--data-type=sales".to_owned(),
                "no_real_odoo" | "no_dlt" => format!("--{}", part.replace('_', "-")),
                number => format!("--{number}=5"),
            };
            assert!(parses(&[&option]), "{option}");
            assert!(!parses(&["--write", &option]), "{option}");
        }
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let times = [5, 1, 3].map(Duration::from_secs);
        assert_eq!(median(times).expect("three"), times[2]);
        assert!(median(Vec::<Duration>::new()).is_err());
    }
}
