//! `cargo xtask ci`: everything that must hold before a change goes in, in the order of
//! what it costs, each check with what it prints, and all of them in a table at the end.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use comfy_table::{CellAlignment, Table, presets};

use crate::workspace::Workspace;
use crate::{child, sam};

type Check = fn(&Workspace) -> Result<()>;

const CHECKS: [(&str, Check); 11] = [
    ("format", format),
    ("template.yaml (cfn-lint)", sam::lint),
    ("template.yaml (sam validate)", sam::validate),
    ("samconfig.toml", sam::check_samconfig),
    ("lints (clippy)", lints),
    ("tests", |_| task(&["test"])),
    ("speed (bench short)", |_| task(&["bench", "short"])),
    ("demo", |_| task(&["demo", "--exit"])),
    ("tests on Odoo 14", |_| task(&["test", "--odoo", "14"])),
    ("tests on Odoo 19", |_| task(&["test", "--odoo", "19"])),
    ("demo on Odoo 19", |_| {
        task(&["demo", "--odoo", "19", "--exit"])
    }),
];

/// Check everything that must hold before a change goes in
///
/// Format, cfn-lint, sam validate, lints with warnings denied, all tests, whether a sync has become slower, the demo,
/// and tests and demo on real Odoo servers. What is missing is installed; it is kept outside the checkout. A failed check
/// does not keep the others from running. From nothing it takes about 35 minutes on
/// two cores.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {}

/// Runs every check and tells how each went.
pub(crate) fn run(_: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let mut outcomes = Vec::new();
    for (name, check) in CHECKS {
        println!("\n==> {name}");
        let started = Instant::now();
        let result = check(&workspace);
        child::check_interrupt()?;
        if let Err(error) = &result {
            println!("failed: {error:#}");
        }
        outcomes.push(Outcome {
            name,
            passed: result.is_ok(),
            took: started.elapsed(),
        });
    }
    println!("\n{}", table(&outcomes));
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    ensure!(failed == 0, "{failed} of {} checks failed", outcomes.len());
    Ok(())
}

fn format(workspace: &Workspace) -> Result<()> {
    child::run_to_success(workspace.cargo().args(["fmt", "--all", "--check"]))
}

fn lints(workspace: &Workspace) -> Result<()> {
    child::run_to_success(
        workspace
            .cargo()
            .args(["clippy", "--workspace", "--all-targets", "--locked"])
            .args(["--", "-D", "warnings"]),
    )
}

/// The very command that the README tells a person to type.
fn task(words: &[&str]) -> Result<()> {
    let this = child::this_program();
    child::run_to_success(Command::new(this).args(words))
}

struct Outcome {
    name: &'static str,
    passed: bool,
    took: Duration,
}

fn table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["check", "", "seconds"]);
    for outcome in outcomes {
        let mark = if outcome.passed { "ok" } else { "FAILED" };
        table.add_row([outcome.name, mark, &seconds(outcome.took)]);
    }
    let total = outcomes.iter().map(|outcome| outcome.took).sum();
    table.add_row(["all", "", &seconds(total)]);
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f32())
}

#[cfg(test)]
mod tests {
    use super::{Outcome, table};
    use std::time::Duration;

    #[test]
    fn the_table_names_what_failed() {
        let outcomes = [("a", true), ("b", false)].map(|(name, passed)| Outcome {
            name,
            passed,
            took: Duration::from_millis(1500),
        });
        let table = table(&outcomes).to_string();
        assert!(table.contains("FAILED"));
        assert!(table.contains("3.0"), "the sum is missing: {table}");
    }
}
