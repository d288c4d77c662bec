//! `cargo xtask bench`: whether a sync is as fast and as small as it has to be.

mod floor;
mod full;
mod function;
mod mirror;
mod nothing;

use std::path::PathBuf;

use anyhow::{Result, ensure};
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
}

/// Measures, prints, and fails if a bar is missed.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let folder = workspace.scratch("bench")?;
    let _lock = lock::hold(&folder.join("lock"), "`cargo xtask bench`")?;
    let programs = build(&workspace)?;
    let mirror = Mirror::start(&folder)?;
    let wanted = |case| args.cases.is_empty() || args.cases.contains(&case);
    let mut passed = true;
    if wanted(Case::Nothing) {
        passed &= nothing::run(&workspace, &programs, &mirror)?;
    }
    if wanted(Case::Full) {
        passed &= full::run(args, &programs, &mirror)?;
    }
    ensure!(passed, "a bar was missed");
    Ok(())
}

/// Builds the functions as they are deployed, each with its own features only, and the
/// simulator. Returns the folder of the functions.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut functions = workspace.cargo();
    functions.args(["build", "--release"]);
    for spec in REGISTRY {
        functions.args(["--package", &spec.function_name()]);
    }
    child::run_to_success(&functions)?;
    child::run_to_success(workspace.cargo().args(["build", "--workspace", "--bins"]))?;
    Ok(workspace.target.join("release"))
}

/// A bar, and whether it was taken.
fn verdict(passed: bool) -> &'static str {
    if passed { "ok" } else { "NOT OK" }
}
