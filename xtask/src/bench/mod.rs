//! `cargo xtask bench`: whether a sync is as fast and as small as it has to be.

mod floor;
mod full;
mod function;
mod mirror;
mod nothing;
mod status;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use shared::specs::REGISTRY;

use crate::workspace::Workspace;
use crate::{child, lock};
use mirror::Mirror;

/// Measure how fast, how small and how quiet a sync is
///
/// full     a full sync of products, of sales and of transfers from a real Odoo 19 with two
///          workers, each against a bare loop of the same `read` calls, two in flight, in
///          turns, three times; medians, their ratio, and the peak of the function's memory
/// nothing  an incremental sync of every data type when nothing has changed: how many
///          requests Odoo gets (simulated, so that they can be counted there)
/// status   how long `GET /api/sync/status` takes `api` once it is warm, with Postgres on
///          loopback and the records of some hundred runs: median and worst of 500 requests
///
/// Without a case, all of them. Functions are measured as release builds under a Lambda
/// Runtime API of our own. Ends with 1 if a bar is missed.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// What to measure; may be repeated
    #[arg(value_enum)]
    cases: Vec<Case>,
    /// How often `full` is repeated
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// What `full` measures; may be repeated [default: all of them]
    #[arg(long = "data-type", value_enum)]
    data_types: Vec<full::Subject>,
    /// How many products `full` is to find in Odoo, at least
    #[arg(long, default_value_t = 120_000)]
    products: u32,
    /// How many sale orders, at least, with twice as many lines
    #[arg(long, default_value_t = 10_000)]
    orders: u32,
    /// How many stock moves, at least
    #[arg(long, default_value_t = 15_000)]
    moves: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    Full,
    Nothing,
    Status,
}

impl Case {
    /// The functions that it measures.
    fn functions(self, args: &Args) -> Vec<String> {
        match self {
            Self::Full => full::subjects(args)
                .map(|subject| subject.spec().function_name())
                .collect(),
            Self::Nothing => REGISTRY.iter().map(|spec| spec.function_name()).collect(),
            Self::Status => vec!["api".to_owned()],
        }
    }
}

/// Measures, prints, and fails if a bar is missed.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let folder = workspace.scratch("bench")?;
    let _lock = lock::hold(&folder.join("lock"), "`cargo xtask bench`")?;
    let cases: Vec<Case> = Case::value_variants()
        .iter()
        .copied()
        .filter(|case| args.cases.is_empty() || args.cases.contains(case))
        .collect();
    let functions = cases.iter().flat_map(|case| case.functions(args)).collect();
    let programs = build(&workspace, &functions)?;
    let mirror = Mirror::start(&folder)?;
    let mut passed = true;
    if cases.contains(&Case::Status) {
        passed &= status::run(&programs, &mirror)?;
    }
    if cases.contains(&Case::Nothing) {
        child::run_to_success(workspace.cargo().args(["build", "--workspace", "--bins"]))?;
        passed &= nothing::run(&workspace, &programs, &mirror)?;
    }
    if cases.contains(&Case::Full) {
        passed &= full::run(args, &programs, &mirror)?;
    }
    ensure!(passed, "a bar was missed");
    Ok(())
}

/// Builds the functions as they are deployed, each with its own features only. Returns the
/// folder that they are in.
fn build(workspace: &Workspace, functions: &BTreeSet<String>) -> Result<PathBuf> {
    let mut command = workspace.cargo();
    command.args(["build", "--release"]);
    for function in functions {
        command.args(["--package", function]);
    }
    child::run_to_success(&command)?;
    Ok(workspace.target.join("release"))
}

/// A bar, and whether it was taken.
fn verdict(passed: bool) -> &'static str {
    if passed { "ok" } else { "NOT OK" }
}

/// The time in the middle.
fn median(times: impl Iterator<Item = Duration>) -> Result<Duration> {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .copied()
        .context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::median;
    use std::time::Duration;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let times = [5, 1, 3].map(Duration::from_secs);
        assert_eq!(median(times.into_iter()).expect("three"), times[2]);
        assert!(median(std::iter::empty()).is_err());
    }
}
